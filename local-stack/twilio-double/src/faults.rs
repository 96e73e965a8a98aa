//! Armed faults.

mod action;
mod body;

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Deserialize;

pub use self::action::{FaultAction, MAXIMUM_STALL};
use super::route::Operation;

/// A fault, armed until it has struck `times` times. If several match a request, the one that was armed first strikes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// The operation that it strikes.
    pub operation: Operation,
    /// Only requests about this recording or task, or searches for this call. None means any request.
    #[serde(default)]
    pub sid: Option<String>,
    /// How often it strikes. The default in JSON is 1.
    #[serde(default = "once")]
    pub times: u32,
    /// One of this many matching requests is struck. The default in JSON is 1: each of them.
    #[serde(default = "once")]
    pub one_in: u32,
    /// The effect.
    pub action: FaultAction,
}

impl Fault {
    /// A fault that strikes the next request of `operation`.
    #[must_use]
    pub fn once(operation: Operation, action: FaultAction) -> Self {
        Self {
            operation,
            sid: None,
            times: once(),
            one_in: once(),
            action,
        }
    }

    fn matches(&self, operation: Operation, about: Option<&str>) -> bool {
        let is_about = |sid: &String| about.is_some_and(|about| about.contains(sid));
        self.operation == operation && self.sid.as_ref().is_none_or(is_about)
    }

    /// Strikes `times` requests.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// Strikes one request in this many, starting with the first, without an end.
    #[must_use]
    pub fn one_in(self, requests: u32) -> Self {
        Self {
            times: u32::MAX,
            one_in: requests,
            ..self
        }
    }

    /// Strikes only requests about this recording or task, or searches for this call.
    #[must_use]
    pub fn about(self, sid: impl Into<String>) -> Self {
        Self {
            sid: Some(sid.into()),
            ..self
        }
    }
}

/// Armed faults, oldest first.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<Vec<Armed>>);

#[derive(Debug)]
struct Armed {
    fault: Fault,
    /// Matching requests that pass before the next one is struck.
    skip: u32,
}

impl Faults {
    pub(super) fn arm(&self, fault: Fault) {
        self.armed().push(Armed { fault, skip: 0 });
    }

    pub(super) fn disarm(&self) {
        self.armed().clear();
    }

    /// The action of the fault that strikes this request, if any. It counts as one use. `about` is the SID or the
    /// search expression of the request.
    pub(super) fn strike(&self, operation: Operation, about: Option<&str>) -> Option<FaultAction> {
        let mut faults = self.armed();
        let matching = faults.iter_mut().find(|armed| armed.fault.matches(operation, about))?;
        if matching.skip > 0 {
            matching.skip -= 1;
            return None;
        }
        matching.skip = matching.fault.one_in.saturating_sub(1);
        matching.fault.times -= 1;
        let action = matching.fault.action.clone();
        faults.retain(|armed| armed.fault.times > 0);
        Some(action)
    }

    /// The number of faults about this recording, task or call that have not struck as often as they should.
    pub(super) fn left(&self, sid: &str) -> usize {
        let about = |armed: &&Armed| armed.fault.sid.as_deref() == Some(sid);
        self.armed().iter().filter(about).count()
    }

    fn armed(&self) -> MutexGuard<'_, Vec<Armed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn once() -> u32 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_strike_in_order_as_often_as_armed_and_only_what_they_name() {
        let faults = Faults::default();
        let status = |status| FaultAction::Answer {
            status,
            body: None,
            retry_after: None,
        };
        faults.arm(Fault::once(Operation::TaskUpdate, status(412)).times(2));
        faults.arm(Fault::once(Operation::TaskUpdate, status(500)));
        faults.arm(Fault::once(Operation::Media, FaultAction::Drop).about("RE1"));

        assert_eq!(faults.strike(Operation::TaskFetch, Some("WT1")), None);
        assert_eq!(faults.strike(Operation::Media, Some("RE2")), None);
        for expected in [Some(status(412)), Some(status(412)), Some(status(500)), None] {
            assert_eq!(faults.strike(Operation::TaskUpdate, Some("WT1")), expected);
        }
        assert_eq!(faults.left("RE1"), 1);
        assert_eq!(faults.strike(Operation::Media, Some("RE1")), Some(FaultAction::Drop));
        assert_eq!(faults.left("RE1"), 0);
        assert_eq!(faults.strike(Operation::Media, Some("RE1")), None);
    }

    #[test]
    fn one_request_in_so_many_is_struck_for_ever() {
        let faults = Faults::default();
        faults.arm(Fault::once(Operation::Media, FaultAction::Drop).one_in(3));
        let struck: Vec<bool> = (0..9)
            .map(|_| faults.strike(Operation::Media, Some("RE1")).is_some())
            .collect();
        assert_eq!(struck, [true, false, false].repeat(3));
    }
}
