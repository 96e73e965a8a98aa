//! Jobs as SQS delivers them.

use std::time::Instant;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use service::metrics::{self, Unit};

use super::{
    dispatch::Jobs,
    error::Failure,
    links_queue::LinksQueue,
    received::{sent_at_ms, times_received},
    retry::Try,
};
use crate::{clock, job::Job};

/// Runs the batch's jobs one by one and names the messages that SQS is to keep: those whose jobs failed, and those that
/// are not jobs. SQS delivers them again and moves them to the dead-letter queue after too many deliveries. A linker with
/// its own queues (`links`) makes both decisions itself.
pub(crate) async fn process_batch(
    jobs: &Jobs,
    links: Option<&LinksQueue>,
    event: SqsEvent,
    deadline: Instant,
) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in event.records {
        let is_done = match links {
            Some(queue) => queue.process_message(jobs, &message, deadline).await,
            None => process_message(jobs, &message, deadline).await.is_ok(),
        };
        if !is_done {
            // Without an id the identifier is empty, which makes Lambda keep the whole batch.
            response.add_failure(message.message_id.unwrap_or_default());
        }
    }
    response
}

async fn process_message(jobs: &Jobs, message: &SqsMessage, deadline: Instant) -> Result<(), Failure> {
    let times_received = times_received(message);
    let job = Job::from_message(message.body.as_deref().unwrap_or_default());
    // A message that cannot be read may be a copy, so its age counts as one's.
    let is_copy = !matches!(job, Ok(Job::DeleteOriginal(_)));
    let outcome = match job {
        Ok(job) => jobs
            .run(&job, Try::Nth(times_received), deadline)
            .await
            .map_err(Failure::Job),
        Err(error) => Err(Failure::Message(error)),
    };
    if let Err(error) = &outcome {
        tracing::error!(messageId = message.message_id, timesReceived = times_received, %error, "message kept");
        if is_copy {
            report_age(message);
        }
    }
    outcome
}

/// Emits the age of a copy that was not made. SQS leaves a message that was received three times out of its own age of
/// the oldest message.
fn report_age(message: &SqsMessage) {
    let age_s = clock::since(sent_at_ms(message)).as_secs_f64();
    metrics::emit(&[("CopyAge", age_s, Unit::Seconds)]);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        invocation::Invocation,
        testing::sample_events::{COPY_RECORDING, DELETE_ORIGINAL, LINK_TASK, invocation},
    };

    fn event(bodies: &[&str]) -> SqsEvent {
        let records: Vec<_> = bodies
            .iter()
            .enumerate()
            .map(|(index, body)| json!({"messageId": format!("message-{index}"), "body": body}))
            .collect();
        serde_json::from_value(json!({"Records": records})).unwrap()
    }

    #[tokio::test]
    async fn messages_that_are_no_jobs_or_another_roles_jobs_are_kept() {
        let copy = r#"{"version":1,"kind":"CopyRecording","recordingSid":"RE00000000000000000000000000000001"}"#;
        let response = process_batch(
            &Jobs::default(),
            None,
            event(&["poison", r#"{"version":9,"kind":"X"}"#, copy]),
            Instant::now(),
        )
        .await;
        assert_eq!(
            serde_json::to_value(response).unwrap(),
            json!({"batchItemFailures": [
                {"itemIdentifier": "message-0"},
                {"itemIdentifier": "message-1"},
                {"itemIdentifier": "message-2"},
            ]})
        );
    }

    #[test]
    fn sample_events_bring_a_job_of_each_kind() {
        for (event, kind) in [
            (LINK_TASK, "LinkTask"),
            (COPY_RECORDING, "CopyRecording"),
            (DELETE_ORIGINAL, "DeleteOriginal"),
        ] {
            let Invocation::Messages(event) = invocation(event) else {
                panic!("not from SQS");
            };
            let body = event.records[0].body.as_deref().unwrap();
            let job = Job::from_message(body).unwrap();
            assert_eq!(job.kind(), kind);
            let [read, written] = [body, &job.to_message()].map(|text| serde_json::from_str::<Value>(text).unwrap());
            assert_eq!(written, read);
        }
    }

    #[tokio::test]
    async fn a_message_without_an_id_keeps_the_whole_batch() {
        let event = serde_json::from_value(json!({"Records": [{"body": "poison"}]})).unwrap();
        let response = process_batch(&Jobs::default(), None, event, Instant::now()).await;
        assert_eq!(
            serde_json::to_value(response).unwrap(),
            json!({"batchItemFailures": [{"itemIdentifier": ""}]})
        );
    }
}
