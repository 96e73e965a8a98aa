//! The Flex token that the Insights Player sends, and Twilio's word on whose it is.
//!
//! Source: Twilio, *Play back recordings from custom storage*
//! (`twilio.com/docs/flex/developer/insights/playback-recordings-custom-storage`) and `twilio-flex-token-validator`.
//! The endpoint isn't in Twilio's OpenAPI description: what isn't known is refused.

use std::fmt;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::{StatusCode, header};
use reqwest::Response;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    client::{ApiError, CALL_TIMEOUT, Client, checked, join, json, send},
    sid::WorkerSid,
};

/// The Player's `Authorization: Basic base64("token:" + JWE)`, taken apart leniently; Debug never shows the token.
#[derive(Clone)]
pub struct FlexToken(SecretString);

impl fmt::Debug for FlexToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FlexToken([REDACTED])")
    }
}

/// Twilio's own sample header is wrongly padded, so padding and spare bits are let pass.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

impl FlexToken {
    /// None when the header isn't Basic, isn't base64 (padding optional), or its user isn't `token`.
    pub fn from_authorization(header: &str) -> Option<Self> {
        let (scheme, encoded) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("Basic") {
            return None;
        }
        let standard = encoded.trim().trim_end_matches('=').replace('-', "+").replace('_', "/");
        let decoded = String::from_utf8(LENIENT.decode(standard).ok()?).ok()?;
        // A compact JWE has no colon; were there one, it would be the password's (RFC 7617 section 2).
        let (user, token) = decoded.split_once(':')?;
        let is_token = user == "token" && !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
        is_token.then(|| Self(SecretString::from(token)))
    }

    /// SHA-256 of the token, for caches.
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(self.0.expose_secret()).into()
    }
}

/// Who Twilio says the token belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The Flex user's name at Twilio, as Twilio encodes it.
    pub identity: Option<String>,
    /// The user's worker, if the user is one.
    pub worker_sid: Option<WorkerSid>,
    /// `agent`, `supervisor`, `admin` …; none where Twilio names none.
    pub roles: Vec<String>,
    /// Unix milliseconds
    pub expires_ms: i64,
}

/// Whose credential vouches for the question whether a token is valid. Twilio publishes both forms.
#[derive(Clone, Copy, Debug)]
pub enum ValidateAs<'a> {
    /// The token itself, as the Player's own `Authorization` header has it: needs no secret.
    Player,
    /// The account's SID and this Auth Token, as `twilio-flex-token-validator` has it.
    Account(&'a SecretString),
}

/// Why the holder of a token may not listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Twilio says it isn't valid (or it has expired).
    #[error("the token is not valid")]
    Invalid,
    /// No answer to go by: fail closed.
    #[error("the token could not be checked: {0}")]
    Unavailable(#[from] ApiError),
}

impl Client {
    /// POST /v1/Accounts/{AC}/Tokens/validate.
    ///
    /// `valid: false` says that the token isn't valid, whatever the status. A 401 or 403 without it says so as well where
    /// the token is the credential of the call; where the Auth Token is, it says that Twilio refused that:
    /// [`ApiError::Unauthorized`]. That and anything else but a full answer is [`TokenError::Unavailable`].
    pub async fn validate_flex_token(
        &self,
        token: &FlexToken,
        validate_as: ValidateAs<'_>,
    ) -> Result<Listener, TokenError> {
        let account = self.account.as_str();
        let url = join(&self.endpoints.iam, &["v1", "Accounts", account, "Tokens", "validate"]);
        let token = token.0.expose_secret();
        let (user, password) = match validate_as {
            ValidateAs::Player => ("token", token),
            ValidateAs::Account(auth_token) => (account, auth_token.expose_secret()),
        };
        let request = self
            .http
            .post(url)
            .timeout(CALL_TIMEOUT)
            .basic_auth(user, Some(password))
            .header(header::CACHE_CONTROL, "no-cache")
            .json(&json!({ "token": token }));
        let response = send(request).await?;
        match (response.status(), validate_as) {
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, ValidateAs::Player) => Err(TokenError::Invalid),
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, ValidateAs::Account(_)) => {
                Err(verdict_or(response, ApiError::Unauthorized).await)
            }
            // A wrong account or endpoint says nothing about the token.
            (StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND, _) => {
                let status = response.status().as_u16();
                Err(verdict_or(response, ApiError::Status { status }).await)
            }
            _ => json::<Verdict>(checked(response).await?).await?.listener(now_ms()),
        }
    }
}

/// What an answer that isn't a success says: that the token isn't valid, or nothing about it but this error.
async fn verdict_or(response: Response, error: ApiError) -> TokenError {
    match json::<Verdict>(response).await {
        Ok(Verdict { valid: false, .. }) => TokenError::Invalid,
        _ => error.into(),
    }
}

#[derive(Deserialize)]
struct Verdict {
    valid: bool,
    expiration: Option<String>,
    identity: Option<String>,
    worker_sid: Option<String>,
    roles: Option<Vec<String>>,
}

impl Verdict {
    fn listener(self, now_ms: i64) -> Result<Listener, TokenError> {
        if !self.valid {
            return Err(TokenError::Invalid);
        }
        let expires_ms = self
            .expiration
            .and_then(|text| OffsetDateTime::parse(&text, &Rfc3339).ok())
            .map(unix_ms)
            .ok_or(ApiError::Unexpected("a valid token without an expiration"))?;
        if expires_ms <= now_ms {
            return Err(TokenError::Invalid);
        }
        Ok(Listener {
            identity: self.identity,
            // Absent, null or empty for users who are no workers.
            worker_sid: self.worker_sid.and_then(|sid| WorkerSid::parse(&sid).ok()),
            roles: self.roles.unwrap_or_default(),
            expires_ms,
        })
    }
}

fn unix_ms(time: OffsetDateTime) -> i64 {
    time.unix_timestamp() * 1000 + i64::from(time.millisecond())
}

fn now_ms() -> i64 {
    unix_ms(OffsetDateTime::now_utc())
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    fn token_in(header: &str) -> Option<String> {
        FlexToken::from_authorization(header).map(|token| token.0.expose_secret().to_owned())
    }

    proptest! {
        #[test]
        fn any_token_is_found_in_any_base64(token in "[!-~]{1,64}") {
            let plain = format!("token:{token}");
            for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
                for scheme in ["Basic", "basic", "BASIC"] {
                    let header = format!("{scheme} {}", engine.encode(&plain));
                    prop_assert_eq!(token_in(&header), Some(token.clone()));
                }
            }
            let overpadded = format!("Basic {}==", STANDARD.encode(&plain));
            prop_assert_eq!(token_in(&overpadded), Some(token));
        }

        #[test]
        fn headers_never_panic(header in "(Basic )?\\PC{0,40}") {
            let _ = FlexToken::from_authorization(&header);
        }
    }

    #[test]
    fn the_token_begins_after_the_first_colon() {
        let header = format!("Basic {}", STANDARD.encode("token:a:b"));
        assert_eq!(token_in(&header).as_deref(), Some("a:b"));
    }

    #[test]
    fn other_headers_hold_no_token() {
        for plain in [
            "token:",
            "token",
            "",
            "Token:x",
            "user:x",
            " token:x",
            "token:x y",
            "token:x\n",
            "token:\u{e9}",
        ] {
            assert_eq!(
                token_in(&format!("Basic {}", STANDARD.encode(plain))),
                None,
                "{plain:?}"
            );
        }
        let good = STANDARD.encode("token:x");
        for header in [
            good.clone(),
            format!("Bearer {good}"),
            format!("Basic{good}"),
            format!("Basic {good} {good}"),
            "Basic".to_owned(),
            "Basic !".to_owned(),
            format!("Basic {}", STANDARD.encode(b"token:\xff")),
        ] {
            assert_eq!(token_in(&header), None, "{header:?}");
        }
    }

    #[test]
    fn the_fingerprint_is_the_token_s_alone() {
        let of = |plain: &str| {
            let header = format!("Basic {}", STANDARD.encode(plain));
            FlexToken::from_authorization(&header).unwrap().fingerprint()
        };
        // printf abc | sha256sum
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex::encode(of("token:abc")), abc);
        assert_ne!(of("token:abc"), of("token:abd"));
    }

    #[test]
    fn debug_hides_the_token() {
        let header = format!("Basic {}", STANDARD.encode("token:canary"));
        let token = FlexToken::from_authorization(&header).unwrap();
        assert_eq!(format!("{token:?}"), "FlexToken([REDACTED])");
    }

    /// Twilio's published sample, and what's left of it by `change`.
    fn verdict(change: impl FnOnce(&mut serde_json::Value)) -> Result<Listener, TokenError> {
        let mut answer = json!({
            "valid": true, "code": 0, "message": null, "expiration": "2018-09-24T23:22:44.240Z",
            "realm_user_id": "user@example.com", "identity": "user_40example_2Dcom", "roles": ["agent"],
            "worker_sid": format!("WK{}", "7".repeat(32)),
        });
        change(&mut answer);
        serde_json::from_value::<Verdict>(answer)
            .unwrap()
            .listener(EXPIRES_MS - 1)
    }

    /// date -u -d '2018-09-24T23:22:44.240Z' +%s%3N
    const EXPIRES_MS: i64 = 1_537_831_364_240;

    #[test]
    fn a_valid_answer_names_the_listener() {
        let listener = verdict(|_| ()).unwrap();
        assert_eq!(
            listener,
            Listener {
                identity: Some("user_40example_2Dcom".to_owned()),
                worker_sid: Some(WorkerSid::parse(&format!("WK{}", "7".repeat(32))).unwrap()),
                roles: vec!["agent".to_owned()],
                expires_ms: EXPIRES_MS,
            }
        );
    }

    #[test]
    fn a_listener_need_not_be_a_worker_or_have_roles() {
        for nobody in [json!(null), json!("")] {
            let listener = verdict(|answer| {
                answer["worker_sid"] = nobody;
                answer["roles"] = json!(null);
            });
            let listener = listener.unwrap();
            assert_eq!((listener.worker_sid, listener.roles), (None, vec![]));
        }
    }

    #[test]
    fn a_token_is_invalid_from_its_expiration_on() {
        for (now_ms, valid) in [(EXPIRES_MS - 1, true), (EXPIRES_MS, false), (EXPIRES_MS + 1, false)] {
            let verdict: Verdict =
                serde_json::from_value(json!({"valid": true, "expiration": "2018-09-25T01:22:44.240+02:00"})).unwrap();
            assert_eq!(verdict.listener(now_ms).is_ok(), valid);
        }
    }

    #[test]
    fn an_expiration_that_cannot_be_read_fails_closed() {
        for expiration in [json!(null), json!(""), json!("tomorrow"), json!("1537831364")] {
            let refused = verdict(|answer| answer["expiration"] = expiration);
            assert!(matches!(refused, Err(TokenError::Unavailable(ApiError::Unexpected(_)))));
        }
    }

    #[test]
    fn not_valid_is_invalid_whatever_else_is_said() {
        let refused = verdict(|answer| answer["valid"] = json!(false));
        assert!(matches!(refused, Err(TokenError::Invalid)));
    }
}
