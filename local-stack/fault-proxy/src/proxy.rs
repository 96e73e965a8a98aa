//! The proxy: its ports, what it recorded, and what it is to break.

use std::{
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use http::request::Parts;
use loopback::Upstream;
use tokio::sync::watch;

use crate::{
    Call, Fault, Hook, Role, Rule,
    history::{History, Mark},
    relay::relay,
};

/// Looks at a call before it is recorded, and returns the body to forward. The body is empty, and the returned one is not
/// used, if the request's body is streamed.
pub(crate) type Inspect<R> = Arc<dyn Fn(&Call<R>, &mut Parts, Bytes) -> io::Result<Bytes> + Send + Sync>;

/// A handle to the proxy. Clones share its state.
#[derive(Clone)]
pub struct FaultProxy<R> {
    state: Arc<Mutex<State<R>>>,
    /// The number of answers that clients did not read to the end.
    abandoned: watch::Sender<usize>,
}

struct State<R> {
    calls: History<Call<R>>,
    faults: Vec<Rule<R>>,
    before: Vec<Rule<R, Hook>>,
    after: Vec<Rule<R, Hook>>,
}

/// The moments at which a call can wait for a hook.
#[derive(Clone, Copy)]
pub(crate) enum Moment {
    /// Before the request is forwarded.
    Request,
    /// Before the answer is passed on.
    Answer,
}

impl<R: Role> FaultProxy<R> {
    /// A proxy without a port, a fault or a hook.
    #[must_use]
    pub fn new() -> Self {
        let state = State {
            calls: History::default(),
            faults: Vec::new(),
            before: Vec::new(),
            after: Vec::new(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            abandoned: watch::Sender::default(),
        }
    }

    /// Opens a port for one role, and returns the URL of this endpoint. The port is open until the current runtime ends.
    ///
    /// # Errors
    /// When the system has no port or no descriptor left.
    pub async fn open(&self, role: R, upstream: Upstream) -> io::Result<String> {
        self.open_inspected(role, upstream, |_, _, body| Ok(body)).await
    }

    /// The same, and calls `inspect` for each call before the call is recorded. `inspect` may change the request's head,
    /// and returns the body to forward. If the body is a stream, `inspect` gets an empty one and cannot change it. If
    /// `inspect` fails, the connection is closed.
    ///
    /// # Errors
    /// When the system has no port or no descriptor left.
    pub async fn open_inspected(
        &self,
        role: R,
        upstream: Upstream,
        inspect: impl Fn(&Call<R>, &mut Parts, Bytes) -> io::Result<Bytes> + Send + Sync + 'static,
    ) -> io::Result<String> {
        let (listener, port) = loopback::listen().await?;
        let (proxy, inspect): (_, Inspect<R>) = (self.clone(), Arc::new(inspect));
        loopback::serve(listener, move |request| {
            relay(proxy.clone(), role, upstream.clone(), Arc::clone(&inspect), request)
        });
        Ok(format!("http://127.0.0.1:{port}"))
    }

    /// The current moment. [`FaultProxy::since`] returns the calls that follow.
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.state().calls.mark()
    }

    /// The calls since a mark, in the order in which they began, including calls that failed and retries.
    ///
    /// # Panics
    /// When calls since the mark have been forgotten, because a count would be wrong.
    #[must_use]
    pub fn since(&self, mark: Mark) -> Vec<Call<R>> {
        let (calls, _) = self.timed_since(mark);
        calls.into_iter().map(|(_, call)| call).collect()
    }

    /// The same with the time of each call, and the mark of the current moment.
    ///
    /// # Panics
    /// When calls since the mark have been forgotten.
    #[must_use]
    pub fn timed_since(&self, mark: Mark) -> (Vec<(Instant, Call<R>)>, Mark) {
        self.state().calls.since(mark)
    }

    /// The number of calls since a mark for which the predicate holds.
    ///
    /// # Panics
    /// When calls since the mark have been forgotten.
    pub fn count(&self, mark: Mark, counted: impl Fn(&Call<R>) -> bool) -> usize {
        self.since(mark).iter().filter(|call| counted(call)).count()
    }

    /// Adds a fault. Of several faults that are due for a call, the one added first happens.
    pub fn inject(&self, rule: Rule<R>) {
        self.state().faults.push(rule);
    }

    /// Makes a call wait for a hook before it is forwarded. A hook runs once, whatever the rule's `times` and `one_in` are.
    pub fn before(&self, rule: Rule<R, Hook>) {
        self.state().before.push(rule);
    }

    /// Makes a call wait for a hook between the service's answer and its forwarding. A hook runs once, as in
    /// [`before`](Self::before).
    pub fn after(&self, rule: Rule<R, Hook>) {
        self.state().after.push(rule);
    }

    /// The number of faults about this key that are still to happen.
    #[must_use]
    pub fn armed(&self, key: &str) -> usize {
        self.state().faults.iter().filter(|rule| rule.is_about(key)).count()
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Removes the faults about this key.
    pub fn clear_faults_about(&self, key: &str) {
        self.state().faults.retain(|rule| !rule.is_about(key));
    }

    /// Waits until a client has closed the connection before the end of an answer.
    pub async fn answer_abandoned(&self) {
        let mut abandoned = self.abandoned.subscribe();
        // An error would mean that the sender is gone, and this handle holds it.
        let _ = abandoned.wait_for(|answers| *answers > 0).await;
    }

    pub(crate) fn abandoned(&self) -> watch::Sender<usize> {
        self.abandoned.clone()
    }

    /// Records a call, and returns what is to go wrong with it.
    pub(crate) fn record(&self, call: Call<R>, body: &[u8]) -> Option<Fault> {
        let mut state = self.state();
        let due = state
            .faults
            .iter_mut()
            .find_map(|rule| rule.hits(&call, body).then(|| rule.effect.clone()));
        state.faults.retain(|rule| !rule.is_spent());
        state.calls.push(call);
        due
    }

    /// Waits for the hooks that are due for a call.
    pub(crate) async fn wait(&self, moment: Moment, call: &Call<R>, body: &[u8]) {
        for hook in self.due(moment, call, body) {
            hook.await;
        }
    }

    fn due(&self, moment: Moment, call: &Call<R>, body: &[u8]) -> Vec<Hook> {
        let mut state = self.state();
        let hooks = match moment {
            Moment::Request => &mut state.before,
            Moment::Answer => &mut state.after,
        };
        let due = hooks.extract_if(.., |rule| rule.hits(call, body));
        due.map(|rule| rule.effect).collect()
    }

    fn state(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Role> Default for FaultProxy<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: Role> fmt::Debug for FaultProxy<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultProxy")
            .field("faults", &self.state().faults)
            .finish_non_exhaustive()
    }
}
