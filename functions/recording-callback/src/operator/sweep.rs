//! Queues overdue deletions of originals again. Their schedule or their message was lost, or the job has failed for good.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use service::metrics::{self, Unit};
use sid::RecordingSid;
use vault::PendingDeletion;

use super::{
    clients::Clients,
    day::Day,
    piece::{Advance, WorkError},
};
use crate::job::{DeleteOriginal, Job};

/// The number of marks in one piece. They take one call to S3 and at most twenty to SQS.
const PAGE: u16 = 200;

/// How late a deletion may be. The schedule is retried for a day, and its message five times in 100 minutes.
const GRACE: Duration = Duration::from_secs(26 * 60 * 60);

/// The mark to continue after, and the counts so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SweepRun {
    /// When the run began, Unix milliseconds. A deletion is overdue relative to this time.
    began_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<RecordingSid>,
    counts: Counts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    /// Deletions that are not done yet.
    pending: u64,
    /// Pending deletions that are overdue.
    overdue: u64,
    /// Overdue deletions that were queued again.
    queued: u64,
    /// Overdue deletions that the queue did not accept.
    failed: u64,
}

impl SweepRun {
    pub(super) const fn new(now_ms: i64) -> Self {
        Self {
            began_ms: now_ms,
            after: None,
            counts: Counts {
                pending: 0,
                overdue: 0,
                queued: 0,
                failed: 0,
            },
        }
    }

    pub(super) fn name(&self) -> String {
        format!("sweep-{}", Day::of_unix_ms(self.began_ms))
    }

    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    /// Processes one page. If originals are to stay, nothing is done, even if deletions were scheduled before.
    pub(super) async fn advance(&self, clients: &Clients) -> Result<Advance<Self>, WorkError> {
        let Some(deletions) = &clients.deletions else {
            return Ok(Advance::Done(self.clone()));
        };
        let page = deletions.pending.list(self.after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(Advance::Done(self.clone()));
        };
        let due_before = self.began().checked_sub(deletions.after + GRACE);
        let overdue: Vec<_> = page
            .iter()
            .filter(|pending| due_before.is_some_and(|before| is_older(pending, before)))
            .map(|pending| pending.recording.clone())
            .collect();
        let mut counts = self.counts;
        counts.pending += page.len() as u64;
        counts.overdue += overdue.len() as u64;
        let jobs: Vec<_> = overdue.iter().map(deletion).collect();
        let queued = clients.copies.send_all(&jobs).await? as u64;
        counts.queued += queued;
        counts.failed += overdue.len() as u64 - queued;
        report(&overdue);
        Ok(Advance::More(Self {
            after: Some(last.recording.clone()),
            counts,
            ..*self
        }))
    }

    fn began(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(u64::try_from(self.began_ms).unwrap_or_default())
    }
}

fn is_older(pending: &PendingDeletion, before: SystemTime) -> bool {
    pending.since.is_some_and(|since| since < before)
}

/// The job asks Twilio for the channels and the duration.
fn deletion(recording: &RecordingSid) -> Job {
    Job::DeleteOriginal(DeleteOriginal {
        recording_sid: recording.clone(),
        duration_s: None,
    })
}

fn report(overdue: &[RecordingSid]) {
    for recording in overdue {
        tracing::warn!(recordingSid = %recording, "the original's deletion is overdue and was queued again");
    }
    metrics::emit(&[("DeletionOverdue", overdue.len() as f64, Unit::Count)]);
}
