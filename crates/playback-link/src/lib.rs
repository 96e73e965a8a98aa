//! CONTRACT STUB.
#![allow(missing_docs, clippy::todo, unused_variables, dead_code, missing_debug_implementations)]
/// Link keys: newest signs, all verify. From the secret's JSON `{"current":"k1","keys":{"k1":"<≥32 bytes base64>"}}`.
pub struct KeyRing;
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("link keys: {0}")]
pub struct KeyRingError(pub &'static str);
impl KeyRing { pub fn parse(secret_json: &str) -> Result<Self, KeyRingError> { todo!() } }
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry { /// Unix seconds
    At(u64), Never }
/// What a link says once it has verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link { pub recording: String, pub expiry: Expiry, /// random, joins audit lines
    pub id: String, pub key_id: String }
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkError { #[error("malformed link")] Malformed, #[error("signature does not match")] Signature, #[error("link has expired")] Expired }
/// Query string of a fresh link: `recordingSid=…&expires=…&id=…&key=…&v=1&signature=…` (`expires=never` for segment links).
pub fn sign(keys: &KeyRing, recording: &str, expiry: Expiry) -> String { todo!() }
/// `query` raw, other parameters ignored; 30 s of clock skew.
pub fn verify(keys: &KeyRing, query: &str, now_s: u64) -> Result<Link, LinkError> { todo!() }
