//! The account's Auth Tokens, as the deployment's secret holds them.

use secrecy::SecretString;
use serde::Deserialize;

/// One Auth Token, or two while they are being exchanged.
#[derive(Clone, Debug)]
pub struct AuthTokens {
    /// The one that the account's own calls are made with.
    pub primary: SecretString,
    /// The other one that may have signed a callback, before or after a promotion at Twilio.
    pub secondary: Option<SecretString>,
}

impl AuthTokens {
    /// From `{"primary":"…","secondary":"…"}`, the second optional; None for anything else.
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

    /// All that may have signed a callback, as [`verify`](crate::signature::verify) takes them. Twilio signs with its
    /// primary one; the other is there for the minutes in which it's being promoted.
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
