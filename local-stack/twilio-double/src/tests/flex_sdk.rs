//! Compares our validation of a Flex token with that of Twilio's `@twilio/flex-sdk`. Both send their requests to the
//! double.

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::Value;
use sid::AccountSid;
use tokio::process::Command;
use twilio::{
    client::{Client, Endpoints},
    flex_token::{FlexToken, TokenError, ValidateAs},
};
use url::Url;

use super::{Bench, listening::Listening, player_authorization};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tests/flex_sdk.cjs");

/// flex-sdk's result for a token.
async fn by_flex_sdk(base: &str, account: &str, token: &str) -> Value {
    let modules = tokio::task::spawn_blocking(toolbox::flex_modules)
        .await
        .unwrap()
        .unwrap();
    let mut node = Command::new("node");
    node.arg(SCRIPT).arg(modules).args([base, account, token]);
    let output = node.output().await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"))
}

/// The result of this project's client.
async fn by_us(base: &str, account: &str, token: &str) -> Result<twilio::flex_token::Listener, TokenError> {
    let endpoints = Endpoints {
        flex: base.parse::<Url>().unwrap(),
        ..Endpoints::default()
    };
    let client = Client::new(AccountSid::parse(account).unwrap(), endpoints).unwrap();
    let token = FlexToken::from_authorization(&player_authorization(token)).unwrap();
    client.validate_flex_token(&token.unwrap(), ValidateAs::Flex).await
}

#[tokio::test]
async fn we_send_the_requests_of_flex_sdk() {
    let bench = Bench::new().await;
    let (account, token) = (&bench.options.account_sid, &bench.options.flex_token);
    let listening = Listening::on(&bench).await;
    let base = listening.base();

    let listener = by_us(&base, account, token).await.unwrap();
    let [ours] = &listening.take()[..] else { panic!() };
    let answer = by_flex_sdk(&base, account, token).await;
    let [theirs] = &listening.take()[..] else { panic!() };

    assert_eq!(
        (ours.parts.method.as_str(), ours.parts.uri.to_string()),
        ("POST", format!("/v1/Accounts/{account}/Tokens/Info"))
    );
    assert_eq!(
        (&ours.parts.method, &ours.parts.uri),
        (&theirs.parts.method, &theirs.parts.uri)
    );
    assert_eq!(ours.parts.headers[CONTENT_TYPE], theirs.parts.headers[CONTENT_TYPE]);
    assert_eq!(ours.body, theirs.body);
    // flex-sdk 3.0.0 has a `)` too many after the Base64 text.
    let authorization = ours.parts.headers[AUTHORIZATION].to_str().unwrap();
    assert_eq!(theirs.parts.headers[AUTHORIZATION], format!("{authorization})"));

    // Both clients read the same answer.
    let data = &answer["data"];
    assert_eq!(data["valid"], true, "{answer}");
    assert_eq!(data["accountSid"], **account);
    assert_eq!(data["roles"].as_array().unwrap(), &listener.roles);
    assert_eq!(data["identity"].as_str(), listener.identity.as_deref());
    let worker = listener.worker_sid.as_ref().map(sid::WorkerSid::as_str);
    assert_eq!(data["workerSid"].as_str(), worker);
    assert!(data["dateExpired"].is_string());

    let stranger = crate::flex_token!("a-strangers");
    let error = by_us(&base, account, stranger).await.unwrap_err();
    assert!(matches!(error, TokenError::Invalid), "{error}");
    let answer = by_flex_sdk(&base, account, stranger).await;
    // One of the codes that mean to Flex UI that a session has ended.
    assert!(answer["error"].as_str().unwrap().contains("20003"), "{answer}");
}
