//! Every reason not to play a recording, with its HTTP status and error code.

use http::StatusCode;
use playback_link::LinkError;
use service::{http_event::Malformed, secrets::SecretError};
use twilio::flex_token::TokenError;
use vault::ReadError;

use crate::{decide::Unservable, ports::CheckError};

/// Why a request is refused. The text is for the log. The client gets [`Refusal::status_and_code`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("no such path")]
    NoSuchPath,
    #[error("method not allowed")]
    MethodNotAllowed { allow: &'static str },
    #[error("{0}")]
    Link(#[from] LinkError),
    #[error("links that never expire are not accepted")]
    SegmentLink,
    #[error("link keys: {0}")]
    LinkKeysUnavailable(#[from] SecretError),
    #[error("no Flex token")]
    NoToken,
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("the account's credential: {0}")]
    Credential(SecretError),
    #[error("none of the listener's roles is allowed")]
    Role,
    #[error("recordingSid is missing or malformed")]
    RecordingSid,
    #[error("no base URL: PLAYBACK_BASE_URL is not set and the event has no domain")]
    NoBaseUrl,
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Unservable(#[from] Unservable),
}

impl Refusal {
    /// The status, and the stable code in error bodies.
    pub(crate) const fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, "malformed_request"),
            Self::NoSuchPath => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed { .. } => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            // The client must not learn what is wrong with a link.
            Self::Link(_) | Self::SegmentLink => (StatusCode::FORBIDDEN, "link_not_valid"),
            Self::LinkKeysUnavailable(SecretError::Missing) | Self::Credential(SecretError::Missing) => {
                (StatusCode::SERVICE_UNAVAILABLE, "not_configured")
            }
            Self::LinkKeysUnavailable(_) | Self::Credential(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Self::NoToken => (StatusCode::UNAUTHORIZED, "token_required"),
            Self::Token(TokenError::Malformed | TokenError::Invalid) => (StatusCode::UNAUTHORIZED, "token_not_valid"),
            Self::Token(_) => (StatusCode::SERVICE_UNAVAILABLE, "token_not_checked"),
            Self::Role => (StatusCode::FORBIDDEN, "role_not_allowed"),
            Self::RecordingSid => (StatusCode::BAD_REQUEST, "recording_sid_not_valid"),
            Self::NoBaseUrl => (StatusCode::SERVICE_UNAVAILABLE, "not_configured"),
            Self::Read(ReadError::NotFound) => (StatusCode::NOT_FOUND, "recording_not_found"),
            Self::Read(ReadError::Archived) => (StatusCode::CONFLICT, "archived"),
            Self::Read(ReadError::Damaged(_)) => (StatusCode::BAD_GATEWAY, "damaged"),
            Self::Read(ReadError::KeyRefused(_)) => (StatusCode::INTERNAL_SERVER_ERROR, "key_refused"),
            Self::Read(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Self::Unservable(Unservable::RangeRequired) => (StatusCode::BAD_REQUEST, "range_required"),
            Self::Unservable(Unservable::PreconditionFailed) => {
                (StatusCode::PRECONDITION_FAILED, "precondition_failed")
            }
            Self::Unservable(Unservable::Unsatisfiable { .. }) => {
                (StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable")
            }
        }
    }

    /// Whether access was denied. In other refusals, something is wrong or missing.
    pub(crate) fn is_denial(&self) -> bool {
        matches!(
            self.status_and_code().0,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        )
    }

    /// Whether the stored object, or the part that S3 sent, differs from the written one.
    pub(crate) const fn is_verification_failure(&self) -> bool {
        matches!(self, Self::Read(ReadError::Damaged(_)))
    }
}

impl From<CheckError> for Refusal {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Token(error) => Self::Token(error),
            CheckError::Credential(error) => Self::Credential(error),
        }
    }
}
