//! The attributes of a message that SQS delivers.

use std::str::FromStr;

use aws_lambda_events::sqs::SqsMessage;

use crate::clock;

/// When the message was sent to its queue, Unix milliseconds.
pub(super) fn sent_at_ms(message: &SqsMessage) -> i64 {
    attribute(message, "SentTimestamp").unwrap_or_else(clock::now_ms)
}

/// How often SQS has delivered the message, including this time.
pub(super) fn times_received(message: &SqsMessage) -> u32 {
    attribute(message, "ApproximateReceiveCount").unwrap_or(1)
}

fn attribute<T: FromStr>(message: &SqsMessage, name: &str) -> Option<T> {
    message.attributes.get(name)?.parse().ok()
}
