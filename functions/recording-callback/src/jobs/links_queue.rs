//! The links queue, as a linker uses it.
//!
//! A failed link comes back within seconds: its window is two minutes, its queue's visibility timeout one. A link whose
//! task must not be touched yet comes back as a new message, because waiting isn't failing: it mustn't use up the
//! receives after which SQS takes a message for dead.

use std::time::Duration;

use aws_lambda_events::sqs::SqsMessage;
use aws_sdk_sqs::{Client, error::ProvideErrorMetadata};

use crate::job::{Job, LinkTask};

/// Waits double from 2 s on (what failed by overload gets time to recover) up to 20 s (the window still holds several).
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(20);

pub(crate) struct LinksQueue {
    sqs: Client,
    url: String,
}

/// SQS's error code.
#[derive(Debug, thiserror::Error)]
#[error("SQS did not take the link's next message: {0}")]
pub(crate) struct NotSent(String);

impl LinksQueue {
    pub(crate) const fn new(sqs: Client, url: String) -> Self {
        Self { sqs, url }
    }

    /// Has SQS bring the message again soon. Where that fails it comes when its visibility timeout ends.
    pub(crate) async fn hasten(&self, message: &SqsMessage) {
        let changed = self
            .sqs
            .change_message_visibility()
            .queue_url(&self.url)
            .set_receipt_handle(message.receipt_handle.clone())
            .visibility_timeout(seconds(wait(times_received(message))))
            .send()
            .await;
        if let Err(error) = changed {
            let error = error.code().unwrap_or("no answer");
            tracing::warn!(
                messageId = message.message_id,
                error,
                "SQS did not take the shorter wait"
            );
        }
    }

    /// Sends the job as a new message that comes after `delay`, at most SQS's 15 minutes.
    pub(crate) async fn send(&self, job: LinkTask, delay: Duration) -> Result<(), NotSent> {
        self.sqs
            .send_message()
            .queue_url(&self.url)
            .message_body(Job::LinkTask(job).to_message())
            .delay_seconds(seconds(delay))
            .send()
            .await
            .map(drop)
            .map_err(|error| NotSent(error.code().unwrap_or("no answer").to_owned()))
    }
}

/// How often SQS has brought the message, this time included.
pub(super) fn times_received(message: &SqsMessage) -> u32 {
    message
        .attributes
        .get("ApproximateReceiveCount")
        .and_then(|count| count.parse().ok())
        .unwrap_or(1)
}

fn wait(times_received: u32) -> Duration {
    let doublings = times_received.saturating_sub(1);
    FIRST_WAIT
        .saturating_mul(2_u32.saturating_pow(doublings))
        .min(LONGEST_WAIT)
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits_s = [0, 1, 2, 3, 4, 5, 6, u32::MAX].map(|times| wait(times).as_secs());
        assert_eq!(waits_s, [2, 2, 4, 8, 16, 20, 20, 20]);
    }
}
