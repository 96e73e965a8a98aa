//! Why a token is refused.

use crate::client::ApiError;

/// Why a token doesn't allow its holder to listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It doesn't have the shape of a Flex token. No request was sent to Twilio.
    #[error("the token is not a compact JWE")]
    Malformed,
    /// Twilio says that it isn't valid, it has expired, or it belongs to another account.
    #[error("the token is not valid")]
    Invalid,
    /// Twilio gave no usable answer. The token is refused then.
    #[error("the token could not be checked: {0}")]
    Unavailable(#[from] ApiError),
}
