//! Instances of a function: processes of its binary, each of which has one invocation at a time.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use loopback::Error;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep_until, timeout},
};
use toolbox::{Process, ProcessError};

use crate::{Role, lineage::Traces};

/// The definition of a function, from which its instances are started.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) role: Role,
    pub(crate) timeout: Duration,
    pub(crate) binary: PathBuf,
    /// The whole environment of an instance, except its address of the Runtime API.
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) log: PathBuf,
    /// The traces of invocations, for the Runtime API.
    pub(crate) traces: Traces,
}

/// The instances of one function.
#[derive(Debug)]
pub(crate) struct Instances {
    function: Function,
    idle: Mutex<Vec<Instance>>,
    /// One permit for each instance in `idle`.
    permits: Arc<Semaphore>,
    /// The process ids of all instances by name.
    ids: Mutex<BTreeMap<String, u32>>,
}

#[derive(Debug)]
struct Instance {
    /// The emulator's name for it.
    name: String,
    runtime_api: String,
    process: Process,
}

/// An instance that is leased for one invocation. Dropping the lease returns it.
#[derive(Debug)]
pub(crate) struct Lease {
    /// Always present until the drop.
    instance: Option<Instance>,
    instances: Arc<Instances>,
    _permit: OwnedSemaphorePermit,
}

/// Why an invocation failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvocationError {
    #[error("the function's instances are all busy")]
    Throttled,
    #[error("the function ran into its timeout and was killed")]
    TimedOut,
    #[error("the function's process ended")]
    Crashed,
    #[error("the function's instance cannot be started: {0}")]
    NotStarted(#[from] ProcessError),
    #[error("the exchange with the function broke: {0}")]
    Broken(Error),
}

impl Instances {
    /// Starts an instance for each pair of a name and an address of the Runtime API.
    pub(crate) fn start(
        function: Function,
        names: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Arc<Self>, ProcessError> {
        let idle = names
            .into_iter()
            .map(|(name, runtime_api)| {
                let process = function.spawn(&name, &runtime_api)?;
                Ok(Instance {
                    name,
                    runtime_api,
                    process,
                })
            })
            .collect::<Result<Vec<_>, ProcessError>>()?;
        let permits = Arc::new(Semaphore::new(idle.len()));
        let ids = idle
            .iter()
            .map(|instance| (instance.name.clone(), instance.process.id()))
            .collect();
        Ok(Arc::new(Self {
            function,
            idle: Mutex::new(idle),
            permits,
            ids: Mutex::new(ids),
        }))
    }

    pub(crate) fn function(&self) -> &Function {
        &self.function
    }

    /// Resolves when the process of an idle instance has ended.
    pub(crate) async fn one_ended(&self) {
        let ends: Vec<_> = {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.iter()
                .map(|instance| Box::pin(instance.process.exited()))
                .collect()
        };
        futures_util::future::select_all(ends).await;
    }

    /// The process ids of all instances, including busy ones.
    pub(crate) fn process_ids(&self) -> Vec<u32> {
        self.ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .copied()
            .collect()
    }

    /// Ends the idle instances and leases no more.
    pub(crate) fn stop(&self) {
        self.permits.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Leases an instance as soon as one is idle.
    pub(crate) async fn lease(self: Arc<Self>, bound: Duration) -> Result<Lease, InvocationError> {
        let permit = timeout(bound, Arc::clone(&self.permits).acquire_owned()).await;
        // Closed means that the stack is being stopped.
        let permit = permit.ok().and_then(Result::ok).ok_or(InvocationError::Throttled)?;
        let instance = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut lease = Lease {
            instance,
            instances: self,
            _permit: permit,
        };
        if !lease.instance().process.is_running() {
            lease.restart()?;
        }
        Ok(lease)
    }
}

impl Function {
    fn spawn(&self, name: &str, runtime_api: &str) -> Result<Process, ProcessError> {
        let mut command = Command::new(&self.binary);
        command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        Process::start(name, command, self.log.clone())
    }
}

impl Lease {
    pub(crate) fn name(&self) -> &str {
        &self.instance().name
    }

    pub(crate) fn function(&self) -> &Function {
        &self.instances.function
    }

    /// Gives the next invocation this trace header, or one of the emulator's.
    pub(crate) fn begin(&self, trace: Option<String>) {
        self.instances.function.traces.begin(self.name(), trace);
    }

    /// Waits for a step of the invocation, or for the end of the function's process.
    pub(crate) async fn until<T>(
        &self,
        deadline: Instant,
        step: impl Future<Output = T>,
    ) -> Result<T, InvocationError> {
        tokio::select! {
            // The step takes precedence: a process may end directly after its last step.
            biased;
            done = step => Ok(done),
            () = self.instance().process.exited() => Err(InvocationError::Crashed),
            () = sleep_until(deadline) => Err(InvocationError::TimedOut),
        }
    }

    /// Kills the instance's process and starts another one, as Lambda does after a timeout or a crash.
    pub(crate) fn restart(&mut self) -> Result<(), ProcessError> {
        if let Some(instance) = &mut self.instance {
            instance.process.kill();
            instance.process = self.instances.function.spawn(&instance.name, &instance.runtime_api)?;
            let mut ids = self.instances.ids.lock().unwrap_or_else(PoisonError::into_inner);
            ids.insert(instance.name.clone(), instance.process.id());
        }
        Ok(())
    }

    fn instance(&self) -> &Instance {
        self.instance
            .as_ref()
            .expect("a lease has its instance until it is dropped")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // The permit is a field, so it is returned after this.
        self.instances
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(self.instance.take());
    }
}
