//! The links' queues, as a linker uses them.
//!
//! A message whose link cannot be made yet stays in its queue, and the linker only says when it comes back. It is never
//! sent again by the function that took it: Lambda stops a chain of function, queue and the same function after about
//! 16 invocations (Lambda developer guide, "recursive loop detection"). A link older than ten minutes moves, once, to
//! the queue of late links, which feeds another function and has its own little concurrency: the old links of an outage
//! do not keep new ones waiting.

mod fate;

use std::time::{Duration, Instant};

use aws_lambda_events::sqs::SqsMessage;
use aws_sdk_sqs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::send_message::{SendMessageError, SendMessageOutput},
    types::MessageAttributeValue,
};
use service::telemetry::AUDIT;

pub(super) use self::fate::PATIENCE;
use self::fate::{Fate, failed};
use super::{JobError, Jobs, Try, link_task::tell_age};
use crate::{
    clock,
    config::LinksQueueConfig,
    job::{Job, MessageError},
};

/// From this age on, a link waits among the late ones. Insights takes links until two minutes after a task completed,
/// and TaskRouter keeps the task for five: a link this old most likely belongs to a task that lives on.
const LATE: Duration = Duration::from_secs(10 * 60);

/// The message attribute that says why a message is in the dead letters.
const REASON: &str = "Reason";

pub(crate) struct LinksQueue {
    sqs: Client,
    urls: LinksQueueConfig,
}

/// Why a message is not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Message(#[from] MessageError),
    #[error(transparent)]
    Job(#[from] JobError),
}

impl LinksQueue {
    pub(crate) const fn new(sqs: Client, urls: LinksQueueConfig) -> Self {
        Self { sqs, urls }
    }

    /// Takes care of one message. `true` where its queue may delete it: it is done, or another queue has it.
    pub(super) async fn process_batch(&self, jobs: &Jobs, message: &SqsMessage, deadline: Instant) -> bool {
        let body = message.body.as_deref().unwrap_or_default();
        let job = Job::from_message(body);
        let began_ms = began_ms(job.as_ref().ok(), message);
        let age = clock::since(began_ms);
        if let (Ok(_), Some(late)) = (&job, &self.urls.late)
            && age >= LATE
        {
            tracing::info!(
                messageId = message.message_id,
                ageS = age.as_secs(),
                "the link joins the late ones"
            );
            let is_moved = self.send(late, body, None).await;
            if !is_moved {
                tell_age(began_ms);
            }
            return is_moved;
        }
        let times_received = times_received(message);
        let recording_sid = job.as_ref().ok().map(|job| job.recording_sid().to_string());
        let outcome = match job {
            Ok(job) => jobs
                .run(&job, Try::Nth(times_received), deadline)
                .await
                .map_err(Failure::Job),
            Err(error) => {
                tell_age(began_ms);
                Err(Failure::Message(error))
            }
        };
        let Err(failure) = outcome else {
            return true;
        };
        let fate = failed(&failure, age, times_received);
        match fate {
            Fate::Waits(wait) => {
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
            Fate::Dies => {
                tracing::error!(
                    target: AUDIT,
                    event = "link",
                    outcome = "given_up",
                    recordingSid = recording_sid,
                    messageId = message.message_id,
                    error = %failure,
                    "message given up"
                );
                // Sent first and deleted then: what fails in between leaves two messages, never none.
                self.send(&self.urls.dead_letters, body, Some(&failure.to_string()))
                    .await
            }
        }
    }

    /// Has SQS bring the message again after `wait`. Where that fails it comes when its visibility timeout ends.
    async fn hide(&self, message: &SqsMessage, wait: Duration) {
        let changed = self
            .sqs
            .change_message_visibility()
            .queue_url(&self.urls.own)
            .set_receipt_handle(message.receipt_handle.clone())
            .visibility_timeout(i32::try_from(wait.as_secs()).unwrap_or(i32::MAX))
            .send()
            .await;
        if let Err(error) = changed {
            let error = code(&error);
            tracing::warn!(messageId = message.message_id, error, "SQS did not take the wait");
        }
    }

    /// Whether another queue has the message now.
    async fn send(&self, queue_url: &str, body: &str, reason: Option<&str>) -> bool {
        let reason = reason.map(|reason| {
            MessageAttributeValue::builder()
                .data_type("String")
                .string_value(reason)
                .build()
                .expect("a type is all that an attribute needs")
        });
        let sent = self
            .sqs
            .send_message()
            .queue_url(queue_url)
            .message_body(body)
            .set_message_attributes(reason.map(|reason| [(REASON.to_owned(), reason)].into()))
            .send()
            .await;
        let taken = taken(sent);
        if let Err(error) = &taken {
            tracing::error!(error, "SQS did not take the message for its other queue");
        }
        taken.is_ok()
    }
}

/// Whether SQS has the message, or why not. SQS names what it has taken: an answer without a name, cut or somebody
/// else's, proves nothing.
pub(crate) fn taken<R>(sent: Result<SendMessageOutput, SdkError<SendMessageError, R>>) -> Result<(), String> {
    match sent {
        Ok(sent) if sent.message_id().is_some_and(|id| !id.is_empty()) => Ok(()),
        Ok(_) => Err("an answer without a message id".to_owned()),
        Err(error) => Err(code(&error).to_owned()),
    }
}

fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> &str {
    error.code().unwrap_or("no answer")
}

/// When the callback came, Unix milliseconds; of a message that names no callback, when it was sent.
fn began_ms(job: Option<&Job>, message: &SqsMessage) -> i64 {
    match job {
        Some(Job::LinkTask(job)) => job.received_at_ms,
        _ => sent_at_ms(message),
    }
}

/// When the message came into its queue, Unix milliseconds.
pub(super) fn sent_at_ms(message: &SqsMessage) -> i64 {
    attribute(message, "SentTimestamp").unwrap_or_else(clock::now_ms)
}

/// How often SQS has brought the message, this time included.
pub(super) fn times_received(message: &SqsMessage) -> u32 {
    attribute(message, "ApproximateReceiveCount").unwrap_or(1)
}

fn attribute<T: std::str::FromStr>(message: &SqsMessage, name: &str) -> Option<T> {
    message.attributes.get(name)?.parse().ok()
}
