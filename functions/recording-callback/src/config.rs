//! The function's settings, read once at startup.

mod copier;
mod deletion;
mod linker;
mod operator;
mod text;
mod webhook;

use std::time::Duration;

use service::{
    aws::Timeouts,
    settings::{BadSettings, Settings, base_url},
};
use sid::AccountSid;
use twilio::client::Endpoints;

pub(crate) use self::{
    copier::CopierConfig,
    deletion::{DeletionConfig, ScheduleConfig},
    linker::{ChannelOrders, LinkMode, LinkerConfig, LinksQueueConfig},
    operator::{OperatorConfig, OperatorLinksConfig},
    webhook::{QueueUrls, WebhookConfig},
};
use self::{copier::copier, linker::linker, operator::operator, text::text, webhook::webhook};

/// The function's settings. Settings that the role does not use are neither required nor read.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) account: AccountSid,
    pub(crate) aws_timeouts: Timeouts,
    pub(crate) webhook: Option<WebhookConfig>,
    pub(crate) jobs: Option<JobsConfig>,
}

/// Settings of the function that runs jobs.
#[derive(Debug)]
pub(crate) struct JobsConfig {
    pub(crate) endpoints: Endpoints,
    pub(crate) api_key_secret: String,
    pub(crate) linker: Option<LinkerConfig>,
    pub(crate) copier: Option<CopierConfig>,
    pub(crate) operator: Option<OperatorConfig>,
}

/// The webhook has ten seconds in total. Reading two secrets may take four of them (crate `service`), both messages are sent
/// at the same time, and a second is kept back.
const WEBHOOK_TIMEOUTS: Timeouts = Timeouts {
    attempt: Duration::from_millis(1_500),
    operation: Duration::from_secs(4),
};

/// The linker has 30 s, most of which Twilio may need.
const LINKER_TIMEOUTS: Timeouts = Timeouts {
    attempt: Duration::from_secs(3),
    operation: Duration::from_secs(8),
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Webhook,
    Linker,
    Copier,
    Operator,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// [`BadSettings`] with every variable that is missing or wrong.
    pub(crate) fn from_settings(mut settings: Settings) -> Result<Self, BadSettings> {
        let role = settings.optional("ROLE", Role::parse);
        let account = settings.required("TWILIO_ACCOUNT_SID", AccountSid::parse);
        // A function in all roles is an operator too if it has the settings that only an operator uses.
        let operates = match role {
            None => ["COPIES_QUEUE_URL", "SCHEDULE_GROUP"]
                .map(|name| settings.optional(name, text))
                .iter()
                .all(Option::is_some),
            Some(role) => role == Role::Operator,
        };
        let webhook = if has_role(role, Role::Webhook) {
            webhook(&mut settings, role.is_none())
        } else {
            None
        };
        let jobs = if operates || has_role(role, Role::Linker) || has_role(role, Role::Copier) {
            jobs(&mut settings, role, operates, account.as_ref())
        } else {
            None
        };
        // A part that could not be read is `None`, like one that the role does not use. It has noted why, so that `finish`
        // fails.
        settings.finish(account.map(|account| Self {
            account,
            aws_timeouts: role.map_or(Timeouts::FOR_JOBS, Role::aws_timeouts),
            webhook,
            jobs,
        }))
    }
}

/// Whether `ROLE` gives the function this role. Unset, it gives every role. The operator's also needs its own settings.
fn has_role(role: Option<Role>, wanted: Role) -> bool {
    role.is_none_or(|role| role == wanted)
}

impl Role {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "webhook" => Ok(Self::Webhook),
            "linker" => Ok(Self::Linker),
            "copier" => Ok(Self::Copier),
            "operator" => Ok(Self::Operator),
            _ => Err("must be webhook, linker, copier or operator"),
        }
    }

    const fn aws_timeouts(self) -> Timeouts {
        match self {
            Self::Webhook => WEBHOOK_TIMEOUTS,
            Self::Linker => LINKER_TIMEOUTS,
            Self::Copier | Self::Operator => Timeouts::FOR_JOBS,
        }
    }
}

fn jobs(
    settings: &mut Settings,
    role: Option<Role>,
    operates: bool,
    account: Option<&AccountSid>,
) -> Option<JobsConfig> {
    let linker = if has_role(role, Role::Linker) {
        linker(settings, role.is_some())
    } else {
        None
    };
    let copier = if has_role(role, Role::Copier) {
        copier(settings, account)
    } else {
        None
    };
    let operator = if operates { operator(settings, account) } else { None };
    let endpoints = endpoints(settings);
    Some(JobsConfig {
        endpoints,
        api_key_secret: settings.required("TWILIO_API_KEY_SECRET", text)?,
        linker,
        copier,
        operator,
    })
}

fn endpoints(settings: &mut Settings) -> Endpoints {
    let us1 = Endpoints::default();
    Endpoints {
        api: settings
            .optional("TWILIO_API_BASE", base_url)
            .unwrap_or_else(|| us1.api.clone()),
        taskrouter: settings
            .optional("TWILIO_TASKROUTER_BASE", base_url)
            .unwrap_or_else(|| us1.taskrouter.clone()),
        // Only playback validates tokens.
        ..us1
    }
}

#[cfg(test)]
mod tests;
