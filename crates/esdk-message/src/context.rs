//! The encryption context: pairs in the clear that both KMS and the header tag authenticate.

use std::collections::BTreeMap;

use crate::{
    error::{ContextError, HeaderError},
    profile::MAX_HEADER_LEN,
};

/// AWS reserves keys with this prefix. `aws-crypto-public-key` would claim a signed suite.
const RESERVED_PREFIX: &str = "aws-crypto-";

/// Bytes of a pair besides its two texts: a two-byte length before each.
const PAIR_OVERHEAD: usize = 2 + 2;

/// Bytes before the pairs of a non-empty context: their two-byte count.
pub(crate) const COUNT_LEN: usize = 2;

/// Pairs of text that are bound to a message. They are stored in its header in the clear. The header tag and KMS authenticate
/// them.
///
/// Keys are unique and in byte order. No key or value is empty, and no key is reserved. The whole context is at most
/// [`MAX_HEADER_LEN`] bytes long, so that every length fits its two-byte field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncryptionContext {
    pairs: BTreeMap<String, String>,
    /// Stored length of the pairs, without their count.
    pairs_len: usize,
}

impl EncryptionContext {
    /// A context of these pairs. Their order does not matter.
    ///
    /// # Errors
    ///
    /// [`HeaderError::Context`] for the first pair that is empty, reserved (`aws-crypto-…`) or repeats a key, or that makes the
    /// context longer than a header may be.
    pub fn new<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Result<Self, HeaderError> {
        let mut context = Self::default();
        for (index, (key, value)) in pairs.into_iter().enumerate() {
            context
                .insert(key.into(), value.into())
                .map_err(|reason| HeaderError::Context { index, reason })?;
        }
        Ok(context)
    }

    /// The value stored under `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs.get(key).map(String::as_str)
    }

    /// All pairs, in the byte order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    pub(crate) fn insert(&mut self, key: String, value: String) -> Result<(), ContextError> {
        if key.is_empty() || value.is_empty() {
            return Err(ContextError::Empty);
        }
        if key.starts_with(RESERVED_PREFIX) {
            return Err(ContextError::Reserved);
        }
        if self.pairs.contains_key(&key) {
            return Err(ContextError::Duplicate);
        }
        let pairs_len = self.pairs_len + PAIR_OVERHEAD + key.len() + value.len();
        if COUNT_LEN + pairs_len > MAX_HEADER_LEN {
            return Err(ContextError::TooLong);
        }
        self.pairs_len = pairs_len;
        self.pairs.insert(key, value);
        Ok(())
    }

    /// Appends the context as a header stores it: its length, then the count and the pairs. An empty context is stored as
    /// length 0 and nothing else.
    pub(crate) fn encode_into(&self, header: &mut Vec<u8>) {
        if self.pairs.is_empty() {
            push_len(header, 0);
            return;
        }
        push_len(header, COUNT_LEN + self.pairs_len);
        push_len(header, self.pairs.len());
        for (key, value) in self.iter() {
            for text in [key, value] {
                push_len(header, text.len());
                header.extend_from_slice(text.as_bytes());
            }
        }
    }
}

fn push_len(header: &mut Vec<u8>, len: usize) {
    let len = u16::try_from(len).expect("every length in a context is at most MAX_HEADER_LEN, below 2^16");
    header.extend_from_slice(&len.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(pairs: &[(&str, &str)]) -> HeaderError {
        EncryptionContext::new(pairs.iter().copied()).expect_err("the pairs must be refused")
    }

    #[test]
    fn pairs_come_back_sorted_by_key_bytes() {
        let context = EncryptionContext::new([("b", "2"), ("é", "4"), ("a", "1"), ("B", "3")]).unwrap();
        assert_eq!(
            context.iter().map(|(key, _)| key).collect::<Vec<_>>(),
            ["B", "a", "b", "é"]
        );
        assert_eq!(context.get("b"), Some("2"));
        assert_eq!(context.get("c"), None);
    }

    #[test]
    fn refused_pairs_are_named() {
        let at = |index, reason| HeaderError::Context { index, reason };
        assert_eq!(refusal(&[("a", "1"), ("", "2")]), at(1, ContextError::Empty));
        assert_eq!(refusal(&[("a", "")]), at(0, ContextError::Empty));
        assert_eq!(refusal(&[("a", "1"), ("a", "1")]), at(1, ContextError::Duplicate));
        assert_eq!(
            refusal(&[("aws-crypto-public-key", "x")]),
            at(0, ContextError::Reserved)
        );
        let long = "x".repeat(MAX_HEADER_LEN);
        assert_eq!(refusal(&[("a", "1"), ("b", &long)]), at(1, ContextError::TooLong));
    }

    #[test]
    fn an_empty_context_is_its_length_alone() {
        let mut header = Vec::new();
        EncryptionContext::default().encode_into(&mut header);
        assert_eq!(header, [0, 0]);
    }

    #[test]
    fn encoding_is_count_then_length_prefixed_texts() {
        let mut header = Vec::new();
        EncryptionContext::new([("k2", "v"), ("k1", "vw")])
            .unwrap()
            .encode_into(&mut header);
        assert_eq!(header, b"\x00\x11\x00\x02\x00\x02k1\x00\x02vw\x00\x02k2\x00\x01v");
    }
}
