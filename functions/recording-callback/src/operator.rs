//! The operator's commands: queue copies of missing recordings, verify stored recordings, find and erase them, make links to
//! them, and write the catalog.
//!
//! A backfill or a verification may take longer than an invocation, so it is done in pieces. After each piece the cursor is
//! written to the bucket. When the time is nearly over, a one-time schedule invokes the function again, and that invocation
//! continues from the cursor. (Lambda stops a function that invokes itself after 16 times. A schedule is not such a
//! chain.) The same event also continues the run unless the run is done. So sending the event again is right, whatever
//! ended a run.

mod arrivals;
mod backfill;
mod catalog;
mod clients;
mod command;
mod cursor;
mod day;
mod erase;
mod erase_list;
mod erasure_plan;
mod find;
mod index;
mod link;
mod piece;
mod run_store;
mod sweep;
mod verify;
mod work;

use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use serde_json::{Value, json};
use service::metrics::{self, Unit};
use vault::Bucket;

pub(crate) use self::command::{Command, CommandError};
use self::{
    arrivals::find_arrivals,
    backfill::BackfillRun,
    catalog::CatalogRun,
    clients::Clients,
    command::Continuation,
    cursor::{Claim, Cursor, Hold, Next, Status},
    erase::{ErasureError, erase},
    erase_list::EraseListRun,
    erasure_plan::{PlanError, plan},
    find::find,
    index::IndexRun,
    link::{LinkError, link},
    piece::{Turn, WorkError},
    run_store::{Place, RunStore, RunStoreError},
    sweep::SweepRun,
    verify::VerifyRun,
    work::Work,
};
use crate::{
    clock,
    config::OperatorConfig,
    schedules::{Delivery, ScheduleError},
    twilio_account::TwilioAccount,
};

/// Kept back at the end of an invocation to write the cursor and to create the schedule of the next invocation. Each takes
/// tens of milliseconds. The rest is for the SDK's retries.
const FINISHING: Duration = Duration::from_secs(30);

/// No piece begins with less time than this left. A page of recordings takes seconds.
const PIECE: Duration = Duration::from_secs(60);

/// Carries out an operator's commands.
pub(crate) struct Operator {
    clients: Clients,
    runs: RunStore,
}

/// The invocation that a command came with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Invoked<'a> {
    /// The ARN that was invoked, with its alias or version. The schedule invokes the same ARN.
    pub(crate) function_arn: &'a str,
    pub(crate) request_id: &'a str,
    pub(crate) deadline: Instant,
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OperatorError {
    #[error(transparent)]
    RunStore(#[from] RunStoreError),
    #[error("{operation} failed: {error}")]
    Failed { operation: String, error: String },
    #[error(transparent)]
    Erase(#[from] ErasureError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The error of work that is done in one invocation.
    #[error(transparent)]
    Work(#[from] WorkError),
}

impl Operator {
    pub(crate) fn new(aws: &SdkConfig, twilio: TwilioAccount, config: OperatorConfig) -> Self {
        Self {
            runs: RunStore::new(Bucket::new(aws_sdk_s3::Client::new(aws), &config.vault.bucket)),
            clients: Clients::new(aws, twilio, config),
        }
    }

    /// Carries out the command, or as much of it as fits into the invocation. Returns the answer.
    pub(crate) async fn run(&self, command: Command, invoked: Invoked<'_>) -> Result<Value, OperatorError> {
        match command {
            Command::Backfill(request) => {
                let work = Work::Backfill(BackfillRun::new(request));
                self.begin(work, request.restart, invoked).await
            }
            Command::Reconcile(request) => {
                if request.scheduled {
                    metrics::emit(&[("ScheduledReconciliation", 1.0, Unit::Count)]);
                }
                let work = Work::Reconcile(BackfillRun::reconciliation(clock::now_ms()));
                self.begin(work, request.restart, invoked).await
            }
            Command::Sweep(request) => {
                let work = Work::Sweep(SweepRun::new(clock::now_ms()));
                self.begin(work, request.restart, invoked).await
            }
            Command::Catalog(request) => {
                let work = Work::Catalog(CatalogRun::new(clock::now_ms()));
                self.begin(work, request.restart, invoked).await
            }
            Command::Verify(request) => {
                let restart = request.restart;
                let work = Work::Verify(VerifyRun::new(request));
                self.begin(work, restart, invoked).await
            }
            Command::Index(request) => {
                let work = Work::Index(IndexRun::new());
                self.begin(work, request.restart, invoked).await
            }
            Command::Continue(continuation) => self.resume(&continuation, invoked).await,
            Command::Erase(request) => {
                let erased = erase(&self.clients, &request, None, invoked.deadline).await?;
                Ok(json!({ "erased": erased }))
            }
            Command::EraseList(request) => {
                let work = Work::EraseList(EraseListRun::new(&request));
                self.begin(work, false, invoked).await
            }
            Command::PlanErasure(request) => {
                let planned = tokio::time::timeout_at(invoked.deadline.into(), plan(&self.clients, request))
                    .await
                    .unwrap_or(Err(PlanError::Deadline))?;
                Ok(json!({ "erasurePlan": planned }))
            }
            Command::Link(request) => Ok(link(&self.clients, &request, invoked.deadline).await?),
            Command::Arrivals(request) => {
                let found = tokio::time::timeout_at(invoked.deadline.into(), find_arrivals(&self.clients, request))
                    .await
                    .unwrap_or(Err(WorkError::Deadline))?;
                Ok(json!({ "arrivals": found }))
            }
            Command::Find(request) => {
                let page = tokio::time::timeout_at(invoked.deadline.into(), find(&self.clients, &request)).await;
                Ok(json!(page.unwrap_or(Err(WorkError::Deadline))?))
            }
        }
    }

    /// Begins the work. Continues an unfinished run of it, unless `restart` is set.
    async fn begin(&self, work: Work, restart: bool, invoked: Invoked<'_>) -> Result<Value, OperatorError> {
        let found = self.runs.find(&work.name()).await?;
        let unfinished = found.cursor.filter(|cursor| !restart && cursor.status != Status::Done);
        let cursor = unfinished.unwrap_or_else(|| {
            let cursor = Cursor::new(work, clock::now_ms());
            cursor.report_begun();
            cursor
        });
        self.continue_run(cursor, found.place, invoked).await
    }

    async fn resume(&self, continuation: &Continuation, invoked: Invoked<'_>) -> Result<Value, OperatorError> {
        let (cursor, place) = self.runs.find(&continuation.operation).await?.expect()?;
        match cursor.claim(continuation, clock::now_ms()) {
            Claim::Due => self.continue_run(cursor, place, invoked).await,
            Claim::InHand => Ok(nothing_to_do(&cursor.operation, "inHand")),
            Claim::Superseded => Ok(nothing_to_do(&cursor.operation, "superseded")),
        }
    }

    async fn continue_run(&self, cursor: Cursor, place: Place, invoked: Invoked<'_>) -> Result<Value, OperatorError> {
        let operation = cursor.operation.clone();
        match self.work(cursor, place, invoked).await {
            // Another invocation has taken the run, by the same event or a newer one, and continues it.
            Err(OperatorError::RunStore(RunStoreError::Superseded)) => Ok(nothing_to_do(&operation, "superseded")),
            outcome => outcome,
        }
    }

    /// Does piece after piece until all are done, one has failed, or the time is nearly over.
    async fn work(&self, mut cursor: Cursor, mut place: Place, invoked: Invoked<'_>) -> Result<Value, OperatorError> {
        let ends = invoked.deadline.checked_sub(FINISHING).unwrap_or(invoked.deadline);
        cursor.take(invoked.hold(), clock::now_ms());
        loop {
            self.runs.save(&mut place, &cursor).await?;
            let turn = Turn {
                ends,
                after_failure: cursor.failures > 0,
            };
            let piece = tokio::time::timeout_at(ends.into(), cursor.work.advance(&self.clients, turn)).await;
            let next = cursor.record(piece.unwrap_or(Err(WorkError::Deadline)), clock::now_ms());
            if next != Next::AtOnce || ends.saturating_duration_since(Instant::now()) < PIECE {
                return self.finish_invocation(cursor, place, invoked).await;
            }
        }
    }

    /// Schedules the next invocation if more is to be done, and releases the run.
    async fn finish_invocation(
        &self,
        mut cursor: Cursor,
        mut place: Place,
        invoked: Invoked<'_>,
    ) -> Result<Value, OperatorError> {
        // The schedule comes first: if the cursor is not written, the next invocation continues from the one before.
        if cursor.status == Status::Running
            && let Err(error) = self.schedule_next(&cursor, invoked.function_arn).await
        {
            cursor.fail(&error.into());
        }
        cursor.held = None;
        self.runs.save(&mut place, &cursor).await?;
        cursor.report();
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
        self.clients.schedules.once(&name, cursor.next_at_ms(), &delivery).await
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

/// The answer to an event that another invocation processes or has processed.
fn nothing_to_do(operation: &str, status: &str) -> Value {
    tracing::info!(operation, status, "nothing to do for this event");
    json!({ "operation": operation, "status": status })
}

#[cfg(test)]
mod tests;
