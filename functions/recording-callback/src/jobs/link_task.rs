//! LinkTask: writes the recording's link into its task's attributes while the task exists.
//!
//! TaskRouter deletes a task five minutes after it completed, and Insights accepts links only until two minutes after. So
//! this job does not wait for the copy. The link follows from the recording's SID.

use std::{borrow::Cow, time::Instant};

use service::{
    metrics::{self, Unit},
    secrets::SecretError,
    telemetry::AUDIT,
};
use sid::{CallSid, ConferenceSid, TaskSid, WorkspaceSid};
use twilio::{
    client::ApiError,
    recording_facts::RecordingFacts,
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
    twilio_account::{TwilioAccount, TwilioAccountError},
};

/// How often a task may change during the job. Each attempt takes two requests, so that ten fit into the linker's 30 s.
const MAX_TRIES: u32 = 10;

pub(crate) struct Linker {
    pub(crate) twilio: TwilioAccount,
    pub(crate) workspace: WorkspaceSid,
    pub(crate) links: Links,
    /// Whether a job whose task is not found is tried again later. If not, the task counts as gone.
    pub(crate) waits_for_task: bool,
    /// Unset, originals stay at Twilio.
    pub(crate) deletions: Option<Deletions>,
}

/// How the job ended if it did not fail.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Linked(TaskSid),
    /// The task's only segment link belongs to another recording and is kept. Nothing is left to do.
    Taken(TaskSid),
    /// The task no longer exists, or none was created within a day. Nothing is left to do.
    TaskGone,
}

/// Why the task has no link yet.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("neither the callback nor the recording names a task, call or conference to find the task by")]
    NothingToFindBy,
    /// An update would route the task again, and the caller would lose the place in the queue (Twilio, *Task resource*,
    /// `twilio.com/docs/taskrouter/api/task`).
    #[error("the task is {0:?}, and its link is written after a worker accepts it")]
    NotAssigned(AssignmentStatus),
    /// The task may still be created: the task of a voicemail or of a callback is created after the call.
    #[error("no task names the recording's call or conference yet")]
    NoTaskYet,
    #[error("the task does not have its link after {MAX_TRIES} updates")]
    Contended,
    #[error(transparent)]
    Merge(#[from] MergeError),
    #[error(transparent)]
    Twilio(#[from] TwilioAccountError),
    #[error("link keys: {0}")]
    LinkKeys(#[from] SecretError),
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
        report(job, &outcome, *possible_since_ms);
        self.schedule_deletion(job, &outcome).await
    }

    /// Deletions are scheduled after the link only, and never by the copy. Without a link, the original may be all that
    /// Insights can play.
    async fn schedule_deletion(&self, job: &LinkTask, outcome: &Outcome) -> Result<(), LinkError> {
        let Some(deletions) = &self.deletions else {
            return Ok(());
        };
        let is_due = match outcome {
            Outcome::Linked(_) => true,
            Outcome::Taken(_) | Outcome::TaskGone => deletions.unlinked,
        };
        if is_due {
            deletions.schedule(&job.recording_sid, job.facts.duration_s).await?;
        }
        Ok(())
    }

    /// Also sets since when the link was possible (Unix milliseconds), unless the link existed before this job.
    async fn link(&self, job: &LinkTask, possible_since_ms: &mut Option<i64>) -> Result<Outcome, LinkError> {
        let url = self.links.url(&job.recording_sid).await?;
        let job = self.findable(job).await?;
        let Some(task) = self.find(&job).await? else {
            let may_come = self.waits_for_task && clock::since(job.received_at_ms) < MAX_LINK_AGE;
            return if may_come {
                Err(LinkError::NoTaskYet)
            } else {
                Ok(Outcome::TaskGone)
            };
        };
        for _ in 0..MAX_TRIES {
            match self.update(&task, &job, &url, possible_since_ms).await {
                Ok(Update::Confirmed) => return Ok(Outcome::Linked(task)),
                // The next attempt merges into the attributes as they are then.
                Ok(Update::Unconfirmed) => {}
                Err(LinkError::Merge(MergeError::SegmentLinkTaken)) => return Ok(Outcome::Taken(task)),
                Err(LinkError::Twilio(TwilioAccountError::Api(ApiError::NotFound))) => return Ok(Outcome::TaskGone),
                Err(error) => return Err(error),
            }
        }
        Err(LinkError::Contended)
    }

    /// The job. If the callback named nothing to find the task by, the recording's own facts are added.
    async fn findable<'a>(&self, job: &'a LinkTask) -> Result<Cow<'a, LinkTask>, LinkError> {
        if job.task_sid.is_some() || job.facts.call_sid.is_some() || job.facts.conference_sid.is_some() {
            return Ok(Cow::Borrowed(job));
        }
        let recording = self.twilio.fetch_recording(&job.recording_sid).await?;
        if recording.facts.call_sid.is_none() && recording.facts.conference_sid.is_none() {
            return Err(LinkError::NothingToFindBy);
        }
        Ok(Cow::Owned(LinkTask {
            facts: RecordingFacts {
                call_sid: recording.facts.call_sid,
                conference_sid: recording.facts.conference_sid,
                start_time_ms: job.facts.start_time_ms.or(recording.facts.start_time_ms),
                channels: job.facts.channels.or(recording.facts.channels),
                ..job.facts.clone()
            },
            ..job.clone()
        }))
    }

    async fn find(&self, job: &LinkTask) -> Result<Option<TaskSid>, LinkError> {
        if let Some(task) = &job.task_sid {
            return Ok(Some(task.clone()));
        }
        let (call, conference) = (job.facts.call_sid.as_ref(), job.facts.conference_sid.as_ref());
        Ok(self.twilio.find_task(&self.workspace, call, conference).await?)
    }

    async fn update(
        &self,
        task: &TaskSid,
        job: &LinkTask,
        url: &str,
        since_ms: &mut Option<i64>,
    ) -> Result<Update, LinkError> {
        let task = self.twilio.fetch_task(&self.workspace, task).await?;
        if matches!(task.status, AssignmentStatus::Pending | AssignmentStatus::Reserved) {
            return Err(LinkError::NotAssigned(task.status));
        }
        let present = task.attributes.as_deref();
        if job.task_sid.is_none() && !is_of(present, job) {
            return Err(TwilioAccountError::Api(ApiError::Unexpected("a task of another call")).into());
        }
        let link = self.links.task_link(url, job, present);
        let attributes = merge(present, &job.recording_sid, &link)?;
        // A duplicate's link exists already. Writing it again would only change the ETag under another writer.
        if present == Some(&attributes) {
            return Ok(Update::Confirmed);
        }
        // Only the first attempt counts, because a later change of the task may be this job's own.
        since_ms.get_or_insert(possible_since_ms(job.received_at_ms, task.updated_at_ms));
        let updated = self
            .twilio
            .update_task_attributes(&self.workspace, &task.sid, &attributes, &task.etag)
            .await;
        match updated {
            Ok(now) if is_linked(now.as_deref(), &job.recording_sid, &link) => Ok(Update::Confirmed),
            // A success without the link proves nothing, and neither does the answer of an intermediary.
            Ok(_) | Err(TwilioAccountError::Api(ApiError::Unexpected(_))) => Ok(Update::Unconfirmed),
            // Another writer changed the attributes in between.
            Err(TwilioAccountError::Api(ApiError::PreconditionFailed)) => Ok(Update::Unconfirmed),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether the task that a search found is the recording's: its attributes contain the SID of the call or the conference. JSON
/// has only one form of letters and digits, so that comparing text is enough.
fn is_of(attributes: Option<&str>, job: &LinkTask) -> bool {
    let call = job.facts.call_sid.as_ref().map(CallSid::as_str);
    let conference = job.facts.conference_sid.as_ref().map(ConferenceSid::as_str);
    let names = |sid| attributes.is_some_and(|text| text.contains(sid));
    call.into_iter().chain(conference).any(names)
}

/// Whether a task's attributes contain the link after an update.
enum Update {
    /// They contain the link.
    Confirmed,
    /// The next fetch shows whether they do.
    Unconfirmed,
}

/// Since when the task could have been linked. A task that waited for a worker at first has changed since the callback came,
/// at least when it was assigned. Twilio reports only the last change. If others changed the task too, that is later.
fn possible_since_ms(received_at_ms: i64, task_updated_at_ms: Option<i64>) -> i64 {
    received_at_ms.max(task_updated_at_ms.unwrap_or(received_at_ms))
}

impl LinkError {
    /// Whether the link only waits for its task or for the task's worker. That is not a failure.
    pub(super) const fn is_postponed(&self) -> bool {
        matches!(self, Self::NotAssigned(_) | Self::NoTaskYet)
    }

    /// Whether the same job may succeed later. Twilio may accept a call that it refuses now, after a key was replaced or a
    /// task was corrected. A 404 here does not mean the task: Twilio does not show the recording yet, or another workspace is
    /// set. Errors in the job or in the attributes are permanent.
    pub(crate) const fn is_retryable(&self) -> bool {
        match self {
            Self::NotAssigned(_)
            | Self::NoTaskYet
            | Self::Contended
            | Self::LinkKeys(_)
            | Self::Schedule(_)
            | Self::Deadline => true,
            Self::Twilio(_) => true,
            Self::NothingToFindBy | Self::Merge(_) => false,
        }
    }
}

/// Writes the audit line and emits the metrics of a job that is done.
fn report(job: &LinkTask, outcome: &Outcome, possible_since_ms: Option<i64>) {
    let recording = &job.recording_sid;
    match outcome {
        Outcome::Linked(task) => {
            // A link that a duplicate or an earlier attempt made has no latency here.
            let latency = possible_since_ms.map(clock::since);
            tracing::info!(
                target: AUDIT,
                event = "link",
                outcome = "linked",
                recordingSid = %recording,
                taskSid = %task,
                taskFrom = if job.task_sid.is_some() { "callback" } else { "search" },
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
            "the task's segment_link belongs to another recording and is kept"
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

/// Emits the age of a link that was not made although it was possible since then (Unix milliseconds). SQS leaves a message
/// that was received three times out of its own age of the oldest message.
pub(super) fn report_age(possible_since_ms: i64) {
    let age_s = clock::since(possible_since_ms).as_secs_f64();
    metrics::emit(&[("LinkAge", age_s, Unit::Seconds)]);
}

#[cfg(test)]
mod tests;
