//! Collects facts about a recording while its bytes pass, during a copy and during a verification.

use audio::{Recognizer, Verdict};
use aws_lc_rs::digest::{self, SHA256, SHA256_OUTPUT_LEN};
use bytes::Bytes;

/// The length and digest of the bytes so far, and their format.
pub(crate) struct Plaintext {
    len: u64,
    digest: digest::Context,
    recognizer: Recognizer,
}

/// The facts about the complete recording.
pub(crate) struct Learned {
    pub(crate) len: u64,
    pub(crate) sha256: [u8; SHA256_OUTPUT_LEN],
    pub(crate) verdict: Verdict,
}

impl Plaintext {
    pub(crate) fn new() -> Self {
        Self {
            len: 0,
            digest: digest::Context::new(&SHA256),
            recognizer: Recognizer::new(),
        }
    }

    /// Adds the next bytes.
    pub(crate) fn update(&mut self, bytes: &Bytes) {
        self.len += bytes.len() as u64;
        self.digest.update(bytes);
        self.recognizer.update(bytes);
    }

    /// Ends the recording.
    pub(crate) fn finish(self) -> Learned {
        let mut sha256 = [0; SHA256_OUTPUT_LEN];
        sha256.copy_from_slice(self.digest.finish().as_ref());
        Learned {
            len: self.len,
            sha256,
            verdict: self.recognizer.finish(),
        }
    }
}
