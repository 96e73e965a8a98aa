//! Verifies a whole recording, before its original is deleted or when an operator checks the archive.

use std::sync::Arc;

use audio::Verdict;
use esdk_message::PlaintextOffset;
use sid::RecordingSid;

use super::{error::ReadError, frames::Frames, plan::Expectation, reader::Reader};
use crate::{ContentType, plaintext::Plaintext};

/// A recording whose header, length and frames have all verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The length of the recording in bytes.
    pub plaintext_len: u64,
    /// The content type that it is served with.
    pub content_type: ContentType,
    /// SHA-256 of the recording, as in the [`Receipt`](crate::Receipt) of its copy.
    pub sha256: [u8; 32],
    /// The version that was verified, if the bucket keeps versions.
    pub version_id: Option<String>,
    /// The recognized media.
    pub verdict: Verdict,
    /// Whether it was stored as suspect.
    pub is_suspect: bool,
}

impl Reader {
    /// Reads the whole current version of `recording` from S3 in order, and verifies all of it. The cache is neither read nor
    /// changed. Only one frame is in memory at a time.
    ///
    /// If the recording is replaced meanwhile, the verification starts again, once.
    ///
    /// # Errors
    ///
    /// Any [`ReadError`] except `OutOfBounds`. `Damaged` if any byte of the object differs from what was stored.
    pub async fn verify(&self, recording: &RecordingSid) -> Result<Verified, ReadError> {
        match self.verify_current(recording).await {
            Err(ReadError::Changed) => self.verify_current(recording).await,
            verified => verified,
        }
    }

    async fn verify_current(&self, recording: &RecordingSid) -> Result<Verified, ReadError> {
        let everything = Expectation::Bytes {
            offset: 0,
            len: u64::MAX,
        };
        let (opened, ahead) = self.open_uncached(recording, everything).await?;
        let opened = Arc::new(opened);
        let layout = &opened.layout;
        // These are all frames, and not only those with plaintext, because the final frame may be empty.
        let frames = layout.all_frames();
        let whole = PlaintextOffset(0)..PlaintextOffset(layout.plaintext_len());
        let body = self
            .body_of(&opened, ahead, layout.object_range(frames.clone()))
            .await?;

        let mut frames = Frames::new(opened.clone(), body, frames, whole);
        let mut plaintext = Plaintext::new();
        while let Some(frame) = frames.next().await? {
            plaintext.update(&frame);
        }
        let learned = plaintext.finish();
        Ok(Verified {
            plaintext_len: learned.len,
            content_type: opened.content_type,
            verdict: learned.verdict,
            is_suspect: opened.version.is_suspect,
            sha256: learned.sha256,
            version_id: opened.version.version_id.clone(),
        })
    }
}
