//! LinkTask: the recording's link into its task's attributes, while there's still a task.
//!
//! TaskRouter deletes a task five minutes after it completed and Insights takes links only until two minutes after, so
//! this doesn't wait for the copy: where the recording will be played follows from its SID.

use std::time::Instant;

use playback_link::{Expiry, KeyRing, sign};
use service::{
    metrics::{self, Unit},
    secrets::SecretError,
};
use twilio::{
    client::{ApiError, Client, Credentials},
    sid::{TaskSid, WorkspaceSid},
    task_attributes::{MergeError, TaskLink, merge},
    taskrouter::AssignmentStatus,
};

use crate::{clock, job::LinkTask, secret::Secret};

/// How often a task may change under our hands. Each try takes two requests, so that ten fit into the linker's 30 s.
const MAX_TRIES: u32 = 10;

pub(crate) struct Linker {
    pub(crate) twilio: Client,
    pub(crate) api_key: Secret<Credentials>,
    pub(crate) workspace: WorkspaceSid,
    /// Without a slash at its end.
    pub(crate) playback_base_url: String,
    pub(crate) links: Links,
}

/// Which kind of link a task gets.
pub(crate) enum Links {
    /// `conversations.media[]` with `url_provider`.
    Media,
    /// `conversations.segment_link`, signed with the current one of these keys.
    SegmentLink(Secret<KeyRing>),
}

/// How the job ended where it didn't fail.
#[derive(Debug, PartialEq, Eq)]
enum Linked {
    Linked(TaskSid),
    /// There's no such task (any more): nothing left to do.
    TaskGone,
}

/// Why the task has no link yet.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("the callback names no task, call or conference to find the task by")]
    NothingToFindBy,
    #[error("the task is {0:?}, and an update would route it again")]
    NotAssigned(AssignmentStatus),
    #[error("the task changed {MAX_TRIES} times while its attributes were being merged")]
    Contended,
    #[error(transparent)]
    Merge(#[from] MergeError),
    #[error("TaskRouter: {0}")]
    TaskRouter(#[from] ApiError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("deadline reached")]
    Deadline,
}

impl Linker {
    pub(crate) async fn run(&self, job: &LinkTask, deadline: Instant) -> Result<(), LinkError> {
        let linked = tokio::time::timeout_at(deadline.into(), self.link(job))
            .await
            .unwrap_or(Err(LinkError::Deadline))?;
        match linked {
            Linked::Linked(task) => {
                let latency_ms = clock::now_ms().saturating_sub(job.received_at_ms);
                tracing::info!(
                    recordingSid = %job.recording_sid,
                    taskSid = %task,
                    latencyMs = latency_ms,
                    "task linked"
                );
                metrics::emit(&[
                    ("Linked", 1.0, Unit::Count),
                    ("LinkLatency", latency_ms as f64, Unit::Milliseconds),
                ]);
            }
            Linked::TaskGone => {
                tracing::warn!(recordingSid = %job.recording_sid, "the task is gone");
                metrics::emit(&[("TaskGone", 1.0, Unit::Count)]);
            }
        }
        Ok(())
    }

    async fn link(&self, job: &LinkTask) -> Result<Linked, LinkError> {
        let link = self.link_for(job).await?;
        match self.link_with(&self.api_key.get().await?, job, &link).await {
            // The key may have been replaced since the secret was last read.
            Err(LinkError::TaskRouter(ApiError::Unauthorized)) => {
                self.link_with(&self.api_key.refresh().await?, job, &link).await
            }
            outcome => outcome,
        }
    }

    async fn link_for(&self, job: &LinkTask) -> Result<TaskLink, LinkError> {
        let Self { playback_base_url, .. } = self;
        let recording = &job.recording_sid;
        Ok(match &self.links {
            Links::Media => TaskLink::Media {
                url_provider: format!("{playback_base_url}/media-url?recordingSid={recording}"),
                reservation: job.reservation_sid.clone(),
                start_time_ms: job.start_time_ms,
                // Which leg is on which channel isn't known here, and a wrong order distorts the talk-time metrics.
                channels: None,
                title: None,
            },
            Links::SegmentLink(keys) => {
                let query = sign(&keys.get().await?, recording.as_str(), Expiry::Never);
                TaskLink::SegmentLink {
                    url: format!("{playback_base_url}/?{query}"),
                }
            }
        })
    }

    async fn link_with(&self, key: &Credentials, job: &LinkTask, link: &TaskLink) -> Result<Linked, LinkError> {
        let Some(task) = self.find(key, job).await? else {
            return Ok(Linked::TaskGone);
        };
        for _ in 0..MAX_TRIES {
            match self.update(key, &task, job, link).await {
                // Somebody else wrote the attributes in between: merge into what they are now.
                Err(LinkError::TaskRouter(ApiError::PreconditionFailed)) => {}
                Err(LinkError::TaskRouter(ApiError::NotFound)) => return Ok(Linked::TaskGone),
                outcome => return outcome.map(|()| Linked::Linked(task)),
            }
        }
        Err(LinkError::Contended)
    }

    async fn find(&self, key: &Credentials, job: &LinkTask) -> Result<Option<TaskSid>, LinkError> {
        if let Some(task) = &job.task_sid {
            return Ok(Some(task.clone()));
        }
        let (call, conference) = (job.call_sid.as_ref(), job.conference_sid.as_ref());
        if call.is_none() && conference.is_none() {
            return Err(LinkError::NothingToFindBy);
        }
        Ok(self.twilio.find_task(key, &self.workspace, call, conference).await?)
    }

    async fn update(
        &self,
        key: &Credentials,
        task: &TaskSid,
        job: &LinkTask,
        link: &TaskLink,
    ) -> Result<(), LinkError> {
        let task = self.twilio.fetch_task(key, &self.workspace, task).await?;
        if matches!(task.status, AssignmentStatus::Pending | AssignmentStatus::Reserved) {
            return Err(LinkError::NotAssigned(task.status));
        }
        let attributes = merge(task.attributes.as_deref(), &job.recording_sid, link)?;
        // A duplicate's link is there already; writing it again would only take the ETag from under somebody else.
        if task.attributes.as_ref() == Some(&attributes) {
            return Ok(());
        }
        self.twilio
            .update_task_attributes(key, &self.workspace, &task.sid, &attributes, &task.etag)
            .await?;
        Ok(())
    }
}

impl LinkError {
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::NotAssigned(_) | Self::Contended | Self::Secret(_) | Self::Deadline => true,
            Self::TaskRouter(error) => error.is_retryable(),
            Self::NothingToFindBy | Self::Merge(_) => false,
        }
    }
}

#[cfg(test)]
mod tests;
