//! What is learnt of a recording while its bytes pass, on the way in and when it's verified.

use std::time::Duration;

use aws_lc_rs::digest::{self, SHA256, SHA256_OUTPUT_LEN};

use crate::{ContentType, wav::WavHeader};

/// Length and digest of the bytes so far, and what a WAV says of itself.
pub(crate) struct Plaintext {
    len: u64,
    digest: digest::Context,
    wav: Option<WavHeader>,
}

impl Plaintext {
    pub(crate) fn new(content_type: ContentType) -> Self {
        Self {
            len: 0,
            digest: digest::Context::new(&SHA256),
            wav: match content_type {
                ContentType::Wav => Some(WavHeader::new()),
                ContentType::Mp3 => None,
            },
        }
    }

    /// The next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        self.digest.update(bytes);
        if let Some(wav) = &mut self.wav {
            wav.update(bytes);
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// How long the recording has to be at least by its own account, where it gives one.
    pub(crate) fn claimed_len(&self) -> Option<u64> {
        self.wav.as_ref().and_then(WavHeader::claimed_end)
    }

    /// How long it plays, where it's a WAV that says so.
    pub(crate) fn wav_duration(&self) -> Option<Duration> {
        self.wav.as_ref().and_then(|wav| wav.duration(self.len))
    }

    pub(crate) fn sha256(self) -> [u8; SHA256_OUTPUT_LEN] {
        let mut sha256 = [0; SHA256_OUTPUT_LEN];
        sha256.copy_from_slice(self.digest.finish().as_ref());
        sha256
    }
}
