//! Erasing a recording on request: here, and at Twilio.

use serde::Serialize;
use twilio::recordings::Deletion;
use vault::{EraseError, NameError, RecordingId};

use super::{Operator, command::Erase};
use crate::{originals::OriginalsError, schedules::ScheduleError};

/// The target of audit lines, which are kept however quiet the rest of the log is.
const AUDIT: &str = "audit";

/// What was erased, and what had to stay.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Erased {
    recording_sid: String,
    /// Versions of the stored object that were removed.
    versions: u32,
    delete_markers: u32,
    /// Copies under way that were ended.
    uploads: u32,
    /// Versions that Object Lock keeps: they can't be played any more, and are removed by erasing again after the lock has
    /// ended.
    held: Vec<String>,
    original: Original,
    /// Whether the original's deletion was scheduled for later; it isn't any more.
    scheduled_deletion_cancelled: bool,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum Original {
    Deleted,
    /// It was deleted before.
    AlreadyGone,
    /// As asked for.
    Kept,
}

/// The recording isn't erased, or not everywhere. Erasing it again goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ErasureError {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("the stored recording: {0}")]
    Vault(#[from] EraseError),
    #[error("erased in the vault; its scheduled deletion at Twilio stands: {0}")]
    Schedule(#[from] ScheduleError),
    #[error("erased in the vault, not at Twilio: {0}")]
    Original(#[from] OriginalsError),
}

impl Operator {
    pub(super) async fn erase(&self, request: &Erase) -> Result<Erased, ErasureError> {
        let sid = &request.recording_sid;
        let erasure = self.eraser.erase(&RecordingId::parse(sid.as_str())?).await?;
        tracing::info!(
            target: AUDIT,
            event = "erase",
            recordingSid = %sid,
            versions = erasure.versions,
            deleteMarkers = erasure.delete_markers,
            uploads = erasure.uploads,
            held = erasure.held.len(),
            "recording erased from the vault"
        );
        let scheduled_deletion_cancelled = self.schedules.cancel(sid.as_str()).await?;
        let original = if request.keep_original {
            Original::Kept
        } else {
            match self.originals.delete(sid).await? {
                Deletion::Deleted => Original::Deleted,
                Deletion::AlreadyGone => Original::AlreadyGone,
            }
        };
        tracing::info!(target: AUDIT, event = "erase", recordingSid = %sid, ?original, "original dealt with");
        Ok(Erased {
            recording_sid: sid.to_string(),
            versions: erasure.versions,
            delete_markers: erasure.delete_markers,
            uploads: erasure.uploads,
            held: erasure.held,
            original,
            scheduled_deletion_cancelled,
        })
    }
}
