//! Why a callback isn't taken, and what its sender is told.

use http::StatusCode;
use service::{http_event, secrets::SecretError};
use twilio::{callback::CallbackError, signature::SignatureError};

use super::request::MAX_BODY_BYTES;

/// Every answer but 204. The text is what the sender reads; what only the log needs is in the source.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    MalformedRequest(#[from] http_event::Malformed),
    #[error("no such path")]
    NotFound,
    #[error("callbacks are taken by POST and GET")]
    MethodNotAllowed,
    #[error("the body has more than {MAX_BODY_BYTES} bytes")]
    BodyTooLarge,
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
    #[error("the callback cannot be dealt with in time")]
    OutOfTime,
    #[error("the recording is not dealt with yet")]
    JobsUnfinished,
    #[error("the recording cannot be dealt with")]
    JobsFailed,
}

impl Refusal {
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unsigned | Self::Signature(_) | Self::ForeignAccount => StatusCode::FORBIDDEN,
            Self::MalformedRequest(_) | Self::Malformed(_) => StatusCode::BAD_REQUEST,
            // Twilio comes again after a 5xx where the callback's URL asks for it (`#rc=3&rp=all`).
            Self::AuthToken(_) | Self::SharedKeys(_) | Self::NotQueued | Self::OutOfTime | Self::JobsUnfinished => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::JobsFailed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Stable name, for programs.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::MalformedRequest(_) => "malformed_request",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::BodyTooLarge => "body_too_large",
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
