//! Retries of calls that Twilio answered with 429.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::{RequestBuilder, Response};

use crate::client::{ApiError, CALL_TIMEOUT, call};

/// Twilio allows each account three `EvaluateTaskAttributes` searches a second, so the first wait is about one slot.
/// Jitter at most doubles a wait, and 0.4 + 0.8 + 1.6 s would become 5.6 s. The total is limited to 5 s. The search is
/// the only call that is known to reach the limit. It leaves the linker most of its 30 s.
const FIRST_WAIT: Duration = Duration::from_millis(400);
const RETRIES: usize = 3;
const TOTAL_WAIT: Duration = Duration::from_secs(5);

/// After a longer Retry-After, the queue retries, which waits without a running function.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(2);

/// Sends a request about one resource. Only a 429 is retried, because Twilio never processes such a request.
pub(crate) async fn call_with_retries(request: impl Fn() -> RequestBuilder) -> Result<Response, ApiError> {
    call_with_retries_within(CALL_TIMEOUT, request).await
}

/// The same, with `limit` on the whole response of each attempt.
pub(crate) async fn call_with_retries_within(
    limit: Duration,
    request: impl Fn() -> RequestBuilder,
) -> Result<Response, ApiError> {
    let backoff = ExponentialBuilder::default()
        .with_min_delay(FIRST_WAIT)
        .with_max_times(RETRIES)
        .with_total_delay(Some(TOTAL_WAIT))
        .with_jitter();
    (|| call(request(), limit))
        .retry(backoff)
        .when(|error| matches!(error, ApiError::RateLimited { .. }))
        .adjust(next_wait)
        .await
}

/// The next wait, at least as long as Twilio's Retry-After. `None` ends the retries.
fn next_wait(error: &ApiError, wait: Option<Duration>) -> Option<Duration> {
    match error {
        ApiError::RateLimited {
            retry_after_s: Some(seconds),
        } => {
            let requested = Duration::from_secs(*seconds);
            wait.filter(|_| requested <= LONGEST_RETRY_AFTER)
                .map(|wait| wait.max(requested))
        }
        _ => wait,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_follows_retry_after_up_to_the_bound() {
        let limited = |retry_after_s| ApiError::RateLimited { retry_after_s };
        let second = Some(Duration::from_secs(1));
        assert_eq!(next_wait(&limited(None), second), second);
        assert_eq!(next_wait(&limited(Some(0)), second), second);
        assert_eq!(next_wait(&limited(Some(2)), second), Some(Duration::from_secs(2)));
        assert_eq!(next_wait(&limited(Some(3)), second), None);
        assert_eq!(next_wait(&limited(Some(u64::MAX)), second), None);
        assert_eq!(next_wait(&limited(Some(1)), None), None);
    }
}
