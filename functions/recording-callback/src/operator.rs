//! The operator's side: recordings brought in that never came by themselves, erased on request, and verified.
//!
//! A backfill or a verification may take longer than an invocation. It's done in pieces; after each its state is written
//! to the bucket, and when the time is nearly over a one-time schedule invokes the function again, which goes on where
//! the state says. (A function that invokes itself is stopped by Lambda after 16 times; a schedule is no such chain.)

mod command;
mod copies_queue;
mod erase;
mod run;
mod state;
mod verification;
mod walk;
mod work;

use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use serde_json::{Value, json};
use vault::{Catalog, DeletionNotices, Eraser, Reader};

pub(crate) use self::command::{Command, CommandError};
use self::{
    command::Continuation,
    copies_queue::CopiesQueue,
    erase::ErasureError,
    run::{Run, Status},
    state::{StateError, States, Stored},
    verification::Verification,
    walk::Walk,
    work::{Work, WorkError},
};
use crate::{
    clock,
    config::OperatorConfig,
    originals::Originals,
    schedules::{Deletions, ScheduleError, Schedules},
};

/// Kept back from the invocation's end for the state and the schedule of what follows: an object and a schedule to put,
/// tens of milliseconds each, with time for the SDK's retries.
const WINDING_UP: Duration = Duration::from_secs(30);

/// No piece is begun with less than this left: a page of recordings takes seconds.
const PIECE: Duration = Duration::from_secs(60);

/// What an operator can ask for, with the clients that it takes.
pub(crate) struct Operator {
    originals: Originals,
    catalog: Catalog,
    reader: Reader,
    eraser: Eraser,
    deletion_notices: DeletionNotices,
    copies: CopiesQueue,
    schedules: Schedules,
    /// Unset, originals stay at Twilio.
    deletions: Option<Deletions>,
    states: States,
}

/// The invocation that a command came with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Invoked<'a> {
    /// The ARN that was invoked, and is invoked again to go on.
    pub(crate) function_arn: &'a str,
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
    #[error("deadline reached, invoke again")]
    Deadline,
}

impl Operator {
    pub(crate) fn new(aws: &SdkConfig, originals: Originals, config: OperatorConfig) -> Self {
        let bucket = config.vault.bucket.clone();
        let s3 = aws_sdk_s3::Client::new(aws);
        Self {
            originals,
            catalog: Catalog::new(s3.clone(), bucket.clone()),
            eraser: Eraser::new(s3.clone(), bucket.clone()),
            deletion_notices: DeletionNotices::new(s3.clone(), bucket.clone()),
            states: States::new(s3.clone(), bucket),
            reader: Reader::new(s3, aws_sdk_kms::Client::new(aws), config.vault),
            copies: CopiesQueue::new(aws_sdk_sqs::Client::new(aws), config.copies_queue_url),
            schedules: Schedules::new(aws, config.schedules),
            deletions: config.deletion.map(|deletion| Deletions::new(aws, deletion)),
        }
    }

    /// Carries out the command, or as much of it as fits. Returns what to answer.
    pub(crate) async fn run(&self, command: Command, invoked: Invoked<'_>) -> Result<Value, OperatorError> {
        let now_ms = clock::now_ms();
        match command {
            Command::Backfill(request) => self.begin(Work::Backfill(Walk::backfill(request)), invoked).await,
            Command::Reconcile => self.begin(Work::Reconcile(Walk::reconciliation(now_ms)), invoked).await,
            Command::Verify(request) => self.begin(Work::Verify(Verification::new(request)), invoked).await,
            Command::Continue(continuation) => self.resume(&continuation, invoked).await,
            Command::Erase(request) => {
                let erased = tokio::time::timeout_at(invoked.deadline.into(), self.erase(&request))
                    .await
                    .map_err(|_| OperatorError::Deadline)??;
                Ok(json!({ "erased": erased }))
            }
        }
    }

    async fn begin(&self, work: Work, invoked: Invoked<'_>) -> Result<Value, OperatorError> {
        let stored = self.states.begin(Run::new(work, clock::now_ms())).await?;
        self.go_on(stored, invoked).await
    }

    async fn resume(&self, continuation: &Continuation, invoked: Invoked<'_>) -> Result<Value, OperatorError> {
        match self.states.resume(continuation).await {
            // EventBridge Scheduler delivers at least once, and a run may have been replaced by a newer one.
            Err(StateError::Superseded) => {
                tracing::info!(operation = continuation.operation, "nothing left to continue");
                Ok(json!({"operation": continuation.operation, "status": "superseded"}))
            }
            stored => self.go_on(stored?, invoked).await,
        }
    }

    /// Works piece by piece until all is done, one has failed, or time is nearly over.
    async fn go_on(&self, mut stored: Stored, invoked: Invoked<'_>) -> Result<Value, OperatorError> {
        let ends = invoked.deadline.checked_sub(WINDING_UP).unwrap_or(invoked.deadline);
        loop {
            let run = &mut stored.run;
            let piece = run.work.advance(self, run.failures > 0);
            let outcome = tokio::time::timeout_at(ends.into(), piece).await;
            let goes_on = run.take(outcome.unwrap_or(Err(WorkError::Deadline)), clock::now_ms());
            if !goes_on || ends.saturating_duration_since(Instant::now()) < PIECE {
                return self.wind_up(stored, invoked).await;
            }
            self.states.save(&mut stored).await?;
        }
    }

    /// Keeps the state, and sees to the next invocation where there's more to do.
    async fn wind_up(&self, mut stored: Stored, invoked: Invoked<'_>) -> Result<Value, OperatorError> {
        if stored.run.status == Status::Running {
            stored.run.step += 1;
            self.states.save(&mut stored).await?;
            if let Err(error) = self.schedule_next(&stored.run, invoked.function_arn).await {
                stored.run.fail(&error.into());
                self.states.save(&mut stored).await?;
            }
        } else {
            self.states.save(&mut stored).await?;
        }
        let run = stored.run;
        run.tell();
        match run.status {
            Status::Failed => Err(OperatorError::Failed {
                operation: run.operation,
                error: run.error.unwrap_or_default(),
            }),
            Status::Running | Status::Done => Ok(json!(run)),
        }
    }

    async fn schedule_next(&self, run: &Run, function_arn: &str) -> Result<(), ScheduleError> {
        let next = run.continuation();
        let name = format!("{}-{}-{}", next.operation, next.run, next.step);
        let event = next.to_event().to_string();
        self.schedules.once(&name, run.next_at_ms(), function_arn, &event).await
    }
}

#[cfg(test)]
mod tests;
