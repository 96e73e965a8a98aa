//! The encryption context of a recording. KMS and the header bind the stored bytes to it.
//!
//! It is cleartext (in the object's header and in CloudTrail), so it holds no names and no numbers of callers. Every
//! value has a fixed width in one deployment, and so does the header. A reader can therefore request a recording's frames
//! before it knows the length of the header.

use esdk_message::{EncryptionContext, HeaderError};
use sid::{AccountSid, RecordingSid};

use crate::ContentType;

const ACCOUNT: &str = "accountsid";
const RECORDING: &str = "recordingsid";
const CONTENT_TYPE: &str = "contenttype";
const PLAINTEXT_LENGTH: &str = "plaintextlength";

/// `u64::MAX` has 20 decimal digits.
const LENGTH_WIDTH: usize = 20;
/// The value if the source announced no length. It is as wide as a length.
const LENGTH_UNKNOWN: &str = "unknown-------------";

/// The facts in the context beyond the recording's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContextFacts {
    /// The Content-Type that is served comes only from here.
    pub(crate) content_type: ContentType,
    /// `None` if the source announced no length. The final frame shows it then.
    pub(crate) plaintext_len: Option<u64>,
}

/// The context under which `recording` is sealed.
pub(crate) fn build(
    account: &AccountSid,
    recording: &RecordingSid,
    facts: ContextFacts,
) -> Result<EncryptionContext, HeaderError> {
    EncryptionContext::new([
        (ACCOUNT, account.as_str().to_owned()),
        (RECORDING, recording.as_str().to_owned()),
        (CONTENT_TYPE, facts.content_type.as_str().to_owned()),
        (PLAINTEXT_LENGTH, write_length(facts.plaintext_len)),
    ])
}

/// Compares `context` with the requested recording. The expected names come from the request, never from the object. Only
/// this check detects a valid object that was put in another's place.
///
/// The result is reliable only after the header has been authenticated.
pub(crate) fn check(
    context: &EncryptionContext,
    account: &AccountSid,
    recording: &RecordingSid,
) -> Result<ContextFacts, ContextError> {
    let get = |key| context.get(key).ok_or(ContextError::Missing(key));
    if get(ACCOUNT)? != account.as_str() {
        return Err(ContextError::Foreign(ACCOUNT));
    }
    if get(RECORDING)? != recording.as_str() {
        return Err(ContextError::Foreign(RECORDING));
    }
    let content_type = ContentType::parse(get(CONTENT_TYPE)?).ok_or(ContextError::Malformed(CONTENT_TYPE))?;
    let plaintext_len = read_length(get(PLAINTEXT_LENGTH)?).ok_or(ContextError::Malformed(PLAINTEXT_LENGTH))?;
    if context.iter().count() != 4 {
        return Err(ContextError::Surplus);
    }
    Ok(ContextFacts {
        content_type,
        plaintext_len,
    })
}

/// Why an encryption context is not the context of the requested recording. It contains names of entries, but no values.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// An entry is missing.
    #[error("the encryption context has no {0}")]
    Missing(&'static str),
    /// An entry names another account or recording.
    #[error("the encryption context has another {0} than requested")]
    Foreign(&'static str),
    /// The value of an entry is malformed.
    #[error("the encryption context's {0} is malformed")]
    Malformed(&'static str),
    /// There are unknown entries.
    #[error("the encryption context has unknown entries")]
    Surplus,
}

fn write_length(plaintext_len: Option<u64>) -> String {
    match plaintext_len {
        Some(len) => format!("{len:0LENGTH_WIDTH$}"),
        None => LENGTH_UNKNOWN.to_owned(),
    }
}

/// The outer `None` is a malformed value, the inner one an unknown length.
fn read_length(text: &str) -> Option<Option<u64>> {
    if text == LENGTH_UNKNOWN {
        return Some(None);
    }
    // `u64::from_str` would also take a sign, and any width.
    let canonical = text.len() == LENGTH_WIDTH && text.bytes().all(|b| b.is_ascii_digit());
    canonical.then(|| text.parse().ok().map(Some)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> AccountSid {
        AccountSid::parse("AC00000000000000000000000000000001").unwrap()
    }

    fn recording(last: char) -> RecordingSid {
        RecordingSid::parse(&format!("RE0000000000000000000000000000000{last}")).unwrap()
    }

    fn facts(plaintext_len: Option<u64>) -> ContextFacts {
        ContextFacts {
            content_type: ContentType::Mp3,
            plaintext_len,
        }
    }

    fn pairs(context: &EncryptionContext) -> Vec<(String, String)> {
        context.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }

    #[test]
    fn a_built_context_is_recognized() {
        for len in [None, Some(0), Some(1), Some(460_000_000), Some(u64::MAX)] {
            let context = build(&account(), &recording('1'), facts(len)).unwrap();
            assert_eq!(check(&context, &account(), &recording('1')), Ok(facts(len)));
        }
    }

    #[test]
    fn every_context_is_equally_wide() {
        let width = |len| {
            let context = build(&account(), &recording('1'), facts(len)).unwrap();
            pairs(&context).iter().map(|(k, v)| k.len() + v.len()).sum::<usize>()
        };
        for len in [Some(0), Some(1 << 40), Some(u64::MAX)] {
            assert_eq!(width(len), width(None));
        }
    }

    #[test]
    fn the_length_is_twenty_digits_or_unknown() {
        assert_eq!(write_length(Some(1_234)), "00000000000000001234");
        assert_eq!(write_length(None).len(), LENGTH_WIDTH);
        for text in [
            "",
            "1234",
            "+0000000000000001234",
            "0000000000000001234x",
            "99999999999999999999",
            "unknown",
            "unknown------------",
            "unknown--------------",
        ] {
            assert_eq!(read_length(text), None, "{text:?}");
        }
    }

    #[test]
    fn another_recording_or_account_is_refused() {
        let context = build(&account(), &recording('1'), facts(None)).unwrap();
        assert_eq!(
            check(&context, &account(), &recording('2')),
            Err(ContextError::Foreign(RECORDING))
        );
        let other = AccountSid::parse("AC00000000000000000000000000000002").unwrap();
        assert_eq!(
            check(&context, &other, &recording('1')),
            Err(ContextError::Foreign(ACCOUNT))
        );
    }

    #[test]
    fn missing_malformed_and_surplus_entries_are_refused() {
        let whole = pairs(&build(&account(), &recording('1'), facts(None)).unwrap());
        let checked =
            |pairs: Vec<(String, String)>| check(&EncryptionContext::new(pairs).unwrap(), &account(), &recording('1'));
        for (i, (key, _)) in whole.iter().enumerate() {
            let mut less = whole.clone();
            less.remove(i);
            assert!(matches!(checked(less), Err(ContextError::Missing(missing)) if missing == key));
        }
        for key in [CONTENT_TYPE, PLAINTEXT_LENGTH] {
            let mut bad = whole.clone();
            bad.iter_mut().filter(|(k, _)| k == key).for_each(|(_, v)| v.push('x'));
            assert_eq!(checked(bad), Err(ContextError::Malformed(key)));
        }
        let mut more = whole;
        more.push(("extra".into(), "1".into()));
        assert_eq!(checked(more), Err(ContextError::Surplus));
    }
}
