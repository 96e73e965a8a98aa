//! What the double breaks next: armed faults, and what each does to an answer.

mod body;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use self::body::{BodyPlan, End};
use super::{problem::Problem, route::Operation, server::Connection};

/// Longest stall: a test that forgot its fault ends anyway.
pub const MAXIMUM_STALL: Duration = Duration::from_secs(60);

/// A fault, armed until it has struck `times` times. Of several that match a request, the one armed first strikes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// What it strikes.
    pub operation: Operation,
    /// Only requests about this recording or task, or searches for this call; None for any.
    #[serde(default)]
    pub sid: Option<String>,
    /// How often; once when left out of JSON.
    #[serde(default = "once")]
    pub times: u32,
    /// Of how many requests that match one is struck; each when left out of JSON.
    #[serde(default = "once")]
    pub one_in: u32,
    /// What it does.
    pub action: FaultAction,
}

impl Fault {
    /// Strikes the next request of `operation`.
    #[must_use]
    pub fn once(operation: Operation, action: FaultAction) -> Self {
        Self {
            operation,
            sid: None,
            times: once(),
            one_in: once(),
            action,
        }
    }

    fn matches(&self, operation: Operation, about: Option<&str>) -> bool {
        let is_about = |sid: &String| about.is_some_and(|about| about.contains(sid));
        self.operation == operation && self.sid.as_ref().is_none_or(is_about)
    }

    /// Strikes `times` requests.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// Strikes one request of this many, the first of them included, without an end.
    #[must_use]
    pub fn one_in(self, requests: u32) -> Self {
        Self {
            times: u32::MAX,
            one_in: requests,
            ..self
        }
    }

    /// Strikes only requests about this recording or task, or searches for this call.
    #[must_use]
    pub fn about(self, sid: impl Into<String>) -> Self {
        Self {
            sid: Some(sid.into()),
            ..self
        }
    }
}

/// What a fault does to an answer (externally tagged camel case in JSON: `"drop"`, `{"cut": {"afterBytes": 100}}`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum FaultAction {
    /// Answers at once, without doing anything. Without a body, with Twilio's usual one for the status.
    Answer {
        /// HTTP status.
        status: u16,
        /// Sent as `application/json`, whatever it is.
        #[serde(default)]
        body: Option<String>,
        /// Seconds in a `Retry-After` header.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// Ends the connection after exactly this many bytes of the body (the head is sent whole).
    Cut {
        /// 0 sends the head alone.
        after_bytes: u64,
    },
    /// Sends nothing for a while after this many bytes of the body, then goes on.
    Stall {
        /// 0 stalls right after the head.
        after_bytes: u64,
        /// Milliseconds, at most [`MAXIMUM_STALL`].
        millis: u64,
    },
    /// Announces a Content-Length longer than the body, which is sent whole before the connection ends.
    AnnounceLonger {
        /// How much longer.
        by_bytes: u64,
    },
    /// Announces a Content-Length shorter than the body, and sends only that much: a clean end in HTTP's eyes.
    AnnounceShorter {
        /// How much shorter; everything, if the body is no longer than this.
        by_bytes: u64,
    },
    /// Sends no Content-Length: `Transfer-Encoding: chunked`.
    Unannounced,
    /// A fetched task shows these attributes instead of its own. For `task_fetch` only; others are left as they are.
    Attributes {
        /// None is JSON's null.
        value: Option<String>,
    },
    /// The answer is a 200 with this body instead, announced whole.
    Imposter {
        /// Its Content-Type.
        content_type: String,
        /// UTF-8.
        body: String,
    },
    /// The answer names its body by this ETag, or by none.
    Etag {
        /// With its quotes.
        value: Option<String>,
    },
    /// Closes the connection before the answer's first byte. What was asked for is done all the same.
    Drop,
}

impl FaultAction {
    /// The answer that takes the place of the operation's own, for faults that never reach it.
    pub(super) fn instead(&self) -> Option<Response> {
        let (status, body, retry_after) = match self {
            Self::Answer {
                status,
                body,
                retry_after,
            } => (status, body, retry_after),
            Self::Imposter { content_type, body } => {
                return Some(([(header::CONTENT_TYPE, content_type.clone())], body.clone()).into_response());
            }
            _ => return None,
        };
        let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = match body {
            Some(body) => (status, [(header::CONTENT_TYPE, "application/json")], body.clone()).into_response(),
            None => Problem::of(status).into_response(),
        };
        if let Some(seconds) = retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
        }
        Some(response)
    }

    /// The operation's answer, broken as this action says.
    pub(super) fn applied(&self, mut response: Response, connection: &Connection) -> Response {
        let length = body::length(&response);
        let whole = BodyPlan {
            announced: length,
            end: End::Whole,
            stall: None,
        };
        let plan = match *self {
            Self::Answer { .. } | Self::Attributes { .. } | Self::Imposter { .. } => return response,
            Self::Etag { ref value } => {
                let headers = response.headers_mut();
                headers.remove(header::ETAG);
                if let Some(etag) = value.as_deref().and_then(|etag| HeaderValue::from_str(etag).ok()) {
                    headers.insert(header::ETAG, etag);
                }
                return response;
            }
            Self::Drop => {
                connection.sever();
                return response;
            }
            Self::Cut { after_bytes } => BodyPlan {
                end: End::BrokenAfter(after_bytes),
                ..whole
            },
            Self::Stall { after_bytes, millis } => BodyPlan {
                stall: Some((after_bytes, Duration::from_millis(millis).min(MAXIMUM_STALL))),
                ..whole
            },
            Self::AnnounceLonger { by_bytes } => BodyPlan {
                announced: length.map(|length| length.saturating_add(by_bytes)),
                end: End::BrokenAfter(length.unwrap_or(u64::MAX)),
                ..whole
            },
            Self::AnnounceShorter { by_bytes } => {
                let announced = length.map(|length| length.saturating_sub(by_bytes));
                BodyPlan {
                    announced,
                    end: End::After(announced.unwrap_or(u64::MAX)),
                    ..whole
                }
            }
            Self::Unannounced => BodyPlan {
                announced: None,
                ..whole
            },
        };
        plan.reshape(response, connection.clone())
    }
}

/// Armed faults, oldest first.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<Vec<Armed>>);

#[derive(Debug)]
struct Armed {
    fault: Fault,
    /// Matching requests to be let through before the next is struck.
    skip: u32,
}

impl Faults {
    pub(super) fn arm(&self, fault: Fault) {
        self.armed().push(Armed { fault, skip: 0 });
    }

    pub(super) fn disarm(&self) {
        self.armed().clear();
    }

    /// The fault that strikes this request, if any; used up by one. `about` is what the request is about, or searches by.
    pub(super) fn strike(&self, operation: Operation, about: Option<&str>) -> Option<FaultAction> {
        let mut faults = self.armed();
        let matching = faults.iter_mut().find(|armed| armed.fault.matches(operation, about))?;
        if matching.skip > 0 {
            matching.skip -= 1;
            return None;
        }
        matching.skip = matching.fault.one_in.saturating_sub(1);
        matching.fault.times -= 1;
        let action = matching.fault.action.clone();
        faults.retain(|armed| armed.fault.times > 0);
        Some(action)
    }

    /// How many about this recording, task or call haven't struck as often as they were to.
    pub(super) fn left(&self, sid: &str) -> usize {
        let about = |armed: &&Armed| armed.fault.sid.as_deref() == Some(sid);
        self.armed().iter().filter(about).count()
    }

    fn armed(&self) -> MutexGuard<'_, Vec<Armed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn once() -> u32 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_strike_in_order_as_often_as_armed_and_only_what_they_name() {
        let faults = Faults::default();
        let status = |status| FaultAction::Answer {
            status,
            body: None,
            retry_after: None,
        };
        faults.arm(Fault::once(Operation::TaskUpdate, status(412)).times(2));
        faults.arm(Fault::once(Operation::TaskUpdate, status(500)));
        faults.arm(Fault::once(Operation::Media, FaultAction::Drop).about("RE1"));

        assert_eq!(faults.strike(Operation::TaskFetch, Some("WT1")), None);
        assert_eq!(faults.strike(Operation::Media, Some("RE2")), None);
        for expected in [Some(status(412)), Some(status(412)), Some(status(500)), None] {
            assert_eq!(faults.strike(Operation::TaskUpdate, Some("WT1")), expected);
        }
        assert_eq!(faults.left("RE1"), 1);
        assert_eq!(faults.strike(Operation::Media, Some("RE1")), Some(FaultAction::Drop));
        assert_eq!(faults.left("RE1"), 0);
        assert_eq!(faults.strike(Operation::Media, Some("RE1")), None);
    }

    #[test]
    fn one_request_in_so_many_is_struck_for_ever() {
        let faults = Faults::default();
        faults.arm(Fault::once(Operation::Media, FaultAction::Drop).one_in(3));
        let struck: Vec<bool> = (0..9)
            .map(|_| faults.strike(Operation::Media, Some("RE1")).is_some())
            .collect();
        assert_eq!(struck, [true, false, false].repeat(3));
    }
}
