//! One link: made, taken apart, checked.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::Mac;

use crate::keys::{KeyRing, is_key_id};

/// Stands in the canonical string and in the link, so that a later scheme can't be mistaken for this one.
const VERSION: &str = "1";

/// How far the clocks of two Lambda hosts are allowed to differ, in seconds.
const CLOCK_SKEW_S: u64 = 30;

/// 128 random bits: ids don't collide by chance.
const ID_BYTES: usize = 16;

/// `ID_BYTES` in base64url without padding: ⌈16 × 4 / 3⌉.
const ID_CHARS: usize = 22;

/// Longest SID or other recording name that a link may carry; Twilio's have 34 characters.
const MAX_RECORDING_CHARS: usize = 64;

/// Until when a link plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Unix time in seconds.
    At(u64),
    /// For good: links in `segment_link`, which can't be renewed.
    Never,
}

/// What a verified link says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The one recording it plays.
    pub recording: String,
    /// Until when.
    pub expiry: Expiry,
    /// Random name of the link itself, for the audit log.
    pub id: String,
    /// The key that signed it.
    pub key_id: String,
}

/// Why a link doesn't play. Callers answer all of them alike, so that nothing is learnt from the difference.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkError {
    /// A field is missing, doubled, of the wrong form, or of another version.
    #[error("the link is malformed")]
    Malformed,
    /// The signature isn't ours.
    #[error("the link's signature does not match")]
    Signature,
    /// The key that it names isn't in the ring: ours if the key was added meanwhile.
    #[error("the link's key is not known")]
    UnknownKey,
    /// It was good until a while ago.
    #[error("the link has expired")]
    Expired,
}

/// Makes the query string of a fresh link to `recording`, signed by the ring's current key.
///
/// `recording` must consist of ASCII letters and digits (a SID); that is what [`verify`] takes back.
pub fn sign(keys: &KeyRing, recording: &str, expiry: Expiry) -> String {
    let link = Link {
        recording: recording.to_owned(),
        expiry,
        id: random_id(),
        key_id: keys.current_id().to_owned(),
    };
    let mac = keys
        .mac(&link.key_id)
        .expect("a ring is only made when it holds its current key")
        .chain_update(link.canonical());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    let Link { expiry, id, key_id, .. } = &link;
    format!("recordingSid={recording}&expires={expiry}&id={id}&key={key_id}&v={VERSION}&signature={signature}")
}

/// Checks the raw `query` of a playback request at `now_s` (Unix seconds). Parameters that aren't the link's are ignored.
///
/// The signature is compared in constant time, and an unknown key costs what a known one does.
///
/// # Errors
/// [`LinkError`]; nothing in it repeats the link.
pub fn verify(keys: &KeyRing, query: &str, now_s: u64) -> Result<Link, LinkError> {
    let Unverified { link, signature } = Unverified::parse(query)?;
    let known = keys.mac(&link.key_id);
    let is_known = known.is_some();
    let mac = known
        .or_else(|| keys.mac(keys.current_id()))
        .ok_or(LinkError::UnknownKey)?
        .chain_update(link.canonical());
    let is_ours = mac.verify_slice(&signature).is_ok();
    if !is_known {
        return Err(LinkError::UnknownKey);
    }
    if !is_ours {
        return Err(LinkError::Signature);
    }
    match link.expiry {
        Expiry::At(expires_s) if now_s > expires_s.saturating_add(CLOCK_SKEW_S) => Err(LinkError::Expired),
        _ => Ok(link),
    }
}

impl Link {
    /// What the signature covers. No field can hold a line feed, so the lines can't be shifted against each other.
    fn canonical(&self) -> String {
        let Self {
            recording,
            expiry,
            id,
            key_id,
        } = self;
        format!("recording-vault link\n{VERSION}\n{recording}\n{expiry}\n{id}\n{key_id}")
    }
}

struct Unverified {
    link: Link,
    signature: Vec<u8>,
}

impl Unverified {
    fn parse(query: &str) -> Result<Self, LinkError> {
        let field = |name: &str| only_value(query, name).ok_or(LinkError::Malformed);
        if field("v")? != VERSION {
            return Err(LinkError::Malformed);
        }
        let link = Link {
            recording: checked(field("recordingSid")?, is_recording)?,
            expiry: field("expires")?.parse()?,
            id: checked(field("id")?, is_id)?,
            key_id: checked(field("key")?, is_key_id)?,
        };
        let signature = URL_SAFE_NO_PAD
            .decode(field("signature")?)
            .map_err(|_| LinkError::Malformed)?;
        Ok(Self { link, signature })
    }
}

/// The value of the one `name=…` in `query`. Our own fields need no percent-encoding, so none is undone.
fn only_value<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    let mut values = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    let first = values.next()?;
    values.next().is_none().then_some(first)
}

fn checked(text: &str, is_valid: fn(&str) -> bool) -> Result<String, LinkError> {
    is_valid(text).then(|| text.to_owned()).ok_or(LinkError::Malformed)
}

fn is_recording(text: &str) -> bool {
    (1..=MAX_RECORDING_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_id(text: &str) -> bool {
    text.len() == ID_CHARS && is_key_id(text)
}

fn random_id() -> String {
    let mut bytes = [0; ID_BYTES];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's random source works once the process has started");
    URL_SAFE_NO_PAD.encode(bytes)
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(seconds) => seconds.fmt(f),
            Self::Never => f.write_str("never"),
        }
    }
}

impl std::str::FromStr for Expiry {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        if text == "never" {
            return Ok(Self::Never);
        }
        // `u64::from_str` takes a leading plus sign and zeros; a link has one spelling only.
        match text.parse() {
            Ok(seconds) if Self::At(seconds).to_string() == text => Ok(Self::At(seconds)),
            _ => Err(LinkError::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: u64 = 1_763_900_000;
    const RECORDING: &str = "RE00000000000000000000000000000001";
    const OLD: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
    const NEW: &str = "GFEDCBAzyxwvutsrqponmlkjihgfedcba9876543210";

    fn ring(current: &str) -> KeyRing {
        KeyRing::parse(&format!(r#"{{"current":"{current}","k1":"{OLD}","k2":"{NEW}"}}"#)).unwrap()
    }

    fn link(expiry: Expiry) -> String {
        sign(&ring("k1"), RECORDING, expiry)
    }

    #[test]
    fn a_signed_link_verifies_and_says_what_was_signed() {
        let verified = verify(&ring("k1"), &link(Expiry::At(NOW_S)), NOW_S).unwrap();
        assert_eq!(verified.recording, RECORDING);
        assert_eq!(verified.expiry, Expiry::At(NOW_S));
        assert_eq!(verified.key_id, "k1");
    }

    #[test]
    fn a_link_plays_until_its_expiry_and_the_clock_skew() {
        let query = link(Expiry::At(NOW_S));
        let at = |now_s| verify(&ring("k1"), &query, now_s).map(|_| ());
        assert_eq!(at(NOW_S + CLOCK_SKEW_S), Ok(()));
        assert_eq!(at(NOW_S + CLOCK_SKEW_S + 1), Err(LinkError::Expired));
        assert!(verify(&ring("k1"), &link(Expiry::Never), u64::MAX).is_ok());
        assert!(verify(&ring("k1"), &link(Expiry::At(u64::MAX)), u64::MAX).is_ok());
    }

    #[test]
    fn a_link_outlives_the_key_that_was_current_when_it_was_made() {
        assert!(verify(&ring("k2"), &link(Expiry::Never), NOW_S).is_ok());
    }

    #[test]
    fn a_key_that_was_never_in_the_ring_is_refused() {
        let other = KeyRing::parse(&format!(r#"{{"current":"k9","k9":"{OLD}"}}"#)).unwrap();
        let query = sign(&other, RECORDING, Expiry::Never);
        assert_eq!(verify(&ring("k1"), &query, NOW_S), Err(LinkError::UnknownKey));
    }

    #[test]
    fn every_changed_character_is_refused() {
        let query = link(Expiry::At(NOW_S));
        for at in 0..query.len() {
            for replacement in ["x", "1", "&", "=", "%", ""] {
                let mut forged = query.clone();
                forged.replace_range(at..=at, replacement);
                if forged != query {
                    assert!(
                        verify(&ring("k1"), &forged, NOW_S).is_err(),
                        "character {at} became {replacement:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_signature_does_not_fit_another_link() {
        let (one, other) = (link(Expiry::Never), link(Expiry::At(NOW_S)));
        let (fields, _) = one.rsplit_once('=').unwrap();
        let (_, signature) = other.rsplit_once('=').unwrap();
        let swapped = format!("{fields}={signature}");
        assert_eq!(verify(&ring("k1"), &swapped, NOW_S), Err(LinkError::Signature));
    }

    #[test]
    fn other_parameters_are_ignored_and_doubled_fields_are_not() {
        let query = link(Expiry::Never);
        assert!(verify(&ring("k1"), &format!("download=1&{query}"), NOW_S).is_ok());
        for field in query.split('&') {
            assert_eq!(
                verify(&ring("k1"), &format!("{query}&{field}"), NOW_S),
                Err(LinkError::Malformed),
                "{field}"
            );
        }
    }

    #[test]
    fn a_number_has_one_spelling() {
        for text in ["+1", "01", " 1", "1 ", "-1", "1.0", "18446744073709551616", "Never", ""] {
            assert_eq!(text.parse::<Expiry>(), Err(LinkError::Malformed), "{text:?}");
        }
    }

    #[test]
    fn ids_have_their_length_and_differ() {
        assert_eq!(random_id().len(), ID_CHARS);
        assert_ne!(random_id(), random_id());
    }
}
