//! Why a secret can't be used.

/// Why a secret can't be used. Never holds a value.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The secret doesn't exist, it has no value yet, or a part of its value is empty or a placeholder.
    #[error("the secret has no usable value")]
    Missing,
    /// Secrets Manager refused the request, for example because access is denied, the secret is marked for deletion, or its KMS
    /// key is disabled.
    #[error("Secrets Manager refused the secret: {0}")]
    Refused(String),
    /// Secrets Manager could not be reached, throttled the request, or failed.
    #[error("Secrets Manager cannot be reached: {0}")]
    Unavailable(String),
}
