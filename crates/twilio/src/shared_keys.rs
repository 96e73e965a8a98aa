//! SharedKeys: keys for webhooks alone, with which Twilio signs instead of the account's Auth Token.
//!
//! Source: Twilio, *Sign webhooks with shared keys* (`twilio.com/docs/usage/webhooks/webhook-shared-keys`, public beta;
//! "not PCI compliant or a HIPAA Eligible Service").

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::Deserialize;

/// A key and its algorithm. No other algorithm is accepted with the key.
#[derive(Clone, Debug)]
pub struct SharedKey {
    pub(crate) algorithm: Algorithm,
    pub(crate) secret: SecretString,
}

/// The algorithm of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// HMAC-SHA1, 20 bytes, as with the Auth Token.
    #[serde(rename = "HMAC_SHA1")]
    HmacSha1,
    /// HMAC-SHA256, 32 bytes.
    #[serde(rename = "HMAC_SHA256")]
    HmacSha256,
}

/// Keys by id, in the form of the deployment's secret. There are several while one replaces another.
#[derive(Clone, Debug)]
pub struct SharedKeys(BTreeMap<String, SharedKey>);

/// The header `X-Twilio-Webhooks-Signature-Settings`: the key that signed the request, and the algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureSettings {
    key: String,
    algorithm: Algorithm,
}

impl SharedKey {
    /// A key with this algorithm and secret.
    #[must_use]
    pub const fn new(algorithm: Algorithm, secret: SecretString) -> Self {
        Self { algorithm, secret }
    }
}

impl Algorithm {
    pub(crate) const fn mac_len(self) -> usize {
        match self {
            Self::HmacSha1 => 20,
            Self::HmacSha256 => 32,
        }
    }

    /// Twilio's libraries ignore the case of the name.
    fn named(name: &str) -> Option<Self> {
        match &*name.to_ascii_uppercase() {
            "HMAC_SHA1" => Some(Self::HmacSha1),
            "HMAC_SHA256" => Some(Self::HmacSha256),
            _ => None,
        }
    }
}

impl SharedKeys {
    /// Parses `{"<key id>":{"algorithm":"HMAC_SHA256","secret":"…"}}` with one key or more. `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Fields {
            algorithm: Algorithm,
            secret: String,
        }
        let keys: BTreeMap<String, Fields> = serde_json::from_str(text).ok()?;
        let key = |Fields { algorithm, secret }| SharedKey::new(algorithm, secret.into());
        let keys: BTreeMap<_, _> = keys.into_iter().map(|(id, fields)| (id, key(fields))).collect();
        (!keys.is_empty()).then_some(Self(keys))
    }

    /// The key that the settings name, if its algorithm is the one in the settings.
    #[must_use]
    pub fn get(&self, settings: &SignatureSettings) -> Option<&SharedKey> {
        let key = self.0.get(&settings.key)?;
        (key.algorithm == settings.algorithm).then_some(key)
    }
}

impl SignatureSettings {
    /// Parses `key=<id>,algorithm=<name>`. The default algorithm is HMAC-SHA1, as in Twilio's libraries. `None` if the
    /// key is missing, if the algorithm is unknown, or if either appears twice (an HTTP API joins repeated headers with
    /// a comma).
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let (mut key, mut algorithm) = (None, None);
        for part in header.split(',') {
            let Some((name, value)) = part.split_once('=') else {
                continue;
            };
            let place = match name.trim() {
                "key" => &mut key,
                "algorithm" => &mut algorithm,
                _ => continue,
            };
            if place.replace(value.trim()).is_some() {
                return None;
            }
        }
        Some(Self {
            key: key.filter(|key| !key.is_empty())?.to_owned(),
            algorithm: match algorithm.filter(|name| !name.is_empty()) {
                Some(name) => Algorithm::named(name)?,
                None => Algorithm::HmacSha1,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn settings(key: &str, algorithm: Algorithm) -> SignatureSettings {
        SignatureSettings {
            key: key.to_owned(),
            algorithm,
        }
    }

    #[test]
    fn settings_name_a_key_and_an_algorithm() {
        let (sha1, sha256) = (Algorithm::HmacSha1, Algorithm::HmacSha256);
        for (header, key, algorithm) in [
            ("key=k1,algorithm=HMAC_SHA256", "k1", sha256),
            ("algorithm=HMAC_SHA1,key=k1", "k1", sha1),
            (" key = k1 , algorithm = hmac_sha256 ", "k1", sha256),
            ("key=k1", "k1", sha1),
            ("key=k1,algorithm=", "k1", sha1),
            ("key=k=1,new=x,newer", "k=1", sha1),
        ] {
            assert_eq!(
                SignatureSettings::parse(header),
                Some(settings(key, algorithm)),
                "{header}"
            );
        }
        for header in [
            "",
            "k1",
            "key=,algorithm=HMAC_SHA256",
            "algorithm=HMAC_SHA256",
            "Key=k1",
            "key=k1,algorithm=HMAC_MD5",
            "key=k1,key=k1",
            "key=k1,algorithm=HMAC_SHA256,key=k2,algorithm=HMAC_SHA1",
        ] {
            assert_eq!(SignatureSettings::parse(header), None, "{header}");
        }
    }

    #[test]
    fn a_key_is_found_by_its_id_and_algorithm_together() {
        let keys = SharedKeys::parse(
            r#"{"old":{"algorithm":"HMAC_SHA1","secret":"a"},"new":{"algorithm":"HMAC_SHA256","secret":"b"}}"#,
        )
        .unwrap();
        let secret = |key, algorithm| {
            let key = keys.get(&settings(key, algorithm))?;
            Some(key.secret.expose_secret().to_owned())
        };
        assert_eq!(secret("old", Algorithm::HmacSha1).unwrap(), "a");
        assert_eq!(secret("new", Algorithm::HmacSha256).unwrap(), "b");
        assert_eq!(secret("old", Algorithm::HmacSha256), None);
        assert_eq!(secret("new", Algorithm::HmacSha1), None);
        assert_eq!(secret("other", Algorithm::HmacSha1), None);
    }

    #[test]
    fn a_secret_without_keys_is_none() {
        for text in [
            "",
            "{}",
            "[]",
            r#"{"k":"secret"}"#,
            r#"{"k":{"secret":"s"}}"#,
            r#"{"k":{"algorithm":"HMAC_SHA256"}}"#,
            r#"{"k":{"algorithm":"HMAC_MD5","secret":"s"}}"#,
        ] {
            assert!(SharedKeys::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn debug_hides_them() {
        let keys = SharedKeys::parse(r#"{"k":{"algorithm":"HMAC_SHA1","secret":"canary"}}"#).unwrap();
        assert!(!format!("{keys:?}").contains("canary"));
    }
}
