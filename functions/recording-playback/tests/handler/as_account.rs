//! `GET /media-url` with Flex tokens validated by a credential of the account: the real client against a Twilio on
//! loopback.

use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::future::BoxFuture;
use loopback::{Request, Server};
use recording_playback::{AccountAuthToken, CheckError, CredentialKind, TokenCheck, TwilioTokens, ValidationMethod};
use serde_json::{Value, json};
use service::secrets::{Secret, SecretError, SecretSource, Secrets};
use sid::AccountSid;
use twilio::{
    auth_tokens::AuthTokens,
    client::{Client, Credentials as TwilioCredentials, Endpoints},
    flex_token::{FlexToken, Listener},
};

use crate::{
    audit::Lines,
    fakes::{Keys, LINK_KEYS, RECORDING, Shelf, World, plaintext},
};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const AUTH_TOKEN: CredentialKind = CredentialKind::AuthToken;
const OLD: &str = r#"{"primary":"canary-old","secondary":"canary-other"}"#;
const NEW: &str = r#"{"primary":"canary-new"}"#;

/// Twilio's answer to an Auth Token of another account.
fn refused() -> (u16, Value) {
    (401, json!({"code": 20003, "message": "Authenticate", "status": 401}))
}

fn valid(role: &str) -> (u16, Value) {
    let until = "2999-09-24T23:22:44.240Z";
    (
        200,
        json!({"valid": true, "expiration": until, "identity": "jane", "roles": [role]}),
    )
}

fn not_valid(status: u16) -> (u16, Value) {
    (status, json!({"valid": false, "code": 20101, "message": "not valid"}))
}

/// Twilio and Secrets Manager, with a record of their calls.
struct Loopback(Server);

impl Loopback {
    /// Twilio's answer depends on the Auth Token of the call. Secrets Manager has only `OLD`.
    async fn start(answer: fn(&str) -> (u16, Value)) -> Self {
        let server = Server::start(move |_, request| {
            let (status, body) = match auth_token(request) {
                None => (200, json!({"SecretString": OLD})),
                Some(auth_token) => {
                    let path = format!("/v1/Accounts/{ACCOUNT}/Tokens/validate");
                    assert_eq!((request.method.as_str(), &*request.target), ("POST", &*path));
                    answer(&auth_token)
                }
            };
            loopback::json(status, &body)
        });
        Self(server.await)
    }

    /// The Auth Tokens of calls to Twilio, and the calls to Secrets Manager, in order.
    fn received(&self) -> Vec<String> {
        let requests = self.0.requests();
        let called = |request| auth_token(request).unwrap_or_else(|| "Secrets Manager".to_owned());
        requests.iter().map(called).collect()
    }

    fn world(&self, kind: CredentialKind, source: impl SecretSource<TwilioCredentials> + 'static) -> World<AsAccount> {
        let endpoints = Endpoints {
            iam: self.0.url.clone(),
            ..Endpoints::default()
        };
        let twilio = Client::new(AccountSid::parse(ACCOUNT).unwrap(), endpoints).unwrap();
        let tokens = AsAccount(Arc::new(TwilioTokens::new(
            twilio,
            ValidationMethod::Account(kind, Box::new(source)),
        )));
        World::with(Shelf::with(&plaintext(100)), tokens, Keys(Some(LINK_KEYS)), &[])
    }

    fn secrets(&self) -> Secrets {
        let credentials = Credentials::new("key-id", "secret-key", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .endpoint_url(self.0.endpoint())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::disabled());
        Secrets::new(&config.build())
    }
}

/// The password in a request to Twilio: `Basic base64(AC…:password)`, or the secret of an API key. `None` is a request to
/// Secrets Manager.
fn auth_token(request: &Request) -> Option<String> {
    if request.header("x-amz-target").is_some() {
        return None;
    }
    let encoded = request.header("authorization").unwrap().strip_prefix("Basic ").unwrap();
    let pair = String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap();
    let (user, password) = pair.split_once(':').unwrap();
    assert!(user == ACCOUNT || user == "SK1", "{user}");
    Some(password.to_owned())
}

#[derive(Clone)]
struct AsAccount(Arc<TwilioTokens>);

impl TokenCheck for AsAccount {
    async fn check(&self, token: &FlexToken) -> Result<Listener, CheckError> {
        self.0.check(token).await
    }
}

/// The known value of a secret, and its newest value. `None` is a secret that was never set.
#[derive(Clone)]
struct Source {
    known: Option<&'static str>,
    newest: Option<&'static str>,
    refreshes: Arc<Mutex<usize>>,
}

impl Source {
    fn new(known: Option<&'static str>, newest: Option<&'static str>) -> Self {
        Self {
            known,
            newest,
            refreshes: Arc::default(),
        }
    }

    fn refreshes(&self) -> usize {
        *self.refreshes.lock().unwrap()
    }
}

impl SecretSource<TwilioCredentials> for Source {
    fn current(&self) -> BoxFuture<'_, Result<TwilioCredentials, SecretError>> {
        Box::pin(async { self.known.and_then(credentials).ok_or(SecretError::Missing) })
    }

    fn refreshed(&self) -> BoxFuture<'_, Result<TwilioCredentials, SecretError>> {
        *self.refreshes.lock().unwrap() += 1;
        Box::pin(async { self.newest.and_then(credentials).ok_or(SecretError::Missing) })
    }
}

fn credentials(text: &str) -> Option<TwilioCredentials> {
    Some(TwilioCredentials {
        user: ACCOUNT.to_owned(),
        password: AuthTokens::parse(text)?.primary,
    })
}

#[tokio::test]
async fn the_primary_auth_token_validates_a_token() {
    let twilio = Loopback::start(|_| valid("supervisor")).await;
    let source = Source::new(Some(OLD), Some(OLD));
    let world = twilio.world(AUTH_TOKEN, source.clone());
    for _ in 0..2 {
        let answer = world.request_link(RECORDING).await;
        assert_eq!(answer.status, 200);
        assert!(answer.json()["media_url"].is_string());
    }
    assert_eq!(twilio.received(), ["canary-old"], "once a minute, as any token");
    assert_eq!(source.refreshes(), 0);
}

#[tokio::test]
async fn a_refused_auth_token_is_not_the_users_fault_and_is_read_again_once() {
    let lines = Lines::default();
    let guard = lines.capture();
    for answer in [|_: &str| refused(), |_: &str| (403, json!({}))] {
        let twilio = Loopback::start(answer).await;
        let source = Source::new(Some(OLD), Some(OLD));
        let world = twilio.world(AUTH_TOKEN, source.clone());
        let answer = world.request_link(RECORDING).await;
        assert_eq!(answer.error(), (503, "token_not_checked".to_owned()));
        assert!(answer.header("retry-after").is_some());
        assert!(world.shelf.log().is_empty());
        assert_eq!(twilio.received(), ["canary-old"], "the same one isn't tried twice");
        assert_eq!(source.refreshes(), 1);
    }
    drop(guard);
    let log = lines.text();
    assert!(log.contains("Twilio refuses the account's Auth Token"), "{log}");
    for secret in ["canary", &STANDARD.encode(format!("{ACCOUNT}:"))[..40], "some-token"] {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
}

#[tokio::test]
async fn an_auth_token_that_was_replaced_meanwhile_is_taken_up() {
    let twilio = Loopback::start(|auth_token| match auth_token {
        "canary-new" => valid("supervisor"),
        _ => refused(),
    })
    .await;
    let source = Source::new(Some(OLD), Some(NEW));
    assert_eq!(
        twilio
            .world(AUTH_TOKEN, source.clone())
            .request_link(RECORDING)
            .await
            .status,
        200
    );
    assert_eq!(twilio.received(), ["canary-old", "canary-new"]);
    assert_eq!(source.refreshes(), 1);
}

#[tokio::test]
async fn two_auth_tokens_are_tried_at_most() {
    let twilio = Loopback::start(|_| refused()).await;
    let source = Source::new(Some(OLD), Some(NEW));
    let answer = twilio.world(AUTH_TOKEN, source.clone()).request_link(RECORDING).await;
    assert_eq!(answer.error(), (503, "token_not_checked".to_owned()));
    assert_eq!(twilio.received(), ["canary-old", "canary-new"]);
    assert_eq!(source.refreshes(), 1);
}

#[tokio::test]
async fn a_flood_of_refusals_reads_the_secret_once() {
    let twilio = Loopback::start(|_| refused()).await;
    let secret = Secret::new(&twilio.secrets(), "auth-token".to_owned(), AuthTokens::parse);
    let world = twilio.world(
        AUTH_TOKEN,
        AccountAuthToken::new(AccountSid::parse(ACCOUNT).unwrap(), secret),
    );
    for _ in 0..5 {
        let answer = world.request_link(RECORDING).await;
        assert_eq!(answer.error(), (503, "token_not_checked".to_owned()));
    }
    let received = twilio.received();
    let calls = received.iter().filter(|who| *who == "Secrets Manager").count();
    assert_eq!((calls, received.len() - calls), (1, 5), "{received:?}");
}

#[tokio::test]
async fn without_an_auth_token_no_request_is_sent() {
    let twilio = Loopback::start(|_| valid("supervisor")).await;
    for known in [None, Some("change-me"), Some("{}"), Some(r#"{"secondary":"canary"}"#)] {
        let world = twilio.world(AUTH_TOKEN, Source::new(known, known));
        let answer = world.request_link(RECORDING).await;
        assert_eq!(answer.error(), (503, "not_configured".to_owned()), "{known:?}");
        assert!(world.shelf.log().is_empty());
    }
    // The secret was removed while it was in use.
    let twilio = Loopback::start(|_| refused()).await;
    let answer = twilio
        .world(AUTH_TOKEN, Source::new(Some(OLD), None))
        .request_link(RECORDING)
        .await;
    assert_eq!(answer.error(), (503, "not_configured".to_owned()));
    assert_eq!(twilio.received(), ["canary-old"]);
}

#[tokio::test]
async fn a_token_that_is_not_valid_is_the_users() {
    for answer in [|_: &str| not_valid(200), |_: &str| not_valid(401)] {
        let twilio = Loopback::start(answer).await;
        let source = Source::new(Some(OLD), Some(NEW));
        let answer = twilio.world(AUTH_TOKEN, source.clone()).request_link(RECORDING).await;
        assert_eq!(answer.error(), (401, "token_not_valid".to_owned()));
        assert_eq!(twilio.received(), ["canary-old"]);
        assert_eq!(source.refreshes(), 0);
    }
}

#[tokio::test]
async fn roles_are_compared_all_the_same() {
    let twilio = Loopback::start(|_| valid("agent")).await;
    let world = twilio.world(AUTH_TOKEN, Source::new(Some(OLD), Some(OLD)));
    assert_eq!(
        world.request_link(RECORDING).await.error(),
        (403, "role_not_allowed".to_owned())
    );
    assert!(world.shelf.log().is_empty());
}

#[tokio::test]
async fn twilio_in_trouble_is_no_reason_to_read_the_secret_again() {
    let twilio = Loopback::start(|_| (500, json!({}))).await;
    let source = Source::new(Some(OLD), Some(NEW));
    let answer = twilio.world(AUTH_TOKEN, source.clone()).request_link(RECORDING).await;
    assert_eq!(answer.error(), (503, "token_not_checked".to_owned()));
    assert_eq!((twilio.received().len(), source.refreshes()), (1, 0));
}

#[tokio::test]
async fn an_api_key_validates_a_token() {
    let lines = Lines::default();
    let guard = lines.capture();
    // The user is the API key and not the account, so this Twilio reads the password as it is.
    let twilio = Loopback::start(|secret| match secret {
        "canary-key-secret" => valid("supervisor"),
        _ => refused(),
    })
    .await;
    let secrets = twilio.secrets();
    let key = Secret::new(&secrets, "api-key".to_owned(), |_| {
        TwilioCredentials::parse_api_key(r#"{"sid":"SK1","secret":"canary-key-secret"}"#)
    });
    assert_eq!(
        twilio
            .world(CredentialKind::ApiKey, key)
            .request_link(RECORDING)
            .await
            .status,
        200
    );
    assert_eq!(twilio.received(), ["Secrets Manager", "canary-key-secret"]);
    // The secret in that Secrets Manager is not an API key.
    let none = Secret::new(&secrets, "api-key".to_owned(), TwilioCredentials::parse_api_key);
    let answer = twilio.world(CredentialKind::ApiKey, none).request_link(RECORDING).await;
    assert_eq!(answer.error(), (503, "not_configured".to_owned()));
    let wrong = Secret::new(&secrets, "api-key".to_owned(), |_| {
        TwilioCredentials::parse_api_key(r#"{"sid":"SK1","secret":"canary-other"}"#)
    });
    let answer = twilio
        .world(CredentialKind::ApiKey, wrong)
        .request_link(RECORDING)
        .await;
    assert_eq!(answer.error(), (503, "token_not_checked".to_owned()));
    drop(guard);
    let log = lines.text();
    assert!(log.contains("Twilio refuses the account's API key"), "{log}");
    assert!(log.contains("TWILIO_API_KEY_SECRET"), "{log}");
    assert!(!log.contains("canary"), "{log}");
}
