//! Verifying a recording whole: what stands before its original is deleted, or what an operator asks of an archive.

use std::{sync::Arc, time::Duration};

use esdk_message::{FrameIndex, PlaintextOffset};

use super::{Expectation, ReadError, Reader, frames::Frames};
use crate::{ContentType, RecordingId, plaintext::Plaintext};

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
    /// How long a WAV plays: the bytes that are there of its data chunk, at the byte rate of its format chunk. `None` for
    /// MP3, and for a WAV that lacks one of the two.
    pub wav_duration: Option<Duration>,
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
    pub async fn verify(&self, recording: &RecordingId) -> Result<Verified, ReadError> {
        match self.verify_current(recording).await {
            Err(ReadError::Changed) => self.verify_current(recording).await,
            verified => verified,
        }
    }

    async fn verify_current(&self, recording: &RecordingId) -> Result<Verified, ReadError> {
        let everything = Expectation::Bytes {
            offset: 0,
            len: u64::MAX,
        };
        let (opened, ahead) = self.open_cold(recording, everything).await?;
        let opened = Arc::new(opened);
        let layout = &opened.layout;
        // Every frame there is, and not only those that hold plaintext: a final frame may be empty.
        let frames = FrameIndex(0)..FrameIndex(layout.frames());
        let whole = PlaintextOffset(0)..PlaintextOffset(layout.plaintext_len());
        let body = self
            .body_of(&opened, ahead, layout.object_range(frames.clone()))
            .await?;

        let mut frames = Frames::new(opened.clone(), body, frames, whole);
        let mut plaintext = Plaintext::new(opened.content_type);
        while let Some(frame) = frames.next().await? {
            plaintext.update(&frame);
        }
        Ok(Verified {
            plaintext_len: plaintext.len(),
            content_type: opened.content_type,
            wav_duration: plaintext.wav_duration(),
            sha256: plaintext.sha256(),
            version_id: opened.version.version_id.clone(),
        })
    }
}
