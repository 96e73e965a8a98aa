//! LinkTask: the recording's link into its task's attributes, while there's still a task.
//!
//! TaskRouter deletes a task five minutes after it completed and Insights takes links only until two minutes after, so
//! this doesn't wait for the copy: where the recording will be played follows from its SID.

use std::{borrow::Cow, time::Instant};

use service::{
    metrics::{self, Unit},
    secrets::{Secret, SecretError},
    telemetry::AUDIT,
};
use sid::{CallSid, ConferenceSid, TaskSid, WorkspaceSid};
use twilio::{
    client::{ApiError, Client, Credentials},
    task_attributes::{MergeError, is_linked, merge},
    taskrouter::AssignmentStatus,
};

mod links;

pub(crate) use self::links::{LinkKind, Links};
use super::retry::MAX_LINK_AGE;
use crate::{
    clock,
    job::LinkTask,
    schedules::{DeletionError, Deletions},
};

/// How often a task may change under our hands. Each try takes two requests, so that ten fit into the linker's 30 s.
const MAX_TRIES: u32 = 10;

pub(crate) struct Linker {
    pub(crate) twilio: Client,
    pub(crate) api_key: Secret<Credentials>,
    pub(crate) workspace: WorkspaceSid,
    pub(crate) links: Links,
    /// Whether a job whose task is not found is tried again later. If not, the task counts as gone.
    pub(crate) waits_for_task: bool,
    /// Unset, originals stay at Twilio.
    pub(crate) deletions: Option<Deletions>,
}

/// How the job ended where it didn't fail.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Linked(TaskSid),
    /// The task's one segment link is another's and stays: nothing left to do.
    Taken(TaskSid),
    /// There's no such task any more, or none came for a day: nothing left to do.
    TaskGone,
}

/// Why the task has no link yet.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("neither the callback nor the recording names a task, call or conference to find the task by")]
    NothingToFindBy,
    /// An update would route the task again, so that a caller would lose the place in the queue (Twilio, *Task
    /// resource*, `twilio.com/docs/taskrouter/api/task`).
    #[error("the task is {0:?}: it waits for a worker, and its link with it")]
    NotAssigned(AssignmentStatus),
    /// The task may still come: a voicemail's or a callback's task is made after the call.
    #[error("no task names the recording's call or conference yet")]
    NoTaskYet,
    #[error("after {MAX_TRIES} updates the task did not have its link")]
    Contended,
    #[error(transparent)]
    Merge(#[from] MergeError),
    #[error("Twilio: {0}")]
    Twilio(#[from] ApiError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("the original's deletion: {0}")]
    Schedule(#[from] DeletionError),
    #[error("deadline reached")]
    Deadline,
}

impl Linker {
    pub(crate) async fn run(&self, job: &LinkTask, deadline: Instant) -> Result<(), LinkError> {
        let mut possible_since_ms = None;
        let outcome = self.link_and_schedule(job, &mut possible_since_ms);
        let outcome = tokio::time::timeout_at(deadline.into(), outcome)
            .await
            .unwrap_or(Err(LinkError::Deadline));
        if let Err(error) = &outcome
            && !error.is_postponed()
        {
            report_age(possible_since_ms.unwrap_or(job.received_at_ms));
        }
        outcome
    }

    async fn link_and_schedule(&self, job: &LinkTask, possible_since_ms: &mut Option<i64>) -> Result<(), LinkError> {
        let outcome = self.link(job, possible_since_ms).await?;
        tell(job, &outcome, *possible_since_ms);
        self.schedule_deletion(job, &outcome).await
    }

    /// Only ever after the link, and never by the copy: an original without a link may be the only one that Insights can
    /// play.
    async fn schedule_deletion(&self, job: &LinkTask, outcome: &Outcome) -> Result<(), LinkError> {
        let Some(deletions) = &self.deletions else {
            return Ok(());
        };
        let is_due = match outcome {
            Outcome::Linked(_) => true,
            Outcome::Taken(_) | Outcome::TaskGone => deletions.unlinked,
        };
        if is_due {
            deletions.schedule(&job.recording_sid, job.duration_s).await?;
        }
        Ok(())
    }

    /// Also finds out since when the link was possible (Unix milliseconds), unless it was there before this job came to the
    /// task.
    async fn link(&self, job: &LinkTask, possible_since_ms: &mut Option<i64>) -> Result<Outcome, LinkError> {
        let url = self.links.url(&job.recording_sid).await?;
        let key = self.api_key.current().await?;
        match self.link_with(&key, job, &url, possible_since_ms).await {
            // The key may have been replaced since the secret was last read.
            Err(LinkError::Twilio(ApiError::Unauthorized)) => {
                let key = self.api_key.refreshed().await?;
                self.link_with(&key, job, &url, possible_since_ms).await
            }
            outcome => outcome,
        }
    }

    async fn link_with(
        &self,
        key: &Credentials,
        job: &LinkTask,
        url: &str,
        possible_since_ms: &mut Option<i64>,
    ) -> Result<Outcome, LinkError> {
        let job = self.findable(key, job).await?;
        let Some(task) = self.find(key, &job).await? else {
            let may_come = self.waits_for_task && clock::since(job.received_at_ms) < MAX_LINK_AGE;
            return if may_come {
                Err(LinkError::NoTaskYet)
            } else {
                Ok(Outcome::TaskGone)
            };
        };
        for _ in 0..MAX_TRIES {
            match self.update(key, &task, &job, url, possible_since_ms).await {
                Ok(Update::Proved) => return Ok(Outcome::Linked(task)),
                // Merge into what the attributes are now.
                Ok(Update::Unproved) => {}
                Err(LinkError::Merge(MergeError::SegmentLinkTaken)) => return Ok(Outcome::Taken(task)),
                Err(LinkError::Twilio(ApiError::NotFound)) => return Ok(Outcome::TaskGone),
                Err(error) => return Err(error),
            }
        }
        Err(LinkError::Contended)
    }

    /// The job, with what the recording itself says where the callback named nothing to find the task by.
    async fn findable<'a>(&self, key: &Credentials, job: &'a LinkTask) -> Result<Cow<'a, LinkTask>, LinkError> {
        if job.task_sid.is_some() || job.call_sid.is_some() || job.conference_sid.is_some() {
            return Ok(Cow::Borrowed(job));
        }
        let recording = self.twilio.fetch_recording(key, &job.recording_sid).await?;
        if recording.call_sid.is_none() && recording.conference_sid.is_none() {
            return Err(LinkError::NothingToFindBy);
        }
        Ok(Cow::Owned(LinkTask {
            call_sid: recording.call_sid,
            conference_sid: recording.conference_sid,
            start_time_ms: job.start_time_ms.or(recording.start_time_ms),
            channels: job.channels.or(recording.channels),
            ..job.clone()
        }))
    }

    async fn find(&self, key: &Credentials, job: &LinkTask) -> Result<Option<TaskSid>, LinkError> {
        if let Some(task) = &job.task_sid {
            return Ok(Some(task.clone()));
        }
        let (call, conference) = (job.call_sid.as_ref(), job.conference_sid.as_ref());
        Ok(self.twilio.find_task(key, &self.workspace, call, conference).await?)
    }

    async fn update(
        &self,
        key: &Credentials,
        task: &TaskSid,
        job: &LinkTask,
        url: &str,
        since_ms: &mut Option<i64>,
    ) -> Result<Update, LinkError> {
        let task = self.twilio.fetch_task(key, &self.workspace, task).await?;
        if matches!(task.status, AssignmentStatus::Pending | AssignmentStatus::Reserved) {
            return Err(LinkError::NotAssigned(task.status));
        }
        let present = task.attributes.as_deref();
        if job.task_sid.is_none() && !is_of(present, job) {
            return Err(ApiError::Unexpected("a task of another call").into());
        }
        let link = self.links.task_link(url, job, present);
        let attributes = merge(present, &job.recording_sid, &link)?;
        // A duplicate's link is there already; writing it again would only take the ETag from under somebody else.
        if present == Some(&attributes) {
            return Ok(Update::Proved);
        }
        // Of the first try: the task's last change may be this job's own after that.
        since_ms.get_or_insert(possible_since_ms(job.received_at_ms, task.updated_at_ms));
        let updated = self
            .twilio
            .update_task_attributes(key, &self.workspace, &task.sid, &attributes, &task.etag)
            .await;
        match updated {
            Ok(now) if is_linked(now.as_deref(), &job.recording_sid, &link) => Ok(Update::Proved),
            // A success without the link proves nothing, and neither does the answer of somebody in between.
            Ok(_) | Err(ApiError::Unexpected(_)) => Ok(Update::Unproved),
            // Somebody else wrote the attributes in between.
            Err(ApiError::PreconditionFailed) => Ok(Update::Unproved),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether the task that a search found is the recording's: its attributes name the call or conference somewhere, which the
/// search was for. Letters and digits alone are written in one way in JSON.
fn is_of(attributes: Option<&str>, job: &LinkTask) -> bool {
    let call = job.call_sid.as_ref().map(CallSid::as_str);
    let conference = job.conference_sid.as_ref().map(ConferenceSid::as_str);
    let names = |sid| attributes.is_some_and(|text| text.contains(sid));
    call.into_iter().chain(conference).any(names)
}

/// What is known of a task's attributes after an update. It could have been made since `since_ms`.
enum Update {
    /// They hold the link.
    Proved,
    /// The next fetch tells.
    Unproved,
}

/// Since when the task could have been linked. A task that waited for a worker at first has changed since the callback
/// came, by being assigned at the latest. Twilio doesn't tell that time, only the last change: of a task that others
/// changed as well it is later.
fn possible_since_ms(received_at_ms: i64, task_updated_at_ms: Option<i64>) -> i64 {
    received_at_ms.max(task_updated_at_ms.unwrap_or(received_at_ms))
}

impl LinkError {
    /// Whether the link only waits for its task or the task's worker, which isn't failing.
    pub(super) const fn is_postponed(&self) -> bool {
        matches!(self, Self::NotAssigned(_) | Self::NoTaskYet)
    }

    /// Whether the same job may succeed later: whatever Twilio refuses now it may take once somebody has replaced a key
    /// or mended a task. A 404 here is no task's: Twilio doesn't know the recording yet, or another workspace is set. What
    /// the job or the attributes themselves rule out stays so.
    pub(crate) const fn is_retryable(&self) -> bool {
        match self {
            Self::NotAssigned(_)
            | Self::NoTaskYet
            | Self::Contended
            | Self::Secret(_)
            | Self::Schedule(_)
            | Self::Deadline => true,
            Self::Twilio(_) => true,
            Self::NothingToFindBy | Self::Merge(_) => false,
        }
    }
}

/// The audit line and the metrics of a job that needs no further try.
fn tell(job: &LinkTask, outcome: &Outcome, possible_since_ms: Option<i64>) {
    let recording = &job.recording_sid;
    match outcome {
        Outcome::Linked(task) => {
            // A link that a duplicate or an earlier try finds made has been for long.
            let latency = possible_since_ms.map(clock::since);
            tracing::info!(
                target: AUDIT,
                event = "link",
                outcome = "linked",
                recordingSid = %recording,
                taskSid = %task,
                latencyMs = latency.map(|latency| latency.as_millis() as u64),
                "task linked"
            );
            let latency = latency.map(|latency| ("LinkLatency", latency.as_secs_f64() * 1000.0, Unit::Milliseconds));
            let counted = [("Linked", 1.0, Unit::Count)].into_iter().chain(latency);
            metrics::emit(&counted.collect::<Vec<_>>());
        }
        Outcome::Taken(task) => tracing::warn!(
            target: AUDIT,
            event = "link",
            outcome = "segment_link_taken",
            recordingSid = %recording,
            taskSid = %task,
            "the task's segment_link is another's and is kept"
        ),
        Outcome::TaskGone => {
            tracing::warn!(
                target: AUDIT,
                event = "link",
                outcome = "task_gone",
                recordingSid = %recording,
                "the task is gone"
            );
            metrics::emit(&[("TaskGone", 1.0, Unit::Count)]);
        }
    }
}

/// Emits how long a link has been possible (since a time in Unix milliseconds) that was not made. SQS leaves a message
/// that was received three times out of its own age of the oldest message.
pub(super) fn report_age(possible_since_ms: i64) {
    let age_s = clock::since(possible_since_ms).as_secs_f64();
    metrics::emit(&[("LinkAge", age_s, Unit::Seconds)]);
}

#[cfg(test)]
mod tests;
