//! The tasks of a pool's connections, which can be held back for a moment.

use std::{
    fmt,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Spawns the tasks of a pool. No connection is made, and none becomes ready for use, without such a task.
#[derive(Default)]
pub(super) struct Gate {
    /// Only one caller at a time closes the gate.
    closing: Mutex<()>,
    /// The tasks since it was closed. `None` if it is open.
    held: Mutex<Option<Vec<Task>>>,
}

impl Gate {
    /// Spawns `task` on the current runtime, at once or when the gate opens.
    pub(super) fn spawn(&self, task: Task) {
        let mut held = lock(&self.held);
        if let Some(held) = &mut *held {
            return held.push(task);
        }
        // A runtime that shuts down drops the task at once, and with it whatever that spawns.
        drop(held);
        tokio::spawn(task);
    }

    /// Calls `act` while no task is spawned.
    pub(super) fn closed<T>(&self, act: impl FnOnce() -> T) -> T {
        let _closing = lock(&self.closing);
        *lock(&self.held) = Some(Vec::new());
        let outcome = act();
        let held = lock(&self.held).take();
        for task in held.into_iter().flatten() {
            drop(tokio::spawn(task));
        }
        outcome
    }
}

/// A poisoned lock is usable, because each change under it is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc::{RecvTimeoutError, channel},
        time::Duration,
    };

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_task_runs_only_after_the_gate_has_opened() {
        let gate = Gate::default();
        let (ran, runs) = channel();
        let task = |ran: std::sync::mpsc::Sender<()>| Box::pin(async move { ran.send(()).unwrap() });
        let while_closed = gate.closed(|| {
            gate.spawn(task(ran.clone()));
            runs.recv_timeout(Duration::from_millis(100))
        });
        assert_eq!(while_closed, Err(RecvTimeoutError::Timeout));
        runs.recv().unwrap();
        gate.spawn(task(ran));
        runs.recv().unwrap();
    }
}
