//! The operator's side: recordings brought in that never came by themselves, erased on request, and verified.
//!
//! A backfill or a verification may take longer than an invocation. It's done in pieces; after each its cursor is written
//! to the bucket, and when the time is nearly over a one-time schedule invokes the function again, which goes on where
//! the cursor stands. (A function that invokes itself is stopped by Lambda after 16 times; a schedule is no such chain.)
//! The same event goes on too, unless the run is done: whatever ended a run, sending its event again is right.

mod arrivals;
mod backfill;
mod command;
mod cursor;
mod erase;
mod run_store;
mod sweep;
mod verify;
mod work;

use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use serde_json::{Value, json};
use service::metrics::{self, Unit};
use vault::{Catalog, DeletionNotices, Eraser, PendingDeletions, Reader};

pub(crate) use self::command::{Command, CommandError};
use self::{
    backfill::Walk,
    command::Continuation,
    cursor::{Cursor, Hold, Next, Standing, Status},
    erase::ErasureError,
    run_store::{Place, RunStore, StateError},
    sweep::Sweep,
    verify::Verification,
    work::{Turn, Work, WorkError},
};
use crate::{
    clock,
    config::OperatorConfig,
    queues::Queue,
    schedules::{Deletions, Delivery, ScheduleError, Schedules},
    twilio_account::TwilioAccount,
};

/// Kept back from the invocation's end for the state and the schedule of what follows: an object and a schedule to put,
/// tens of milliseconds each, with time for the SDK's retries.
const WINDING_UP: Duration = Duration::from_secs(30);

/// No piece is begun with less than this left: a page of recordings takes seconds.
const PIECE: Duration = Duration::from_secs(60);

/// What an operator can ask for, with the clients that it takes.
pub(crate) struct Operator {
    originals: TwilioAccount,
    catalog: Catalog,
    reader: Reader,
    eraser: Eraser,
    deletion_notices: DeletionNotices,
    pending_deletions: PendingDeletions,
    copies: Queue,
    schedules: Schedules,
    /// Unset, originals stay at Twilio.
    deletions: Option<Deletions>,
    runs: RunStore,
}

/// The invocation that a command came with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Invoked<'a> {
    /// The ARN that was invoked, an alias or a version included, and is invoked again to go on.
    pub(crate) function_arn: &'a str,
    pub(crate) request_id: &'a str,
    pub(crate) deadline: Instant,
}

/// Why a command wasn't carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OperatorError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error("{operation} failed: {error}")]
    Failed { operation: String, error: String },
    #[error(transparent)]
    Erase(#[from] ErasureError),
    /// Of work that is done in one invocation.
    #[error(transparent)]
    Work(#[from] WorkError),
}

impl Operator {
    pub(crate) fn new(aws: &SdkConfig, originals: TwilioAccount, config: OperatorConfig) -> Self {
        let bucket = config.vault.bucket.clone();
        let s3 = aws_sdk_s3::Client::new(aws);
        Self {
            originals,
            catalog: Catalog::new(s3.clone(), bucket.clone()),
            eraser: Eraser::new(s3.clone(), bucket.clone()),
            deletion_notices: DeletionNotices::new(s3.clone(), bucket.clone()),
            pending_deletions: PendingDeletions::new(s3.clone(), bucket.clone()),
            runs: RunStore::new(s3.clone(), bucket),
            reader: Reader::new(s3, aws_sdk_kms::Client::new(aws), config.vault),
            copies: Queue::new(aws_sdk_sqs::Client::new(aws), config.copies_queue_url),
            schedules: Schedules::new(aws, config.schedules),
            deletions: config.deletion.map(|deletion| Deletions::new(aws, deletion)),
        }
    }

    /// Carries out the command, or as much of it as fits. Returns what to answer.
    pub(crate) async fn run(&self, command: Command, invoked: Invoked<'_>) -> Result<Value, OperatorError> {
        match command {
            Command::Backfill(request) => {
                let work = Work::Backfill(Walk::backfill(request));
                self.begin(work, request.restart, invoked).await
            }
            Command::Reconcile(request) => {
                if request.scheduled {
                    metrics::emit(&[("ScheduledReconciliation", 1.0, Unit::Count)]);
                }
                let work = Work::Reconcile(Walk::reconciliation(clock::now_ms()));
                self.begin(work, request.restart, invoked).await
            }
            Command::Sweep(request) => {
                let work = Work::Sweep(Sweep::new(clock::now_ms()));
                self.begin(work, request.restart, invoked).await
            }
            Command::Verify(request) => {
                let work = Work::Verify(Verification::new(request.recordings));
                self.begin(work, request.restart, invoked).await
            }
            Command::Continue(continuation) => self.resume(&continuation, invoked).await,
            Command::Erase(request) => {
                let erased = self.erase(&request, invoked.deadline).await?;
                Ok(json!({ "erased": erased }))
            }
            Command::Arrivals(request) => {
                let found = tokio::time::timeout_at(invoked.deadline.into(), self.arrivals(request))
                    .await
                    .unwrap_or(Err(WorkError::Deadline))?;
                Ok(json!({ "arrivals": found }))
            }
        }
    }

    /// Begins the work. Where a run of it is unfinished, goes on with that, unless it's to be begun anew.
    async fn begin(&self, work: Work, restart: bool, invoked: Invoked<'_>) -> Result<Value, OperatorError> {
        let found = self.runs.find(&work.name()).await?;
        let unfinished = found.cursor.filter(|cursor| !restart && cursor.status != Status::Done);
        let cursor = unfinished.unwrap_or_else(|| Cursor::new(work, clock::now_ms()));
        self.go_on(cursor, found.place, invoked).await
    }

    async fn resume(&self, continuation: &Continuation, invoked: Invoked<'_>) -> Result<Value, OperatorError> {
        let (cursor, place) = self.runs.find(&continuation.operation).await?.expect()?;
        match cursor.standing(continuation, clock::now_ms()) {
            Standing::Due => self.go_on(cursor, place, invoked).await,
            Standing::InHand => Ok(left_alone(&cursor.operation, "inHand")),
            Standing::Superseded => Ok(left_alone(&cursor.operation, "superseded")),
        }
    }

    async fn go_on(&self, cursor: Cursor, place: Place, invoked: Invoked<'_>) -> Result<Value, OperatorError> {
        let operation = cursor.operation.clone();
        match self.process_batch(cursor, place, invoked).await {
            // Another invocation has taken the run, by the same event or a newer one: that one sees to it.
            Err(OperatorError::State(StateError::Superseded)) => Ok(left_alone(&operation, "superseded")),
            outcome => outcome,
        }
    }

    /// Works piece by piece until all is done, one has failed, or time is nearly over.
    async fn process_batch(
        &self,
        mut cursor: Cursor,
        mut place: Place,
        invoked: Invoked<'_>,
    ) -> Result<Value, OperatorError> {
        let ends = invoked.deadline.checked_sub(WINDING_UP).unwrap_or(invoked.deadline);
        cursor.take(invoked.hold(), clock::now_ms());
        loop {
            self.runs.save(&mut place, &cursor).await?;
            let turn = Turn {
                ends,
                carefully: cursor.failures > 0,
            };
            let piece = tokio::time::timeout_at(ends.into(), cursor.work.advance(self, turn)).await;
            let next = cursor.record(piece.unwrap_or(Err(WorkError::Deadline)), clock::now_ms());
            if next != Next::AtOnce || ends.saturating_duration_since(Instant::now()) < PIECE {
                return self.wind_up(cursor, place, invoked).await;
            }
        }
    }

    /// Sees to the next invocation where there's more to do, and lets go of the run.
    async fn wind_up(
        &self,
        mut cursor: Cursor,
        mut place: Place,
        invoked: Invoked<'_>,
    ) -> Result<Value, OperatorError> {
        // The schedule first: should the state not be written, the next invocation goes on from the state before.
        if cursor.status == Status::Running
            && let Err(error) = self.schedule_next(&cursor, invoked.function_arn).await
        {
            cursor.fail(&error.into());
        }
        cursor.held = None;
        self.runs.save(&mut place, &cursor).await?;
        cursor.tell();
        match cursor.status {
            Status::Failed => Err(OperatorError::Failed {
                operation: cursor.operation,
                error: cursor.error.unwrap_or_default(),
            }),
            Status::Running | Status::Done => Ok(json!(cursor)),
        }
    }

    async fn schedule_next(&self, cursor: &Cursor, function_arn: &str) -> Result<(), ScheduleError> {
        let next = cursor.continuation();
        let name = format!("{}-{}-{}", next.operation, next.run, next.step);
        let delivery = Delivery {
            target: function_arn,
            input: &next.to_event().to_string(),
            dead_letters: None,
        };
        self.schedules.once(&name, cursor.next_at_ms(), &delivery).await
    }
}

impl Invoked<'_> {
    fn hold(&self) -> Hold {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let left_ms = i64::try_from(left.as_millis()).unwrap_or(i64::MAX);
        Hold {
            by: self.request_id.to_owned(),
            until_ms: clock::now_ms().saturating_add(left_ms),
        }
    }
}

/// The answer to an event that another invocation has taken care of, or takes care of.
fn left_alone(operation: &str, status: &str) -> Value {
    tracing::info!(operation, status, "nothing to do for this event");
    json!({ "operation": operation, "status": status })
}

#[cfg(test)]
mod tests;
