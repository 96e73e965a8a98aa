//! What is learnt of a recording while its bytes pass, on the way in and when it's verified.

use audio::{Recogniser, Verdict};
use aws_lc_rs::digest::{self, SHA256, SHA256_OUTPUT_LEN};
use bytes::Bytes;

/// Length and digest of the bytes so far, and what they are.
pub(crate) struct Plaintext {
    len: u64,
    digest: digest::Context,
    recogniser: Recogniser,
}

/// All of it.
pub(crate) struct Learnt {
    pub(crate) len: u64,
    pub(crate) sha256: [u8; SHA256_OUTPUT_LEN],
    pub(crate) verdict: Verdict,
}

impl Plaintext {
    pub(crate) fn new() -> Self {
        Self {
            len: 0,
            digest: digest::Context::new(&SHA256),
            recogniser: Recogniser::new(),
        }
    }

    /// The next bytes.
    pub(crate) fn update(&mut self, bytes: &Bytes) {
        self.len += bytes.len() as u64;
        self.digest.update(bytes);
        self.recogniser.update(bytes);
    }

    /// There is no more.
    pub(crate) fn finish(self) -> Learnt {
        let mut sha256 = [0; SHA256_OUTPUT_LEN];
        sha256.copy_from_slice(self.digest.finish().as_ref());
        Learnt {
            len: self.len,
            sha256,
            verdict: self.recogniser.finish(),
        }
    }
}
