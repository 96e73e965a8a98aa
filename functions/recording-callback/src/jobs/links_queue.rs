//! A failed link comes back within seconds: its window is two minutes, its queue's visibility timeout one.

use std::time::Duration;

use aws_lambda_events::sqs::SqsMessage;
use aws_sdk_sqs::{Client, error::ProvideErrorMetadata};

/// Waits double from 2 s on (what failed by overload gets time to recover) up to 20 s (the window still holds several).
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// The links queue, as a linker uses it.
pub(crate) struct Redelivery {
    sqs: Client,
    queue_url: String,
}

impl Redelivery {
    pub(crate) const fn new(sqs: Client, queue_url: String) -> Self {
        Self { sqs, queue_url }
    }

    /// Has SQS bring the message again soon. Where that fails it comes when its visibility timeout ends.
    pub(crate) async fn hasten(&self, message: &SqsMessage) {
        let wait_s = wait(times_received(message)).as_secs();
        let changed = self
            .sqs
            .change_message_visibility()
            .queue_url(&self.queue_url)
            .set_receipt_handle(message.receipt_handle.clone())
            // At most `LONGEST_WAIT`.
            .visibility_timeout(wait_s as i32)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits_s = [0, 1, 2, 3, 4, 5, 6, u32::MAX].map(|times| wait(times).as_secs());
        assert_eq!(waits_s, [2, 2, 4, 8, 16, 20, 20, 20]);
    }
}
