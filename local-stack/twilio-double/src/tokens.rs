//! Flex token validation. Neither endpoint is in Twilio's OpenAPI description.
//!
//! - `POST /v1/Accounts/{AC}/Tokens/Info`, which Flex UI calls: the shape is from `@twilio/flex-sdk` 3.0.0
//!   (`flexUser.service`, `SSOTokenData`).
//! - `POST /v1/Accounts/{AC}/Tokens/validate`, the older endpoint: the shape is from twilio-flex-token-validator and
//!   from the documentation of Insights playback.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{auth::Caller, dates::iso_8601_millis, problem::Problem, query::Query};

/// A text of letters, digits, `-` and `_` in the shape of a Flex token: a compact JWE with the header of Twilio's own
/// sample (*Play back recordings from custom storage*). The text replaces the ciphertext.
#[macro_export]
macro_rules! flex_token {
    ($text:literal) => {
        concat!(
            "eyJ6aXAiOiJERUYiLCJraWQiOiJTQVNfUzNfX19LTVNfdjEiLCJjdHkiOiJ0d2ls",
            "aW8tZnBhO3Y9MSIsImVuYyI6IkEyNTZHQ00iLCJhbGciOiJkaXIifQ",
            "..bm9uY2U.",
            $text,
            ".dGFn"
        )
    };
}

/// A valid Flex token (JSON in camel case).
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FlexToken {
    /// The token as the Player sends it. At Twilio it is a JWE; here it can be any text.
    pub token: String,
    /// `agent`, `supervisor`, `admin`, …
    pub roles: Vec<String>,
    /// The listener's name.
    #[serde(default = "default_identity")]
    pub identity: String,
    /// The SID of the listener's worker, if there is one.
    #[serde(default)]
    pub worker_sid: Option<String>,
    /// Counted from now. 0 is a token that has expired.
    #[serde(default = "default_seconds")]
    pub expires_in_seconds: u32,
}

impl std::fmt::Debug for FlexToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FlexToken")
            .field("roles", &self.roles)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

impl FlexToken {
    /// A supervisor's token, valid for 30 days: longer than any stack runs.
    #[must_use]
    pub fn supervisor(token: &str) -> Self {
        Self {
            token: token.to_owned(),
            roles: vec!["supervisor".to_owned()],
            identity: default_identity(),
            worker_sid: Some("WK0123456789abcdef0123456789abcdef".to_owned()),
            expires_in_seconds: 30 * 24 * 3600,
        }
    }
}

impl FlexToken {
    fn realm_user_id(&self) -> String {
        self.identity.replace("_40", "@").replace("_2E", ".")
    }
}

/// An underscore with two hexadecimal digits encodes a character that is not a letter or a digit.
fn default_identity() -> String {
    "supervisor_40example_2Ecom".to_owned()
}

/// An hour.
fn default_seconds() -> u32 {
    3600
}

/// The known tokens, and when they expire.
#[derive(Debug, Default)]
pub(super) struct Tokens(Mutex<HashMap<String, (FlexToken, OffsetDateTime)>>);

impl Tokens {
    pub(super) fn add(&self, token: FlexToken) {
        let expires = OffsetDateTime::now_utc() + Duration::from_secs(token.expires_in_seconds.into());
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(token.token.clone(), (token, expires));
    }

    /// The text of every token, for masking.
    pub(super) fn texts(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .cloned()
            .collect()
    }

    /// The endpoint that Flex UI calls: a token may be used to validate itself. The answer has no `valid`, because
    /// flex-sdk adds it. The errors are the two that mean to Flex UI that a token is no longer valid.
    ///
    /// # Errors
    /// 401 for a token that is not valid, and for any other credential.
    pub(super) fn info(&self, account_sid: &str, caller: &Caller, body: &[u8]) -> Result<Response, Problem> {
        let form = Query::parse(body);
        let own = match (caller, form.first("Token")) {
            (Caller::FlexToken(own), Some(token)) if token == own => own,
            _ => return Err(Problem::unauthorized()),
        };
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match tokens.get(own) {
            None => Err(Problem::unauthorized()),
            Some((_, expires)) if *expires <= OffsetDateTime::now_utc() => Err(Problem {
                code: 20104,
                message: "Access Token expired or expiration date invalid".to_owned(),
                ..Problem::unauthorized()
            }),
            Some((token, expires)) => Ok(Json(json!({
                "account_sid": account_sid,
                "expiration": iso_8601_millis(*expires),
                "flex_instance_sid": "GO0123456789abcdef0123456789abcdef",
                "flex_user_sid": "FU0123456789abcdef0123456789abcdef",
                "identity": token.identity,
                "name_id": token.realm_user_id(),
                "permissions": null,
                "realm_user_id": token.realm_user_id(),
                "roles": token.roles,
                "worker_sid": token.worker_sid,
            }))
            .into_response()),
        }
    }

    /// The Auth Token may be used to validate any token, and a Flex token to validate itself: Twilio publishes these
    /// two forms. A user reports that an API key works too (twilio-flex-token-validator, issue 18). For a token that is
    /// not valid, the answer is a 200.
    ///
    /// # Errors
    /// 401 without such credentials, 400 for a body without a token.
    pub(super) fn validate(&self, caller: &Caller, body: &[u8]) -> Result<Response, Problem> {
        let request = serde_json::from_slice::<Value>(body).ok();
        let token = request.as_ref().and_then(|body| body.get("token")?.as_str());
        let allowed = match caller {
            Caller::FlexToken(own) => token.is_none_or(|token| token == own),
            other => other.is_account(),
        };
        if !allowed {
            return Err(Problem::unauthorized());
        }
        let token = token.ok_or_else(|| Problem::invalid("the body is not a JSON object with a token"))?;
        Ok(Json(self.verdict(token, OffsetDateTime::now_utc())).into_response())
    }

    /// Twilio's library reads only `valid` and `message`. The codes are those of Twilio's Access Token errors.
    fn verdict(&self, token: &str, now: OffsetDateTime) -> Value {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match tokens.get(token) {
            None => json!({"valid": false, "code": 20101, "message": "not valid"}),
            Some((_, expires)) if *expires <= now => json!({"valid": false, "code": 20104, "message": "token expired"}),
            Some((token, expires)) => json!({
                "valid": true,
                "code": 0,
                "message": null,
                "expiration": iso_8601_millis(*expires),
                "realm_user_id": token.realm_user_id(),
                "identity": token.identity,
                "roles": token.roles,
                "worker_sid": token.worker_sid,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(caller: &Caller, body: &str) -> u16 {
        let tokens = Tokens::default();
        tokens.add(FlexToken::supervisor("good"));
        let answer = tokens.validate(caller, body.as_bytes());
        answer.map_or_else(|problem| problem.status.as_u16(), |response| response.status().as_u16())
    }

    #[test]
    fn a_flex_token_can_validate_itself_and_the_account_any_token() {
        let own = Caller::FlexToken("good".to_owned());
        assert_eq!(status(&own, r#"{"token":"good"}"#), 200);
        assert_eq!(status(&own, r#"{"token":"other"}"#), 401);
        for account in [Caller::AuthToken, Caller::ApiKey] {
            assert_eq!(status(&account, r#"{"token":"other"}"#), 200);
        }
        assert_eq!(status(&Caller::AuthToken, "token=good"), 400);
        for stranger in [Caller::Nobody, Caller::Wrong] {
            assert_eq!(status(&stranger, r#"{"token":"good"}"#), 401);
        }
    }

    #[test]
    fn only_the_token_itself_is_accepted_as_credential() {
        let tokens = Tokens::default();
        tokens.add(FlexToken::supervisor("good"));
        tokens.add(FlexToken {
            expires_in_seconds: 0,
            ..FlexToken::supervisor("old")
        });
        let ask = |caller: &Caller, body: &str| tokens.info("AC1", caller, body.as_bytes());
        let own = |token: &str| Caller::FlexToken(token.to_owned());
        assert_eq!(ask(&own("good"), "Token=good").unwrap().status(), 200);
        for (caller, body, code) in [
            (own("old"), "Token=old", 20104),
            (own("other"), "Token=other", 20003),
            (own("good"), "Token=old", 20003),
            (own("good"), "token=good", 20003),
            (Caller::AuthToken, "Token=good", 20003),
            (Caller::ApiKey, "Token=good", 20003),
            (Caller::Nobody, "Token=good", 20003),
        ] {
            let problem = ask(&caller, body).unwrap_err();
            assert_eq!((problem.status.as_u16(), problem.code), (401, code), "{body}");
        }
    }

    #[test]
    fn a_verdict_names_the_user_and_the_expiration() {
        let tokens = Tokens::default();
        tokens.add(FlexToken::supervisor("good"));
        tokens.add(FlexToken {
            expires_in_seconds: 0,
            ..FlexToken::supervisor("old")
        });
        let now = OffsetDateTime::now_utc();

        let good = tokens.verdict("good", now);
        assert_eq!(good["valid"], true);
        assert_eq!(good["roles"], json!(["supervisor"]));
        assert_eq!(good["realm_user_id"], "supervisor@example.com");
        assert!(good["expiration"].as_str().unwrap() > iso_8601_millis(now).as_str());
        assert_eq!(tokens.verdict("old", now)["code"], 20104);
        assert_eq!(
            tokens.verdict("unknown", now),
            json!({"valid": false, "code": 20101, "message": "not valid"})
        );
    }
}
