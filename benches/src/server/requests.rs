//! The requests to the server: counts, bytes, and which requests waited for others.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use http::Request;

use crate::measure::longest_chain;

/// The part of the server that a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    S3,
    Kms,
    Secrets,
    Sqs,
    Media,
    TaskRouter,
    FlexTokens,
}

impl Api {
    pub(crate) const ALL: [Self; 7] = [
        Self::S3,
        Self::Kms,
        Self::Secrets,
        Self::Sqs,
        Self::Media,
        Self::TaskRouter,
        Self::FlexTokens,
    ];

    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let target = request.headers().get("x-amz-target");
        let target = target.and_then(|target| target.to_str().ok()).unwrap_or_default();
        match target.split('.').next() {
            Some("TrentService") => Self::Kms,
            Some("secretsmanager") => Self::Secrets,
            Some("AmazonSQS") => Self::Sqs,
            _ if request.uri().path().starts_with("/v1/Workspaces/") => Self::TaskRouter,
            _ if request.uri().path().starts_with("/2010-04-01/") => Self::Media,
            _ if request.uri().path().starts_with("/v1/Accounts/") => Self::FlexTokens,
            _ => Self::S3,
        }
    }
}

/// One answered request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    pub(crate) api: Api,
    /// Whether it read one object.
    pub(crate) is_read: bool,
    pub(crate) begun: Instant,
    /// The time when the answer was ready, before its body was sent.
    pub(crate) ended: Instant,
    /// The length of the answer's body.
    pub(crate) len: u64,
}

/// Requests in the order of their answers.
#[derive(Debug, Default)]
pub(crate) struct Requests(Mutex<Vec<Answered>>);

impl Requests {
    pub(super) fn push(&self, api: Api, is_read: bool, begun: Instant, len: u64) {
        let ended = Instant::now();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Answered {
            api,
            is_read,
            begun,
            ended,
            len,
        });
    }

    /// Removes and returns the requests since the last call.
    pub(crate) fn take(&self) -> Vec<Answered> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The length of the longest chain in which each request began after the previous one was answered.
pub(crate) fn sequential(requests: &[Answered]) -> usize {
    longest_chain(requests.iter().map(|request| (request.begun, request.ended)).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn overlapping_requests_are_one_round_trip() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let request = |from, to| Answered {
            api: Api::S3,
            is_read: true,
            begun: at(from),
            ended: at(to),
            len: 0,
        };
        assert_eq!(sequential(&[]), 0);
        assert_eq!(sequential(&[request(0, 15), request(1, 16), request(2, 17)]), 1);
        assert_eq!(sequential(&[request(20, 35), request(0, 15)]), 2);
        // The one between overlaps with both.
        assert_eq!(sequential(&[request(0, 15), request(10, 25), request(16, 31)]), 2);
        assert_eq!(sequential(&[request(0, 15), request(1, 16), request(16, 31)]), 2);
    }
}
