//! Erases a recording on request, in the vault and at Twilio.

use std::time::{Instant, SystemTime};

use serde::Serialize;
use service::telemetry::AUDIT;
use sid::RecordingSid;
use twilio::{client::ApiError, recordings::Deletion};
use vault::{EraseError, Erasure, ServiceError};

use super::{clients::Clients, command::Erase};
use crate::{schedules::ScheduleError, twilio_account::TwilioAccountError};

/// The result of an erasure.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Erased {
    recording_sid: String,
    /// Versions of the stored object that were removed.
    versions: u32,
    delete_markers: u32,
    /// Uploads of copies under way that were aborted.
    uploads: u32,
    /// Versions that Object Lock retains. They cannot be played any more. Erasing again after the lock has expired removes
    /// them.
    held: Vec<String>,
    original: Original,
    /// Whether a scheduled deletion of the original was cancelled.
    scheduled_deletion_cancelled: bool,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum Original {
    Deleted,
    /// The original was deleted before.
    AlreadyGone,
    /// The original is at Twilio, as requested, and no job deletes it any more.
    Kept,
    /// The original was to be kept, but a job had begun to delete it before the recording was marked as erased.
    DeletionUnderWay,
}

/// Why the recording is not erased, or not everywhere. Erasing it again continues.
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
    #[error("erased in the vault; cannot check whether its original is being deleted: {0}")]
    Notice(ServiceError),
    #[error("erased in the vault; cannot check whether its original is still at Twilio: {0}")]
    Unknown(TwilioAccountError),
    #[error("deadline reached, invoke again")]
    Deadline,
}

impl Original {
    /// The value in the audit trail.
    const fn outcome(self) -> &'static str {
        match self {
            Self::Deleted => "original_deleted",
            Self::AlreadyGone => "original_already_gone",
            Self::Kept => "original_kept",
            Self::DeletionUnderWay => "original_deletion_under_way",
        }
    }
}

/// Erases the recording, and ends at `deadline` at the latest.
pub(super) async fn erase(clients: &Clients, request: &Erase, deadline: Instant) -> Result<Erased, ErasureError> {
    let outcome = tokio::time::timeout_at(deadline.into(), erase_everywhere(clients, request))
        .await
        .unwrap_or(Err(ErasureError::Deadline));
    if let Err(error) = &outcome {
        tracing::error!(
            target: AUDIT,
            event = "erase",
            outcome = "failed",
            recordingSid = %request.recording_sid,
            %error,
            "erasure incomplete"
        );
    }
    outcome
}

async fn erase_everywhere(clients: &Clients, request: &Erase) -> Result<Erased, ErasureError> {
    let sid = &request.recording_sid;
    let marked = clients.eraser.mark(sid).await?;
    // The schedule is cancelled at once, so that it sends no job to the copies queue. A job that is there already sees the
    // mark. If cancelling fails, the stored recording is removed all the same.
    let scheduled_deletion_cancelled = clients.schedules.cancel(sid.as_str()).await;
    let erasure = marked.remove().await?;
    report_removed(sid, &erasure);
    let scheduled_deletion_cancelled = scheduled_deletion_cancelled?;
    let settled = clients.pending_deletions.settle(sid).await;
    settled.map_err(ErasureError::PendingDeletion)?;
    let original = if request.keep_original {
        keep_original(clients, sid).await?
    } else {
        match clients
            .twilio
            .delete_recording(sid)
            .await
            .map_err(ErasureError::Original)?
        {
            Deletion::Deleted => Original::Deleted,
            Deletion::AlreadyGone => Original::AlreadyGone,
        }
    };
    report_original(sid, original);
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

/// The state of an original that is to be kept. The recording is marked as erased, so a job that has not given notice by
/// now leaves the original alone. Notices are read before the request to Twilio.
async fn keep_original(clients: &Clients, recording: &RecordingSid) -> Result<Original, ErasureError> {
    let notices = &clients.deletion_notices;
    let under_way = notices.is_deletion_under_way(recording, SystemTime::now()).await;
    let under_way = under_way.map_err(ErasureError::Notice)?;
    match clients.twilio.fetch_recording(recording).await {
        Ok(_) if under_way => Ok(Original::DeletionUnderWay),
        Ok(_) => Ok(Original::Kept),
        Err(TwilioAccountError::Api(ApiError::NotFound)) => Ok(Original::AlreadyGone),
        Err(error) => Err(ErasureError::Unknown(error)),
    }
}

fn report_removed(sid: &RecordingSid, erasure: &Erasure) {
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
}

fn report_original(sid: &RecordingSid, original: Original) {
    tracing::info!(
        target: AUDIT,
        event = "erase",
        outcome = original.outcome(),
        recordingSid = %sid,
        "original processed"
    );
}
