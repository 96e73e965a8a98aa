//! Erases a recording on request, in the vault and at Twilio.

use std::time::{Instant, SystemTime};

use serde::{Deserialize, Serialize};
use service::telemetry::AUDIT;
use sid::RecordingSid;
use twilio::recordings::Deletion;
use vault::{EraseError, ErasedRecord, Erasure, ServiceError};

use super::{clients::Clients, command::Erase};
use crate::{schedules::ScheduleError, twilio_account::TwilioAccountError};

/// The result of an erasure.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Erased {
    recording_sid: String,
    /// Versions of the stored object that were removed.
    pub(super) versions: u32,
    delete_markers: u32,
    /// Uploads of copies under way that were aborted.
    uploads: u32,
    /// Versions of the receipt that were removed.
    receipts: u32,
    index_entries: u32,
    /// Files of the catalog that had the receipt. The next compaction writes them again.
    catalog_files: u32,
    /// Versions of the recording or of its record that Object Lock retains. They are hidden. Erasing again after the lock has
    /// expired removes them.
    pub(super) held: Vec<String>,
    pub(super) original: Original,
    /// Whether a scheduled deletion of the original was cancelled.
    scheduled_deletion_cancelled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Original {
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

/// Erases the recording, and ends at `deadline` at the latest. `operation` is the name of the list's operation.
pub(super) async fn erase(
    clients: &Clients,
    request: &Erase,
    operation: Option<&str>,
    deadline: Instant,
) -> Result<Erased, ErasureError> {
    // Before the first change: whatever ends the process, the trail shows that the recording may be erased.
    tracing::info!(
        target: AUDIT,
        event = "erase",
        outcome = "begun",
        operation,
        recordingSid = %request.recording_sid,
        keepOriginal = request.keep_original,
        "erasure begun"
    );
    let outcome = tokio::time::timeout_at(deadline.into(), erase_everywhere(clients, request, operation))
        .await
        .unwrap_or(Err(ErasureError::Deadline));
    if let Err(error) = &outcome {
        tracing::error!(
            target: AUDIT,
            event = "erase",
            outcome = "failed",
            operation,
            recordingSid = %request.recording_sid,
            %error,
            "erasure incomplete"
        );
    }
    outcome
}

async fn erase_everywhere(clients: &Clients, request: &Erase, operation: Option<&str>) -> Result<Erased, ErasureError> {
    let sid = &request.recording_sid;
    let marked = clients.eraser.mark(sid).await?;
    // The schedule is cancelled at once, so that it sends no job to the copies queue. A job that is there already sees the
    // mark. If cancelling fails, the stored recording is removed all the same.
    let scheduled_deletion_cancelled = clients.schedules.cancel(sid.as_str()).await;
    let erasure = marked.remove().await?;
    report_removed(sid, operation, &erasure);
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
    report_original(sid, operation, original);
    // As long as the record is there, a question by call or task finds a recording that is not erased yet.
    let mut record = ErasedRecord::default();
    if erasure.held.is_empty() && original != Original::DeletionUnderWay {
        record = marked.remove_record().await?;
        report_record(sid, operation, &record);
    }
    Ok(Erased {
        recording_sid: sid.to_string(),
        versions: erasure.versions,
        delete_markers: erasure.delete_markers,
        uploads: erasure.uploads,
        receipts: record.receipts,
        index_entries: record.index_entries,
        catalog_files: erasure.catalog_files,
        held: [erasure.held, record.held].concat(),
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
    let is_there = clients.twilio.has_original(recording).await;
    Ok(match is_there.map_err(ErasureError::Unknown)? {
        true if under_way => Original::DeletionUnderWay,
        true => Original::Kept,
        false => Original::AlreadyGone,
    })
}

fn report_removed(sid: &RecordingSid, operation: Option<&str>, erasure: &Erasure) {
    tracing::info!(
        target: AUDIT,
        event = "erase",
        outcome = "removed",
        operation,
        recordingSid = %sid,
        versions = erasure.versions,
        deleteMarkers = erasure.delete_markers,
        uploads = erasure.uploads,
        catalogFiles = erasure.catalog_files,
        held = erasure.held.len(),
        "recording erased from the vault"
    );
}

fn report_record(sid: &RecordingSid, operation: Option<&str>, record: &ErasedRecord) {
    tracing::info!(
        target: AUDIT,
        event = "erase",
        outcome = "record_removed",
        operation,
        recordingSid = %sid,
        receipts = record.receipts,
        indexEntries = record.index_entries,
        held = record.held.len(),
        "receipt and index entries removed"
    );
}

fn report_original(sid: &RecordingSid, operation: Option<&str>, original: Original) {
    tracing::info!(
        target: AUDIT,
        event = "erase",
        outcome = original.outcome(),
        operation,
        recordingSid = %sid,
        "original processed"
    );
}
