//! Goes through Twilio's recordings of some days, page by page, and queues copies of those that the vault does not have and
//! never had. A stored recording without a receipt is queued too: its copy finds it stored, and writes the receipt.
//!
//! Repeating it does no harm: a copy that is queued again finds the recording stored.

use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use service::metrics::{self, Unit};
use sid::RecordingSid;
use twilio::recordings::{CreatedBetween, PageToken, RecordingResource};
use vault::Presence;

use super::{
    clients::Clients,
    command::Backfill,
    day::Day,
    piece::{Advance, WorkError},
};
use crate::job::{CopyRecording, Job};

/// The number of concurrent requests to S3 or EventBridge Scheduler. At 20 ms each, a page of 200 takes a quarter of a
/// second.
pub(super) const CONCURRENCY: usize = 16;

/// An hour. A recording whose callback is still retried, or whose copy waits in the queue, is not missing.
const GRACE_MS: i64 = 60 * 60 * 1_000;

/// Three days, so that a later night makes up for one without reconciliation.
const RECONCILED_DAYS: u16 = 3;

/// The request, the page to continue from, and the counts so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BackfillRun {
    from: Day,
    to: Day,
    dry_run: bool,
    page_size: u16,
    /// Recordings that ended later than this (Unix milliseconds) are left for another run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended_before_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<PageToken>,
    counts: Counts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    /// Recordings at Twilio.
    found: u64,
    /// Elements of Twilio's list that could not be read, and so were not checked.
    #[serde(default)]
    skipped: u64,
    /// Recordings that are stored.
    stored: u64,
    /// Recordings that were erased. They must not come back.
    erased: u64,
    /// Recordings that were stored and then deleted, for example by the bucket's retention. They must not come back either.
    #[serde(default)]
    expired: u64,
    /// Recordings that are not completed at Twilio, or too recent.
    not_ready: u64,
    /// All other recordings.
    missing: u64,
    /// Recordings that were queued: those that are missing, and those without a receipt. None in a dry run.
    queued: u64,
    /// Recordings that the queue did not accept.
    failed: u64,
    /// Stored recordings without a receipt.
    #[serde(default)]
    without_receipt: u64,
}

impl BackfillRun {
    pub(super) fn new(request: Backfill) -> Self {
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

    /// A run over the last days, except the last hour.
    pub(super) fn reconciliation(now_ms: i64) -> Self {
        Self {
            ended_before_ms: Some(now_ms - GRACE_MS),
            ..Self::new(Backfill::of_days_before(now_ms, RECONCILED_DAYS))
        }
    }

    /// The operation's name. It names the days, so that a repeated run replaces the cursor.
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

    /// Processes one page.
    pub(super) async fn advance(&self, clients: &Clients) -> Result<Advance<Self>, WorkError> {
        let created = CreatedBetween {
            from: self.from.0,
            to: self.to.0,
        };
        let page = clients
            .twilio
            .list_recordings(&created, self.next.as_ref(), self.page_size)
            .await?;
        let mut counts = self.counts;
        counts.found += (page.recordings.len() + page.skipped.len()) as u64;
        counts.skipped += page.skipped.len() as u64;
        report_skipped(&page.skipped);
        let (ready, not_ready): (Vec<_>, Vec<_>) = page
            .recordings
            .into_iter()
            .partition(|recording| self.is_ready(recording));
        counts.not_ready += not_ready.len() as u64;

        let wanted = compare(clients, ready, &mut counts).await?;
        if !self.dry_run {
            let queued = wanted.queue(clients).await?;
            counts.queued += queued as u64;
            counts.failed += (wanted.len() - queued) as u64;
        }
        if self.ended_before_ms.is_some() {
            report_missing(&wanted.missing);
        }
        let run = Self {
            next: page.next,
            counts,
            ..self.clone()
        };
        Ok(if run.next.is_some() {
            Advance::More(run)
        } else {
            Advance::Done(run)
        })
    }

    fn is_ready(&self, recording: &RecordingResource) -> bool {
        recording.status.as_deref() == Some("completed")
            && self
                .ended_before_ms
                .is_none_or(|before_ms| ended_ms(recording) < before_ms)
    }
}

/// When the recording ended (Unix milliseconds), as far as Twilio says.
fn ended_ms(recording: &RecordingResource) -> i64 {
    let began_ms = recording
        .facts
        .start_time_ms
        .or(recording.date_created_ms)
        .unwrap_or_default();
    let lasted_s = recording.facts.duration_s.unwrap_or_default();
    let lasted_ms = i64::try_from(lasted_s).unwrap_or(i64::MAX).saturating_mul(1_000);
    began_ms.saturating_add(lasted_ms)
}

/// The copies to be queued.
#[derive(Debug, Default)]
struct Wanted {
    /// Of recordings that the vault does not have and never had.
    missing: Vec<CopyRecording>,
    /// Of recordings that it has without a receipt.
    without_receipt: Vec<CopyRecording>,
}

/// The state of a recording in the vault.
enum State {
    WithoutReceipt,
    Other(Presence),
}

/// Compares Twilio's recordings with the vault, and counts them.
async fn compare(
    clients: &Clients,
    recordings: Vec<RecordingResource>,
    counts: &mut Counts,
) -> Result<Wanted, WorkError> {
    let found = stream::iter(recordings)
        .map(|recording| state(clients, recording))
        .buffered(CONCURRENCY);
    let found: Vec<_> = found.try_collect().await?;
    let mut wanted = Wanted::default();
    for (recording, state) in found {
        match state {
            State::WithoutReceipt => {
                counts.stored += 1;
                wanted.without_receipt.push(CopyRecording::from(recording));
            }
            State::Other(Presence::Stored) => counts.stored += 1,
            State::Other(Presence::Erased) => counts.erased += 1,
            State::Other(Presence::Expired) => counts.expired += 1,
            State::Other(Presence::Absent) => wanted.missing.push(CopyRecording::from(recording)),
        }
    }
    counts.missing += wanted.missing.len() as u64;
    counts.without_receipt += wanted.without_receipt.len() as u64;
    Ok(wanted)
}

async fn state(clients: &Clients, recording: RecordingResource) -> Result<(RecordingResource, State), WorkError> {
    let (recording, presence) = presence(clients, recording).await?;
    let state = match presence {
        Presence::Stored if !clients.records.exists(&recording.sid).await? => State::WithoutReceipt,
        other => State::Other(other),
    };
    Ok((recording, state))
}

pub(super) async fn presence(
    clients: &Clients,
    recording: RecordingResource,
) -> Result<(RecordingResource, Presence), WorkError> {
    let presence = clients.catalog.presence(&recording.sid).await?;
    Ok((recording, presence))
}

/// It is unknown whether these recordings are missing, so an operator has to look.
fn report_skipped(skipped: &[Option<RecordingSid>]) {
    for recording in skipped {
        let sid = recording.as_ref().map(RecordingSid::as_str);
        tracing::error!(recordingSid = sid, "an element of Twilio's list cannot be read");
    }
    if !skipped.is_empty() {
        metrics::emit(&[("ListElementSkipped", skipped.len() as f64, Unit::Count)]);
    }
}

/// The callbacks of these recordings never came, or their copies failed for good. An alarm reports them.
fn report_missing(missing: &[CopyRecording]) {
    for copy in missing {
        tracing::warn!(recordingSid = %copy.recording_sid, "the recording was missing");
    }
    metrics::emit(&[("Reconciled", missing.len() as f64, Unit::Count)]);
}

impl Wanted {
    fn len(&self) -> usize {
        self.missing.len() + self.without_receipt.len()
    }

    /// Queues the copies. Returns how many were queued. If originals without a link are to be deleted too, the deletion of the
    /// missing ones is scheduled first: when this is repeated, a recording whose copy was queued is not missing any more.
    async fn queue(&self, clients: &Clients) -> Result<usize, WorkError> {
        if let Some(deletions) = clients.deletions.as_ref().filter(|deletions| deletions.unlinked) {
            stream::iter(&self.missing)
                .map(|copy| deletions.schedule(&copy.recording_sid, copy.facts.duration_s))
                .buffer_unordered(CONCURRENCY)
                .try_collect::<()>()
                .await?;
        }
        let copies = self.missing.iter().chain(&self.without_receipt).cloned();
        let jobs: Vec<_> = copies.map(Job::CopyRecording).collect();
        Ok(clients.copies.send_all(&jobs).await?)
    }
}

impl From<RecordingResource> for CopyRecording {
    fn from(recording: RecordingResource) -> Self {
        Self {
            recording_sid: recording.sid,
            facts: recording.facts,
            // Twilio's list of recordings names no task.
            task_sid: None,
            reservation_sid: None,
            encryption_details: recording.encryption_details,
        }
    }
}
