//! The wire between the functions and AWS: a reverse proxy that sees every call, counts it, and breaks what it's told to.
//!
//! Each role of each function has a port of its own here, given to it as `AWS_ENDPOINT_URL`, so that a call is known by
//! the role that made it, the service, the operation and the object. Objects stream through in both directions.

mod call;
mod fault;
mod relay;
mod rights;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::Role;
use crate::proxy::{self, Upstream};

pub use call::Call;
pub use fault::{Fault, Rule};
pub(crate) use rights::Rights;

/// The calls remembered: about 100 bytes each, so 6 MiB at most.
const REMEMBERED: usize = 65_536;

/// Shared handle to the wire; clones see and steer the same one.
#[derive(Clone, Debug)]
pub struct Wire(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    calls: VecDeque<Call>,
    /// How many calls were forgotten before the first one of `calls`.
    forgotten: u64,
    rules: Vec<Rule>,
    /// Where used rights are written down, if anywhere.
    rights: Option<Arc<Rights>>,
}

/// A moment in the history of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(u64);

impl Wire {
    pub(crate) fn new(rights: Option<Rights>) -> Self {
        Self(Arc::new(Mutex::new(State {
            rights: rights.map(Arc::new),
            ..State::default()
        })))
    }

    /// Opens a port for one role. Returns the endpoint's URL.
    pub(crate) async fn open(&self, role: Role, upstream: Upstream) -> io::Result<String> {
        let (listener, port) = proxy::listen().await?;
        let wire = self.clone();
        proxy::serve(listener, move |request| {
            relay::relay(wire.clone(), role, upstream.clone(), request)
        });
        Ok(format!("http://127.0.0.1:{port}"))
    }

    /// Now: calls made from here on are told by [`Wire::since`].
    pub fn mark(&self) -> Mark {
        let state = self.state();
        Mark(state.forgotten + state.calls.len() as u64)
    }

    /// The calls since a mark, in the order in which they began.
    ///
    /// # Panics
    /// When calls since the mark have been forgotten: whatever was counted then would be wrong.
    pub fn since(&self, mark: Mark) -> Vec<Call> {
        let state = self.state();
        assert!(
            mark.0 >= state.forgotten,
            "more than {REMEMBERED} calls were made since the mark"
        );
        let skipped = usize::try_from(mark.0 - state.forgotten).unwrap_or(usize::MAX);
        state.calls.iter().skip(skipped).cloned().collect()
    }

    /// How many calls since a mark a predicate holds for.
    pub fn count(&self, mark: Mark, counted: impl Fn(&Call) -> bool) -> usize {
        self.since(mark).iter().filter(|call| counted(call)).count()
    }

    /// Arms a fault. Rules are looked at in the order of their arming, and each fires as often as it says.
    pub fn inject(&self, rule: Rule) {
        self.state().rules.push(rule);
    }

    /// Disarms every fault that hasn't fired.
    pub fn clear_faults(&self) {
        self.state().rules.clear();
    }

    /// Remembers a call and says what is to go wrong with it.
    fn record(&self, call: Call) -> Option<Fault> {
        let mut state = self.state();
        let fault = state.rules.iter_mut().find_map(|rule| rule.fire(&call));
        state.rules.retain(|rule| !rule.is_spent());
        if state.calls.len() == REMEMBERED {
            state.calls.pop_front();
            state.forgotten += 1;
        }
        state.calls.push_back(call);
        fault
    }

    fn rights(&self) -> Option<Arc<Rights>> {
        self.state().rights.clone()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("calls", &self.calls.len())
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
