//! A secret read as what it is.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use super::{SecretError, Secrets};

/// A secret whose text is a `T`.
pub struct Secret<T> {
    secrets: Secrets,
    id: String,
    parse: fn(&str) -> Option<T>,
}

impl<T> Secret<T> {
    /// The secret with this name or ARN; a text that `parse` doesn't take counts as missing.
    pub fn new(secrets: &Secrets, id: String, parse: fn(&str) -> Option<T>) -> Self {
        Self {
            secrets: secrets.clone(),
            id,
            parse,
        }
    }

    /// The value as far as it's known. One that can't be read is asked for anew: it may have been put right meanwhile.
    ///
    /// # Errors
    /// [`SecretError::Missing`] where it can't be used, [`SecretError::Unavailable`] where it can't be had.
    pub async fn get(&self) -> Result<T, SecretError> {
        match self.read(&*self.secrets.get(&self.id).await?) {
            Err(SecretError::Missing) => self.refresh().await,
            value => value,
        }
    }

    /// The value as it is now, for a caller whom the known one has failed. Rate-limited by [`Secrets::refresh`].
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn refresh(&self) -> Result<T, SecretError> {
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
