//! An event source mapping: it receives messages from a queue, invokes a function with them, and deletes the processed
//! ones.
//!
//! The batch size is 1 and `ReportBatchItemFailures` is on, as in `template.yaml`. A message that is not deleted comes
//! back after its visibility timeout, and the queue's own redrive policy moves it to the dead-letter queue. A message
//! at the end of a chain that Lambda would stop goes there at once.

use std::{sync::Arc, time::Duration};

use aws_sdk_sqs::{
    Client,
    types::{Message, MessageSystemAttributeName},
};
use http::StatusCode;
use loopback::{Error, Upstream};
use serde_json::{Value, json};

use crate::{instances::Instances, invocation::invoke_with, ledger::Ledger, lineage, resources::Queue};

/// The longest wait that SQS allows.
const LONG_POLL_SECONDS: i32 = 20;

/// How long to wait after SQS or the function was unavailable.
const PAUSE: Duration = Duration::from_secs(1);

/// A queue and the function that it feeds.
#[derive(Clone, Debug)]
pub(crate) struct Mapping {
    pub(crate) queue: Queue,
    pub(crate) region: String,
    pub(crate) instances: Arc<Instances>,
    pub(crate) emulator: Upstream,
    pub(crate) ledger: Ledger,
    /// Whether a chain may invoke the function any number of times.
    pub(crate) may_recurse: bool,
}

impl Mapping {
    /// Processes the queue, one message after another, as long as the current runtime lives. It is started once for
    /// each instance, so that all of them can be busy.
    pub(crate) async fn poll(self, sqs: Client) {
        loop {
            let received = sqs
                .receive_message()
                .queue_url(&self.queue.url)
                .max_number_of_messages(1)
                .wait_time_seconds(LONG_POLL_SECONDS)
                .message_system_attribute_names(MessageSystemAttributeName::All)
                .send()
                .await;
            let Ok(received) = received else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            for message in received.messages.unwrap_or_default() {
                self.handle(&sqs, &message).await;
            }
        }
    }

    async fn handle(&self, sqs: &Client, message: &Message) {
        let role = self.instances.function().role;
        let attributes = message.attributes();
        let trace = attributes.and_then(|all| all.get(&MessageSystemAttributeName::AwsTraceHeader));
        let trace = trace.map(String::as_str);
        if !self.may_recurse && lineage::invocations(trace, role.name()) >= lineage::MOST_INVOCATIONS {
            eprintln!(
                "stack: {role}: a chain of {} invocations was stopped",
                lineage::MOST_INVOCATIONS
            );
            if let Err(error) = self.stop(sqs, message).await {
                eprintln!("stack: {role}: {error}");
            }
            return;
        }
        let trace = lineage::continued(trace, role.name());
        let entry = self.ledger.begin(role, message);
        let event = event(message, &self.queue.arn, &self.region).to_string();
        // Without a limit: the poller has received the message for an instance.
        let invoked = invoke_with(
            &self.emulator,
            &self.instances,
            event.into(),
            Some(trace),
            Duration::MAX,
        );
        let done = match invoked.await {
            Ok((status, answer)) => is_done(status, &answer),
            Err(error) => {
                eprintln!("stack: {}: {error}", self.instances.function().role);
                false
            }
        };
        if done && let Err(error) = self.delete(sqs, message).await {
            eprintln!("stack: a finished message could not be deleted: {error}");
        }
        self.ledger.end(&entry, done);
    }

    async fn stop(&self, sqs: &Client, message: &Message) -> Result<(), Error> {
        sqs.send_message()
            .queue_url(&self.queue.dead_letters_url)
            .message_body(message.body().unwrap_or_default())
            .send()
            .await?;
        self.delete(sqs, message).await?;
        self.ledger.stopped(self.instances.function().role, message);
        Ok(())
    }

    async fn delete(&self, sqs: &Client, message: &Message) -> Result<(), Error> {
        let receipt = message.receipt_handle().unwrap_or_default();
        let deletion = sqs.delete_message().queue_url(&self.queue.url).receipt_handle(receipt);
        deletion.send().await?;
        Ok(())
    }
}

/// The event for one message, with every field that Lambda sets:
/// <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>.
fn event(message: &Message, queue_arn: &str, region: &str) -> Value {
    let attributes: serde_json::Map<_, _> = message
        .attributes()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str().to_owned(), Value::from(value.as_str())))
        .collect();
    json!({
        "Records": [{
            "messageId": message.message_id(),
            "receiptHandle": message.receipt_handle(),
            "body": message.body(),
            "attributes": attributes,
            "messageAttributes": {},
            "md5OfBody": message.md5_of_body(),
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
            "awsRegion": region,
        }]
    })
}

/// Whether an answer means that the message was processed. With `ReportBatchItemFailures`, a message has failed if the
/// function fails, if its answer lists the message, or if its answer cannot be parsed:
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>.
fn is_done(status: StatusCode, answer: &[u8]) -> bool {
    if status != StatusCode::OK {
        return false;
    }
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else {
        return answer.is_empty();
    };
    match answer.get("batchItemFailures") {
        None | Some(Value::Null) => true,
        // Either the one message is listed, or an unknown one is, which fails the whole batch.
        Some(Value::Array(failures)) => failures.is_empty(),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_success_without_failures_deletes_the_message() {
        for (status, answer, done) in [
            (200, r#"{"batchItemFailures":[]}"#, true),
            (200, r#"{"batchItemFailures":null}"#, true),
            (200, "{}", true),
            (200, "null", true),
            (200, "", true),
            (200, r#"{"batchItemFailures":[{"itemIdentifier":"m1"}]}"#, false),
            (200, r#"{"batchItemFailures":[{"itemIdentifier":"m2"}]}"#, false),
            (200, r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#, false),
            (200, r#"{"batchItemFailures":"m1"}"#, false),
            (200, "not JSON", false),
            (500, r#"{"errorType":"E","errorMessage":"m"}"#, false),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(is_done(status, answer.as_bytes()), done, "{status} {answer}");
        }
    }

    #[test]
    fn an_event_carries_what_lambda_gives() {
        let message = Message::builder()
            .message_id("m1")
            .receipt_handle("r1")
            .body("{\"kind\":\"x\"}")
            .md5_of_body("0")
            .attributes(MessageSystemAttributeName::ApproximateReceiveCount, "3")
            .build();
        let event = event(&message, "arn:aws:sqs:us-east-1:000000000000:links", "us-east-1");
        let parsed: Value = json!({
            "Records": [{
                "messageId": "m1",
                "receiptHandle": "r1",
                "body": "{\"kind\":\"x\"}",
                "attributes": {"ApproximateReceiveCount": "3"},
                "messageAttributes": {},
                "md5OfBody": "0",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:links",
                "awsRegion": "us-east-1",
            }]
        });
        assert_eq!(event, parsed);
    }
}
