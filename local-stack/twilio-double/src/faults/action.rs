//! The effects of faults on an answer.

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::body::{self, BodyPlan, End};
use crate::{problem::Problem, server::Connection};

/// The longest stall, so that a test ends even if it forgot its fault.
pub const MAXIMUM_STALL: Duration = Duration::from_secs(60);

/// The effect of a fault on an answer (externally tagged camel case in JSON: `"drop"`, `{"cut": {"afterBytes": 100}}`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum FaultAction {
    /// Answers at once, without executing the request. Without `body`, the answer has Twilio's usual body for the
    /// status.
    Answer {
        /// HTTP status.
        status: u16,
        /// Sent as `application/json`, whether it is JSON or not.
        #[serde(default)]
        body: Option<String>,
        /// Seconds in a `Retry-After` header.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// Ends the connection after exactly this many bytes of the body. The head is sent in full.
    Cut {
        /// With 0, only the head is sent.
        after_bytes: u64,
    },
    /// Sends nothing for a while after this many bytes of the body, then continues.
    Stall {
        /// With 0, it stalls directly after the head.
        after_bytes: u64,
        /// Milliseconds, at most [`MAXIMUM_STALL`].
        millis: u64,
    },
    /// Announces a Content-Length longer than the body. The whole body is sent before the connection ends.
    AnnounceLonger {
        /// The difference.
        by_bytes: u64,
    },
    /// Announces a Content-Length shorter than the body, and sends only that much, which HTTP considers a clean end.
    AnnounceShorter {
        /// The difference. If the body is no longer than this, nothing is sent.
        by_bytes: u64,
    },
    /// Sends no Content-Length: `Transfer-Encoding: chunked`.
    Unannounced,
    /// A fetched task shows these attributes instead of its own. Only for `task_fetch`; other operations are unchanged.
    Attributes {
        /// None is JSON's null.
        value: Option<String>,
    },
    /// Replaces the answer by a 200 with this body and its full length.
    Imposter {
        /// Its Content-Type.
        content_type: String,
        /// UTF-8.
        body: String,
    },
    /// Sets the answer's ETag, or removes it.
    Etag {
        /// Including the quotes.
        value: Option<String>,
    },
    /// Closes the connection before the first byte of the answer. The request is executed.
    Drop,
}

impl FaultAction {
    /// The answer that replaces the operation's own, for faults that do not execute the request.
    pub(crate) fn instead(&self) -> Option<Response> {
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

    /// The operation's answer with this fault applied.
    pub(crate) fn applied(&self, mut response: Response, connection: &Connection) -> Response {
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
