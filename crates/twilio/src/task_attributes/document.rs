//! Edits of JSON text that change one place and keep every other byte.
//!
//! serde_json finds the places, because its raw values are slices of the text. It reads raw values without recursion
//! and keeps their escapes. It therefore accepts deep nesting and half of a surrogate pair (`"\ud83d"`, which
//! JavaScript writes when it cuts an emoji in two). Both are legal JSON (RFC 8259, sections 8.2 and 9).

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// The kind of a JSON value, as far as links need it.
pub(super) enum Shape<'a> {
    Null,
    Object(Object<'a>),
    Array(Array<'a>),
    Other,
}

/// An object with its members in order.
pub(super) struct Object<'a> {
    text: &'a str,
    members: Vec<(Vec<u8>, &'a RawValue)>,
}

/// An array with its elements in order.
pub(super) struct Array<'a> {
    text: &'a str,
    pub(super) elements: Vec<&'a RawValue>,
}

/// New text for a part of the document. The replaced part is empty if text is only added.
#[derive(Debug)]
pub(super) struct Edit<'a> {
    replaced: &'a str,
    text: String,
}

/// The document's value. A byte order mark before it is ignored.
pub(super) fn root(document: &str) -> Option<&RawValue> {
    serde_json::from_str(document.strip_prefix('\u{feff}').unwrap_or(document)).ok()
}

/// The value at this path of keys.
pub(super) fn find<'a>(from: &'a RawValue, path: &[&str]) -> Option<&'a RawValue> {
    path.iter().try_fold(from, |value, key| match shape(value) {
        Shape::Object(object) => object.get(key),
        _ => None,
    })
}

/// The characters of a string. `None` for any other value, and for a string with half of a surrogate pair.
pub(super) fn string(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

pub(super) fn shape(value: &RawValue) -> Shape<'_> {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'n') => Shape::Null,
        Some(b'{') => {
            serde_json::from_str(text).map_or(Shape::Other, |Members(members)| Shape::Object(Object { text, members }))
        }
        Some(b'[') => {
            serde_json::from_str(text).map_or(Shape::Other, |elements| Shape::Array(Array { text, elements }))
        }
        _ => Shape::Other,
    }
}

impl<'a> Object<'a> {
    /// The value of the key. If an object has the key twice, the last one counts, as in all known readers.
    pub(super) fn get(&self, key: &str) -> Option<&'a RawValue> {
        let named = self.members.iter().rfind(|(name, _)| name == key.as_bytes());
        named.map(|(_, value)| *value)
    }

    pub(super) fn append(&self, key: &str, value: &str) -> Edit<'a> {
        let last = self.members.last().map(|(_, value)| *value);
        add(self.text, last, member(key, value))
    }
}

impl<'a> Array<'a> {
    pub(super) fn append(&self, value: String) -> Edit<'a> {
        add(self.text, self.elements.last().copied(), value)
    }
}

/// Adds text after the last value of a container, or after the opening bracket of an empty one.
fn add<'a>(container: &'a str, last: Option<&'a RawValue>, text: String) -> Edit<'a> {
    match last {
        Some(last) => Edit {
            replaced: &last.get()[last.get().len()..],
            text: format!(",{text}"),
        },
        None => Edit {
            replaced: &container[1..1],
            text,
        },
    }
}

/// `"key":value`.
pub(super) fn member(key: &str, value: &str) -> String {
    format!("{}:{value}", serde_json::Value::from(key))
}

impl<'a> Edit<'a> {
    pub(super) fn replace(value: &'a RawValue, text: String) -> Self {
        Self {
            replaced: value.get(),
            text,
        }
    }

    /// The document with its new text. The replaced part must be a slice of `document`.
    pub(super) fn apply(self, document: &str) -> String {
        let start = self.replaced.as_ptr().addr() - document.as_ptr().addr();
        let (before, rest) = document.split_at(start);
        [before, &self.text, &rest[self.replaced.len()..]].concat()
    }
}

/// The document without its insignificant white space.
pub(super) fn without_white_space(document: &str) -> String {
    let (mut in_string, mut is_escaped) = (false, false);
    let is_kept = |character: &char| {
        let is_kept = in_string || !matches!(character, ' ' | '\t' | '\n' | '\r');
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => in_string = !in_string,
            _ => {}
        }
        is_kept
    };
    document.chars().filter(is_kept).collect()
}

struct Members<'a>(Vec<(Vec<u8>, &'a RawValue)>);

/// A key in bytes, because a key with half of a surrogate pair isn't a `str`.
struct Key(Vec<u8>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Key(key), value)) = map.next_entry()? {
                    members.push((key, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Key, E> {
                Ok(Key(bytes.to_owned()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}
