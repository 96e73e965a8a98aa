use secrecy::SecretString;
use std::sync::Arc;
/// Secrets Manager with a 5 minute cache; `refresh` goes past it, at most once in 10 s a secret.
#[derive(Clone)]
pub struct Secrets;
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError { #[error("the secret has no usable value")] Missing, #[error("Secrets Manager: {0}")] Unavailable(String) }
impl Secrets {
    pub fn new(config: &aws_config::SdkConfig) -> Self { todo!() }
    /// The secret's text. Empty or placeholder values are `Missing`.
    pub async fn get(&self, id: &str) -> Result<Arc<SecretString>, SecretError> { todo!() }
    pub async fn refresh(&self, id: &str) -> Result<Arc<SecretString>, SecretError> { todo!() }
}
