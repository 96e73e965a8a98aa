//! Deletions of originals that should have been done by now, queued again: their schedule or their message was lost, or
//! the job has failed for good.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use service::metrics::{self, Unit};
use sid::RecordingSid;
use vault::PendingDeletion;

use super::{
    Operator,
    command::Day,
    work::{Advance, WorkError},
};
use crate::job::{DeleteOriginal, Job};

/// Marks between two looks at the clock, which are one call to S3 and at most twenty to SQS.
const PAGE: u16 = 200;

/// How long after its time a deletion may take: the schedule is retried for a day, its message five times in 100 minutes.
const GRACE: Duration = Duration::from_secs(26 * 60 * 60);

/// Where it goes on, and what was found so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sweep {
    /// When it began, Unix milliseconds: what is overdue is told by this.
    began_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<RecordingSid>,
    counts: Counts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    /// Deletions that are still to be done.
    pending: u64,
    /// Of these, those that should have been done.
    overdue: u64,
    /// Of the overdue, queued again.
    queued: u64,
    /// Of the overdue, not taken by the queue.
    failed: u64,
}

impl Sweep {
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

    /// Looks through one page. Where originals are to stay, there is nothing to do, whatever was scheduled before.
    pub(super) async fn advance(&self, operator: &Operator) -> Result<Advance<Self>, WorkError> {
        let Some(deletions) = &operator.deletions else {
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
        let queued = operator.copies.send_all(&jobs).await? as u64;
        counts.queued += queued;
        counts.failed += overdue.len() as u64 - queued;
        tell(&overdue);
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

/// Twilio is asked for the rest.
fn deletion(recording: &RecordingSid) -> Job {
    Job::DeleteOriginal(DeleteOriginal {
        recording_sid: recording.clone(),
        duration_s: None,
    })
}

fn tell(overdue: &[RecordingSid]) {
    for recording in overdue {
        tracing::warn!(recordingSid = %recording, "the original's deletion is overdue and was queued again");
    }
    metrics::emit(&[("DeletionOverdue", overdue.len() as f64, Unit::Count)]);
}
