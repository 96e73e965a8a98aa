//! Every reason not to play, and what HTTP says of it.

use http::StatusCode;
use playback_link::LinkError;
use service::{http_event::Malformed, secrets::SecretError};
use twilio::flex_token::TokenError;
use vault::ReadError;

use crate::ports::CheckError;

/// Why a request isn't given what it asks for. The text is for the log; the client gets [`Refusal::terms`].
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
    #[error("neither PLAYBACK_BASE_URL nor the event says where links lead")]
    NoBaseUrl,
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the whole recording does not fit one reply, a range would")]
    RangeRequired,
    #[error("the range begins past the end")]
    Unsatisfiable { len: u64 },
    #[error("the recording is not the one asked for")]
    PreconditionFailed,
}

impl Refusal {
    /// The status, and the code that error bodies carry: stable, for programs to go by.
    pub(crate) const fn terms(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, "malformed_request"),
            Self::NoSuchPath => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed { .. } => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            // Whatever is wrong with a link, the client must not learn what.
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
            Self::RangeRequired => (StatusCode::BAD_REQUEST, "range_required"),
            Self::Unsatisfiable { .. } => (StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable"),
            Self::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, "precondition_failed"),
        }
    }

    /// Whether somebody was turned away, as opposed to something being wrong or missing.
    pub(crate) fn is_denial(&self) -> bool {
        matches!(self.terms().0, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
    }

    /// Whether what is stored, or what S3 sent of it, isn't what was written.
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
