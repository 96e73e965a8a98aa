//! The copies queue, as the operator fills it.

use aws_sdk_sqs::{Client, error::ProvideErrorMetadata, types::SendMessageBatchRequestEntry};

use crate::job::{CopyRecording, Job};

/// What one call takes. A job has some hundred bytes, so that ten are far from the call's limit of 256 KiB.
const BATCH: usize = 10;

#[derive(Debug)]
pub(super) struct CopiesQueue {
    sqs: Client,
    url: String,
}

/// SQS took none of a batch.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("SQS: {0}")]
pub(crate) struct QueueError(String);

impl CopiesQueue {
    pub(super) const fn new(sqs: Client, url: String) -> Self {
        Self { sqs, url }
    }

    /// Queues the copies; returns those that SQS took.
    pub(super) async fn send(&self, copies: Vec<CopyRecording>) -> Result<Vec<CopyRecording>, QueueError> {
        let mut taken = Vec::with_capacity(copies.len());
        let mut copies = copies.into_iter();
        loop {
            let batch: Vec<_> = copies.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                return Ok(taken);
            }
            taken.extend(self.send_batch(batch).await?);
        }
    }

    async fn send_batch(&self, batch: Vec<CopyRecording>) -> Result<Vec<CopyRecording>, QueueError> {
        let entries = batch.iter().enumerate().map(|(index, copy)| {
            SendMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .message_body(Job::CopyRecording(copy.clone()).to_message())
                .build()
                .expect("an id and a body are all that an entry needs")
        });
        let sent = self
            .sqs
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries.collect()))
            .send()
            .await
            .map_err(|error| QueueError(error.code().unwrap_or("no answer").to_owned()))?;
        let is_refused = |index: usize| sent.failed().iter().any(|failed| failed.id() == index.to_string());
        let mut taken = Vec::with_capacity(batch.len());
        for (index, copy) in batch.into_iter().enumerate() {
            if is_refused(index) {
                tracing::error!(recordingSid = %copy.recording_sid, "SQS did not take the copy");
            } else {
                taken.push(copy);
            }
        }
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use twilio::sid::RecordingSid;

    use super::*;
    use crate::loopback::{Asked, Loopback};

    fn copy(number: u32) -> CopyRecording {
        let text = format!(r#"{{"version":1,"kind":"CopyRecording","recordingSid":"RE{number:032x}"}}"#);
        match Job::from_message(&text) {
            Ok(Job::CopyRecording(copy)) => copy,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn what_sqs_refuses_of_a_batch_is_not_taken() {
        // The second of each batch.
        let failed = json!([{"Id": "1", "Code": "InternalError", "SenderFault": false}]);
        let server = Loopback::start(move |_: &Asked| (200, None, json!({"Successful": [], "Failed": failed}))).await;
        let queue = CopiesQueue::new(Client::new(&server.aws()), format!("{}/copies", server.url));
        let taken = queue.send((0..12).map(copy).collect()).await.unwrap();
        let taken: Vec<_> = taken.into_iter().map(|copy| copy.recording_sid).collect();
        let expected = (0..12)
            .filter(|number| ![1, 11].contains(number))
            .map(|number| copy(number).recording_sid);
        assert_eq!(taken, expected.collect::<Vec<RecordingSid>>());
        assert_eq!(server.count("AmazonSQS.SendMessageBatch"), 2);
    }

    #[tokio::test]
    async fn a_call_that_fails_is_told_by_its_code_alone() {
        let answer = |_: &Asked| (400, None, json!({"__type": "OverLimit", "message": "canary"}));
        let server = Loopback::start(answer).await;
        let queue = CopiesQueue::new(Client::new(&server.aws()), format!("{}/copies", server.url));
        let error = queue.send(vec![copy(1)]).await.unwrap_err();
        assert_eq!(error.to_string(), "SQS: OverLimit");
    }
}
