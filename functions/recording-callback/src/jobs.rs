//! The jobs, one file each.

mod batch;
mod copy_recording;
mod delete_original;
mod link_task;
mod links_queue;

use std::time::Instant;

use service::metrics::{self, Unit};

pub(crate) use self::{
    batch::process_batch,
    copy_recording::{Copier, Formats, MediaKeys},
    delete_original::OriginalDeleter,
    link_task::{LinkKind, Linker, Links},
    links_queue::{LinksQueue, taken},
};
use self::{copy_recording::CopyError, delete_original::DeleteError, link_task::LinkError};
use crate::job::Job;

/// The jobs that this role of the function can run.
#[derive(Default)]
pub(crate) struct Jobs {
    pub(crate) linker: Option<Linker>,
    pub(crate) copier: Option<Copier>,
    pub(crate) deleter: Option<OriginalDeleter>,
}

/// Which of a job's tries this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Try {
    /// SQS brings its message for this time, counted from 1.
    Nth(u32),
    /// Nobody brings it again: it's run where it was asked for.
    Only,
}

/// Why a job isn't done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JobError {
    #[error("this role runs no {0} jobs")]
    OtherRole(&'static str),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    Delete(#[from] DeleteError),
}

impl Jobs {
    /// Runs the job until it's done, there's nothing left to do, or it has failed; gives up at `deadline`.
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

impl JobError {
    /// Whether the same job may well succeed later.
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::OtherRole(_) => false,
            Self::Link(error) => error.is_retryable(),
            Self::Copy(error) => error.is_retryable(),
            Self::Delete(error) => error.is_retryable(),
        }
    }
}
