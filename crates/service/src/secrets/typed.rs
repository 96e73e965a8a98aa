//! A secret with a parsed value.

use std::{fmt, sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};

use super::{
    error::SecretError,
    store::{MAX_OUTAGE, Secrets},
};

/// A secret whose text is parsed into a `T`.
pub struct Secret<T> {
    secrets: Secrets,
    id: Arc<str>,
    parse: fn(&str) -> Option<T>,
    max_outage: Duration,
}

impl<T> Secret<T> {
    /// The secret with this name or ARN. A text that `parse` refuses counts as missing.
    pub fn new(secrets: &Secrets, id: String, parse: fn(&str) -> Option<T>) -> Self {
        Self {
            secrets: secrets.clone(),
            id: id.into(),
            parse,
            max_outage: MAX_OUTAGE,
        }
    }

    /// Limits the age of a known value while Secrets Manager cannot be reached. The limit can't exceed an hour.
    #[must_use]
    pub fn with_max_outage(mut self, max_outage: Duration) -> Self {
        self.max_outage = max_outage;
        self
    }

    /// The known value, younger than five minutes, or than an hour while Secrets Manager cannot be reached. A value that
    /// cannot be parsed is read again, because it may have been corrected meanwhile.
    ///
    /// # Errors
    /// [`SecretError::Missing`] and [`SecretError::Refused`] if it cannot be used, [`SecretError::Unavailable`] if Secrets
    /// Manager cannot be reached and no value is known. After any of them, the secret is not read again for ten seconds.
    pub async fn current(&self) -> Result<T, SecretError> {
        match self.read(&*self.secrets.get(&self.id, self.max_outage).await?) {
            Err(SecretError::Missing) => self.refreshed().await,
            value => value,
        }
    }

    /// The value as it is now, at most ten seconds old, for a caller whose known value was refused.
    ///
    /// # Errors
    /// As [`current`](Self::current), but without the fallback to a known value if Secrets Manager cannot be reached.
    pub async fn refreshed(&self) -> Result<T, SecretError> {
        self.read(&*self.secrets.refresh(&self.id).await?)
    }

    fn read(&self, text: &SecretString) -> Result<T, SecretError> {
        (self.parse)(text.expose_secret()).ok_or(SecretError::Missing)
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("id", &self.id).finish_non_exhaustive()
    }
}
