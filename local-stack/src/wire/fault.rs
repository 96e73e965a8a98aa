//! What can be made to go wrong on the wire.

use std::time::Duration;

use super::Call;
use crate::Role;

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The service isn't asked; this status and body are the answer.
    Answer {
        /// HTTP status.
        status: u16,
        /// Body, in the service's own format.
        body: String,
    },
    /// The answer's body breaks off after so many bytes.
    CutBody(u64),
    /// The bits of one byte of the answer's body are flipped; counted from the body's first byte.
    FlipByte(u64),
    /// The service is asked only after this time.
    Delay(Duration),
    /// The connection is dropped before the service is asked.
    Drop,
    /// The service does what it was asked to, and the connection is dropped instead of its answer: the case in which the
    /// caller can't know what happened.
    LoseAnswer,
}

/// Which calls a fault happens to: of those that match, the `nth` (counted from 1), then so many in a row, or every so
/// many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    service: String,
    operation: String,
    key: String,
    words: String,
    role: Option<Role>,
    /// Matching calls still to be let through.
    skip: u64,
    /// Matching calls still to be hit.
    times: u64,
    /// Of how many matching calls one is hit, once it has begun.
    every: u64,
    fault: Fault,
}

impl Rule {
    /// The first call of an operation.
    #[must_use]
    pub fn new(service: &str, operation: &str, fault: Fault) -> Self {
        Self {
            service: service.to_owned(),
            operation: operation.to_owned(),
            key: String::new(),
            words: String::new(),
            role: None,
            skip: 0,
            times: 1,
            every: 1,
            fault,
        }
    }

    /// Only calls whose [key](Call::key) contains this: an object's, or a recording's.
    #[must_use]
    pub fn key(mut self, part: &str) -> Self {
        part.clone_into(&mut self.key);
        self
    }

    /// Only calls whose body holds these words. For the AWS JSON protocols, all but S3's and Scheduler's.
    #[must_use]
    pub fn words(mut self, words: &str) -> Self {
        words.clone_into(&mut self.words);
        self
    }

    /// Only calls of one role.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.role = Some(role);
        self
    }

    /// The nth matching call instead of the first; counted from 1.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Self {
        self.skip = nth.saturating_sub(1);
        self
    }

    /// So many calls in a row instead of one.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    /// One call of this many instead of all in a row, without an end.
    #[must_use]
    pub fn one_in(mut self, calls: u64) -> Self {
        (self.every, self.times) = (calls.max(1), u64::MAX);
        self
    }

    /// Whether it's for calls about this and nothing else.
    pub(super) fn is_about(&self, key: &str) -> bool {
        !self.key.is_empty() && self.key.contains(key)
    }

    /// The fault, if this call is one to be hit.
    pub(super) fn fire(&mut self, call: &Call, body: &[u8]) -> Option<Fault> {
        let matches = call.is(&self.service, &self.operation)
            && call.key.contains(&self.key)
            && String::from_utf8_lossy(body).contains(&self.words)
            && self.role.is_none_or(|role| role == call.role);
        if !matches || self.is_spent() {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.skip = self.every - 1;
        self.times -= 1;
        Some(self.fault.clone())
    }

    pub(super) fn is_spent(&self) -> bool {
        self.times == 0
    }
}
