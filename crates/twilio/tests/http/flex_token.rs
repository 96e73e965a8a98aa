use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::SecretString;
use serde_json::{Value, json};
use twilio::{
    client::ApiError,
    flex_token::{FlexToken, Listener, TokenError, ValidateAs},
    sid::WorkerSid,
};
use url::Url;

use crate::{
    client,
    server::{self, Server},
    sid,
};

/// Its Base64 form needs padding, which the Player's header has wrongly.
const TOKEN: &str = "canary-jwe..x";

fn token() -> FlexToken {
    let encoded = STANDARD.encode(format!("token:{TOKEN}"));
    assert!(encoded.ends_with('='));
    FlexToken::from_authorization(&format!("Basic {}", encoded.trim_end_matches('='))).unwrap()
}

fn valid() -> Value {
    json!({
        "valid": true, "code": 0, "message": null, "expiration": "2999-09-24T23:22:44.240Z",
        "realm_user_id": "user@example.com", "identity": "user_40example_2Dcom", "roles": ["supervisor", "admin"],
        "worker_sid": sid("WK", '6'),
    })
}

async fn validate(url: &Url) -> Result<Listener, TokenError> {
    client(url).validate_flex_token(&token(), ValidateAs::Player).await
}

async fn validate_as_account(url: &Url) -> Result<Listener, TokenError> {
    let auth_token = SecretString::from("canary-auth-token");
    let as_account = ValidateAs::Account(&auth_token);
    client(url).validate_flex_token(&token(), as_account).await
}

#[tokio::test]
async fn a_token_is_validated_under_the_player_s_own_authorization() {
    let twilio = Server::answering(200, &[], &valid().to_string()).await;
    let listener = validate(&twilio.url).await.unwrap();
    assert_eq!(listener.identity.as_deref(), Some("user_40example_2Dcom"));
    assert_eq!(listener.worker_sid, Some(WorkerSid::parse(&sid("WK", '6')).unwrap()));
    assert_eq!(listener.roles, ["supervisor", "admin"]);
    // date -u -d '2999-09-24T23:22:44.240Z' +%s%3N
    assert_eq!(listener.expires_ms, 32_495_210_564_240);

    let request = twilio.only();
    assert_eq!(request.method, "POST");
    assert_eq!(
        request.target,
        format!("/v1/Accounts/{}/Tokens/validate", sid("AC", '0'))
    );
    let authorization = format!("Basic {}", STANDARD.encode(format!("token:{TOKEN}")));
    assert_eq!(request.header("authorization"), Some(&*authorization));
    assert_eq!(request.header("cache-control"), Some("no-cache"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(
        serde_json::from_str::<Value>(&request.body).unwrap(),
        json!({ "token": TOKEN })
    );
}

#[tokio::test]
async fn a_token_is_validated_under_the_account_s_auth_token() {
    let twilio = Server::answering(200, &[], &valid().to_string()).await;
    let listener = validate_as_account(&twilio.url).await.unwrap();
    assert_eq!(listener.roles, ["supervisor", "admin"]);

    let request = twilio.only();
    assert_eq!(request.method, "POST");
    let account = sid("AC", '0');
    assert_eq!(request.target, format!("/v1/Accounts/{account}/Tokens/validate"));
    let authorization = format!("Basic {}", STANDARD.encode(format!("{account}:canary-auth-token")));
    assert_eq!(request.header("authorization"), Some(&*authorization));
    assert_eq!(request.header("cache-control"), Some("no-cache"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(
        serde_json::from_str::<Value>(&request.body).unwrap(),
        json!({ "token": TOKEN })
    );
}

/// The Auth Token was the credential: that it's refused says nothing about the Flex token.
#[tokio::test]
async fn a_refused_auth_token_is_no_verdict_and_fails_closed() {
    for (status, body) in [
        (401, r#"{"code":20003,"message":"Authenticate"}"#.to_owned()),
        (401, String::new()),
        (403, "<html>".to_owned()),
        (401, valid().to_string()),
        (403, valid().to_string()),
    ] {
        let twilio = Server::answering(status, &[], &body).await;
        let error = validate_as_account(&twilio.url).await.unwrap_err();
        assert!(
            matches!(error, TokenError::Unavailable(ApiError::Unauthorized)),
            "{status} {body}: {error}"
        );
        assert_eq!(twilio.seen().len(), 1, "{status} {body}");
        // The same answers, where the token was the credential.
        let error = validate(&twilio.url).await.unwrap_err();
        assert!(matches!(error, TokenError::Invalid), "{status} {body}: {error}");
    }
}

#[tokio::test]
async fn what_twilio_calls_invalid_to_the_account_is_invalid() {
    let refused = json!({"valid": false, "message": "not valid"}).to_string();
    for status in [200, 400, 401, 403, 404] {
        let twilio = Server::answering(status, &[], &refused).await;
        let error = validate_as_account(&twilio.url).await.unwrap_err();
        assert!(matches!(error, TokenError::Invalid), "{status}: {error}");
    }
}

#[tokio::test]
async fn what_twilio_calls_invalid_is_invalid() {
    let refused = json!({"valid": false, "message": "not valid"}).to_string();
    let mut expired = valid();
    expired["expiration"] = json!("2018-09-24T23:22:44.240Z");
    for (status, body) in [
        (200, &*refused),
        (400, &refused),
        (401, &refused),
        (403, &refused),
        (404, &refused),
        (401, r#"{"code":20003,"message":"Authenticate"}"#),
        (403, ""),
        (200, &expired.to_string()),
    ] {
        let twilio = Server::answering(status, &[], body).await;
        let error = validate(&twilio.url).await.unwrap_err();
        assert!(matches!(error, TokenError::Invalid), "{status} {body}: {error}");
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
        (200, valid_text[..valid_text.len() - 1].to_owned()),
        (200, without("valid")),
        (200, without("expiration")),
        (200, with("valid", json!("true"))),
        (200, with("valid", json!(1))),
        (200, with("roles", json!("admin"))),
        (200, with("expiration", json!(1_900_000_000))),
        (200, with("padding", json!("x".repeat(100_000)))),
        (204, String::new()),
        (302, valid_text.clone()),
        (400, valid_text.clone()),
        (404, String::new()),
        (418, valid_text.clone()),
        (429, valid_text.clone()),
        (500, valid_text.clone()),
        (503, json!({"valid": false}).to_string()),
    ] {
        let twilio = Server::answering(status, &[("location", "/")], &body).await;
        for outcome in [validate(&twilio.url).await, validate_as_account(&twilio.url).await] {
            let error = outcome.unwrap_err();
            assert!(matches!(error, TokenError::Unavailable(_)), "{status} {body}: {error}");
        }
        assert_eq!(twilio.seen().len(), 2, "{status} {body}");
    }
}

#[tokio::test]
async fn no_answer_fails_closed() {
    for url in [
        server::absent().await,
        server::raw(b"").await,
        server::raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"valid\":true").await,
        server::silent().await,
    ] {
        let error = validate(&url).await.unwrap_err();
        assert!(
            matches!(error, TokenError::Unavailable(ApiError::Transport(_))),
            "{error}"
        );
    }
}
