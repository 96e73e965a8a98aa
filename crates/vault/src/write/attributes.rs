//! What is said of a recording beside its bytes: object metadata, informative only.

use std::collections::BTreeMap;

use crate::suspicion::SUSPECT;

/// What Twilio said of the recording, stored as object metadata; informative only. Keys are lower-case ASCII letters,
/// digits and dashes, values printable ASCII, all of it under S3's 2 KB.
pub type Attributes = BTreeMap<String, String>;

/// S3 takes 2 KB of metadata: the sum of the bytes of all keys and values (S3 User Guide, "Working with object
/// metadata"). Emulators take more.
const METADATA_LIMIT: usize = 2048;

/// The entry of ours that is always there: which message an object is, by the SHA-256 of its header in hexadecimal. A commit whose
/// answer was lost is recognised by it. Every message has an id of its own, so no two headers are alike.
pub(super) const HEADER_DIGEST: &str = "header-sha256";
const HEADER_DIGEST_LEN: usize = HEADER_DIGEST.len() + 64;

/// The other one, at its longest.
const SUSPECT_LEN: usize = SUSPECT.len() + "channels".len();

/// Attributes that S3 wouldn't take, or not give back as they are. Values aren't repeated: they may be anyone's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttributeError {
    /// A key that's no lower-case word, or is the vault's own.
    #[error("attribute {index} has a key that is no lower-case word of its own")]
    Key {
        /// Position among the sorted keys, 0-based.
        index: usize,
    },
    /// A value that isn't printable ASCII, or begins or ends with a space.
    #[error("attribute {index} has a value that is not printable ASCII")]
    Value {
        /// Position among the sorted keys, 0-based.
        index: usize,
    },
    /// More than S3 takes.
    #[error("attributes of {bytes} bytes are over the limit of {limit}")]
    TooLarge {
        /// All keys and values.
        bytes: usize,
        /// What is left beside the vault's own entries.
        limit: usize,
    },
}

pub(super) fn review(attributes: &Attributes) -> Result<(), AttributeError> {
    for (index, (key, value)) in attributes.iter().enumerate() {
        let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if key.is_empty() || !key.bytes().all(word) || key == HEADER_DIGEST || key == SUSPECT {
            return Err(AttributeError::Key { index });
        }
        if value.trim() != value || !value.bytes().all(|b| (b' '..=b'~').contains(&b)) {
            return Err(AttributeError::Value { index });
        }
    }
    let bytes = attributes.iter().map(|(key, value)| key.len() + value.len()).sum();
    let limit = METADATA_LIMIT - HEADER_DIGEST_LEN - SUSPECT_LEN;
    if bytes > limit {
        return Err(AttributeError::TooLarge { bytes, limit });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(key: &str, value: &str) -> Attributes {
        Attributes::from([(key.to_owned(), value.to_owned())])
    }

    #[test]
    fn everything_up_to_the_limit_is_taken_and_nothing_beyond() {
        let limit = 2048 - 77 - 15;
        assert_eq!(review(&one("k", &"v".repeat(limit - 1))), Ok(()));
        assert_eq!(
            review(&one("k", &"v".repeat(limit))),
            Err(AttributeError::TooLarge {
                bytes: limit + 1,
                limit
            })
        );
    }

    #[test]
    fn keys_are_lower_case_words_of_their_own() {
        assert_eq!(review(&one("call-sid", "CA1")), Ok(()));
        for key in [
            "",
            "Call",
            "call_sid",
            "call sid",
            "caf\u{e9}",
            "a:b",
            HEADER_DIGEST,
            SUSPECT,
        ] {
            assert_eq!(review(&one(key, "v")), Err(AttributeError::Key { index: 0 }), "{key:?}");
        }
    }

    #[test]
    fn values_are_printable_ascii() {
        for value in ["", "2", "Mon, 23 Nov 2026 06:00:00 +0000"] {
            assert_eq!(review(&one("k", value)), Ok(()), "{value:?}");
        }
        for value in [" v", "v ", "a\r\nb", "\u{e9}", "\u{7f}"] {
            assert_eq!(
                review(&one("k", value)),
                Err(AttributeError::Value { index: 0 }),
                "{value:?}"
            );
        }
    }
}
