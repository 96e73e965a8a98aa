//! A trait for the users of a secret, and the rule for a refused value.

use futures_util::future::BoxFuture;

use super::{error::SecretError, typed::Secret};

/// A value that is kept in Secrets Manager.
pub trait SecretSource<T>: Send + Sync {
    /// The known value, at most five minutes old.
    ///
    /// # Errors
    /// As [`Secret::current`].
    fn current(&self) -> BoxFuture<'_, Result<T, SecretError>>;

    /// The value as it is now, at most ten seconds old.
    ///
    /// # Errors
    /// As [`Secret::refreshed`].
    fn refreshed(&self) -> BoxFuture<'_, Result<T, SecretError>>;
}

impl<T: Send> SecretSource<T> for Secret<T> {
    fn current(&self) -> BoxFuture<'_, Result<T, SecretError>> {
        Box::pin(self.current())
    }

    fn refreshed(&self) -> BoxFuture<'_, Result<T, SecretError>> {
        Box::pin(self.refreshed())
    }
}

/// Calls `call` with the known value. If `is_refused` says of its error that the value was refused, reads the secret again
/// and calls once more: the value may have been replaced since it was last read.
///
/// `call` is not an async closure, because the compiler cannot prove that the future of one is `Send`.
///
/// # Errors
/// The outer error if the secret can't be read, the inner one if the last call failed.
pub async fn retry_refused<T, A, E, F>(
    source: &(impl SecretSource<T> + ?Sized),
    is_refused: impl Fn(&E) -> bool,
    mut call: impl FnMut(T) -> F,
) -> Result<Result<A, E>, SecretError>
where
    F: Future<Output = Result<A, E>>,
{
    let answer = call(source.current().await?).await;
    match &answer {
        Err(error) if is_refused(error) => Ok(call(source.refreshed().await?).await),
        _ => Ok(answer),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const KNOWN: &str = "known";
    const NEWEST: &str = "newest";

    #[derive(Debug, PartialEq)]
    enum Failure {
        Refused,
        Other,
    }

    /// A secret that has been replaced or removed since it was read.
    struct Replaced {
        newest: Option<&'static str>,
        refreshes: AtomicUsize,
    }

    impl SecretSource<&'static str> for Replaced {
        fn current(&self) -> BoxFuture<'_, Result<&'static str, SecretError>> {
            Box::pin(async { Ok(KNOWN) })
        }

        fn refreshed(&self) -> BoxFuture<'_, Result<&'static str, SecretError>> {
            self.refreshes.fetch_add(1, Ordering::Relaxed);
            Box::pin(async { self.newest.ok_or(SecretError::Missing) })
        }
    }

    /// The answer, the values of the calls, and the number of times that the secret was read again.
    async fn outcome(
        newest: Option<&'static str>,
        answer: impl Fn(&str) -> Result<(), Failure> + Send + Sync,
    ) -> (Result<Result<(), Failure>, SecretError>, Vec<&'static str>, usize) {
        let source = Replaced {
            newest,
            refreshes: AtomicUsize::new(0),
        };
        let mut tried = Vec::new();
        let retried = retry_refused(
            &source,
            |error| *error == Failure::Refused,
            |value| {
                tried.push(value);
                let answer = answer(value);
                async move {
                    tokio::task::yield_now().await;
                    answer
                }
            },
        );
        let outcome = is_send(retried).await;
        (outcome, tried, source.refreshes.into_inner())
    }

    /// The functions' jobs and webhooks await such calls in futures that must be `Send`.
    fn is_send<F: Future + Send>(future: F) -> F {
        future
    }

    #[tokio::test]
    async fn a_value_that_is_accepted_is_not_read_again() {
        let (outcome, tried, refreshes) = outcome(Some(NEWEST), |_| Ok(())).await;
        assert_eq!((outcome.unwrap(), tried, refreshes), (Ok(()), vec![KNOWN], 0));
    }

    #[tokio::test]
    async fn a_refused_value_is_read_again_once() {
        let takes_newest = |value: &str| if value == NEWEST { Ok(()) } else { Err(Failure::Refused) };
        let (answer, tried, refreshes) = outcome(Some(NEWEST), takes_newest).await;
        assert_eq!((answer.unwrap(), tried, refreshes), (Ok(()), vec![KNOWN, NEWEST], 1));
        let (answer, tried, refreshes) = outcome(Some(NEWEST), |_| Err(Failure::Refused)).await;
        assert_eq!(answer.unwrap(), Err(Failure::Refused));
        assert_eq!((tried, refreshes), (vec![KNOWN, NEWEST], 1));
    }

    #[tokio::test]
    async fn another_failure_is_no_reason_to_read_again() {
        let (outcome, tried, refreshes) = outcome(Some(NEWEST), |_| Err(Failure::Other)).await;
        assert_eq!(outcome.unwrap(), Err(Failure::Other));
        assert_eq!((tried, refreshes), (vec![KNOWN], 0));
    }

    #[tokio::test]
    async fn a_secret_that_cannot_be_read_again_is_the_outcome() {
        let (outcome, tried, refreshes) = outcome(None, |_| Err(Failure::Refused)).await;
        assert!(matches!(outcome, Err(SecretError::Missing)), "{outcome:?}");
        assert_eq!((tried, refreshes), (vec![KNOWN], 1));
    }
}
