//! The account's Auth Tokens, in the form of the deployment's secret.

use secrecy::SecretString;
use serde::Deserialize;

/// One Auth Token, or two while one replaces the other.
#[derive(Clone, Debug)]
pub struct AuthTokens {
    /// The token for this project's own requests.
    pub primary: SecretString,
    /// The other token that may have signed a callback, before or after a promotion at Twilio.
    pub secondary: Option<SecretString>,
}

impl AuthTokens {
    /// Parses `{"primary":"…","secondary":"…"}`, in which `secondary` is optional. `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Fields {
            primary: String,
            secondary: Option<String>,
        }
        let Fields { primary, secondary } = serde_json::from_str(text).ok()?;
        Some(Self {
            primary: primary.into(),
            secondary: secondary.map(SecretString::from),
        })
    }

    /// All tokens that may have signed a callback, in the form that [`verify`](crate::signature::verify) expects.
    /// Twilio signs with its primary token. The other one counts while it is being promoted.
    #[must_use]
    pub fn into_vec(self) -> Vec<SecretString> {
        [Some(self.primary), self.secondary].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn tokens_are_one_or_two_and_the_primary_is_first() {
        let tokens = |text| -> Option<Vec<String>> {
            let all = AuthTokens::parse(text)?.into_vec();
            Some(all.iter().map(|token| token.expose_secret().to_owned()).collect())
        };
        assert_eq!(tokens(r#"{"primary":"a"}"#).unwrap(), ["a"]);
        assert_eq!(tokens(r#"{"secondary":"b","primary":"a"}"#).unwrap(), ["a", "b"]);
        for bad in ["", "a", "{}", r#"{"secondary":"b"}"#, r#"{"primary":1}"#] {
            assert_eq!(tokens(bad), None, "{bad}");
        }
    }

    #[test]
    fn debug_hides_them() {
        let tokens = AuthTokens::parse(r#"{"primary":"canary","secondary":"canary"}"#).unwrap();
        assert!(!format!("{tokens:?}").contains("canary"));
    }
}
