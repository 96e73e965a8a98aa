//! The links' queues, as a linker uses them.
//!
//! The message of a link that cannot be made yet stays in its queue, and the linker only sets when SQS delivers it again.
//! The function that received a message never sends it to the same queue: Lambda stops a chain of function, queue and
//! the same function after about 16 invocations (Lambda developer guide, "recursive loop detection"). A link older than
//! ten minutes moves, once, to the queue of late links. That queue feeds another function with a small concurrency of its
//! own, so that the old links of an outage do not delay new ones.

mod disposition;

use std::time::{Duration, Instant};

use aws_lambda_events::sqs::SqsMessage;
use aws_sdk_sqs::Client;
use service::telemetry::AUDIT;

use self::disposition::{Disposition, failed};
use super::{
    dispatch::Jobs,
    error::Failure,
    link_task::report_age,
    received::{sent_at_ms, times_received},
    retry::Try,
};
use crate::{
    clock,
    config::LinksQueueConfig,
    job::Job,
    queues::{Queue, QueueError},
};

/// From this age on, a link waits in the queue of late links. Insights accepts links until two minutes after a task
/// completed, and TaskRouter keeps the task for five. So the task of a link this old most likely still exists.
const LATE: Duration = Duration::from_secs(10 * 60);

pub(crate) struct LinksQueue {
    /// The queue that feeds this function.
    own: Queue,
    late: Option<Queue>,
    dead_letters: Queue,
}

impl LinksQueue {
    pub(crate) fn new(sqs: &Client, urls: LinksQueueConfig) -> Self {
        let queue = |url| Queue::new(sqs.clone(), url);
        Self {
            own: queue(urls.own),
            late: urls.late.map(queue),
            dead_letters: queue(urls.dead_letters),
        }
    }

    /// Processes one message. Returns whether its queue may delete it: it is done, or another queue has it.
    pub(super) async fn process_message(&self, jobs: &Jobs, message: &SqsMessage, deadline: Instant) -> bool {
        let job = Job::from_message(body(message));
        let began_ms = began_ms(job.as_ref().ok(), message);
        let age = clock::since(began_ms);
        if let (Ok(_), Some(late)) = (&job, &self.late)
            && age >= LATE
        {
            tracing::info!(
                messageId = message.message_id,
                ageS = age.as_secs(),
                "link moved to the late queue"
            );
            let is_moved = is_accepted(late.send(body(message).to_owned()).await);
            if !is_moved {
                report_age(began_ms);
            }
            return is_moved;
        }
        let recording_sid = job.as_ref().ok().map(|job| job.recording_sid().to_string());
        let outcome = match job {
            Ok(job) => jobs
                .run(&job, Try::Nth(times_received(message)), deadline)
                .await
                .map_err(Failure::Job),
            Err(error) => {
                report_age(began_ms);
                Err(Failure::Message(error))
            }
        };
        match outcome {
            Ok(()) => true,
            Err(failure) => self.dispose(message, &failure, age, recording_sid).await,
        }
    }

    /// Lets the message of a failed job wait, or moves it to the dead-letter queue. Returns whether that queue has it now.
    async fn dispose(
        &self,
        message: &SqsMessage,
        failure: &Failure,
        age: Duration,
        recording_sid: Option<String>,
    ) -> bool {
        let times_received = times_received(message);
        match failed(failure, age, times_received) {
            Disposition::Waits(wait) => {
                tracing::warn!(
                    messageId = message.message_id,
                    timesReceived = times_received,
                    waitS = wait.as_secs(),
                    error = %failure,
                    "message kept"
                );
                self.hide(message, wait).await;
                false
            }
            Disposition::Abandoned => {
                tracing::error!(
                    target: AUDIT,
                    event = "link",
                    outcome = "given_up",
                    recordingSid = recording_sid,
                    messageId = message.message_id,
                    error = %failure,
                    "message given up"
                );
                // The message is sent before it is deleted: a failure in between leaves two messages, never none.
                let reason = failure.to_string();
                is_accepted(
                    self.dead_letters
                        .send_with_reason(body(message).to_owned(), Some(reason))
                        .await,
                )
            }
        }
    }

    async fn hide(&self, message: &SqsMessage, wait: Duration) {
        if let Err(error) = self.own.hide(message.receipt_handle.clone(), wait).await {
            let error = error.code();
            tracing::warn!(
                messageId = message.message_id,
                error,
                "SQS did not set the time until the next delivery"
            );
        }
    }
}

fn body(message: &SqsMessage) -> &str {
    message.body.as_deref().unwrap_or_default()
}

/// Whether another queue has the message now.
fn is_accepted(sent: Result<(), QueueError>) -> bool {
    if let Err(error) = &sent {
        tracing::error!(
            error = error.code(),
            "SQS did not accept the message for its other queue"
        );
    }
    sent.is_ok()
}

/// When the callback came, Unix milliseconds. A message that names no callback began when it was sent.
fn began_ms(job: Option<&Job>, message: &SqsMessage) -> i64 {
    match job {
        Some(Job::LinkTask(job)) => job.received_at_ms,
        _ => sent_at_ms(message),
    }
}
