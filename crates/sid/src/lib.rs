//! String identifiers (SIDs): two letters that name the kind, then 32 hexadecimal digits.
//!
//! Every function that builds a URL, an object key or a TaskRouter expression from a SID takes one of these types, so no
//! unchecked text can get into one. A SID is a name and not a secret, so it may be logged.

use std::fmt;

/// The text isn't a SID of the expected kind. The text itself isn't kept.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{kind} must be {prefix} and 32 hexadecimal digits")]
pub struct InvalidSid {
    /// Name of the type that refused the text.
    pub kind: &'static str,
    /// The type's two letters.
    pub prefix: &'static str,
}

/// Digits after the prefix: 128 bits in hexadecimal.
const DIGITS: usize = 32;

fn is_sid(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|digits| digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

macro_rules! sid {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
        pub struct $name(String);

        impl $name {
            /// Parses the text, and keeps the case of its digits: `^
            #[doc = $prefix]
            /// [0-9a-fA-F]{32}$`.
            ///
            /// # Errors
            ///
            /// [`InvalidSid`] if `text` has another form.
            pub fn parse(text: &str) -> Result<Self, InvalidSid> {
                if is_sid(text, $prefix) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidSid { kind: stringify!($name), prefix: $prefix })
                }
            }

            /// The SID's 34 ASCII characters.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

sid!(
    /// A Twilio account or subaccount.
    AccountSid, "AC"
);
sid!(
    /// A call recording.
    RecordingSid, "RE"
);
sid!(
    /// One leg of a call.
    CallSid, "CA"
);
sid!(
    /// A conference that joins legs of calls.
    ConferenceSid, "CF"
);
sid!(
    /// A TaskRouter task.
    TaskSid, "WT"
);
sid!(
    /// A worker's hold on a task.
    ReservationSid, "WR"
);
sid!(
    /// A TaskRouter workspace.
    WorkspaceSid, "WS"
);
sid!(
    /// A TaskRouter worker: a Flex agent or supervisor.
    WorkerSid, "WK"
);
sid!(
    /// A public key that a customer has uploaded to Twilio.
    PublicKeySid, "CR"
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_well_formed_sid_survives_text_and_json(text in "RE[0-9a-fA-F]{32}") {
            let sid = RecordingSid::parse(&text).unwrap();
            prop_assert_eq!(sid.as_str(), &text);
            prop_assert_eq!(sid.to_string(), text);
            let json = serde_json::to_string(&sid).unwrap();
            prop_assert_eq!(serde_json::from_str::<RecordingSid>(&json).unwrap(), sid);
        }

        #[test]
        fn any_single_foreign_character_is_refused(
            text in "WT[0-9a-f]{32}", at in 0usize..34, foreign in "[g-zG-Z'\\u{e9}\\u{661} /%\\n]",
        ) {
            prop_assume!(text[at..=at] != foreign);
            let mut broken = text.clone();
            broken.replace_range(at..=at, &foreign);
            prop_assert!(TaskSid::parse(&broken).is_err());
        }
    }

    #[test]
    fn length_and_prefix_are_exact() {
        let sid = format!("AC{}", "0".repeat(32));
        assert!(AccountSid::parse(&sid).is_ok());
        assert!(CallSid::parse(&sid).is_err());
        assert!(AccountSid::parse(&sid.to_lowercase()).is_err());
        for len in (0..34).chain(35..40) {
            let text: String = sid.chars().chain("000000".chars()).take(len).collect();
            assert!(AccountSid::parse(&text).is_err(), "{len} characters");
        }
        assert!(AccountSid::parse(&format!("{sid}\n")).is_err());
    }

    #[test]
    fn sids_of_another_kind_or_width_are_refused() {
        const DIGITS: &str = "0123456789abcdef0123456789abcdef";
        for text in [
            String::new(),
            DIGITS.to_owned(),
            format!("CA{DIGITS}"),
            format!("re{DIGITS}"),
            format!("RE{DIGITS}0"),
            format!("RE{}", &DIGITS[1..]),
            format!("RE{}g", &DIGITS[1..]),
            format!("RE{}/", &DIGITS[1..]),
            format!("RE{}é", &DIGITS[2..]),
            format!(" RE{DIGITS}"),
        ] {
            assert!(RecordingSid::parse(&text).is_err(), "{text:?}");
        }
        let capitals = format!("RE{}", DIGITS.to_uppercase());
        assert_eq!(RecordingSid::parse(&capitals).unwrap().as_str(), capitals);
        assert!(AccountSid::parse(&format!("AC{DIGITS}")).is_ok());
        assert!(AccountSid::parse(&format!("RE{DIGITS}")).is_err());
    }

    #[test]
    fn the_error_names_the_kind_and_never_the_text() {
        let error = WorkerSid::parse("canary").unwrap_err();
        assert_eq!(error.to_string(), "WorkerSid must be WK and 32 hexadecimal digits");
        let error = serde_json::from_str::<WorkerSid>("\"canary\"").unwrap_err();
        assert!(!error.to_string().contains("canary"));
    }
}
