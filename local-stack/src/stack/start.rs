//! The order in which the parts start.

use std::{fs, io, sync::Arc};

use aws_config::SdkConfig;
use loopback::{Error, Upstream};
use tokio::{net::TcpListener, task::JoinSet};
use toolbox::Ministack;
use twilio_double::TwilioDouble;

use super::{
    error::StackError,
    functions::{Functions, Launch, instance_names, instances_of},
    options::StackOptions,
    parts::Parts,
    state::State,
};
use crate::{
    Role,
    binaries::Binaries,
    emulator::Emulator,
    environment::{Surroundings, environment},
    exchange::Exchanges,
    front::{Door, Front},
    lambda_api::LambdaApi,
    ledger::Ledger,
    lineage,
    page::{self, Page},
    poller::Mapping,
    resources::{self, Queue, Resources},
    runtime_api::RuntimeApi,
    schedules, values,
    wire::{Rights, Wire},
};

/// The processes of a stack. They live as long as the stack, and nothing else uses them.
#[derive(Debug)]
pub(super) struct Processes {
    _ministack: Ministack,
    _emulator: Emulator,
    _polling: JoinSet<()>,
    functions: Functions,
}

impl Drop for Processes {
    fn drop(&mut self) {
        // The instances stop first, so that none of them logs that everything else is gone.
        for instances in self.functions.values() {
            instances.stop();
        }
    }
}

pub(super) async fn start(options: &StackOptions) -> Result<(Parts, Processes), StackError> {
    let state = State::new(options.state.as_deref())?;
    let ministack = Ministack::start()?;
    let binaries = Binaries::build(options.build)?;

    let aws_endpoint = ministack.endpoint().to_owned();
    let aws_config = resources::sdk_config(&aws_endpoint);
    let resources = Resources::create(&aws_config).await.map_err(no_resources)?;
    let twilio = TwilioDouble::start(values::twilio_options(state.recordings())).await?;
    // Without queues, one function has the settings of several roles, so its calls belong to no single role.
    let rights = options.rights.as_deref().filter(|_| options.queues);
    let rights = rights
        .map(|file| Rights::new(file, &resources))
        .transpose()?
        .map(Arc::new);
    let wire = Wire::new();

    let names: Vec<String> = Role::ALL.into_iter().flat_map(instance_names).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let emulator = Emulator::start(&names, state.emulator(), &state.log("emulator"))?;
    let runtime_api = RuntimeApi::start(emulator.upstream()).await?;
    let (callback, playback) = (Address::take().await?, Address::take().await?);
    let (lambda, page) = (Address::take().await?, Address::take().await?);
    let around = Surroundings {
        resources: &resources,
        twilio_base: &twilio.api_base(),
        playback_base: &playback.base,
        flex_origins: &format!("https://flex.twilio.com,{}", page.base),
        queues: options.queues,
        validate_tokens_as: &options.validate_tokens_as,
    };
    write_settings(&state, &aws_endpoint, around)?;
    let functions = Launch {
        options,
        binaries: &binaries,
        wire: &wire,
        rights,
        aws_port: ministack.port(),
        runtime_api: &runtime_api,
        surroundings: around,
        state: &state,
    }
    .functions()
    .await?;

    let exchanges = Exchanges::default();
    let serve = |door, role, listener| {
        if let Some(instances) = functions.get(&role) {
            Front::new(door, Arc::clone(instances), emulator.upstream(), exchanges.clone()).serve(listener);
        }
    };
    serve(Door::HttpApi, Role::Webhook, callback.listener);
    serve(Door::FunctionUrl, Role::Playback, playback.listener);
    LambdaApi::new(functions.clone(), emulator.upstream()).serve(lambda.listener);
    let furnished = schedules::furnish(&aws_config, &aws_endpoint, &lambda.base).await;
    furnished.map_err(no_resources)?;
    let ledger = Ledger::default();
    let queues = [
        (Role::Linker, resources.links.clone()),
        (Role::LateLinker, resources.late_links.clone()),
        (Role::Copier, resources.copies.clone()),
    ];
    let polling = poll(&functions, queues, &aws_config, &emulator.upstream(), &ledger)?;

    twilio.add_token(page::agent());
    Page {
        s3: aws_sdk_s3::Client::new(&aws_config),
        playback_base: playback.base.clone(),
        exchanges: exchanges.clone(),
        wire: wire.clone(),
    }
    .serve(page.listener);

    let parts = Parts {
        callback_base: callback.base,
        playback_base: playback.base,
        page_base: page.base,
        aws_endpoint,
        lambda_endpoint: lambda.base,
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
            _polling: polling,
            functions,
        },
    ))
}

/// A loopback listener and its base URL.
pub(crate) struct Address {
    pub(crate) listener: TcpListener,
    pub(crate) base: String,
}

impl Address {
    pub(crate) async fn take() -> io::Result<Self> {
        let (listener, port) = loopback::listen().await?;
        Ok(Self {
            listener,
            base: format!("http://127.0.0.1:{port}"),
        })
    }
}

/// For invokes by hand: the settings for one instance of a binary in all its roles, whose calls bypass the wire.
fn write_settings(state: &State, aws_endpoint: &str, around: Surroundings<'_>) -> io::Result<()> {
    let in_line = Surroundings {
        queues: false,
        ..around
    };
    for role in [Role::Webhook, Role::Playback] {
        state.write_settings(role.package(), &environment(role, aws_endpoint, in_line))?;
    }
    Ok(())
}

/// Starts a poller for each instance of each function that a queue feeds. The pollers end when the set is dropped.
pub(crate) fn poll(
    functions: &Functions,
    queues: impl IntoIterator<Item = (Role, Queue)>,
    aws_config: &SdkConfig,
    emulator: &Upstream,
    ledger: &Ledger,
) -> io::Result<JoinSet<()>> {
    let template = fs::read_to_string(toolbox::workspace_root().join("template.yaml"))?;
    let mut polling = JoinSet::new();
    for (role, queue) in queues {
        let Some(instances) = functions.get(&role) else {
            continue;
        };
        let sqs = aws_sdk_sqs::Client::new(aws_config);
        let mapping = Mapping {
            queue,
            region: values::REGION.to_owned(),
            instances: Arc::clone(instances),
            emulator: emulator.clone(),
            ledger: ledger.clone(),
            may_recurse: lineage::is_allowed(&template, role.template_name()),
        };
        // One for each instance, so that all of them can be busy.
        for _ in 0..instances_of(role) {
            polling.spawn(mapping.clone().poll(sqs.clone()));
        }
    }
    Ok(polling)
}

fn no_resources(error: Error) -> StackError {
    StackError::Resources(error_chain(error.as_ref()))
}

/// The text of an SDK error is only its kind.
fn error_chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
