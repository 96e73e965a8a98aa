//! What this function's own secrets hold.

use playback_link::KeyRing;
use serde::Deserialize;
use twilio::client::Credentials;

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
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn an_api_key_has_a_sid_and_a_secret() {
        let key = api_key(r#"{"sid":"SK1","secret":"s"}"#).unwrap();
        assert_eq!((key.user.as_str(), key.password.expose_secret()), ("SK1", "s"));
        for bad in ["", "{}", r#"{"sid":"SK1"}"#, r#"{"secret":"s"}"#] {
            assert!(api_key(bad).is_none(), "{bad}");
        }
    }
}
