use crate::{client::{ApiError, Client}, sid::WorkerSid};
/// The Player's `Authorization: Basic base64("token:" + JWE)`, taken apart leniently; Debug never shows the token.
#[derive(Clone)]
pub struct FlexToken;
impl FlexToken {
    /// None when the header isn't Basic, isn't base64 (padding optional), or its user isn't `token`.
    pub fn from_authorization(header: &str) -> Option<Self> { todo!() }
    /// SHA-256 of the token, for caches.
    pub fn fingerprint(&self) -> [u8; 32] { todo!() }
}
/// Who Twilio says the token belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener { pub identity: Option<String>, pub worker_sid: Option<WorkerSid>, pub roles: Vec<String>, /// Unix milliseconds
    pub expires_ms: i64 }
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Twilio says it isn't valid (or it has expired).
    #[error("the token is not valid")] Invalid,
    /// No answer to go by: fail closed.
    #[error("the token could not be checked: {0}")] Unavailable(#[from] ApiError),
}
impl Client {
    /// POST /v1/Accounts/{AC}/Tokens/validate, authenticated by the Player's own header (Twilio's own sample does so).
    pub async fn validate_flex_token(&self, token: &FlexToken) -> Result<Listener, TokenError> { todo!() }
}
