//! Secrets of the function, each read as what it is.

use playback_link::KeyRing;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use service::secrets::{SecretError, Secrets};
use twilio::client::Credentials;

/// A secret whose text is a `T`.
pub(crate) struct Secret<T> {
    secrets: Secrets,
    id: String,
    parse: fn(&str) -> Option<T>,
}

impl<T> Secret<T> {
    /// The secret with this name or ARN; a text that `parse` doesn't take counts as missing.
    pub(crate) fn new(secrets: &Secrets, id: String, parse: fn(&str) -> Option<T>) -> Self {
        Self {
            secrets: secrets.clone(),
            id,
            parse,
        }
    }

    /// The value as far as it's known. One that can't be read is asked for anew: it may have been put right meanwhile.
    pub(crate) async fn get(&self) -> Result<T, SecretError> {
        match self.read(&*self.secrets.get(&self.id).await?) {
            Err(SecretError::Missing) => self.refresh().await,
            value => value,
        }
    }

    /// The value as it is now, for a caller whom the known one has failed. Rate-limited by [`Secrets::refresh`].
    pub(crate) async fn refresh(&self) -> Result<T, SecretError> {
        self.read(&*self.secrets.refresh(&self.id).await?)
    }

    fn read(&self, text: &SecretString) -> Result<T, SecretError> {
        (self.parse)(text.expose_secret()).ok_or(SecretError::Missing)
    }
}

/// Auth Tokens that may have signed a callback, from `{"primary":"…","secondary":"…"}`. Twilio signs with the primary
/// one; the other is there for the minutes in which it's being promoted.
pub(crate) fn auth_tokens(text: &str) -> Option<Vec<SecretString>> {
    #[derive(Deserialize)]
    struct AuthTokens {
        primary: String,
        secondary: Option<String>,
    }
    let AuthTokens { primary, secondary } = serde_json::from_str(text).ok()?;
    Some(
        [Some(primary), secondary]
            .into_iter()
            .flatten()
            .map(SecretString::from)
            .collect(),
    )
}

/// The REST API's credentials, from `{"sid":"SK…","secret":"…"}`.
pub(crate) fn api_key(text: &str) -> Option<Credentials> {
    #[derive(Deserialize)]
    struct ApiKey {
        sid: String,
        secret: String,
    }
    let ApiKey { sid, secret } = serde_json::from_str(text).ok()?;
    Some(Credentials {
        user: sid,
        password: secret.into(),
    })
}

/// The keys of segment links, as [`KeyRing::parse`] reads them.
pub(crate) fn key_ring(text: &str) -> Option<KeyRing> {
    KeyRing::parse(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_one_or_two() {
        let tokens = |text| -> Option<Vec<String>> {
            Some(
                auth_tokens(text)?
                    .iter()
                    .map(|token| token.expose_secret().to_owned())
                    .collect(),
            )
        };
        assert_eq!(tokens(r#"{"primary":"a"}"#).unwrap(), ["a"]);
        assert_eq!(tokens(r#"{"primary":"a","secondary":"b"}"#).unwrap(), ["a", "b"]);
        for bad in ["", "a", "{}", r#"{"secondary":"b"}"#, r#"{"primary":1}"#] {
            assert_eq!(tokens(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_api_key_has_a_sid_and_a_secret() {
        let key = api_key(r#"{"sid":"SK1","secret":"s"}"#).unwrap();
        assert_eq!((key.user.as_str(), key.password.expose_secret()), ("SK1", "s"));
        for bad in ["", "{}", r#"{"sid":"SK1"}"#, r#"{"secret":"s"}"#] {
            assert!(api_key(bad).is_none(), "{bad}");
        }
    }
}
