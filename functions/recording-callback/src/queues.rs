//! The SQS queues that this function sends to. Every SQS request is made here.
//!
//! The jobs' queues and why there are two of them are described in `docs/ARCHITECTURE.md`.

use std::time::Duration;

use aws_sdk_sqs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::send_message::{SendMessageError, SendMessageOutput},
    types::{BatchResultErrorEntry, MessageAttributeValue, SendMessageBatchRequestEntry},
};

use crate::job::Job;

/// The most messages that `SendMessageBatch` accepts. Ten jobs are a few kilobytes, far below the limit of 256 KiB for
/// one call.
const BATCH: usize = 10;

/// How often a message is sent that SQS rejects with an error of its own, and the first pause between two attempts. Each
/// pause is twice as long as the one before. The SDK retries whole calls only, not single messages of a batch.
const TRIES: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The message attribute that says why a message is in the dead-letter queue.
const REASON: &str = "Reason";

/// One queue.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    sqs: Client,
    url: String,
}

/// SQS did not accept the request, or not all of it: SQS's error code. Sending everything again does no harm.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("SQS: {0}")]
pub(crate) struct QueueError(String);

/// The messages of a batch that SQS did not accept.
#[derive(Default)]
struct Rejected {
    /// SQS may accept these later.
    for_now: Vec<Job>,
    /// SQS's error code for one of them.
    code: Option<String>,
    /// The number of messages that SQS never accepts.
    for_good: usize,
}

impl Queue {
    pub(crate) const fn new(sqs: Client, url: String) -> Self {
        Self { sqs, url }
    }

    /// Sends one message.
    ///
    /// # Errors
    /// [`QueueError`] unless SQS has confirmed the message.
    pub(crate) async fn send(&self, body: String) -> Result<(), QueueError> {
        self.send_with_reason(body, None).await
    }

    /// Sends one message with the reason why it is in this queue.
    ///
    /// # Errors
    /// [`QueueError`] unless SQS has confirmed the message.
    pub(crate) async fn send_with_reason(&self, body: String, reason: Option<String>) -> Result<(), QueueError> {
        let reason = reason.map(|reason| {
            MessageAttributeValue::builder()
                .data_type("String")
                .string_value(reason)
                .build()
                .expect("the type is set")
        });
        let sent = self
            .sqs
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .set_message_attributes(reason.map(|reason| [(REASON.to_owned(), reason)].into()))
            .send()
            .await;
        confirmed(sent)
    }

    /// Makes SQS deliver a received message again after `wait`.
    ///
    /// # Errors
    /// [`QueueError`] if SQS did not confirm it. Then the message comes back when its visibility timeout ends.
    pub(crate) async fn hide(&self, receipt_handle: Option<String>, wait: Duration) -> Result<(), QueueError> {
        self.sqs
            .change_message_visibility()
            .queue_url(&self.url)
            .set_receipt_handle(receipt_handle)
            .visibility_timeout(i32::try_from(wait.as_secs()).unwrap_or(i32::MAX))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| QueueError::of(&error))
    }

    /// Queues the jobs. Returns how many SQS has accepted. It calls the others malformed.
    ///
    /// # Errors
    /// [`QueueError`] if SQS still rejects a message after some attempts.
    pub(crate) async fn send_all(&self, jobs: &[Job]) -> Result<usize, QueueError> {
        let mut accepted = 0;
        for batch in jobs.chunks(BATCH) {
            accepted += self.send_with_retries(batch).await?;
        }
        Ok(accepted)
    }

    async fn send_with_retries(&self, batch: &[Job]) -> Result<usize, QueueError> {
        let mut left = batch.to_vec();
        let mut for_good = 0;
        for tries in 1.. {
            let rejected = self.send_batch(&left).await?;
            for_good += rejected.for_good;
            if rejected.for_now.is_empty() {
                break;
            }
            if tries == TRIES {
                return Err(QueueError(rejected.code.unwrap_or_else(|| "no code".to_owned())));
            }
            left = rejected.for_now;
            tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(tries - 1)).await;
        }
        Ok(batch.len() - for_good)
    }

    async fn send_batch(&self, batch: &[Job]) -> Result<Rejected, QueueError> {
        let entries = batch.iter().enumerate().map(|(index, job)| {
            SendMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .message_body(job.to_message())
                .build()
                .expect("the id and the body are set")
        });
        let sent = self
            .sqs
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries.collect()))
            .send()
            .await
            .map_err(|error| QueueError::of(&error))?;
        let mut rejected = Rejected::default();
        for (index, job) in batch.iter().enumerate() {
            let id = index.to_string();
            if sent.successful().iter().any(|accepted| accepted.id() == id) {
                continue;
            }
            let failed = sent.failed().iter().find(|failed| failed.id() == id);
            // A message that the answer does not mention may not have been accepted.
            let code = failed.map_or("not mentioned in the answer", |failed| failed.code());
            tracing::warn!(recordingSid = %job.recording_sid(), kind = job.kind(), code, "SQS did not accept the job");
            if failed.is_some_and(BatchResultErrorEntry::sender_fault) {
                rejected.for_good += 1;
            } else {
                rejected.code = Some(code.to_owned());
                rejected.for_now.push(job.clone());
            }
        }
        Ok(rejected)
    }
}

/// SQS gives every message that it accepts an id. An answer without one may have been cut off, or may come from another
/// server. It proves nothing.
fn confirmed<R>(sent: Result<SendMessageOutput, SdkError<SendMessageError, R>>) -> Result<(), QueueError> {
    match sent {
        Ok(sent) if sent.message_id().is_some_and(|id| !id.is_empty()) => Ok(()),
        Ok(_) => Err(QueueError("an answer without a message id".to_owned())),
        Err(error) => Err(QueueError::of(&error)),
    }
}

impl QueueError {
    fn of<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Self {
        Self(error.code().unwrap_or("no answer").to_owned())
    }

    /// SQS's error code, for log lines that name SQS themselves.
    pub(crate) fn code(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests;
