//! DeleteOriginal: the recording at Twilio goes, once every byte of the stored one has proved readable.

use std::time::{Duration, Instant};

use service::metrics::{self, Unit};
use twilio::{client::ApiError, recordings::Deletion};
use vault::{
    Catalog, ContentType, DeletionNotices, GoAhead, NameError, PendingDeletions, Presence, ReadError, Reader,
    RecordingId, ServiceError, Verified,
};

use crate::{
    job::DeleteOriginal,
    originals::{Originals, OriginalsError},
};

/// Twilio tells a duration in whole seconds, and neither how it rounds (up to 1 s either way) nor whether it counts
/// samples or the time between two events of the call (taken as 1 s more).
const TOLERANCE: Duration = Duration::from_secs(2);

pub(crate) struct OriginalDeleter {
    pub(crate) originals: Originals,
    pub(crate) reader: Reader,
    pub(crate) catalog: Catalog,
    pub(crate) notices: DeletionNotices,
    pub(crate) pending: PendingDeletions,
}

/// Why the original is still at Twilio.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeleteError {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("the stored recording: {0}")]
    Unverified(#[from] ReadError),
    #[error("the stored recording: {0}")]
    NotWhole(#[from] NotWhole),
    #[error("the deletion's mark: {0}")]
    Mark(ServiceError),
    #[error("whether the recording was erased: {0}")]
    Catalog(#[from] ServiceError),
    #[error(transparent)]
    Originals(#[from] OriginalsError),
    #[error("deadline reached")]
    Deadline,
}

/// What speaks against a recording of which every frame has verified: a frame can't tell whether Twilio sent all there
/// was.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum NotWhole {
    #[error("it is empty")]
    Empty,
    #[error("Twilio told no duration to compare it with")]
    NothingToCompareWith,
    #[error("its WAV header tells no duration, Twilio told {told_s} s")]
    NoDuration { told_s: u64 },
    #[error("it lasts {stored_s} s, Twilio told {told_s} s")]
    OtherDuration { stored_s: f64, told_s: u64 },
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
        let recording = RecordingId::parse(job.recording_sid.as_str())?;
        self.pending.settle(&recording).await.map_err(DeleteError::Mark)
    }

    async fn verify_and_delete(&self, job: &DeleteOriginal) -> Result<(), DeleteError> {
        let recording = RecordingId::parse(job.recording_sid.as_str())?;
        // An erasure that failed half-way may have left the object: the mark counts, not what is there.
        if self.is_erased(&recording).await? {
            leave(&recording);
            return Ok(());
        }
        let verified = match self.reader.verify(&recording).await {
            Ok(verified) => verified,
            // The erasure may have begun meanwhile.
            Err(_) if self.is_erased(&recording).await? => {
                leave(&recording);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let deletion = match self.told_duration_s(job).await {
            Ok(told_s) => {
                is_whole(&verified, told_s)?;
                if self.notices.give(&recording).await? == GoAhead::Erased {
                    leave(&recording);
                    return Ok(());
                }
                self.originals.delete(&job.recording_sid).await?
            }
            Err(OriginalsError::Api(ApiError::NotFound)) => Deletion::AlreadyGone,
            Err(error) => return Err(error.into()),
        };
        tell(&recording, deletion, &verified);
        Ok(())
    }

    async fn is_erased(&self, recording: &RecordingId) -> Result<bool, ServiceError> {
        Ok(self.catalog.presence(recording).await? == Presence::Erased)
    }

    /// What Twilio says how long the recording is, in seconds.
    async fn told_duration_s(&self, job: &DeleteOriginal) -> Result<Option<u64>, OriginalsError> {
        match job.duration_s {
            Some(told_s) => Ok(Some(told_s)),
            None => Ok(self.originals.fetch(&job.recording_sid).await?.duration_s),
        }
    }
}

impl DeleteError {
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Unverified(error) => matches!(error, ReadError::Changed | ReadError::Unavailable(_)),
            Self::Catalog(error) | Self::Mark(error) => error.is_retryable(),
            Self::Originals(error) => error.is_retryable(),
            Self::Deadline => true,
            Self::Name(_) | Self::NotWhole(_) => false,
        }
    }
}

fn is_whole(verified: &Verified, told_s: Option<u64>) -> Result<(), NotWhole> {
    if verified.plaintext_len == 0 {
        return Err(NotWhole::Empty);
    }
    match verified.content_type {
        // Only decoding it would tell how long an MP3 file lasts.
        ContentType::Mp3 => Ok(()),
        ContentType::Wav => {
            let told_s = told_s.ok_or(NotWhole::NothingToCompareWith)?;
            let stored = verified.wav_duration.ok_or(NotWhole::NoDuration { told_s })?;
            if stored.abs_diff(Duration::from_secs(told_s)) <= TOLERANCE {
                Ok(())
            } else {
                Err(NotWhole::OtherDuration {
                    stored_s: stored.as_secs_f64(),
                    told_s,
                })
            }
        }
    }
}

/// Whoever erased it has said what becomes of the original.
fn leave(recording: &RecordingId) {
    tracing::info!(recordingSid = %recording, "erased, its original is left alone");
}

/// The audit line of a job that is done.
fn tell(recording: &RecordingId, deletion: Deletion, verified: &Verified) {
    match deletion {
        Deletion::Deleted => {
            tracing::info!(
                recordingSid = %recording,
                length = verified.plaintext_len,
                sha256 = hex::encode(verified.sha256),
                versionId = verified.version_id,
                "original deleted"
            );
            metrics::emit(&[("OriginalDeleted", 1.0, Unit::Count)]);
        }
        Deletion::AlreadyGone => tracing::info!(recordingSid = %recording, "the original is gone already"),
    }
}

#[cfg(test)]
mod tests;
