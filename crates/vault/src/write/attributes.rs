//! The metadata of a recording's object. It is informative only.

use std::collections::BTreeMap;

use crate::suspicion::SUSPECT;

/// The source's description of the recording, stored as object metadata. It is informative only. Keys are lower-case ASCII
/// letters, digits and dashes, and values are printable ASCII. Together they stay under S3's 2 KB. Other entries are left out,
/// and the recording is stored without them.
pub type Attributes = BTreeMap<String, String>;

/// S3 accepts 2 KB of metadata: the sum of the bytes of all keys and values (S3 User Guide, "Working with object
/// metadata"). Emulators accept more.
const METADATA_LIMIT: usize = 2048;

/// The entry that every object has: the SHA-256 of its header in hexadecimal. It identifies the message, so that a commit
/// whose answer was lost is recognized. Every message has its own id, so no two headers are equal.
pub(super) const HEADER_DIGEST: &str = "header-sha256";
const HEADER_DIGEST_LEN: usize = HEADER_DIGEST.len() + 64;

/// The entry of a suspect recording, with the longest value.
const SUSPECT_LEN: usize = SUSPECT.len() + "channels".len();

/// The attributes without those that S3 would refuse or change. The log names the others, but not a value or a key that
/// cannot be stored, because these may be anyone's.
pub(super) fn storable(attributes: &Attributes) -> Attributes {
    let mut left = METADATA_LIMIT - HEADER_DIGEST_LEN - SUSPECT_LEN;
    let mut storable = Attributes::new();
    for (key, value) in attributes {
        let bytes = key.len() + value.len();
        if is_key(key) && is_value(value) && bytes <= left {
            left -= bytes;
            storable.insert(key.clone(), value.clone());
        } else {
            let name = if is_key(key) { key } else { "?" };
            tracing::warn!(attribute = name, "attribute not stored with the recording");
        }
    }
    storable
}

/// A lower-case word that the vault does not use itself.
fn is_key(key: &str) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !key.is_empty() && key.bytes().all(word) && ![HEADER_DIGEST, SUSPECT].contains(&key)
}

fn is_value(value: &str) -> bool {
    value.trim() == value && value.bytes().all(|b| (b' '..=b'~').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(key: &str, value: &str) -> Attributes {
        Attributes::from([(key.to_owned(), value.to_owned())])
    }

    #[test]
    fn everything_up_to_the_limit_is_stored_and_nothing_beyond() {
        let limit = 2048 - 77 - 15;
        let most = one("k", &"v".repeat(limit - 1));
        assert_eq!(storable(&most), most);
        assert_eq!(storable(&one("k", &"v".repeat(limit))), Attributes::new());
        // One that is too large leaves room for those after it.
        let mut three = one("a", "1");
        three.extend(one("b", &"v".repeat(limit)));
        three.extend(one("c", "3"));
        assert_eq!(storable(&three).into_keys().collect::<Vec<_>>(), ["a", "c"]);
    }

    #[test]
    fn keys_are_lower_case_words_of_their_own() {
        assert_eq!(storable(&one("call-sid", "CA1")), one("call-sid", "CA1"));
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
            assert_eq!(storable(&one(key, "v")), Attributes::new(), "{key:?}");
        }
    }

    #[test]
    fn values_are_printable_ascii() {
        for value in ["", "2", "Mon, 23 Nov 2026 06:00:00 +0000"] {
            assert_eq!(storable(&one("k", value)), one("k", value), "{value:?}");
        }
        for value in [" v", "v ", "a\r\nb", "\u{e9}", "\u{7f}"] {
            assert_eq!(storable(&one("k", value)), Attributes::new(), "{value:?}");
        }
    }
}
