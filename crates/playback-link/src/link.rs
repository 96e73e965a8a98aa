//! Links: signing, parsing and verification.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::Mac;
use sid::RecordingSid;

use crate::keys::{KeyRing, is_key_id};

/// The version of the scheme. The canonical string and the link contain it, so that a later scheme can't be confused
/// with this one.
const VERSION: &str = "1";

/// The largest accepted difference between the clocks of two Lambda hosts, in seconds.
const CLOCK_SKEW_S: u64 = 30;

/// The length of an id in bytes. Random ids of 128 bits don't collide.
const ID_BYTES: usize = 16;

/// The length of an id in base64url without padding: ⌈16 × 4 / 3⌉ characters.
const ID_CHARS: usize = 22;

/// The part of a link's path before the recording.
const PATH_PREFIX: &str = "/recordings/";

/// The paths of links of the first form, which have the recording in the query.
const FIRST_PATHS: [&str; 2] = ["/", ""];

/// The end of a link's validity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Unix time in seconds.
    At(u64),
    /// The link never expires. Links in `segment_link` can't be renewed.
    Never,
}

/// The fields of a verified link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The recording that the link plays.
    pub recording: RecordingSid,
    /// When the link expires.
    pub expiry: Expiry,
    /// The id of the link itself, for the audit log.
    pub id: String,
    /// The id of the key that signed the link.
    pub key_id: String,
}

/// Why a link isn't valid. Callers send the same answer for all of these errors, so that a client learns nothing from
/// the difference.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkError {
    /// A field is missing, repeated or malformed, or the link has another version.
    #[error("the link is malformed")]
    Malformed,
    /// The signature doesn't match.
    #[error("the link's signature does not match")]
    Signature,
    /// The ring doesn't have the link's key. The link may be valid if the key was added after the ring was read.
    #[error("the link's key is not known")]
    UnknownKey,
    /// The link has expired.
    #[error("the link has expired")]
    Expired,
}

/// A new link. It must not be logged, because its holder may listen to the recording.
pub struct SignedLink {
    /// `/recordings/RE…`.
    pub path: String,
    /// The rest of the link, without the question mark.
    pub query: String,
    /// The id of the link, for the audit log.
    pub id: String,
}

impl SignedLink {
    /// The link as a URL. `base_url` must have no path and no slash at its end.
    #[must_use]
    pub fn url(&self, base_url: &str) -> String {
        let Self { path, query, .. } = self;
        format!("{base_url}{path}?{query}")
    }
}

/// Makes a link to `recording`, signed with the ring's current key.
///
/// A link that expires gets a random id, so that each link has an audit trail of its own. A link that never expires
/// depends only on the recording and the key, so that a duplicate callback gets the same link.
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

/// Whether a request for this path uses a link, valid or not.
#[must_use]
pub fn is_link_path(path: &str) -> bool {
    path.starts_with(PATH_PREFIX) || FIRST_PATHS.contains(&path)
}

/// Verifies the raw `path` and `query` of a playback request at `now_s` (Unix seconds). Parameters that don't belong to
/// the link are ignored.
///
/// Links of the first form, `/?recordingSid=RE…&…`, are signed over the same text as today's links. If both the path
/// and the query have a recording, it must be the same.
///
/// The signature is compared in constant time. An unknown key takes as long as a known one.
///
/// # Errors
/// [`LinkError`], which holds nothing of the link.
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
    /// The text that the signature covers. No field can contain a line feed, so two links never have the same text.
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

/// The recording in the path or the query. If both have one, it must be the same.
///
/// A SID needs no percent-encoding, so the path isn't decoded. A path with an encoded SID, or with anything after the
/// SID, is malformed.
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

/// The value of the field with this name, if there is one. A field that the query has twice is an error.
///
/// The fields of a link need no percent-encoding, so the query isn't decoded.
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
        .expect("KeyRing::parse accepts only a ring that has its current key")
        .chain_update(text)
        .finalize()
        .into_bytes()
}

/// The id of a link that never expires. The first line of its text differs from that of every canonical string, so that
/// no id reveals a part of a signature.
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
        // `u64::from_str` accepts a leading plus sign and zeros, but a link has exactly one spelling.
        match text.parse() {
            Ok(seconds) if Self::At(seconds).to_string() == text => Ok(Self::At(seconds)),
            _ => Err(LinkError::Malformed),
        }
    }
}

#[cfg(test)]
mod tests;
