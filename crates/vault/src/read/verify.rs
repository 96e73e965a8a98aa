//! Verifies a whole recording, before its original is deleted or when an operator checks the archive.

use std::sync::Arc;

use audio::Verdict;
use esdk_message::PlaintextOffset;
use sid::RecordingSid;
use time::OffsetDateTime;

use super::{
    error::ReadError, fetch::Description, frames::Frames, open::OpenedRecording, plan::Expectation, reader::Reader,
};
use crate::{
    Facts, ObjectKeys, Receipt, RecordedFrom, SuspicionKind,
    plaintext::{Learned, Plaintext},
};

/// A recording whose header, length and frames have all verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The receipt of the version that was verified. It may differ from the stored receipt.
    pub receipt: Receipt,
    /// The recognized media.
    pub verdict: Verdict,
}

impl Reader {
    /// Reads the whole current version of `recording` from S3 in order, and verifies all of it. The cache is neither read nor
    /// changed. Only a few frames are in memory at a time.
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
            receipt: self.receipt(&opened, &learned),
            verdict: learned.verdict,
        })
    }

    fn receipt(&self, opened: &OpenedRecording, learned: &Learned) -> Receipt {
        let Description { metadata, stored_at } = &*opened.version.description;
        // Without S3's time, the recording is known to exist now.
        let copied_at = stored_at.map_or_else(OffsetDateTime::now_utc, OffsetDateTime::from);
        Receipt {
            recording_sid: opened.recording.clone(),
            account_sid: self.account().clone(),
            facts: Facts::from_metadata(metadata),
            media_type: opened.content_type,
            length: learned.len,
            sha256: hex::encode(learned.sha256),
            object_key: opened.recording.object_key(),
            version_id: opened.version.version_id.clone(),
            etag: Some(opened.version.etag.clone()),
            kms_key_arn: opened.origin.kms_key_arn.clone(),
            header_sha256: hex::encode(opened.origin.header_sha256),
            copied_at: copied_at.replace_nanosecond(0).unwrap_or(copied_at),
            recorded_from: RecordedFrom::Reading,
            software_version: Receipt::SOFTWARE_VERSION.to_owned(),
            suspect: SuspicionKind::from_metadata(metadata),
        }
    }
}
