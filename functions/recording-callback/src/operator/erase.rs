//! Erasing a recording on request: here, and at Twilio.

use std::time::{Instant, SystemTime};

use serde::Serialize;
use service::telemetry::AUDIT;
use sid::RecordingSid;
use twilio::{client::ApiError, recordings::Deletion};
use vault::{EraseError, ServiceError};

use super::{Operator, command::Erase};
use crate::{schedules::ScheduleError, twilio_account::TwilioAccountError};

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
    /// As asked for: it's at Twilio, and no job deletes it any more.
    Kept,
    /// It was to be kept, but a job had begun to delete it before the recording was marked as erased.
    DeletionUnderWay,
}

/// The recording isn't erased, or not everywhere. Erasing it again goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ErasureError {
    #[error("the stored recording: {0}")]
    Vault(#[from] EraseError),
    #[error("erased in the vault; its scheduled deletion at Twilio was not cancelled: {0}")]
    Schedule(#[from] ScheduleError),
    #[error("erased in the vault; the mark of its scheduled deletion at Twilio was not removed: {0}")]
    PendingDeletion(ServiceError),
    #[error("erased in the vault, not at Twilio: {0}")]
    Original(TwilioAccountError),
    #[error("erased in the vault; whether its original is being deleted: {0}")]
    Notice(ServiceError),
    #[error("erased in the vault; whether its original is still at Twilio: {0}")]
    Unknown(TwilioAccountError),
    #[error("deadline reached, invoke again")]
    Deadline,
}

impl Original {
    /// As the audit trail has it.
    const fn outcome(self) -> &'static str {
        match self {
            Self::Deleted => "original_deleted",
            Self::AlreadyGone => "original_already_gone",
            Self::Kept => "original_kept",
            Self::DeletionUnderWay => "original_deletion_under_way",
        }
    }
}

impl Operator {
    pub(super) async fn erase(&self, request: &Erase, deadline: Instant) -> Result<Erased, ErasureError> {
        let outcome = tokio::time::timeout_at(deadline.into(), self.erase_everywhere(request))
            .await
            .unwrap_or(Err(ErasureError::Deadline));
        if let Err(error) = &outcome {
            tracing::error!(
                target: AUDIT,
                event = "erase",
                outcome = "failed",
                recordingSid = %request.recording_sid,
                %error,
                "recording not erased, or not everywhere"
            );
        }
        outcome
    }

    async fn erase_everywhere(&self, request: &Erase) -> Result<Erased, ErasureError> {
        let sid = &request.recording_sid;
        let marked = self.eraser.mark(sid).await?;
        // At once, so that as little as possible is sent to the copies queue; what is there already sees the mark. That it
        // fails keeps nothing from being removed.
        let scheduled_deletion_cancelled = self.schedules.cancel(sid.as_str()).await;
        let erasure = marked.remove().await?;
        tracing::info!(
            target: AUDIT,
            event = "erase",
            outcome = "removed",
            recordingSid = %sid,
            versions = erasure.versions,
            deleteMarkers = erasure.delete_markers,
            uploads = erasure.uploads,
            held = erasure.held.len(),
            "recording erased from the vault"
        );
        let scheduled_deletion_cancelled = scheduled_deletion_cancelled?;
        let settled = self.pending_deletions.settle(sid).await;
        settled.map_err(ErasureError::PendingDeletion)?;
        let original = if request.keep_original {
            self.keep_original(sid).await?
        } else {
            match self.originals.delete(sid).await.map_err(ErasureError::Original)? {
                Deletion::Deleted => Original::Deleted,
                Deletion::AlreadyGone => Original::AlreadyGone,
            }
        };
        tracing::info!(
            target: AUDIT,
            event = "erase",
            outcome = original.outcome(),
            recordingSid = %sid,
            "original dealt with"
        );
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

    /// What can be said of the original of a recording that is marked as erased. A job that hasn't given notice by now sees
    /// the mark and leaves the original alone, so this is asked before Twilio is.
    async fn keep_original(&self, recording: &RecordingSid) -> Result<Original, ErasureError> {
        let notices = &self.deletion_notices;
        let under_way = notices.is_deletion_under_way(recording, SystemTime::now()).await;
        let under_way = under_way.map_err(ErasureError::Notice)?;
        match self.originals.fetch(recording).await {
            Ok(_) if under_way => Ok(Original::DeletionUnderWay),
            Ok(_) => Ok(Original::Kept),
            Err(TwilioAccountError::Api(ApiError::NotFound)) => Ok(Original::AlreadyGone),
            Err(error) => Err(ErasureError::Unknown(error)),
        }
    }
}
