//! The credentials of a call.

use secrecy::SecretString;
use serde::Deserialize;

/// The user and password of Basic authentication. They are the SID and secret of an API key (preferred), or the
/// AccountSid and the Auth Token.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// `SK…` or `AC…`.
    pub user: String,
    /// The API key's secret, or the Auth Token.
    pub password: SecretString,
}

impl Credentials {
    /// Parses an API key in the form of the deployment's secret, `{"sid":"SK…","secret":"…"}`. `None` for any other
    /// text.
    #[must_use]
    pub fn parse_api_key(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct ApiKey {
            sid: String,
            secret: String,
        }
        let ApiKey { sid, secret } = serde_json::from_str(text).ok()?;
        Some(Self {
            user: sid,
            password: secret.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn an_api_key_has_a_sid_and_a_secret() {
        let key = Credentials::parse_api_key(r#"{"sid":"SK1","secret":"s"}"#).unwrap();
        assert_eq!((key.user.as_str(), key.password.expose_secret()), ("SK1", "s"));
        for bad in ["", "{}", r#"{"sid":"SK1"}"#, r#"{"secret":"s"}"#] {
            assert!(Credentials::parse_api_key(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn debug_of_credentials_hides_the_password() {
        let credentials = Credentials {
            user: "SK1".to_owned(),
            password: SecretString::from("canary"),
        };
        let shown = format!("{credentials:?}");
        assert!(shown.contains("SK1") && !shown.contains("canary"), "{shown}");
    }
}
