//! The cursor of an operation: the work to be done, the progress of the run, and the invocation that works on it.
//!
//! The cursor is the only memory of a run. An invocation that is to continue a run (by the schedule, by a person who sends
//! the event again, or by a second delivery of either) reads the cursor. The rules here decide whether it may.

use std::fmt;

use serde::{Deserialize, Serialize};
use service::telemetry::AUDIT;

use super::{
    command::Continuation,
    piece::{Advance, WorkError},
    work::Work,
};

/// A minute. A schedule runs within the minute that it names, and that minute must not have begun.
const PAUSE_MS: i64 = 60 * 1_000;

/// The number of pieces in a row that may fail. The pauses between them (1, 2, 3 and 4 minutes) outlast faults that pass
/// by themselves.
const MAX_FAILURES: u32 = 5;

/// A run of an operation, as it is stored in the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cursor {
    /// The operation's name. It is derived from the event, so that the same event finds the same cursor.
    pub(super) operation: String,
    /// When the run began, Unix milliseconds. It identifies the run among the runs of the operation.
    pub(super) run: i64,
    /// How many invocations have taken the run.
    pub(super) step: u32,
    pub(super) status: Status,
    /// Unix milliseconds.
    pub(super) updated_at_ms: i64,
    /// The invocation that works on the run. Unset while the run waits for the next invocation, and after its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) held: Option<Hold>,
    /// Failures in a row, with nothing done in between.
    pub(super) failures: u32,
    /// The last failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    pub(super) work: Work,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Status {
    /// An invocation works on the run, or the run waits for the next one.
    Running,
    Done,
    Failed,
}

/// An invocation's hold on a run. It ends with the invocation's time at the latest, even if the process was killed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Hold {
    /// The invocation's request id.
    pub(super) by: String,
    /// Unix milliseconds.
    pub(super) until_ms: i64,
}

/// Whether a continuation may take the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// It may take the run.
    Due,
    /// The invocation that took the run with this continuation may still work on it.
    InHand,
    /// It has nothing to do: the run is done, has got further, or was replaced by another run.
    Superseded,
}

/// When the next piece of a run is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    AtOnce,
    /// In an invocation of its own, after a pause.
    Later,
    Never,
}

impl Cursor {
    pub(super) fn new(work: Work, now_ms: i64) -> Self {
        Self {
            operation: work.name(),
            run: now_ms,
            step: 0,
            status: Status::Running,
            updated_at_ms: now_ms,
            held: None,
            failures: 0,
            error: None,
            work,
        }
    }

    /// Whether `continuation` may take the run.
    ///
    /// The schedule delivers at least once. A second delivery finds that its step was taken. The same event sent again by a
    /// person finds that too, but then the run failed, or the invocation that took it ended without releasing it.
    pub(super) fn claim(&self, continuation: &Continuation, now_ms: i64) -> Claim {
        if self.run != continuation.run || self.status == Status::Done {
            return Claim::Superseded;
        }
        let was_taken_by_it = continuation.step.checked_add(1) == Some(self.step);
        match (self.status, &self.held) {
            (Status::Running, _) if self.step == continuation.step => Claim::Due,
            (Status::Running, Some(hold)) if was_taken_by_it && hold.until_ms < now_ms => Claim::Due,
            (Status::Running, Some(_)) if was_taken_by_it => Claim::InHand,
            (Status::Failed, _) if was_taken_by_it => Claim::Due,
            _ => Claim::Superseded,
        }
    }

    /// Takes the run for an invocation. Once this is stored, the invocation that had the run before cannot write any more.
    pub(super) fn take(&mut self, hold: Hold, now_ms: i64) {
        if self.status != Status::Running {
            (self.failures, self.error) = (0, None);
        }
        self.status = Status::Running;
        self.step = self.step.saturating_add(1);
        self.held = Some(hold);
        self.updated_at_ms = now_ms;
    }

    /// Records the outcome of a piece of the work.
    pub(super) fn record(&mut self, outcome: Result<Advance<Work>, WorkError>, now_ms: i64) -> Next {
        self.updated_at_ms = now_ms;
        let (work, next) = match outcome {
            Ok(Advance::More(work)) => (work, Next::AtOnce),
            Ok(Advance::Later(work)) => (work, Next::Later),
            Ok(Advance::Done(work)) => (work, Next::Never),
            Err(error) => return self.record_failure(&error),
        };
        self.work = work;
        (self.failures, self.error) = (0, None);
        if next == Next::Never {
            self.status = Status::Done;
        }
        next
    }

    fn record_failure(&mut self, error: &WorkError) -> Next {
        self.failures += 1;
        tracing::warn!(operation = self.operation, failures = self.failures, %error, "a piece of the work failed");
        if error.is_retryable() && self.failures < MAX_FAILURES {
            self.error = Some(error.to_string());
            Next::Later
        } else {
            self.fail(error);
            Next::Never
        }
    }

    pub(super) fn fail(&mut self, error: &WorkError) {
        self.status = Status::Failed;
        self.error = Some(error.to_string());
    }

    /// The event that the next invocation gets.
    pub(super) fn continuation(&self) -> Continuation {
        Continuation {
            operation: self.operation.clone(),
            run: self.run,
            step: self.step,
        }
    }

    /// When the next invocation is due, Unix milliseconds.
    pub(super) fn next_at_ms(&self) -> i64 {
        self.updated_at_ms + PAUSE_MS * i64::from(self.failures.max(1))
    }

    /// Logs that a person or a schedule has begun the run.
    pub(super) fn report_begun(&self) {
        let Self { operation, run, .. } = self;
        tracing::info!(target: AUDIT, event = "operation", outcome = "begun", operation, run, "operation begun");
    }

    /// Logs how far the run has got. Its end is part of the audit trail.
    pub(super) fn report(&self) {
        let Self {
            operation,
            run,
            status,
            step,
            ..
        } = self;
        let (counts, done): (&dyn fmt::Debug, _) = match &self.work {
            Work::Backfill(run) | Work::Reconcile(run) => {
                (&run.counts(), "recordings at Twilio compared with the bucket")
            }
            Work::Verify(run) => (&run.counts(), "stored recordings verified"),
            Work::Sweep(run) => (&run.counts(), "pending deletions checked"),
            Work::Index(run) => (&run.counts(), "index rebuilt from the receipts"),
            Work::EraseList(run) => (&run.counts(), "listed recordings erased"),
            Work::Catalog(run) => (&run.counts(), "days of the catalog compared with the index"),
        };
        let outcome = match status {
            Status::Running => return tracing::info!(operation, step, ?counts, "{done}"),
            Status::Done => "done",
            Status::Failed => "failed",
        };
        tracing::info!(target: AUDIT, event = "operation", outcome, operation, run, step, ?counts, "{done}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::{
        command::{Recordings, Verify},
        verify::VerifyRun,
    };

    const NOW: i64 = 1_800_000_000_000;

    fn cursor(step: u32, status: Status, held_until_ms: Option<i64>) -> Cursor {
        Cursor {
            step,
            status,
            held: held_until_ms.map(|until_ms| Hold {
                by: "request".to_owned(),
                until_ms,
            }),
            ..Cursor::new(
                Work::Verify(VerifyRun::new(Verify {
                    recordings: Recordings::All,
                    receipts: false,
                    restart: false,
                })),
                7,
            )
        }
    }

    fn continuation(run: i64, step: u32) -> Continuation {
        Continuation {
            operation: "verify-all".to_owned(),
            run,
            step,
        }
    }

    #[test]
    fn a_continuation_takes_the_run_once_and_again_where_it_failed() {
        use Claim::*;
        use Status::*;
        let (over, lasts) = (Some(NOW - 1), Some(NOW));
        for (cursor, step, claim) in [
            (cursor(3, Running, None), 3, Due),
            // The one before was killed after it had scheduled this one.
            (cursor(3, Running, lasts), 3, Due),
            (cursor(4, Running, lasts), 3, InHand),
            (cursor(4, Running, over), 3, Due),
            // The next one is scheduled.
            (cursor(4, Running, None), 3, Superseded),
            (cursor(5, Running, over), 3, Superseded),
            (cursor(2, Running, None), 3, Superseded),
            (cursor(4, Failed, None), 3, Due),
            (cursor(5, Failed, None), 3, Superseded),
            (cursor(3, Failed, None), 3, Superseded),
            (cursor(4, Done, None), 3, Superseded),
            (cursor(3, Done, None), 3, Superseded),
        ] {
            assert_eq!(cursor.claim(&continuation(7, step), NOW), claim, "{cursor:?}");
            assert_eq!(cursor.claim(&continuation(8, step), NOW), Superseded, "{cursor:?}");
        }
    }

    #[test]
    fn a_run_that_is_taken_forgets_that_it_had_failed() {
        let hold = || Hold {
            by: "request".to_owned(),
            until_ms: NOW,
        };
        let mut cursor = cursor(1, Status::Running, None);
        for failures in 1..=MAX_FAILURES {
            let next = cursor.record(Err(WorkError::Deadline), NOW);
            assert_eq!(next == Next::Never, failures == MAX_FAILURES);
            let before = cursor.failures;
            cursor.take(hold(), NOW);
            assert_eq!(cursor.failures, if failures == MAX_FAILURES { 0 } else { before });
        }
        assert_eq!((cursor.status, cursor.error), (Status::Running, None));
    }
}
