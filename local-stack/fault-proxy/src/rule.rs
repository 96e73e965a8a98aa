//! The calls to which something happens.

use std::{fmt, pin::Pin};

use crate::{Call, Fault, Role};

/// Something to wait for while a call is under way.
pub type Hook = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A fault, and the calls to which it happens. Of the matching calls, these are the `nth` (counted from 1) and those
/// after it: `times` in a row, or one in so many.
///
/// A rule does not count a call to which an earlier rule's fault happens.
#[derive(Clone)]
pub struct Rule<R, E = Fault> {
    service: String,
    operation: String,
    key: String,
    words: String,
    role: Option<R>,
    condition: Option<fn(&Call<R>) -> bool>,
    /// The number of matching calls that the rule still lets through.
    skip: u64,
    /// The number of matching calls that the rule still hits.
    times: u64,
    /// One call of this many is hit.
    every: u64,
    pub(crate) effect: E,
}

impl<R: Role, E> Rule<R, E> {
    /// The first call of an operation.
    #[must_use]
    pub fn new(service: &str, operation: &str, effect: E) -> Self {
        Self {
            service: service.to_owned(),
            operation: operation.to_owned(),
            key: String::new(),
            words: String::new(),
            role: None,
            condition: None,
            skip: 0,
            times: 1,
            every: 1,
            effect,
        }
    }

    /// Only calls whose [key](Call::key) contains this part of an object's key or of a recording's SID.
    #[must_use]
    pub fn key(mut self, part: &str) -> Self {
        part.clone_into(&mut self.key);
        self
    }

    /// Only calls whose body contains these words. Bodies of S3 are not read.
    #[must_use]
    pub fn words(mut self, words: &str) -> Self {
        words.clone_into(&mut self.words);
        self
    }

    /// Only calls of one role.
    #[must_use]
    pub fn role(mut self, role: R) -> Self {
        self.role = Some(role);
        self
    }

    /// Only calls for which this returns true.
    #[must_use]
    pub fn when(mut self, condition: fn(&Call<R>) -> bool) -> Self {
        self.condition = Some(condition);
        self
    }

    /// The nth matching call instead of the first, counted from 1.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Self {
        self.skip = nth.saturating_sub(1);
        self
    }

    /// This number of calls in a row instead of one.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    /// One call of this many, without an end, instead of one call.
    #[must_use]
    pub fn one_in(mut self, calls: u64) -> Self {
        (self.every, self.times) = (calls.max(1), u64::MAX);
        self
    }

    /// Whether the rule is for calls about this key only.
    pub(crate) fn is_about(&self, key: &str) -> bool {
        !self.key.is_empty() && self.key.contains(key)
    }

    /// Counts a call, and returns whether it is to be hit.
    pub(crate) fn hits(&mut self, call: &Call<R>, body: &[u8]) -> bool {
        let matches = call.is(&self.service, &self.operation)
            && call.key.contains(&self.key)
            && String::from_utf8_lossy(body).contains(&self.words)
            && self.role.is_none_or(|role| role == call.role)
            && self.condition.is_none_or(|condition| condition(call));
        if !matches || self.is_spent() {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.skip = self.every - 1;
        self.times -= 1;
        true
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.times == 0
    }
}

impl<R: fmt::Debug, E> fmt::Debug for Rule<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            service,
            operation,
            key,
            role,
            ..
        } = self;
        write!(f, "{service}:{operation} {key} of {role:?}")
    }
}
