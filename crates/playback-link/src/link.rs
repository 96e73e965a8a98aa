//! One link: made, taken apart, checked.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::Mac;
use sid::RecordingSid;

use crate::keys::{KeyRing, is_key_id};

/// Stands in the canonical string and in the link, so that a later scheme can't be mistaken for this one.
const VERSION: &str = "1";

/// How far the clocks of two Lambda hosts are allowed to differ, in seconds.
const CLOCK_SKEW_S: u64 = 30;

/// 128 random bits: ids don't collide by chance.
const ID_BYTES: usize = 16;

/// `ID_BYTES` in base64url without padding: ⌈16 × 4 / 3⌉.
const ID_CHARS: usize = 22;

/// What stands before the recording in a link's path.
const PATH_PREFIX: &str = "/recordings/";

/// The paths of links of the first form, which name the recording in the query.
const FIRST_PATHS: [&str; 2] = ["/", ""];

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
    pub recording: RecordingSid,
    /// Until when.
    pub expiry: Expiry,
    /// Name of the link itself, for the audit log.
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

/// A link that was just made. Whoever has it may listen, so it is not logged.
pub struct SignedLink {
    /// `/recordings/RE…`.
    pub path: String,
    /// The rest of the link, without the question mark.
    pub query: String,
    /// The link's name for the audit log.
    pub id: String,
}

impl SignedLink {
    /// The link as a URL under `base_url`, which has no path and no slash at its end.
    #[must_use]
    pub fn url(&self, base_url: &str) -> String {
        let Self { path, query, .. } = self;
        format!("{base_url}{path}?{query}")
    }
}

/// Makes a link to `recording`, signed by the ring's current key.
///
/// A link that expires gets a random id, so that each one has an audit trail of its own. A link that never expires is a
/// function of recording and key: making it again for a duplicate callback gives the same link.
#[must_use]
pub fn sign(keys: &KeyRing, recording: &RecordingSid, expiry: Expiry) -> SignedLink {
    let key_id = keys.current_id();
    let link = Link {
        recording: recording.clone(),
        expiry,
        id: match expiry {
            Expiry::At(_) => random_id(),
            Expiry::Never => derived_id(keys, recording),
        },
        key_id: key_id.to_owned(),
    };
    let signature = URL_SAFE_NO_PAD.encode(current_mac(keys, &link.canonical()));
    let id = link.id;
    SignedLink {
        path: format!("{PATH_PREFIX}{recording}"),
        query: format!("expires={expiry}&id={id}&key={key_id}&v={VERSION}&signature={signature}"),
        id,
    }
}

/// Whether a request for this path is made by a link, good or bad.
#[must_use]
pub fn is_link_path(path: &str) -> bool {
    path.starts_with(PATH_PREFIX) || FIRST_PATHS.contains(&path)
}

/// Checks the raw `path` and `query` of a playback request at `now_s` (Unix seconds). Parameters that are not the link's
/// are ignored.
///
/// Links of the first form, `/?recordingSid=RE…&…`, are signed over the same text as today's. The query may name the
/// recording beside the path, but not another one.
///
/// The signature is compared in constant time, and an unknown key costs what a known one does.
///
/// # Errors
/// [`LinkError`]; nothing in it repeats the link.
pub fn verify(keys: &KeyRing, path: &str, query: &str, now_s: u64) -> Result<Link, LinkError> {
    let Unverified { link, signature } = Unverified::parse(path, query)?;
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
    fn parse(path: &str, query: &str) -> Result<Self, LinkError> {
        let field = |name: &str| value(query, name)?.ok_or(LinkError::Malformed);
        if field("v")? != VERSION {
            return Err(LinkError::Malformed);
        }
        let link = Link {
            recording: RecordingSid::parse(recording(path, query)?).map_err(|_| LinkError::Malformed)?,
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

/// The recording that path and query name. Where both name one, it must be the same.
///
/// A SID needs no percent-encoding, so none is undone: a path with an encoded SID, or with anything behind the SID, is
/// malformed.
fn recording<'a>(path: &'a str, query: &'a str) -> Result<&'a str, LinkError> {
    let in_query = value(query, "recordingSid")?;
    if FIRST_PATHS.contains(&path) {
        return in_query.ok_or(LinkError::Malformed);
    }
    let in_path = path.strip_prefix(PATH_PREFIX).ok_or(LinkError::Malformed)?;
    match in_query {
        Some(other) if other != in_path => Err(LinkError::Malformed),
        _ => Ok(in_path),
    }
}

/// The value of the field with this name, if there is one. A field that stands in the query twice is an error.
///
/// Our own fields need no percent-encoding, so none is undone.
fn value<'q>(query: &'q str, name: &str) -> Result<Option<&'q str>, LinkError> {
    let mut values = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    let first = values.next();
    match values.next() {
        Some(_) => Err(LinkError::Malformed),
        None => Ok(first),
    }
}

fn checked(text: &str, is_valid: fn(&str) -> bool) -> Result<String, LinkError> {
    is_valid(text).then(|| text.to_owned()).ok_or(LinkError::Malformed)
}

fn is_id(text: &str) -> bool {
    text.len() == ID_CHARS && is_key_id(text)
}

fn current_mac(keys: &KeyRing, text: &str) -> impl AsRef<[u8]> {
    keys.mac(keys.current_id())
        .expect("a ring is only made when it holds its current key")
        .chain_update(text)
        .finalize()
        .into_bytes()
}

/// The id of a link that never expires. Its first line differs from that of every canonical string, so that no id is part
/// of a signature.
fn derived_id(keys: &KeyRing, recording: &RecordingSid) -> String {
    let text = format!(
        "recording-vault segment link id\n{VERSION}\n{recording}\n{}",
        keys.current_id()
    );
    let mut id = URL_SAFE_NO_PAD.encode(current_mac(keys, &text));
    id.truncate(ID_CHARS);
    id
}

fn random_id() -> String {
    let mut bytes = [0; ID_BYTES];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's random source works once the process has started");
    URL_SAFE_NO_PAD.encode(bytes)
}

impl fmt::Debug for SignedLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedLink")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
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
mod tests;
