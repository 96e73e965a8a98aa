//! The wire between the functions and AWS: a reverse proxy that sees every call, counts it, and breaks what it's told to.
//!
//! Each role of each function has a port of its own here, given to it as `AWS_ENDPOINT_URL`, so that a call is known by
//! the role that made it, the service, the operation and the object. Objects stream through in both directions.

mod call;
mod fault;
mod relay;
mod rights;

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

pub(crate) use self::rights::Rights;
pub use self::{
    call::Call,
    fault::{Fault, Rule},
};
use crate::{
    Role,
    history::{History, Mark},
    proxy::{self, Upstream},
};

/// Shared handle to the wire; clones see and steer the same one.
#[derive(Clone, Debug)]
pub struct Wire(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    calls: History<Call>,
    rules: Vec<Rule>,
    /// Where used rights are written down, if anywhere.
    rights: Option<Arc<Rights>>,
}

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
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.state().calls.mark()
    }

    /// The calls since a mark, in the order in which they began.
    ///
    /// # Panics
    /// When calls since the mark have been forgotten: whatever was counted then would be wrong.
    #[must_use]
    pub fn since(&self, mark: Mark) -> Vec<Call> {
        let (calls, _) = self.timed_since(mark);
        calls.into_iter().map(|(_, call)| call).collect()
    }

    /// The same with the time of each, and the mark of what comes next.
    pub(crate) fn timed_since(&self, mark: Mark) -> (Vec<(Instant, Call)>, Mark) {
        self.state().calls.since(mark)
    }

    /// How many calls since a mark a predicate holds for.
    pub fn count(&self, mark: Mark, counted: impl Fn(&Call) -> bool) -> usize {
        self.since(mark).iter().filter(|call| counted(call)).count()
    }

    /// Arms a fault. Rules are looked at in the order of their arming, and each fires as often as it says.
    pub fn inject(&self, rule: Rule) {
        self.state().rules.push(rule);
    }

    /// How many rules about this key are armed still.
    #[must_use]
    pub fn armed(&self, key: &str) -> usize {
        self.state().rules.iter().filter(|rule| rule.is_about(key)).count()
    }

    /// Disarms every fault that hasn't fired.
    pub fn clear_faults(&self) {
        self.state().rules.clear();
    }

    /// Disarms the rules about this key that haven't fired.
    pub fn clear_faults_about(&self, key: &str) {
        self.state().rules.retain(|rule| !rule.is_about(key));
    }

    /// Remembers a call and says what is to go wrong with it.
    fn record(&self, call: Call, body: &[u8]) -> Option<Fault> {
        let mut state = self.state();
        let fault = state.rules.iter_mut().find_map(|rule| rule.fire(&call, body));
        state.rules.retain(|rule| !rule.is_spent());
        state.calls.push(call);
        fault
    }

    fn rights(&self) -> Option<Arc<Rights>> {
        self.state().rights.clone()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
