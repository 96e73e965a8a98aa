//! The result of a copy.

use crate::{Receipt, Suspicion};

/// How a copy ended without an error.
#[derive(Debug)]
pub enum Outcome {
    /// This call committed the recording.
    Stored(Box<Commit>),
    /// The recording was already stored, or another copy was faster. Nothing was overwritten.
    AlreadyStored,
    /// The recording was erased on request and must not come back.
    Erased,
    /// The recording was stored once and has been deleted, for example by the bucket's retention. It must not come back.
    Expired,
}

/// A committed recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// The receipt, which is not written yet.
    pub receipt: Receipt,
    /// Number of parts; 1 if a single request was enough.
    pub parts: u32,
    /// Why the recording is suspect, if it was stored nevertheless.
    pub suspicion: Option<Suspicion>,
}
