//! The keys that sign and verify links.

use std::{collections::BTreeMap, fmt};

use hmac::{Hmac, KeyInit};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The fewest characters of a key. 43 random alphanumeric characters have 43 × log2(62) = 256 bits, which is the
/// strength of HMAC-SHA256.
const MIN_KEY_CHARS: usize = 43;

/// The most characters of a key id. Each link contains one, so they must be short.
const MAX_KEY_ID_CHARS: usize = 32;

/// The secret's field that names the signing key; every other field is a key.
const CURRENT: &str = "current";

/// Keys by id. The current key signs, and all keys verify.
///
/// Keys are only added and never removed, because links in tasks can't be replaced later.
pub struct KeyRing {
    current: String,
    keys: BTreeMap<String, SecretString>,
}

/// Why a secret isn't a key ring. The error holds none of its values.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyRingError {
    /// The text isn't a JSON object of strings.
    #[error("link keys are not a JSON object of strings")]
    NotAnObject,
    /// `current` is missing, or names a key that the ring doesn't have.
    #[error("link keys name no current key among them")]
    NoCurrentKey,
    /// A key id has characters that a link can't contain.
    #[error("a link key's id is not 1 to {MAX_KEY_ID_CHARS} characters of A-Z, a-z, 0-9, - and _")]
    KeyId,
    /// A key is too short. It may be a placeholder.
    #[error("a link key has fewer than {MIN_KEY_CHARS} characters")]
    ShortKey,
}

impl KeyRing {
    /// Reads `{"current": "k1", "k1": "<random text>"}`, which Secrets Manager's `GenerateSecretString` can generate.
    /// An operator adds a key as another field.
    ///
    /// # Errors
    /// [`KeyRingError`] if the text isn't a usable ring.
    pub fn parse(secret_json: &str) -> Result<Self, KeyRingError> {
        let mut fields: BTreeMap<String, String> =
            serde_json::from_str(secret_json).map_err(|_| KeyRingError::NotAnObject)?;
        let current = fields.remove(CURRENT).ok_or(KeyRingError::NoCurrentKey)?;
        let keys = fields
            .into_iter()
            .map(|(id, key)| {
                if !is_key_id(&id) {
                    return Err(KeyRingError::KeyId);
                }
                if key.chars().count() < MIN_KEY_CHARS {
                    return Err(KeyRingError::ShortKey);
                }
                Ok((id, SecretString::from(key)))
            })
            .collect::<Result<BTreeMap<_, _>, _>>()?;
        if !keys.contains_key(&current) {
            return Err(KeyRingError::NoCurrentKey);
        }
        Ok(Self { current, keys })
    }

    pub(crate) fn current_id(&self) -> &str {
        &self.current
    }

    /// A MAC under the key with this id, if the ring has such a key.
    pub(crate) fn mac(&self, id: &str) -> Option<Hmac<Sha256>> {
        self.keys.get(id).map(|key| {
            Hmac::new_from_slice(key.expose_secret().as_bytes())
                .expect("HMAC takes keys of any length (RFC 2104, section 3)")
        })
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("current", &self.current)
            .field("keys", &self.keys.len())
            .finish()
    }
}

pub(crate) fn is_key_id(text: &str) -> bool {
    (1..=MAX_KEY_ID_CHARS).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";

    fn parse(json: &str) -> Result<KeyRing, KeyRingError> {
        KeyRing::parse(json)
    }

    #[test]
    fn a_generated_secret_is_a_ring() {
        let ring = parse(&format!(r#"{{"current":"k1","k1":"{KEY}"}}"#)).unwrap();
        assert_eq!(ring.current_id(), "k1");
        assert!(ring.mac("k1").is_some());
        assert!(ring.mac("k2").is_none());
    }

    #[test]
    fn a_text_that_is_no_key_ring_is_refused() {
        for (json, error) in [
            ("", KeyRingError::NotAnObject),
            ("[]", KeyRingError::NotAnObject),
            (r#"{"current":1}"#, KeyRingError::NotAnObject),
            ("{}", KeyRingError::NoCurrentKey),
            (r#"{"current":"k1"}"#, KeyRingError::NoCurrentKey),
            (
                &format!(r#"{{"current":"k2","k1":"{KEY}"}}"#),
                KeyRingError::NoCurrentKey,
            ),
            (&format!(r#"{{"current":"k&1","k&1":"{KEY}"}}"#), KeyRingError::KeyId),
            (r#"{"current":"k1","k1":"change-me"}"#, KeyRingError::ShortKey),
        ] {
            assert_eq!(parse(json).unwrap_err(), error, "{json}");
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let ring = parse(&format!(r#"{{"current":"k1","k1":"{KEY}"}}"#)).unwrap();
        assert!(!format!("{ring:?}").contains(KEY));
    }
}
