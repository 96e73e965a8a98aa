//! Runs a job by its kind.

use std::time::Instant;

use service::metrics::{self, Unit};

use super::{copy_recording::Copier, delete_original::OriginalDeleter, error::JobError, link_task::Linker, retry::Try};
use crate::job::Job;

/// The jobs that this role of the function can run.
#[derive(Default)]
pub(crate) struct Jobs {
    pub(crate) linker: Option<Linker>,
    pub(crate) copier: Option<Copier>,
    pub(crate) deleter: Option<OriginalDeleter>,
}

impl Jobs {
    /// Runs the job until it is done, nothing is left to do, or it has failed. Gives up at `deadline`.
    pub(crate) async fn run(&self, job: &Job, nth: Try, deadline: Instant) -> Result<(), JobError> {
        let outcome = self.dispatch(job, nth, deadline).await;
        if let Err(JobError::Link(waiting)) = &outcome
            && waiting.is_postponed()
        {
            tracing::info!(recordingSid = %job.recording_sid(), "{waiting}");
            metrics::emit(&[("LinkPostponed", 1.0, Unit::Count)]);
        } else if let Err(error) = &outcome {
            let retryable = error.is_retryable();
            tracing::error!(recordingSid = %job.recording_sid(), kind = job.kind(), retryable, %error, "job failed");
            let name = match job {
                Job::LinkTask(_) => "LinkFailed",
                Job::CopyRecording(_) => "CopyFailed",
                Job::DeleteOriginal(_) => "DeleteFailed",
            };
            metrics::emit(&[(name, 1.0, Unit::Count)]);
        }
        outcome
    }

    async fn dispatch(&self, job: &Job, nth: Try, deadline: Instant) -> Result<(), JobError> {
        let other_role = || JobError::OtherRole(job.kind());
        match job {
            Job::LinkTask(job) => Ok(self.linker.as_ref().ok_or_else(other_role)?.run(job, deadline).await?),
            Job::CopyRecording(job) => {
                let copier = self.copier.as_ref().ok_or_else(other_role)?;
                Ok(copier.run(job, nth, deadline).await?)
            }
            Job::DeleteOriginal(job) => Ok(self.deleter.as_ref().ok_or_else(other_role)?.run(job, deadline).await?),
        }
    }
}
