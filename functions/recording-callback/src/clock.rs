//! The invocation's time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lambda_runtime::Context;

/// Kept back before Lambda's deadline for the last log lines, the metrics and the answer. Each takes milliseconds, or tens
/// of milliseconds on a small function's share of a processor. The vault keeps back the time for its own clean-up.
const MARGIN: Duration = Duration::from_secs(1);

/// Lambda's longest timeout.
const LONGEST_INVOCATION: Duration = Duration::from_secs(15 * 60);

/// The time at which this invocation's work must have ended.
pub(crate) fn work_deadline(context: &Context) -> Instant {
    Instant::now() + work_time(context.deadline(), SystemTime::now())
}

fn work_time(deadline: SystemTime, now: SystemTime) -> Duration {
    // A running function has not passed its deadline. `cargo lambda watch` sends the same time in January 1970 with every
    // event, which means that it sets no deadline.
    let left = deadline.duration_since(now).unwrap_or(LONGEST_INVOCATION);
    left.saturating_sub(MARGIN)
}

/// Unix time in milliseconds.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or_default()
}

/// How long ago a time was (Unix milliseconds). Zero if it is still to come, because another clock is ahead of this one.
pub(crate) fn since(at_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(now_ms().saturating_sub(at_ms)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = UNIX_EPOCH;

    #[test]
    fn work_ends_before_lambda_does() {
        let time = |left_s| work_time(NOW + Duration::from_secs(left_s), NOW);
        assert_eq!(time(30), Duration::from_secs(29));
        assert_eq!(time(1), Duration::ZERO);
        assert_eq!(time(0), Duration::ZERO);
    }

    #[test]
    fn an_emulator_without_deadlines_gets_the_longest() {
        let now = UNIX_EPOCH + Duration::from_secs(1_763_900_000);
        assert_eq!(
            work_time(UNIX_EPOCH + Duration::from_millis(600_000), now),
            LONGEST_INVOCATION - MARGIN
        );
    }
}
