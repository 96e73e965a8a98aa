//! Verifying a recording whole: what stands before its original is deleted, or what an operator asks of an archive.

use std::sync::Arc;

use audio::Verdict;
use esdk_message::PlaintextOffset;
use sid::RecordingSid;

use super::{Expectation, ReadError, Reader, frames::Frames};
use crate::{ContentType, plaintext::Plaintext};

/// A recording of which every frame, the header and the length have verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Bytes of the recording.
    pub plaintext_len: u64,
    /// What it's served as.
    pub content_type: ContentType,
    /// SHA-256 of the recording; the same as in the [`Receipt`](crate::Receipt) of its copy.
    pub sha256: [u8; 32],
    /// The version that was verified, where the bucket keeps versions.
    pub version_id: Option<String>,
    /// What the bytes are.
    pub verdict: Verdict,
    /// Whether it was stored although something spoke against it.
    pub is_suspect: bool,
}

impl Reader {
    /// Reads the current version of `recording` from S3, whole and in order, and verifies all of it. Nothing is taken from
    /// the cache and nothing is put there. One frame is in memory at a time, whatever the length.
    ///
    /// A recording that is replaced meanwhile is begun again, once.
    ///
    /// # Errors
    ///
    /// Any [`ReadError`] but `OutOfBounds`: `Damaged` when any byte of the object isn't what was stored.
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
        let (opened, ahead) = self.open_cold(recording, everything).await?;
        let opened = Arc::new(opened);
        let layout = &opened.layout;
        // Every frame there is, and not only those that hold plaintext: a final frame may be empty.
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
        let learnt = plaintext.finish();
        Ok(Verified {
            plaintext_len: learnt.len,
            content_type: opened.content_type,
            verdict: learnt.verdict,
            is_suspect: opened.version.is_suspect,
            sha256: learnt.sha256,
            version_id: opened.version.version_id.clone(),
        })
    }
}
