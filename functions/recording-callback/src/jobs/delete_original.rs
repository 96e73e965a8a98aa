//! DeleteOriginal: deletes the recording at Twilio once every byte of the stored one has been verified.

use std::time::Instant;

use service::{
    metrics::{self, Unit},
    telemetry::AUDIT,
};
use sid::RecordingSid;
use twilio::{client::ApiError, recordings::Deletion};
use vault::{
    Catalog, DeletedOriginals, DeletionNotices, Difference, GoAhead, PendingDeletions, Presence, ReadError, Reader,
    Records, Reported, ServiceError, Verdict, Verified,
};

use crate::{
    job::DeleteOriginal,
    receipts::{self, ReceiptFault, Recorded},
    twilio_account::{TwilioAccount, TwilioAccountError},
};

pub(crate) struct OriginalDeleter {
    pub(crate) twilio: TwilioAccount,
    pub(crate) reader: Reader,
    pub(crate) catalog: Catalog,
    pub(crate) notices: DeletionNotices,
    pub(crate) pending: PendingDeletions,
    pub(crate) records: Records,
    pub(crate) deleted: DeletedOriginals,
}

/// Why the original is still at Twilio.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeleteError {
    #[error("the stored recording: {0}")]
    Unverified(#[from] ReadError),
    #[error("the stored recording: {0}")]
    Incomplete(#[from] Incomplete),
    /// Without a receipt, nothing would show later what the original was compared with.
    #[error("the stored recording: {0}")]
    Receipt(ReceiptFault),
    #[error("the deletion's mark: {0}")]
    Mark(ServiceError),
    #[error("deleted, but not marked as deleted: {0}")]
    NotMarked(ServiceError),
    #[error("cannot check whether the recording was erased: {0}")]
    Catalog(#[from] ServiceError),
    #[error(transparent)]
    Twilio(#[from] TwilioAccountError),
    #[error("deadline reached")]
    Deadline,
}

/// Why a stored recording may be incomplete although every frame has verified. The frames do not show whether Twilio sent
/// all of it.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum Incomplete {
    #[error("it was stored as suspect")]
    Suspect,
    #[error("unrecognized audio format")]
    Unrecognized,
    #[error("Twilio does not report both channels and duration")]
    NothingToCompareWith,
    #[error(transparent)]
    Differs(#[from] Difference),
    #[error("it differs from its receipt")]
    DiffersFromReceipt,
}

impl OriginalDeleter {
    pub(crate) async fn run(&self, job: &DeleteOriginal, deadline: Instant) -> Result<(), DeleteError> {
        let outcome = tokio::time::timeout_at(deadline.into(), self.settle(job))
            .await
            .unwrap_or(Err(DeleteError::Deadline));
        if let Err(DeleteError::Incomplete(_) | DeleteError::Unverified(ReadError::NotFound | ReadError::Damaged(_))) =
            &outcome
        {
            metrics::emit(&[("VerificationFailures", 1.0, Unit::Count)]);
        }
        outcome
    }

    /// The mark is removed once nothing is left to do. While it exists, the job is queued again.
    async fn settle(&self, job: &DeleteOriginal) -> Result<(), DeleteError> {
        self.verify_and_delete(job).await?;
        self.pending.settle(&job.recording_sid).await.map_err(DeleteError::Mark)
    }

    async fn verify_and_delete(&self, job: &DeleteOriginal) -> Result<(), DeleteError> {
        let recording = &job.recording_sid;
        // An erasure that failed half-way may have left the object, so the mark of the erasure decides.
        if self.is_erased(recording).await? {
            report_left_to_erasure(recording);
            return Ok(());
        }
        let verified = match self.reader.verify(recording).await {
            Ok(verified) => verified,
            // An erasure may have begun meanwhile.
            Err(_) if self.is_erased(recording).await? => {
                report_left_to_erasure(recording);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        if self.confirm_receipt(&verified).await? == Recorded::Erased {
            report_left_to_erasure(recording);
            return Ok(());
        }
        let deletion = match self.reported(job).await {
            Ok(reported) => {
                check_complete(&verified, &reported)?;
                if self.notices.give(recording).await? == GoAhead::Erased {
                    report_left_to_erasure(recording);
                    return Ok(());
                }
                self.twilio.delete_recording(&job.recording_sid).await?
            }
            Err(TwilioAccountError::Api(ApiError::NotFound)) => Deletion::AlreadyGone,
            Err(error) => return Err(error.into()),
        };
        report(recording, deletion, &verified);
        self.deleted.mark(recording).await.map_err(DeleteError::NotMarked)
    }

    /// Compares what was read with the recording's receipt, and writes a missing one.
    async fn confirm_receipt(&self, verified: &Verified) -> Result<Recorded, DeleteError> {
        match receipts::confirm(&self.records, &verified.receipt).await {
            Ok(recorded) => Ok(recorded),
            Err(ReceiptFault::Differs(_)) => Err(Incomplete::DiffersFromReceipt.into()),
            Err(fault) => Err(DeleteError::Receipt(fault)),
        }
    }

    async fn is_erased(&self, recording: &RecordingSid) -> Result<bool, ServiceError> {
        Ok(self.catalog.presence(recording).await? == Presence::Erased)
    }

    /// The facts that Twilio reports now, and the facts that it reported in the callback.
    async fn reported(&self, job: &DeleteOriginal) -> Result<[Reported; 2], TwilioAccountError> {
        let original = self.twilio.fetch_recording(&job.recording_sid).await?;
        let now = Reported {
            channels: original.facts.channels,
            duration_s: original.facts.duration_s,
        };
        let then = Reported {
            channels: None,
            duration_s: job.duration_s,
        };
        Ok([now, then])
    }
}

impl DeleteError {
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Unverified(error) => error.is_retryable(),
            Self::Receipt(fault) => fault.is_retryable(),
            Self::Catalog(error) | Self::Mark(error) | Self::NotMarked(error) => error.is_retryable(),
            Self::Twilio(error) => error.is_retryable(),
            Self::Deadline => true,
            Self::Incomplete(_) => false,
        }
    }
}

/// Whether the stored recording can replace the original: it must match everything that Twilio reported, now and before.
fn check_complete(verified: &Verified, reported: &[Reported]) -> Result<(), Incomplete> {
    if verified.receipt.suspect.is_some() {
        return Err(Incomplete::Suspect);
    }
    let Verdict::Audio(audio) = &verified.verdict else {
        return Err(Incomplete::Unrecognized);
    };
    let has_channels = reported.iter().any(|facts| facts.channels.is_some());
    let has_duration = reported.iter().any(|facts| facts.duration_s.is_some());
    if !(has_channels && has_duration) {
        return Err(Incomplete::NothingToCompareWith);
    }
    reported.iter().try_for_each(|facts| Ok(facts.compare(audio)?))
}

/// The erasure has decided what happens to the original.
fn report_left_to_erasure(recording: &RecordingSid) {
    tracing::info!(
        target: AUDIT,
        event = "delete_original",
        outcome = "left_to_erasure",
        recordingSid = %recording,
        "recording erased, original left to the erasure"
    );
}

/// Writes the audit line of a job that is done.
fn report(recording: &RecordingSid, deletion: Deletion, verified: &Verified) {
    match deletion {
        Deletion::Deleted => {
            tracing::info!(
                target: AUDIT,
                event = "delete_original",
                outcome = "deleted",
                recordingSid = %recording,
                length = verified.receipt.length,
                sha256 = verified.receipt.sha256,
                versionId = verified.receipt.version_id,
                "original deleted"
            );
            metrics::emit(&[("OriginalDeleted", 1.0, Unit::Count)]);
        }
        Deletion::AlreadyGone => tracing::info!(
            target: AUDIT,
            event = "delete_original",
            outcome = "already_gone",
            recordingSid = %recording,
            "the original was deleted before"
        ),
    }
}

#[cfg(test)]
mod tests;
