//! One run of an operation over its invocations: what it has done, how it fares, when it goes on.

use serde::{Deserialize, Serialize};

use super::{
    command::Continuation,
    work::{Advance, Work, WorkError},
};

/// A minute: a schedule runs within the one that it names, which must still be to come.
const PAUSE_MS: i64 = 60 * 1_000;

/// Pieces that may fail in a row. The pauses between them (1, 2, 3 and 4 minutes) outlast what passes by itself.
const MAX_FAILURES: u32 = 5;

/// A run, as it's kept in the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    /// The operation's name. A new run of it replaces this one.
    pub(super) operation: String,
    /// When the run began, Unix milliseconds: its name among the runs of the operation.
    pub(super) run: i64,
    /// How many invocations have gone before the one that works now or is to work next.
    pub(super) step: u32,
    pub(super) status: Status,
    /// Unix milliseconds.
    pub(super) updated_at_ms: i64,
    /// In a row, with nothing done in between.
    pub(super) failures: u32,
    /// The last of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    pub(super) work: Work,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Status {
    /// At work, or waiting for the next invocation.
    Running,
    Done,
    Failed,
}

impl Run {
    pub(super) fn new(work: Work, now_ms: i64) -> Self {
        Self {
            operation: work.name(now_ms),
            run: now_ms,
            step: 0,
            status: Status::Running,
            updated_at_ms: now_ms,
            failures: 0,
            error: None,
            work,
        }
    }

    /// Takes what came of a piece of the work. Returns whether another one may follow at once.
    pub(super) fn take(&mut self, outcome: Result<Advance<Work>, WorkError>, now_ms: i64) -> bool {
        self.updated_at_ms = now_ms;
        match outcome {
            Ok(advance) => {
                (self.failures, self.error) = (0, None);
                let is_done = matches!(advance, Advance::Done(_));
                let (Advance::More(work) | Advance::Done(work)) = advance;
                self.work = work;
                if is_done {
                    self.status = Status::Done;
                }
                !is_done
            }
            Err(error) => {
                self.failures += 1;
                tracing::warn!(operation = self.operation, failures = self.failures, %error, "a piece of the work failed");
                if error.is_retryable() && self.failures < MAX_FAILURES {
                    self.error = Some(error.to_string());
                } else {
                    self.fail(&error);
                }
                false
            }
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

    /// One line for the log.
    pub(super) fn tell(&self) {
        let Self {
            operation,
            status,
            step,
            ..
        } = self;
        match &self.work {
            Work::Backfill(walk) | Work::Reconcile(walk) => {
                let counts = walk.counts();
                tracing::info!(operation, ?status, step, ?counts, "recordings at Twilio walked through");
            }
            Work::Verify(verification) => {
                let counts = verification.counts();
                tracing::info!(operation, ?status, step, ?counts, "stored recordings verified");
            }
        }
    }
}
