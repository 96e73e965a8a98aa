use base64::{Engine as _, engine::general_purpose::STANDARD};
use loopback::{Server, absent, raw, silent};
use serde_json::{Value, json};
use sid::WorkerSid;
use twilio::{
    client::{ApiError, Credentials},
    flex_token::{FlexToken, Listener, TokenError, ValidateAs},
};
use url::Url;

use crate::{api_key, client, sid};

mod failover;

/// `{"alg":"dir","enc":"A256GCM"}`, and a word in place of the ciphertext. Its Base64 form needs padding, which is
/// wrong in the Player's header.
const TOKEN: &str = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..aXY.canary-a-jwe.dGFn";

fn token() -> FlexToken {
    let encoded = STANDARD.encode(format!("token:{TOKEN}"));
    assert!(encoded.ends_with('='));
    let header = format!("Basic {}", encoded.trim_end_matches('='));
    FlexToken::from_authorization(&header).unwrap().unwrap()
}

/// The Player's header with correct padding.
fn own_authorization() -> String {
    format!("Basic {}", STANDARD.encode(format!("token:{TOKEN}")))
}

fn auth_token() -> Credentials {
    Credentials {
        user: sid("AC", '0'),
        password: "canary-auth-token".into(),
    }
}

/// The fields of either endpoint's answer that are read.
fn valid() -> Value {
    json!({
        "valid": true, "account_sid": sid("AC", '0'), "expiration": "2999-09-24T23:22:44.240Z",
        "realm_user_id": "user@example.com", "identity": "user_40example_2Dcom", "roles": ["supervisor", "admin"],
        "worker_sid": sid("WK", '6'),
    })
}

async fn validate(url: &Url, validate_as: ValidateAs<'_>) -> Result<Listener, TokenError> {
    client(url).validate_flex_token(&token(), validate_as).await
}

/// The results with each credential.
async fn outcomes(url: &Url) -> Vec<Result<Listener, TokenError>> {
    let (auth_token, api_key) = (auth_token(), api_key());
    let mut outcomes = Vec::new();
    for validate_as in [
        ValidateAs::Flex,
        ValidateAs::Player,
        ValidateAs::Account(&auth_token),
        ValidateAs::Account(&api_key),
    ] {
        outcomes.push(validate(url, validate_as).await);
    }
    outcomes
}

#[tokio::test]
async fn a_token_is_validated_where_flex_validates_it() {
    let mut answer = valid();
    // flex-sdk documents this itself.
    answer.as_object_mut().unwrap().remove("valid");
    let twilio = Server::answering(200, &[], &answer.to_string()).await;
    let listener = validate(&twilio.url, ValidateAs::Flex).await.unwrap();
    assert_eq!(listener.identity.as_deref(), Some("user_40example_2Dcom"));
    assert_eq!(listener.worker_sid, Some(WorkerSid::parse(&sid("WK", '6')).unwrap()));
    assert_eq!(listener.roles, ["supervisor", "admin"]);
    // date -u -d '2999-09-24T23:22:44.240Z' +%s%3N
    assert_eq!(listener.expires_ms, 32_495_210_564_240);

    let request = twilio.only_request();
    assert_eq!(request.method, "POST");
    assert_eq!(request.target, format!("/v1/Accounts/{}/Tokens/Info", sid("AC", '0')));
    assert_eq!(request.header("authorization"), Some(&*own_authorization()));
    assert_eq!(
        request.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(request.body, format!("Token={TOKEN}"));
}

#[tokio::test]
async fn the_older_endpoint_is_called_with_the_credential_of_the_deployment() {
    let (auth_token, api_key) = (auth_token(), api_key());
    for (validate_as, authorization) in [
        (ValidateAs::Player, own_authorization()),
        (
            ValidateAs::Account(&auth_token),
            format!(
                "Basic {}",
                STANDARD.encode(format!("{}:canary-auth-token", sid("AC", '0')))
            ),
        ),
        (ValidateAs::Account(&api_key), crate::api_key_header()),
    ] {
        let mut answer = valid();
        // It isn't documented whether this endpoint names the account.
        answer.as_object_mut().unwrap().remove("account_sid");
        let twilio = Server::answering(200, &[], &answer.to_string()).await;
        let listener = validate(&twilio.url, validate_as).await.unwrap();
        assert_eq!(listener.roles, ["supervisor", "admin"]);

        let request = twilio.only_request();
        assert_eq!(request.method, "POST");
        let account = sid("AC", '0');
        assert_eq!(request.target, format!("/v1/Accounts/{account}/Tokens/validate"));
        assert_eq!(request.header("authorization"), Some(&*authorization));
        assert_eq!(request.header("cache-control"), Some("no-cache"));
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(
            serde_json::from_str::<Value>(&request.body).unwrap(),
            json!({ "token": TOKEN })
        );
    }
}

/// Twilio refused the account's credential, which says nothing about the Flex token.
#[tokio::test]
async fn a_refused_credential_of_the_account_is_no_verdict_and_fails_closed() {
    for (status, body) in [
        (401, r#"{"code":20003,"message":"Authenticate"}"#.to_owned()),
        (401, String::new()),
        (403, "<html>".to_owned()),
        (401, valid().to_string()),
        (403, valid().to_string()),
    ] {
        let twilio = Server::answering(status, &[], &body).await;
        for credentials in [auth_token(), api_key()] {
            let error = validate(&twilio.url, ValidateAs::Account(&credentials)).await;
            let error = error.unwrap_err();
            assert!(
                matches!(error, TokenError::Unavailable(ApiError::Unauthorized)),
                "{status} {body}: {error}"
            );
        }
        assert_eq!(twilio.requests().len(), 2, "{status} {body}");
        // The same answers, with the token as the credential.
        for validate_as in [ValidateAs::Flex, ValidateAs::Player] {
            let error = validate(&twilio.url, validate_as).await.unwrap_err();
            assert!(matches!(error, TokenError::Invalid), "{status} {body}: {error}");
        }
        assert_eq!(twilio.requests().len(), 4, "{status} {body}");
    }
}

#[tokio::test]
async fn a_token_that_twilio_calls_invalid_is_invalid_with_every_credential() {
    let refused = json!({"valid": false, "message": "not valid"}).to_string();
    let mut expired = valid();
    expired["expiration"] = json!("2018-09-24T23:22:44.240Z");
    let mut foreign = valid();
    foreign["account_sid"] = json!(sid("AC", '1'));
    for body in [refused, expired.to_string(), foreign.to_string()] {
        let twilio = Server::answering(200, &[], &body).await;
        for outcome in outcomes(&twilio.url).await {
            assert!(matches!(outcome, Err(TokenError::Invalid)), "{body}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_refusal_that_speaks_of_the_token_is_invalid() {
    let refused = json!({"valid": false, "message": "not valid"}).to_string();
    for status in [400, 401, 403, 404] {
        let twilio = Server::answering(status, &[], &refused).await;
        let auth_token = auth_token();
        for validate_as in [ValidateAs::Player, ValidateAs::Account(&auth_token)] {
            let error = validate(&twilio.url, validate_as).await.unwrap_err();
            assert!(matches!(error, TokenError::Invalid), "{status}: {error}");
        }
    }
    // The codes that Flex UI treats as a token that is no longer valid.
    for code in [20003, 20104] {
        let twilio = Server::answering(400, &[], &json!({ "code": code }).to_string()).await;
        let error = validate(&twilio.url, ValidateAs::Flex).await.unwrap_err();
        assert!(matches!(error, TokenError::Invalid), "{code}: {error}");
    }
}

#[tokio::test]
async fn anything_that_is_no_verdict_fails_closed() {
    let valid_text = valid().to_string();
    let without = |key: &str| {
        let mut answer = valid();
        answer.as_object_mut().unwrap().remove(key);
        answer.to_string()
    };
    let with = |key: &str, value: Value| {
        let mut answer = valid();
        answer[key] = value;
        answer.to_string()
    };
    for (status, body) in [
        (200, String::new()),
        (200, "<html>".to_owned()),
        (200, "true".to_owned()),
        (200, "[]".to_owned()),
        (200, valid_text[..valid_text.len() - 1].to_owned()),
        (200, without("expiration")),
        (200, with("valid", json!("true"))),
        (200, with("valid", json!(1))),
        (200, with("valid", json!(null))),
        (200, with("account_sid", json!(7))),
        (200, with("roles", json!("admin"))),
        (200, with("roles", json!(["admin", null]))),
        (200, with("roles", json!({"admin": true}))),
        (200, with("expiration", json!(1_900_000_000))),
        (200, with("padding", json!("x".repeat(100_000)))),
        (204, String::new()),
        (302, valid_text.clone()),
        (400, valid_text.clone()),
        (400, json!({"code": 20001}).to_string()),
        (418, valid_text.clone()),
        (429, valid_text.clone()),
        (500, valid_text.clone()),
        (503, json!({"valid": false}).to_string()),
    ] {
        let twilio = Server::answering(status, &[("location", "/")], &body).await;
        for outcome in outcomes(&twilio.url).await {
            let error = outcome.unwrap_err();
            assert!(matches!(error, TokenError::Unavailable(_)), "{status} {body}: {error}");
        }
        assert_eq!(twilio.requests().len(), 4, "no second request: {status} {body}");
    }
    // Each endpoint's own answer for a valid token.
    for (validate_as, key) in [(ValidateAs::Flex, "account_sid"), (ValidateAs::Player, "valid")] {
        let twilio = Server::answering(200, &[], &without(key)).await;
        let error = validate(&twilio.url, validate_as).await.unwrap_err();
        assert!(matches!(error, TokenError::Unavailable(_)), "{key}: {error}");
    }
}

/// The user has no role then, so playback refuses the token.
#[tokio::test]
async fn missing_roles_are_no_roles() {
    let mut answer = valid();
    answer.as_object_mut().unwrap().remove("roles");
    let twilio = Server::answering(200, &[], &answer.to_string()).await;
    for outcome in outcomes(&twilio.url).await {
        assert!(outcome.unwrap().roles.is_empty());
    }
}

#[tokio::test]
async fn no_answer_fails_closed() {
    for url in [
        absent().await,
        raw(b"").await,
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"valid\":true").await,
        silent().await,
    ] {
        let (flex, player) = tokio::join!(validate(&url, ValidateAs::Flex), validate(&url, ValidateAs::Player));
        for outcome in [flex, player] {
            let error = outcome.unwrap_err();
            assert!(
                matches!(error, TokenError::Unavailable(ApiError::Transport(_))),
                "{error}"
            );
        }
    }
}
