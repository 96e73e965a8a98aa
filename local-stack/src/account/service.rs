//! The deployed functions, which run from the first connection to one of their addresses.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{net::TcpListener, task::JoinSet};

use super::deployed::{Deployed, DeployedFunction};
use crate::{
    Role, StackError,
    emulator::Emulator,
    exchange::Exchanges,
    front::{Door, Front},
    instances::Function,
    ledger::Ledger,
    resources,
    runtime_api::RuntimeApi,
    stack::{
        functions::{Functions, instance_names, start_function},
        start::poll,
        state::State,
    },
    values,
};

/// The settings that hold a base URL of Twilio. On this machine, the double replaces all of Twilio's hosts.
const TWILIO_BASES: [&str; 4] = [
    "TWILIO_API_BASE",
    "TWILIO_FLEX_API_BASE",
    "TWILIO_IAM_BASE",
    "TWILIO_TASKROUTER_BASE",
];

/// The deployed service.
#[derive(Debug)]
pub(super) struct Service {
    aws_endpoint: String,
    twilio_base: String,
    state: Arc<State>,
    running: tokio::sync::Mutex<Option<Running>>,
}

/// Running functions. Dropping them ends them.
#[derive(Debug)]
struct Running {
    /// The ports of the deployed hosts.
    ports: BTreeMap<String, u16>,
    functions: Functions,
    _polling: JoinSet<()>,
    _emulator: Emulator,
}

impl Drop for Running {
    fn drop(&mut self) {
        for instances in self.functions.values() {
            instances.stop();
        }
    }
}

impl Service {
    pub(super) fn new(aws_endpoint: &str, twilio_base: &str, state: Arc<State>) -> Self {
        Self {
            aws_endpoint: aws_endpoint.to_owned(),
            twilio_base: twilio_base.to_owned(),
            state,
            running: tokio::sync::Mutex::default(),
        }
    }

    /// The port that serves a deployed host. The functions are started if they do not run, or if they belong to a stack
    /// that is gone.
    pub(super) async fn port(&self, host: &str) -> Result<u16, StackError> {
        let mut running = self.running.lock().await;
        if let Some(port) = running.as_ref().and_then(|running| running.ports.get(host)) {
            return Ok(*port);
        }
        *running = None;
        let started = self.start().await?;
        let port = started.ports.get(host).copied();
        *running = Some(started);
        port.ok_or_else(|| StackError::Deployment("it is not an address of the stack".to_owned()))
    }

    async fn start(&self) -> Result<Running, StackError> {
        let deployed = Deployed::read(&self.aws_endpoint, &self.state.emulator().join("deployed")).await?;
        let names: Vec<String> = Role::ALL.into_iter().flat_map(instance_names).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let emulator = Emulator::start(&names, self.state.emulator(), &self.state.log("emulator"))?;
        let runtime_api = RuntimeApi::start(emulator.upstream()).await?;
        let mut functions = Functions::new();
        for role in Role::ALL {
            let described = deployed.functions.get(role.template_name());
            let described = described.ok_or_else(|| StackError::Deployment(format!("there is no {role}")))?;
            let function = self.function(role, described, &runtime_api);
            functions.insert(role, start_function(function, &runtime_api, &self.state).await?);
        }
        let queues = [
            (Role::Linker, deployed.queue("LinksQueue", "LinksDeadLetters")?),
            (Role::LateLinker, deployed.queue("LateLinksQueue", "LinksDeadLetters")?),
            (Role::Copier, deployed.queue("CopiesQueue", "CopiesDeadLetters")?),
        ];
        let config = resources::sdk_config(&self.aws_endpoint);
        let polling = poll(&functions, queues, &config, &emulator.upstream(), &Ledger::default())?;
        let ports = serve(&deployed, &functions, &emulator).await?;
        Ok(Running {
            ports,
            functions,
            _polling: polling,
            _emulator: emulator,
        })
    }

    fn function(&self, role: Role, described: &DeployedFunction, runtime_api: &RuntimeApi) -> Function {
        Function {
            role,
            timeout: Duration::from_secs(described.timeout_seconds),
            binary: described.binary.clone(),
            environment: self.environment(described),
            log: self.state.log(role.name()),
            traces: runtime_api.traces(),
        }
    }

    /// The deployed environment with Lambda's own variables, and the replacements for a machine without AWS and Twilio.
    fn environment(&self, described: &DeployedFunction) -> Vec<(String, String)> {
        let mut variables = described.environment.clone();
        for base in TWILIO_BASES {
            if let Some(value) = variables.get_mut(base) {
                self.twilio_base.clone_into(value);
            }
        }
        let memory = described.memory_megabytes.to_string();
        let of_lambda = [
            ("AWS_LAMBDA_FUNCTION_NAME", described.name.as_str()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
            ("AWS_REGION", values::REGION),
            ("AWS_ACCESS_KEY_ID", values::ACCESS_KEY_ID),
            ("AWS_SECRET_ACCESS_KEY", values::SECRET_ACCESS_KEY),
            ("AWS_ENDPOINT_URL", &self.aws_endpoint),
        ];
        variables.extend(of_lambda.map(|(name, value)| (name.to_owned(), value.to_owned())));
        variables.into_iter().collect()
    }
}

/// Serves the two public functions on ports of this machine.
async fn serve(
    deployed: &Deployed,
    functions: &Functions,
    emulator: &Emulator,
) -> Result<BTreeMap<String, u16>, StackError> {
    let mut ports = BTreeMap::new();
    for (host, door, role) in [
        (&deployed.callback_host, Door::HttpApi, Role::Webhook),
        (&deployed.playback_host, Door::FunctionUrl, Role::Playback),
    ] {
        let Some(instances) = functions.get(&role) else {
            continue;
        };
        let (listener, port): (TcpListener, u16) = loopback::listen().await?;
        let front = Front::new(door, Arc::clone(instances), emulator.upstream(), Exchanges::default());
        front.serve(listener);
        ports.insert(host.clone(), port);
    }
    Ok(ports)
}
