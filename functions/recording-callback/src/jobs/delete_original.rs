//! DeleteOriginal: the recording at Twilio goes, once every byte of the stored one has proved readable.

use std::time::Instant;

use service::{
    metrics::{self, Unit},
    telemetry::AUDIT,
};
use sid::RecordingSid;
use twilio::{client::ApiError, recordings::Deletion};
use vault::{
    Catalog, DeletionNotices, Difference, GoAhead, PendingDeletions, Presence, ReadError, Reader, ServiceError, Told,
    Verdict, Verified,
};

use crate::{
    job::DeleteOriginal,
    twilio_account::{TwilioAccount, TwilioAccountError},
};

pub(crate) struct OriginalDeleter {
    pub(crate) originals: TwilioAccount,
    pub(crate) reader: Reader,
    pub(crate) catalog: Catalog,
    pub(crate) notices: DeletionNotices,
    pub(crate) pending: PendingDeletions,
}

/// Why the original is still at Twilio.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeleteError {
    #[error("the stored recording: {0}")]
    Unverified(#[from] ReadError),
    #[error("the stored recording: {0}")]
    NotWhole(#[from] NotWhole),
    #[error("the deletion's mark: {0}")]
    Mark(ServiceError),
    #[error("whether the recording was erased: {0}")]
    Catalog(#[from] ServiceError),
    #[error(transparent)]
    TwilioAccount(#[from] TwilioAccountError),
    #[error("deadline reached")]
    Deadline,
}

/// What speaks against a recording of which every frame has verified: a frame can't tell whether Twilio sent all there
/// was.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum NotWhole {
    #[error("it was stored as suspect")]
    Suspect,
    #[error("it is no audio that is known here")]
    NotRecognised,
    #[error("Twilio told no channels or no duration to compare it with")]
    NothingToCompareWith,
    #[error(transparent)]
    Differs(#[from] Difference),
}

impl OriginalDeleter {
    pub(crate) async fn run(&self, job: &DeleteOriginal, deadline: Instant) -> Result<(), DeleteError> {
        let outcome = tokio::time::timeout_at(deadline.into(), self.settle(job))
            .await
            .unwrap_or(Err(DeleteError::Deadline));
        if let Err(DeleteError::NotWhole(_) | DeleteError::Unverified(ReadError::NotFound | ReadError::Damaged(_))) =
            &outcome
        {
            metrics::emit(&[("VerificationFailures", 1.0, Unit::Count)]);
        }
        outcome
    }

    /// The mark goes once nothing is left to do: while it's there, the job is queued again.
    async fn settle(&self, job: &DeleteOriginal) -> Result<(), DeleteError> {
        self.verify_and_delete(job).await?;
        self.pending.settle(&job.recording_sid).await.map_err(DeleteError::Mark)
    }

    async fn verify_and_delete(&self, job: &DeleteOriginal) -> Result<(), DeleteError> {
        let recording = &job.recording_sid;
        // An erasure that failed half-way may have left the object: the mark counts, not what is there.
        if self.is_erased(recording).await? {
            leave(recording);
            return Ok(());
        }
        let verified = match self.reader.verify(recording).await {
            Ok(verified) => verified,
            // The erasure may have begun meanwhile.
            Err(_) if self.is_erased(recording).await? => {
                leave(recording);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let deletion = match self.told(job).await {
            Ok(told) => {
                is_whole(&verified, &told)?;
                if self.notices.give(recording).await? == GoAhead::Erased {
                    leave(recording);
                    return Ok(());
                }
                self.originals.delete(&job.recording_sid).await?
            }
            Err(TwilioAccountError::Api(ApiError::NotFound)) => Deletion::AlreadyGone,
            Err(error) => return Err(error.into()),
        };
        tell(recording, deletion, &verified);
        Ok(())
    }

    async fn is_erased(&self, recording: &RecordingSid) -> Result<bool, ServiceError> {
        Ok(self.catalog.presence(recording).await? == Presence::Erased)
    }

    /// What Twilio says of the recording now, and what it said in the callback.
    async fn told(&self, job: &DeleteOriginal) -> Result<[Told; 2], TwilioAccountError> {
        let original = self.originals.fetch(&job.recording_sid).await?;
        let now = Told {
            channels: original.channels,
            duration_s: original.duration_s,
        };
        let then = Told {
            channels: None,
            duration_s: job.duration_s,
        };
        Ok([now, then])
    }
}

impl DeleteError {
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Unverified(error) => matches!(error, ReadError::Changed | ReadError::Unavailable(_)),
            Self::Catalog(error) | Self::Mark(error) => error.is_retryable(),
            Self::TwilioAccount(error) => error.is_retryable(),
            Self::Deadline => true,
            Self::NotWhole(_) => false,
        }
    }
}

/// Whether the stored recording can take the original's place: all that Twilio said of it has to be so, at any time.
fn is_whole(verified: &Verified, told: &[Told]) -> Result<(), NotWhole> {
    if verified.is_suspect {
        return Err(NotWhole::Suspect);
    }
    let Verdict::Audio(audio) = &verified.verdict else {
        return Err(NotWhole::NotRecognised);
    };
    let is_told = told.iter().any(|told| told.channels.is_some()) && told.iter().any(|told| told.duration_s.is_some());
    if !is_told {
        return Err(NotWhole::NothingToCompareWith);
    }
    told.iter().try_for_each(|told| Ok(told.compare(audio)?))
}

/// Whoever erased it has said what becomes of the original.
fn leave(recording: &RecordingSid) {
    tracing::info!(
        target: AUDIT,
        event = "delete_original",
        outcome = "left_to_erasure",
        recordingSid = %recording,
        "erased, its original is left alone"
    );
}

/// The audit line of a job that is done.
fn tell(recording: &RecordingSid, deletion: Deletion, verified: &Verified) {
    match deletion {
        Deletion::Deleted => {
            tracing::info!(
                target: AUDIT,
                event = "delete_original",
                outcome = "deleted",
                recordingSid = %recording,
                length = verified.plaintext_len,
                sha256 = hex::encode(verified.sha256),
                versionId = verified.version_id,
                "original deleted"
            );
            metrics::emit(&[("OriginalDeleted", 1.0, Unit::Count)]);
        }
        Deletion::AlreadyGone => tracing::info!(
            target: AUDIT,
            event = "delete_original",
            outcome = "already_gone",
            recordingSid = %recording,
            "the original is gone already"
        ),
    }
}

#[cfg(test)]
mod tests;
