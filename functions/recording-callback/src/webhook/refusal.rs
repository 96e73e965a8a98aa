//! Why a callback is refused, and the answer to its sender.

use http::StatusCode;
use service::{http_event, secrets::SecretError};
use twilio::{callback::CallbackError, signature::SignatureError};

/// Every answer except 204. The text goes to the sender. The error's source holds what only the log shows.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    MalformedRequest(#[from] http_event::Malformed),
    #[error("no such path")]
    NotFound,
    #[error("only POST and GET are accepted")]
    MethodNotAllowed,
    #[error("the body is longer than {limit} bytes")]
    BodyTooLarge { limit: usize },
    #[error("the request is not signed")]
    Unsigned,
    #[error("the signature is not valid")]
    Signature(#[from] SignatureError),
    #[error("the callback is for another account")]
    ForeignAccount,
    #[error("{0}")]
    Malformed(String),
    #[error("the signature cannot be checked now")]
    AuthToken(#[source] SecretError),
    #[error("the signature cannot be checked now")]
    SharedKeys(#[source] SecretError),
    #[error("the callback cannot be queued now")]
    NotQueued,
    #[error("the callback was not processed in time")]
    OutOfTime,
    #[error("the recording is not processed yet")]
    JobsUnfinished,
    #[error("the recording cannot be processed")]
    JobsFailed,
}

impl Refusal {
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unsigned | Self::Signature(_) | Self::ForeignAccount => StatusCode::FORBIDDEN,
            Self::MalformedRequest(_) | Self::Malformed(_) => StatusCode::BAD_REQUEST,
            // Twilio retries after a 5xx if the callback's URL says so (`#rc=3&rp=all`).
            Self::AuthToken(_) | Self::SharedKeys(_) | Self::NotQueued | Self::OutOfTime | Self::JobsUnfinished => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::JobsFailed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A stable name, for programs.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::MalformedRequest(_) => "malformed_request",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::Unsigned => "unsigned",
            Self::Signature(_) => "invalid_signature",
            Self::ForeignAccount => "foreign_account",
            Self::Malformed(_) => "malformed_callback",
            Self::AuthToken(_) => "auth_token_unavailable",
            Self::SharedKeys(_) => "shared_keys_unavailable",
            Self::NotQueued => "not_queued",
            Self::OutOfTime => "out_of_time",
            Self::JobsUnfinished => "jobs_unfinished",
            Self::JobsFailed => "jobs_failed",
        }
    }
}

impl From<CallbackError> for Refusal {
    fn from(error: CallbackError) -> Self {
        Self::Malformed(error.to_string())
    }
}
