//! Through Twilio's recordings of some days, page by page: copies are queued of those that the vault has not and never
//! had.
//!
//! Done twice it does no harm: a copy that's queued again finds the recording stored.

use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use service::metrics::{self, Unit};
use sid::RecordingSid;
use twilio::recordings::{CreatedBetween, PageToken, RecordingResource};
use vault::Presence;

use super::{
    Operator,
    command::{Backfill, Day},
    work::{Advance, WorkError},
};
use crate::job::{CopyRecording, Job};

/// Requests to S3 or EventBridge Scheduler at once: at 20 ms each, a page of 200 takes half a second.
pub(super) const AT_ONCE: usize = 16;

/// An hour: a callback that is still being retried, or a copy that waits in the queue, isn't missing.
const GRACE_MS: i64 = 60 * 60 * 1_000;

/// Three days, so that a night without reconciliation is made up for.
const RECONCILED_DAYS: u16 = 3;

/// What is asked for, where it goes on, and what was found so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Walk {
    from: Day,
    to: Day,
    dry_run: bool,
    page_size: u16,
    /// Recordings that ended later (Unix milliseconds) aren't looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended_before_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<PageToken>,
    counts: Counts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    /// At Twilio.
    found: u64,
    /// Elements of Twilio's list that could not be read. They are not looked at any further.
    #[serde(default)]
    skipped: u64,
    /// Of these, stored.
    stored: u64,
    /// Erased: they must not come back.
    erased: u64,
    /// Stored once and deleted since, as the bucket's retention does: they must not come back either.
    #[serde(default)]
    expired: u64,
    /// Not (yet) to be had from Twilio, or too young.
    not_ready: u64,
    /// None of these.
    missing: u64,
    /// Of the missing, queued: none in a dry run.
    queued: u64,
    /// Of the missing, not taken by the queue.
    failed: u64,
}

impl Walk {
    pub(super) fn backfill(request: Backfill) -> Self {
        Self {
            from: request.from,
            to: request.to,
            dry_run: request.dry_run,
            page_size: request.page_size,
            ended_before_ms: None,
            next: None,
            counts: Counts::default(),
        }
    }

    /// The last days but the last hour.
    pub(super) fn reconciliation(now_ms: i64) -> Self {
        Self {
            ended_before_ms: Some(now_ms - GRACE_MS),
            ..Self::backfill(Backfill::of_days_before(now_ms, RECONCILED_DAYS))
        }
    }

    /// The operation's name: of the days, so that running it again replaces its state.
    pub(super) fn name(&self) -> String {
        let Self { from, to, .. } = self;
        match (self.ended_before_ms, self.dry_run) {
            (Some(_), _) => format!("reconcile-{to}"),
            (None, false) => format!("backfill-{from}-{to}"),
            (None, true) => format!("backfill-{from}-{to}-dry-run"),
        }
    }

    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    /// Walks one page.
    pub(super) async fn advance(&self, operator: &Operator) -> Result<Advance<Self>, WorkError> {
        let created = CreatedBetween {
            from: self.from.0,
            to: self.to.0,
        };
        let page = operator
            .originals
            .list(&created, self.next.as_ref(), self.page_size)
            .await?;
        let mut counts = self.counts;
        counts.found += (page.recordings.len() + page.skipped.len()) as u64;
        counts.skipped += page.skipped.len() as u64;
        tell_skipped(&page.skipped);
        let (ready, not_ready): (Vec<_>, Vec<_>) = page
            .recordings
            .into_iter()
            .partition(|recording| self.is_ready(recording));
        counts.not_ready += not_ready.len() as u64;

        let looked_up = stream::iter(ready)
            .map(|recording| presence(operator, recording))
            .buffered(AT_ONCE);
        let looked_up: Vec<_> = looked_up.try_collect().await?;
        let mut missing = Vec::new();
        for (recording, presence) in looked_up {
            match presence {
                Presence::Stored => counts.stored += 1,
                Presence::Erased => counts.erased += 1,
                Presence::Expired => counts.expired += 1,
                Presence::Absent => missing.push(CopyRecording::from(recording)),
            }
        }
        counts.missing += missing.len() as u64;
        if !self.dry_run {
            let queued = queue(operator, &missing).await?;
            counts.queued += queued as u64;
            counts.failed += (missing.len() - queued) as u64;
        }
        if self.ended_before_ms.is_some() {
            tell_missing(&missing);
        }
        let walked = Self {
            next: page.next,
            counts,
            ..self.clone()
        };
        Ok(if walked.next.is_some() {
            Advance::More(walked)
        } else {
            Advance::Done(walked)
        })
    }

    fn is_ready(&self, recording: &RecordingResource) -> bool {
        recording.status.as_deref() == Some("completed")
            && self
                .ended_before_ms
                .is_none_or(|before_ms| ended_ms(recording) < before_ms)
    }
}

/// When the recording ended, as far as Twilio says it.
fn ended_ms(recording: &RecordingResource) -> i64 {
    let began_ms = recording
        .start_time_ms
        .or(recording.date_created_ms)
        .unwrap_or_default();
    let lasted_s = recording.duration_s.unwrap_or_default();
    let lasted_ms = i64::try_from(lasted_s).unwrap_or(i64::MAX).saturating_mul(1_000);
    began_ms.saturating_add(lasted_ms)
}

pub(super) async fn presence(
    operator: &Operator,
    recording: RecordingResource,
) -> Result<(RecordingResource, Presence), WorkError> {
    let presence = operator.catalog.presence(&recording.sid).await?;
    Ok((recording, presence))
}

/// Nobody can say whether these are missing: somebody has to look.
fn tell_skipped(skipped: &[Option<RecordingSid>]) {
    for recording in skipped {
        let sid = recording.as_ref().map(RecordingSid::as_str);
        tracing::error!(recordingSid = sid, "an element of Twilio's list cannot be read");
    }
    if !skipped.is_empty() {
        metrics::emit(&[("ListElementSkipped", skipped.len() as f64, Unit::Count)]);
    }
}

/// A callback that never came, or a copy that failed for good: somebody should know.
fn tell_missing(missing: &[CopyRecording]) {
    for copy in missing {
        tracing::warn!(recordingSid = %copy.recording_sid, "the recording was missing");
    }
    metrics::emit(&[("Reconciled", missing.len() as f64, Unit::Count)]);
}

/// Queues the copies; says how many were queued. Where originals without a link are to be deleted too, that is scheduled
/// before: a copy that is queued isn't missing any more, should this be done again.
async fn queue(operator: &Operator, missing: &[CopyRecording]) -> Result<usize, WorkError> {
    if let Some(deletions) = operator.deletions.as_ref().filter(|deletions| deletions.unlinked) {
        stream::iter(missing)
            .map(|copy| deletions.schedule(&copy.recording_sid, copy.duration_s))
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await?;
    }
    let jobs: Vec<_> = missing.iter().cloned().map(Job::CopyRecording).collect();
    Ok(operator.copies.send_all(&jobs).await?)
}

impl From<RecordingResource> for CopyRecording {
    fn from(recording: RecordingResource) -> Self {
        Self {
            recording_sid: recording.sid,
            call_sid: recording.call_sid,
            conference_sid: recording.conference_sid,
            channels: recording.channels,
            duration_s: recording.duration_s,
            start_time_ms: recording.start_time_ms,
            source: recording.source,
            track: recording.track,
            encryption_details: recording.encryption_details,
        }
    }
}
