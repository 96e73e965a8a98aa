//! A request as the webhook receives it, and this crate's result for it.

use secrecy::SecretString;
use serde::Serialize;
use twilio::{
    callback::form_pairs,
    shared_keys::{Algorithm, SharedKey},
    signature::{SignedBody, sign, sign_shared, verify, verify_shared},
};

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Request {
    pub(crate) url: String,
    pub(crate) body: Body,
    pub(crate) header: String,
    pub(crate) secret: String,
    #[serde(rename = "algorithm", serialize_with = "name")]
    pub(crate) key: Key,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Body {
    None {},
    /// The encoded form, because decoding is compared, too.
    Form(String),
    Raw(String),
}

/// The kind of secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    AuthToken,
    SharedSha1,
    SharedSha256,
}

fn name<S: serde::Serializer>(key: &Key, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match key {
        Key::AuthToken | Key::SharedSha1 => "HMAC_SHA1",
        Key::SharedSha256 => "HMAC_SHA256",
    })
}

impl Body {
    fn with<T>(&self, use_it: impl FnOnce(&SignedBody<'_>) -> T) -> T {
        match self {
            Self::None {} => use_it(&SignedBody::None),
            Self::Form(text) => use_it(&SignedBody::Form(&form_pairs(text.as_bytes()))),
            Self::Raw(text) => use_it(&SignedBody::Raw(text.as_bytes())),
        }
    }
}

impl Body {
    /// Whether its fields have the same order by characters and by UTF-16 units.
    pub(crate) fn is_ordered_alike(&self) -> bool {
        let Self::Form(text) = self else {
            return true;
        };
        let mut by_character = form_pairs(text.as_bytes());
        by_character.sort();
        let units = |text: &String| text.encode_utf16().collect::<Vec<_>>();
        by_character.is_sorted_by_key(|(name, value)| (units(name), units(value)))
    }
}

impl Request {
    /// The signature that Twilio would send for this URL.
    pub(crate) fn signature(&self, url: &str) -> String {
        self.body.with(|body| match self.shared_key() {
            Some(key) => sign_shared(url, body, &key),
            None => sign(url, body, &SecretString::from(&*self.secret)),
        })
    }

    pub(crate) fn is_accepted(&self) -> bool {
        let outcome = self.body.with(|body| match self.shared_key() {
            Some(key) => verify_shared(&self.url, body, &self.header, &key),
            None => verify(&self.url, body, &self.header, &[SecretString::from(&*self.secret)]),
        });
        outcome.is_ok()
    }

    fn shared_key(&self) -> Option<SharedKey> {
        let algorithm = match self.key {
            Key::AuthToken => return None,
            Key::SharedSha1 => Algorithm::HmacSha1,
            Key::SharedSha256 => Algorithm::HmacSha256,
        };
        Some(SharedKey::new(algorithm, self.secret.as_str().into()))
    }
}
