//! The result of a copy.

use crate::Suspicion;

/// How a copy ended without an error.
#[derive(Debug)]
pub enum Outcome {
    /// This call committed the recording.
    Stored(Receipt),
    /// The recording was already stored, or another copy was faster. Nothing was overwritten.
    AlreadyStored,
    /// The recording was erased on request and must not come back.
    Erased,
    /// The recording was stored once and has been deleted, for example by the bucket's retention. It must not come back.
    Expired,
}

/// What was committed.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// Length of the recording in bytes.
    pub plaintext_len: u64,
    /// SHA-256 of the recording.
    pub sha256: [u8; 32],
    /// The object's ETag, quoted as S3 returns it.
    pub etag: Option<String>,
    /// The object's version, if the bucket keeps versions.
    pub version_id: Option<String>,
    /// Number of parts; 1 if a single request was enough.
    pub parts: u32,
    /// Why the recording is suspect, if it was stored nevertheless.
    pub suspicion: Option<Suspicion>,
}
