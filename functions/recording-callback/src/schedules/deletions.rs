//! When originals at Twilio are due for deletion.

use std::time::Duration;

use aws_config::SdkConfig;
use twilio::sid::RecordingSid;

use super::{ScheduleError, Schedules};
use crate::{
    clock,
    config::DeletionConfig,
    job::{DeleteOriginal, Job},
};

/// Has originals deleted a while after the recording was linked: a schedule of the recording's name sends the job to the
/// copies queue.
pub(crate) struct Deletions {
    schedules: Schedules,
    copies_queue_arn: String,
    after: Duration,
    /// Also for recordings that no task links to. Of these the original may be the only one that Insights can play.
    pub(crate) unlinked: bool,
}

impl Deletions {
    pub(crate) fn new(aws: &SdkConfig, config: DeletionConfig) -> Self {
        Self {
            schedules: Schedules::new(aws, config.schedules),
            copies_queue_arn: config.copies_queue_arn,
            after: config.after,
            unlinked: config.unlinked,
        }
    }

    /// Schedules the deletion, from now; one that is scheduled already keeps its time.
    pub(crate) async fn schedule(
        &self,
        recording: &RecordingSid,
        duration_s: Option<u64>,
    ) -> Result<(), ScheduleError> {
        let after_ms = i64::try_from(self.after.as_millis()).unwrap_or(i64::MAX);
        let job = Job::DeleteOriginal(DeleteOriginal {
            recording_sid: recording.clone(),
            duration_s,
        });
        self.schedules
            .once(
                recording.as_str(),
                clock::now_ms().saturating_add(after_ms),
                &self.copies_queue_arn,
                &job.to_message(),
            )
            .await
    }
}
