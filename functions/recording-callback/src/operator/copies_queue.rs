//! The copies queue, as the operator fills it.

use std::time::Duration;

use aws_sdk_sqs::{
    Client,
    error::ProvideErrorMetadata,
    types::{BatchResultErrorEntry, SendMessageBatchRequestEntry},
};

use crate::job::Job;

/// What one call takes. A job has some hundred bytes, so that ten are far from the call's limit of 256 KiB.
const BATCH: usize = 10;

/// How often a message is sent that SQS answers for with an error of its own, and the pauses between, each twice as long
/// as the one before. The SDK repeats whole calls, and knows nothing of single messages.
const TRIES: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(super) struct CopiesQueue {
    sqs: Client,
    url: String,
}

/// SQS did not take all that it might have taken. Sending everything again does no harm.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("SQS: {0}")]
pub(crate) struct QueueError(String);

/// What SQS did not take of a batch.
#[derive(Default)]
struct Refused {
    /// It may take these another time.
    for_now: Vec<Job>,
    /// Why, in SQS's words for one of them.
    code: Option<String>,
    /// These it never takes.
    for_good: usize,
}

impl CopiesQueue {
    pub(super) const fn new(sqs: Client, url: String) -> Self {
        Self { sqs, url }
    }

    /// Queues the jobs; returns how many SQS took. The others it calls malformed.
    pub(super) async fn send(&self, jobs: &[Job]) -> Result<usize, QueueError> {
        let mut taken = 0;
        for batch in jobs.chunks(BATCH) {
            taken += self.send_persistently(batch).await?;
        }
        Ok(taken)
    }

    async fn send_persistently(&self, batch: &[Job]) -> Result<usize, QueueError> {
        let mut left = batch.to_vec();
        let mut for_good = 0;
        for tries in 1.. {
            let refused = self.send_batch(&left).await?;
            for_good += refused.for_good;
            if refused.for_now.is_empty() {
                break;
            }
            if tries == TRIES {
                return Err(QueueError(refused.code.unwrap_or_else(|| "no code".to_owned())));
            }
            left = refused.for_now;
            tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(tries - 1)).await;
        }
        Ok(batch.len() - for_good)
    }

    async fn send_batch(&self, batch: &[Job]) -> Result<Refused, QueueError> {
        let entries = batch.iter().enumerate().map(|(index, job)| {
            SendMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .message_body(job.to_message())
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
        let mut refused = Refused::default();
        for (index, job) in batch.iter().enumerate() {
            let id = index.to_string();
            // What SQS doesn't speak of it may not have taken.
            if sent.successful().iter().any(|taken| taken.id() == id) {
                continue;
            }
            let failed = sent.failed().iter().find(|failed| failed.id() == id);
            let code = failed.map_or("not spoken of", |failed| failed.code());
            tracing::warn!(recordingSid = %job.recording_sid(), kind = job.kind(), code, "SQS did not take the job");
            if failed.is_some_and(BatchResultErrorEntry::sender_fault) {
                refused.for_good += 1;
            } else {
                refused.code = Some(code.to_owned());
                refused.for_now.push(job.clone());
            }
        }
        Ok(refused)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use serde_json::{Value, json};

    use super::*;
    use crate::testing::loopback::{Asked, Loopback};

    fn copy(number: u32) -> Job {
        let text = format!(r#"{{"version":1,"kind":"CopyRecording","recordingSid":"RE{number:032x}"}}"#);
        Job::from_message(&text).unwrap()
    }

    /// SQS's answer to a call, of which it doesn't take the `nth` message.
    fn all_but(asked: &Asked, nth: Option<usize>, sender_fault: bool) -> (u16, Option<&'static str>, Value) {
        let call: Value = serde_json::from_str(&asked.body).unwrap();
        let entries = call["Entries"].as_array().unwrap();
        let ids: Vec<_> = entries.iter().map(|entry| entry["Id"].clone()).collect();
        let (failed, taken): (Vec<_>, Vec<_>) = ids.into_iter().enumerate().partition(|(index, _)| Some(*index) == nth);
        let failed: Vec<_> = failed
            .into_iter()
            .map(|(_, id)| json!({"Id": id, "Code": "InternalError", "SenderFault": sender_fault}))
            .collect();
        let taken: Vec<_> = taken
            .into_iter()
            .map(|(_, id)| json!({"Id": id, "MessageId": "m", "MD5OfMessageBody": "0"}))
            .collect();
        (200, None, json!({"Successful": taken, "Failed": failed}))
    }

    fn queue(server: &Loopback) -> CopiesQueue {
        CopiesQueue::new(Client::new(&server.aws()), format!("{}/copies", server.url))
    }

    /// The RecordingSids of each call.
    fn sent(server: &Loopback) -> Vec<Vec<String>> {
        let sids = |asked: Asked| {
            let call: Value = serde_json::from_str(&asked.body).unwrap();
            let bodies = call["Entries"].as_array().unwrap().iter();
            let bodies =
                bodies.map(|entry| serde_json::from_str::<Value>(entry["MessageBody"].as_str().unwrap()).unwrap());
            bodies
                .map(|body| body["recordingSid"].as_str().unwrap().to_owned())
                .collect()
        };
        server.asked().into_iter().map(sids).collect()
    }

    #[tokio::test]
    async fn what_sqs_does_not_take_of_a_batch_is_sent_again_alone() {
        let calls = Arc::new(AtomicUsize::new(0));
        // The second of the first batch, once.
        let answer = move |asked: &Asked| {
            let is_first = calls.fetch_add(1, Ordering::Relaxed) == 0;
            all_but(asked, is_first.then_some(1), false)
        };
        let server = Loopback::start(answer).await;
        let copies: Vec<_> = (0..12).map(copy).collect();
        assert_eq!(queue(&server).send(&copies).await, Ok(12));
        let sids = |copies: &[Job]| -> Vec<_> { copies.iter().map(|copy| copy.recording_sid().to_string()).collect() };
        let expected = [sids(&copies[..10]), sids(&copies[1..2]), sids(&copies[10..])];
        assert_eq!(sent(&server), expected);
    }

    #[tokio::test]
    async fn what_sqs_never_takes_is_an_error() {
        let server = Loopback::start(|asked: &Asked| all_but(asked, Some(0), false)).await;
        let error = queue(&server).send(&[copy(1), copy(2)]).await.unwrap_err();
        assert_eq!(error.to_string(), "SQS: InternalError");
        let calls: Vec<_> = sent(&server).iter().map(Vec::len).collect();
        assert_eq!(calls, [2, 1, 1, 1]);
    }

    #[tokio::test]
    async fn what_sqs_calls_malformed_is_not_sent_again() {
        let server = Loopback::start(|asked: &Asked| all_but(asked, Some(0), true)).await;
        assert_eq!(queue(&server).send(&[copy(1), copy(2)]).await, Ok(1));
        assert_eq!(server.asked().len(), 1);
    }

    #[tokio::test]
    async fn a_message_that_sqs_does_not_speak_of_is_sent_again() {
        let answer = |_: &Asked| (200, None, json!({"Successful": [], "Failed": []}));
        let server = Loopback::start(answer).await;
        let error = queue(&server).send(&[copy(1)]).await.unwrap_err();
        assert_eq!(error.to_string(), "SQS: not spoken of");
    }

    #[tokio::test]
    async fn a_call_that_fails_is_told_by_its_code_alone() {
        let answer = |_: &Asked| (400, None, json!({"__type": "OverLimit", "message": "canary"}));
        let server = Loopback::start(answer).await;
        let error = queue(&server).send(&[copy(1)]).await.unwrap_err();
        assert_eq!(error.to_string(), "SQS: OverLimit");
    }
}
