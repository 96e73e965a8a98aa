//! The functions that run, and their instances.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use loopback::Upstream;
use tokio::time::sleep;

use super::{error::StackError, options::StackOptions, state::State};
use crate::{
    Role,
    binaries::Binaries,
    environment::{Surroundings, environment},
    instances::{Function, Instances},
    runtime_api::RuntimeApi,
    wire::{self, Rights, Wire},
};

/// The instances of each function that runs.
pub(crate) type Functions = BTreeMap<Role, Arc<Instances>>;

/// The inputs for starting the functions.
pub(super) struct Launch<'a> {
    pub(super) options: &'a StackOptions,
    pub(super) binaries: &'a Binaries,
    pub(super) wire: &'a Wire,
    pub(super) rights: Option<Arc<Rights>>,
    pub(super) aws_port: u16,
    pub(super) runtime_api: &'a RuntimeApi,
    pub(super) surroundings: Surroundings<'a>,
    pub(super) state: &'a State,
}

impl Launch<'_> {
    /// Returns when every instance has requested work.
    pub(super) async fn functions(&self) -> Result<Functions, StackError> {
        let mut functions = BTreeMap::new();
        for role in Role::ALL {
            if runs(role, self.options.queues) {
                functions.insert(role, self.function(role).await?);
            }
        }
        Ok(functions)
    }

    async fn function(&self, role: Role) -> Result<Arc<Instances>, StackError> {
        let endpoint = wire::open(self.wire, role, Upstream::new(self.aws_port), self.rights.clone()).await?;
        let mut variables = environment(role, &endpoint, self.surroundings);
        let own = self.options.settings.iter().filter(|(of, ..)| *of == role);
        variables.extend(own.map(|(_, name, value)| (name.clone(), value.clone())));
        let function = Function {
            role,
            timeout: timeout_of(role, self.options),
            binary: self.binaries.of(role)?,
            environment: variables,
            log: self.state.log(role.name()),
            traces: self.runtime_api.traces(),
        };
        start_function(function, self.runtime_api, self.state).await
    }
}

/// A process requests its first invocation within milliseconds. A machine that is busy with a build may take many times
/// as long.
const READY_BOUND: Duration = Duration::from_secs(60);

/// Instances of each function: enough for a player that seeks while it reads, and for jobs that overlap.
pub(crate) const fn instances_of(role: Role) -> usize {
    match role {
        Role::LateLinker => 1,
        Role::Webhook | Role::Linker | Role::Copier | Role::Operator => 2,
        Role::Playback => 4,
    }
}

/// Whether a role runs. Without queues, the roles that a queue feeds have nothing to do.
const fn runs(role: Role, queues: bool) -> bool {
    match role {
        Role::Webhook | Role::Operator | Role::Playback => true,
        Role::Linker | Role::LateLinker | Role::Copier => queues,
    }
}

/// Without queues, the webhook copies in its own invocation, so it needs the copier's timeout.
fn timeout_of(role: Role, options: &StackOptions) -> Duration {
    let chosen = options.timeouts.iter().rev().find(|(of, _)| *of == role);
    let role = if options.queues || role != Role::Webhook {
        role
    } else {
        Role::Copier
    };
    chosen.map_or_else(|| role.limits().0, |(_, timeout)| *timeout)
}

pub(crate) fn instance_names(role: Role) -> impl Iterator<Item = String> {
    (1..=instances_of(role)).map(move |number| format!("{role}-{number}"))
}

/// Starts a function's instances and waits until each has requested work.
pub(crate) async fn start_function(
    function: Function,
    runtime_api: &RuntimeApi,
    state: &State,
) -> Result<Arc<Instances>, StackError> {
    let (role, timeout) = (function.role, function.timeout);
    let names = instance_names(role).map(|name| {
        let url = runtime_api.url(&name, role, timeout);
        (name, url)
    });
    let instances = Instances::start(function, names)?;
    let all_ready = async {
        for name in instance_names(role) {
            runtime_api.ready(&name).await;
        }
    };
    let ready = tokio::select! {
        () = all_ready => true,
        () = instances.one_ended() => false,
        () = sleep(READY_BOUND) => false,
    };
    if ready {
        Ok(instances)
    } else {
        Err(StackError::NotReady {
            role,
            log: end_of(&state.read_log(role.name())?),
        })
    }
}

/// The last lines of a log. A function that cannot start reports the reason in one line.
fn end_of(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}
