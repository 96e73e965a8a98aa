//! Schedules the deletion of originals at Twilio.

use std::time::Duration;

use aws_config::SdkConfig;
use sid::RecordingSid;
use vault::{Bucket, PendingDeletions, ServiceError};

use super::scheduler::{Delivery, ScheduleError, Schedules};
use crate::{
    clock,
    config::DeletionConfig,
    job::{DeleteOriginal, Job},
};

/// Schedules the deletion of originals for a time after the recording was linked. A schedule with the recording's name
/// sends the job to the copies queue. A mark in the bucket exists until the job is done, so that no deletion is lost
/// unnoticed.
pub(crate) struct Deletions {
    schedules: Schedules,
    pub(crate) pending: PendingDeletions,
    copies_queue_arn: String,
    dead_letters_arn: String,
    pub(crate) after: Duration,
    /// Whether originals that no task links to are deleted too. Insights may be able to play nothing else.
    pub(crate) unlinked: bool,
}

/// Why the deletion is not scheduled. Scheduling it again does no harm.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DeletionError {
    #[error("the deletion's mark: {0}")]
    Mark(#[from] ServiceError),
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
}

impl Deletions {
    pub(crate) fn new(aws: &SdkConfig, config: DeletionConfig) -> Self {
        Self {
            schedules: Schedules::new(aws, config.schedules),
            pending: PendingDeletions::new(Bucket::new(aws_sdk_s3::Client::new(aws), &config.bucket)),
            copies_queue_arn: config.copies_queue_arn,
            dead_letters_arn: config.dead_letters_arn,
            after: config.after,
            unlinked: config.unlinked,
        }
    }

    /// Schedules the deletion. A deletion that is scheduled already keeps its time. The mark is written first: a deletion
    /// that is marked but not scheduled is found and queued later. The other way round it would be lost.
    pub(crate) async fn schedule(
        &self,
        recording: &RecordingSid,
        duration_s: Option<u64>,
    ) -> Result<(), DeletionError> {
        self.pending.mark(recording).await?;
        let after_ms = i64::try_from(self.after.as_millis()).unwrap_or(i64::MAX);
        let job = Job::DeleteOriginal(DeleteOriginal {
            recording_sid: recording.clone(),
            duration_s,
        });
        let at_ms = clock::now_ms().saturating_add(after_ms);
        let delivery = Delivery {
            target: &self.copies_queue_arn,
            input: &job.to_message(),
            dead_letters: Some(&self.dead_letters_arn),
        };
        Ok(self.schedules.once(recording.as_str(), at_ms, &delivery).await?)
    }
}
