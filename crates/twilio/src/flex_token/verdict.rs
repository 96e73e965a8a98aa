//! Twilio's answers about a token.

use serde::Deserialize;
use sid::{AccountSid, WorkerSid};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::error::TokenError;
use crate::client::ApiError;

/// The Flex user to whom the token belongs, as Twilio describes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The Flex user's name at Twilio, as Twilio encodes it.
    pub identity: Option<String>,
    /// The TaskRouter worker, if the user is one.
    pub worker_sid: Option<WorkerSid>,
    /// `agent`, `supervisor`, `admin` … Empty if Twilio names none.
    pub roles: Vec<String>,
    /// When the token expires, in Unix milliseconds.
    pub expires_ms: i64,
}

/// The answer of the older endpoint. `valid` decides. It isn't documented whether the answer names the account.
#[derive(Deserialize)]
pub(super) struct Verdict {
    pub(super) valid: bool,
    #[serde(flatten)]
    holder: Holder,
}

/// The answer of the endpoint that Flex UI calls (`SSOTokenData` of `@twilio/flex-sdk` 3.0.0, with names in snake case). A
/// success means that the token is valid, unless the answer has `"valid": false`.
#[derive(Deserialize)]
pub(super) struct Info {
    #[serde(default = "yes")]
    valid: bool,
    #[serde(flatten)]
    holder: Holder,
}

const fn yes() -> bool {
    true
}

#[derive(Deserialize)]
struct Holder {
    account_sid: Option<String>,
    expiration: Option<String>,
    identity: Option<String>,
    worker_sid: Option<String>,
    roles: Option<Vec<String>>,
}

impl Verdict {
    pub(super) fn listener(self, ours: &AccountSid, now_ms: i64) -> Result<Listener, TokenError> {
        listener(self.valid, self.holder, ours, now_ms)
    }
}

impl Info {
    pub(super) fn listener(self, ours: &AccountSid, now_ms: i64) -> Result<Listener, TokenError> {
        if self.valid && self.holder.account_sid.is_none() {
            return Err(ApiError::Unexpected("a valid token without an account").into());
        }
        listener(self.valid, self.holder, ours, now_ms)
    }
}

fn listener(valid: bool, holder: Holder, ours: &AccountSid, now_ms: i64) -> Result<Listener, TokenError> {
    let is_ours = |sid: &String| AccountSid::parse(sid).is_ok_and(|sid| sid == *ours);
    if !valid || !holder.account_sid.as_ref().is_none_or(is_ours) {
        return Err(TokenError::Invalid);
    }
    let expires_ms = holder
        .expiration
        .and_then(|text| OffsetDateTime::parse(&text, &Rfc3339).ok())
        .map(unix_ms)
        .ok_or(ApiError::Unexpected("a valid token without an expiration"))?;
    if expires_ms <= now_ms {
        return Err(TokenError::Invalid);
    }
    Ok(Listener {
        identity: holder.identity,
        // Absent, null or empty for users who are not workers.
        worker_sid: holder.worker_sid.and_then(|sid| WorkerSid::parse(&sid).ok()),
        roles: holder.roles.unwrap_or_default(),
        expires_ms,
    })
}

fn unix_ms(time: OffsetDateTime) -> i64 {
    time.unix_timestamp() * 1000 + i64::from(time.millisecond())
}

pub(super) fn now_ms() -> i64 {
    unix_ms(OffsetDateTime::now_utc())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const OURS: &str = "AC00000000000000000000000000000001";
    const OTHER: &str = "AC00000000000000000000000000000002";

    /// date -u -d '2018-09-24T23:22:44.240Z' +%s%3N
    const EXPIRES_MS: i64 = 1_537_831_364_240;

    fn ours() -> AccountSid {
        AccountSid::parse(OURS).unwrap()
    }

    /// Twilio's published sample after `change`.
    fn verdict(change: impl FnOnce(&mut Value)) -> Result<Listener, TokenError> {
        let mut answer = json!({
            "valid": true, "code": 0, "message": null, "expiration": "2018-09-24T23:22:44.240Z",
            "realm_user_id": "user@example.com", "identity": "user_40example_2Dcom", "roles": ["agent"],
            "worker_sid": format!("WK{}", "7".repeat(32)),
        });
        change(&mut answer);
        let verdict: Verdict = serde_json::from_value(answer).unwrap();
        verdict.listener(&ours(), EXPIRES_MS - 1)
    }

    /// The fields that flex-sdk declares after `change`.
    fn info(change: impl FnOnce(&mut Value)) -> Result<Listener, TokenError> {
        let mut answer = json!({
            "account_sid": OURS, "expiration": "2018-09-24T23:22:44.240Z", "flex_instance_sid": "GO1",
            "flex_user_sid": "FU1", "identity": "user_40example_2Dcom", "name_id": "user@example.com",
            "permissions": null, "realm_user_id": "user@example.com", "roles": ["agent"],
            "worker_sid": format!("WK{}", "7".repeat(32)),
        });
        change(&mut answer);
        let info: Info = serde_json::from_value(answer).unwrap();
        info.listener(&ours(), EXPIRES_MS - 1)
    }

    #[test]
    fn a_valid_answer_names_the_listener() {
        for answer in [
            verdict(|_| ()),
            info(|_| ()),
            info(|answer| answer["valid"] = json!(true)),
        ] {
            assert_eq!(
                answer.unwrap(),
                Listener {
                    identity: Some("user_40example_2Dcom".to_owned()),
                    worker_sid: Some(WorkerSid::parse(&format!("WK{}", "7".repeat(32))).unwrap()),
                    roles: vec!["agent".to_owned()],
                    expires_ms: EXPIRES_MS,
                }
            );
        }
    }

    #[test]
    fn a_listener_need_not_be_a_worker_or_have_roles() {
        for nobody in [json!(null), json!("")] {
            let change = |answer: &mut Value| {
                answer["worker_sid"] = nobody.clone();
                answer["roles"] = json!(null);
            };
            for listener in [verdict(change), info(change)] {
                let listener = listener.unwrap();
                assert_eq!((listener.worker_sid, listener.roles), (None, vec![]));
            }
        }
    }

    #[test]
    fn another_accounts_token_is_invalid() {
        for other in [OTHER, "", "ACcanary"] {
            let change = |answer: &mut Value| answer["account_sid"] = json!(other);
            for refused in [verdict(change), info(change)] {
                assert!(matches!(refused, Err(TokenError::Invalid)), "{other}");
            }
        }
    }

    #[test]
    fn only_the_older_answer_may_leave_the_account_out() {
        let change = |answer: &mut Value| answer["account_sid"] = json!(null);
        verdict(change).unwrap();
        let refused = info(change);
        assert!(matches!(refused, Err(TokenError::Unavailable(ApiError::Unexpected(_)))));
    }

    #[test]
    fn a_token_is_invalid_from_its_expiration_on() {
        for (now_ms, valid) in [(EXPIRES_MS - 1, true), (EXPIRES_MS, false), (EXPIRES_MS + 1, false)] {
            let answer = json!({"valid": true, "account_sid": OURS, "expiration": "2018-09-25T01:22:44.240+02:00"});
            let verdict: Verdict = serde_json::from_value(answer.clone()).unwrap();
            assert_eq!(verdict.listener(&ours(), now_ms).is_ok(), valid);
            let info: Info = serde_json::from_value(answer).unwrap();
            assert_eq!(info.listener(&ours(), now_ms).is_ok(), valid);
        }
    }

    #[test]
    fn an_expiration_that_cannot_be_read_fails_closed() {
        for expiration in [json!(null), json!(""), json!("tomorrow"), json!("1537831364")] {
            let change = |answer: &mut Value| answer["expiration"] = expiration.clone();
            for refused in [verdict(change), info(change)] {
                assert!(matches!(refused, Err(TokenError::Unavailable(ApiError::Unexpected(_)))));
            }
        }
    }

    #[test]
    fn not_valid_is_invalid_whatever_else_is_said() {
        let change = |answer: &mut Value| answer["valid"] = json!(false);
        let without_account = |answer: &mut Value| {
            change(answer);
            answer["account_sid"] = json!(null);
        };
        for refused in [verdict(change), info(change), info(without_account)] {
            assert!(matches!(refused, Err(TokenError::Invalid)));
        }
    }
}
