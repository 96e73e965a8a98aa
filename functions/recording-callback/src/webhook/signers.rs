//! The accepted signers of callbacks: the account's Auth Token, SharedKeys, or both.

use service::secrets::{Secret, retry_refused};
use twilio::{
    auth_tokens::AuthTokens,
    shared_keys::{SharedKeys, SignatureSettings},
    signature::SignatureError,
};

use super::{
    refusal::Refusal,
    request::{CallbackRequest, SignedBy},
};

/// A signer is accepted only if its secret is configured.
pub(crate) struct Signers {
    pub(crate) auth_tokens: Option<Secret<AuthTokens>>,
    pub(crate) shared_keys: Option<Secret<SharedKeys>>,
}

impl Signers {
    /// Verifies the signature of the signer that the request claims. A request with an unknown key is never verified under
    /// the Auth Token instead.
    pub(crate) async fn verify(&self, request: &CallbackRequest, base: Option<&str>) -> Result<(), Refusal> {
        match request.signed_by() {
            SignedBy::AuthToken => by_auth_token(self.auth_tokens.as_ref(), request, base).await,
            SignedBy::SharedKey(settings) => by_shared_key(self.shared_keys.as_ref(), request, base, settings).await,
        }
    }
}

async fn by_auth_token(
    secret: Option<&Secret<AuthTokens>>,
    request: &CallbackRequest,
    base: Option<&str>,
) -> Result<(), Refusal> {
    let secret = secret.ok_or(SignatureError::NotAccepted)?;
    let is_refused = |error: &SignatureError| matches!(error, SignatureError::Mismatch);
    let verify = |tokens: AuthTokens| async move { request.verify(base, &tokens.into_vec()) };
    let verdict = retry_refused(secret, is_refused, verify).await;
    Ok(verdict.map_err(Refusal::AuthToken)??)
}

async fn by_shared_key(
    secret: Option<&Secret<SharedKeys>>,
    request: &CallbackRequest,
    base: Option<&str>,
    settings: &SignatureSettings,
) -> Result<(), Refusal> {
    let secret = secret.ok_or(SignatureError::NotAccepted)?;
    // The key may also have been added since the secret was last read.
    let is_refused = |error: &SignatureError| matches!(error, SignatureError::UnknownKey | SignatureError::Mismatch);
    let verify = |keys: SharedKeys| async move {
        let key = keys.get(settings).ok_or(SignatureError::UnknownKey)?;
        request.verify_shared(base, key)
    };
    let verdict = retry_refused(secret, is_refused, verify).await;
    Ok(verdict.map_err(Refusal::SharedKeys)??)
}
