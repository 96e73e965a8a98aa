//! A task's attributes in a response: JSON text in a JSON string.

use std::{fmt, fmt::Write, str};

use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};

/// Reads the field. It may be null, but it must be present. If a response without it counted as a task without
/// attributes, the update would delete all attributes of the task.
///
/// JSON may hold half of a surrogate pair, which a `str` can't hold (RFC 8259, section 8.2). The half is replaced by
/// its escape. That means the same in the attributes, because they are JSON themselves.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<Text>::deserialize(deserializer)?.map(|Text(text)| text))
}

struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Text, E> {
                let text = with_halves_escaped(bytes).ok_or_else(|| E::custom("no text"))?;
                Ok(Text(text))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

/// Converts the bytes from serde_json to text. They are UTF-8, except that half of a surrogate pair is encoded like a
/// character: `ED`, then `A0` to `BF`, then `80` to `BF`.
fn with_halves_escaped(mut bytes: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(bytes.len());
    loop {
        let error = match str::from_utf8(bytes) {
            Ok(rest) => {
                text.push_str(rest);
                return Some(text);
            }
            Err(error) => error,
        };
        let (valid, rest) = bytes.split_at(error.valid_up_to());
        text.push_str(str::from_utf8(valid).ok()?);
        let [0xed, high @ 0xa0..=0xbf, low @ 0x80..=0xbf, rest @ ..] = rest else {
            return None;
        };
        let half = 0xd000 | u16::from(high & 0x3f) << 6 | u16::from(low & 0x3f);
        write!(text, "\\u{half:04x}").ok()?;
        bytes = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_is_escaped_and_nothing_else() {
        for half in 0xd800_u16..=0xdfff {
            let mut quoted = String::new();
            write!(quoted, r#""é\u{half:04X}😀""#).unwrap();
            let Text(text) = serde_json::from_str(&quoted).unwrap();
            assert_eq!(text, format!("é\\u{half:04x}😀"));
        }
        for (bytes, text) in [
            (&b"plain"[..], Some("plain")),
            (b"", Some("")),
            (b"\xed\xa0", None),
            (b"\xff", None),
        ] {
            assert_eq!(with_halves_escaped(bytes).as_deref(), text);
        }
    }

    #[test]
    fn only_a_string_is_text() {
        for other in ["1", "true", "{}", "[]", "[101]"] {
            assert!(serde_json::from_str::<Text>(other).is_err(), "{other}");
        }
    }
}
