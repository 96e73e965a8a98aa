//! The order in which things come up.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::time::sleep;
use toolbox::Ministack;
use twilio_double::{TwilioDouble, TwilioOptions};

use super::{Parts, StackError, StackOptions, state::State};
use crate::{
    Role,
    binaries::Binaries,
    emulator::Emulator,
    environment::{Surroundings, environment},
    exchange::Exchanges,
    front::{Door, Front},
    instances::{Function, Instances},
    lambda_api::LambdaApi,
    ledger::Ledger,
    lineage,
    page::{self, Page},
    poller::Mapping,
    proxy::{self, Error, Upstream},
    resources::{self, Resources},
    runtime_api::RuntimeApi,
    schedules, values,
    wire::{Rights, Wire},
};

/// What must live as long as the stack and is nobody's else.
#[derive(Debug)]
pub(super) struct Processes {
    _ministack: Ministack,
    _emulator: Emulator,
    functions: Functions,
}

/// The instances of each function that runs.
pub(super) type Functions = BTreeMap<Role, Arc<Instances>>;

impl Drop for Processes {
    fn drop(&mut self) {
        // First of all, so that none is left to log that everything else is gone.
        for instances in self.functions.values() {
            instances.stop();
        }
    }
}

/// A process asks for its first invocation within milliseconds; a machine busy with a build may take many times that.
const READY_BOUND: Duration = Duration::from_secs(60);

/// Instances of each function: enough for a player that seeks while it reads, and for jobs that overlap.
const fn instances_of(role: Role) -> usize {
    match role {
        Role::LateLinker => 1,
        Role::Webhook | Role::Linker | Role::Copier | Role::Operator => 2,
        Role::Playback => 4,
    }
}

/// Without queues there's nothing for those who work them off.
const fn runs(role: Role, queues: bool) -> bool {
    match role {
        Role::Webhook | Role::Operator | Role::Playback => true,
        Role::Linker | Role::LateLinker | Role::Copier => queues,
    }
}

/// Without queues the webhook copies in its own invocation: its timeout must be the copier's.
fn timeout_of(role: Role, options: &StackOptions) -> Duration {
    let chosen = options.timeouts.iter().rev().find(|(of, _)| *of == role);
    let role = if options.queues || role != Role::Webhook {
        role
    } else {
        Role::Copier
    };
    chosen.map_or_else(|| role.limits().0, |(_, timeout)| *timeout)
}

pub(super) async fn start(options: &StackOptions) -> Result<(Parts, Processes), StackError> {
    let state = State::new(options.state.as_deref())?;
    let ministack = Ministack::start()?;
    let binaries = Binaries::build(options.build)?;

    let aws_endpoint = ministack.endpoint().to_owned();
    let aws_config = resources::sdk_config(&aws_endpoint);
    let resources = Resources::create(&aws_config).await.map_err(no_resources)?;
    let twilio = TwilioDouble::start(twilio_options(&state)).await?;
    // Without queues one function has several roles' settings, and its calls are no role's.
    let rights = options.rights.as_deref().filter(|_| options.queues);
    let rights = rights.map(|file| Rights::new(file, &resources)).transpose()?;
    let wire = Wire::new(rights);

    let names: Vec<String> = Role::ALL.iter().flat_map(|role| instance_names(*role)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let emulator = Emulator::start(&names, state.emulator(), &state.log("emulator"))?;
    let runtime_api = RuntimeApi::start(emulator.upstream()).await?;
    let (callback_listener, callback_port) = proxy::listen().await?;
    let (playback_listener, playback_port) = proxy::listen().await?;
    let (lambda_listener, lambda_port) = proxy::listen().await?;
    let (page_listener, page_port) = proxy::listen().await?;
    let playback_base = format!("http://127.0.0.1:{playback_port}");
    let page_base = format!("http://127.0.0.1:{page_port}");
    let around = Surroundings {
        resources: &resources,
        twilio_base: &twilio.api_base(),
        playback_base: &playback_base,
        flex_origins: &format!("https://flex.twilio.com,{page_base}"),
        queues: options.queues,
        validate_tokens_as: &options.validate_tokens_as,
    };

    // For invokes by hand: one instance of a binary in all its roles, which calls AWS past the wire.
    for role in [Role::Webhook, Role::Playback] {
        let in_line = Surroundings {
            queues: false,
            ..around
        };
        state.write_settings(role.package(), &environment(role, &aws_endpoint, in_line))?;
    }

    let mut functions = BTreeMap::new();
    for role in Role::ALL.into_iter().filter(|role| runs(*role, options.queues)) {
        let endpoint = wire.open(role, Upstream::new(ministack.port())).await?;
        let mut variables = environment(role, &endpoint, around);
        let own = options.settings.iter().filter(|(of, ..)| *of == role);
        variables.extend(own.map(|(_, name, value)| (name.clone(), value.clone())));
        let function = Function {
            role,
            timeout: timeout_of(role, options),
            binary: binaries.of(role)?,
            environment: variables,
            log: state.log(role.name()),
            traces: runtime_api.traces(),
        };
        functions.insert(role, start_function(function, &runtime_api, &state).await?);
    }

    let exchanges = Exchanges::default();
    let serve = |door, role, listener| {
        if let Some(instances) = functions.get(&role) {
            Front::new(door, Arc::clone(instances), emulator.upstream(), exchanges.clone()).serve(listener);
        }
    };
    serve(Door::HttpApi, Role::Webhook, callback_listener);
    serve(Door::FunctionUrl, Role::Playback, playback_listener);
    LambdaApi::new(functions.clone(), emulator.upstream()).serve(lambda_listener);
    let lambda_endpoint = format!("http://127.0.0.1:{lambda_port}");
    let furnished = schedules::furnish(&aws_config, &aws_endpoint, &lambda_endpoint).await;
    furnished.map_err(no_resources)?;
    let ledger = Ledger::default();
    let template = std::fs::read_to_string(toolbox::workspace_root().join("template.yaml"))?;
    for (role, queue) in [
        (Role::Linker, &resources.links),
        (Role::LateLinker, &resources.late_links),
        (Role::Copier, &resources.copies),
    ] {
        let Some(instances) = functions.get(&role) else {
            continue;
        };
        let sqs = aws_sdk_sqs::Client::new(&aws_config);
        let mapping = Mapping {
            queue: queue.clone(),
            region: values::REGION.to_owned(),
            instances: Arc::clone(instances),
            emulator: emulator.upstream(),
            ledger: ledger.clone(),
            may_recurse: lineage::is_allowed(&template, role.template_name()),
        };
        // One for each instance keeps them all busy.
        for _ in 0..instances_of(role) {
            tokio::spawn(mapping.clone().poll(sqs.clone()));
        }
    }

    twilio.add_token(page::agent());
    Page {
        s3: aws_sdk_s3::Client::new(&resources::sdk_config(&aws_endpoint)),
        playback_base: playback_base.clone(),
        exchanges: exchanges.clone(),
        wire: wire.clone(),
    }
    .serve(page_listener);

    let parts = Parts {
        callback_base: format!("http://127.0.0.1:{callback_port}"),
        playback_base,
        page_base,
        aws_endpoint,
        lambda_endpoint,
        resources,
        twilio: Arc::new(twilio),
        wire,
        exchanges,
        ledger,
        state: Arc::new(state),
        functions: functions.clone(),
    };
    Ok((
        parts,
        Processes {
            _ministack: ministack,
            _emulator: emulator,
            functions,
        },
    ))
}

fn twilio_options(state: &State) -> TwilioOptions {
    TwilioOptions {
        account_sid: values::ACCOUNT_SID.to_owned(),
        auth_token: values::AUTH_TOKEN.to_owned(),
        api_key_sid: values::API_KEY_SID.to_owned(),
        api_key_secret: values::API_KEY_SECRET.to_owned(),
        workspace_sid: values::WORKSPACE_SID.to_owned(),
        flex_token: values::FLEX_TOKEN.to_owned(),
        recordings_dir: state.recordings().to_owned(),
    }
}

fn instance_names(role: Role) -> impl Iterator<Item = String> {
    (1..=instances_of(role)).map(move |number| format!("{role}-{number}"))
}

/// Starts a function's instances and waits until each has asked for work.
async fn start_function(
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

/// The last lines of a log: a function that can't start says why in one.
fn end_of(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

fn no_resources(error: Error) -> StackError {
    StackError::Resources(error_chain(error.as_ref()))
}

/// An SDK error's own text is only its kind.
fn error_chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
