//! The function's settings, read once at startup.

use std::{convert::Infallible, time::Duration};

use service::{
    aws::Timeouts,
    settings::{BadSettings, InvalidBaseUrl, Settings, base_url, boolean, list, origin},
};
use sid::{AccountSid, WorkspaceSid};
use twilio::{client::Endpoints, media::MediaFormat, task_attributes::ChannelOrder};
use vault::{KeyArn, ReaderConfig, WriterConfig};

use crate::jobs::Formats;

/// The function's settings. Settings that the role does not use are neither required nor read.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) account: AccountSid,
    pub(crate) aws_timeouts: Timeouts,
    pub(crate) webhook: Option<WebhookConfig>,
    pub(crate) jobs: Option<JobsConfig>,
}

/// Settings of the function that accepts callbacks.
#[derive(Debug)]
pub(crate) struct WebhookConfig {
    /// At least one of the two secrets is set. Unset, signatures under the Auth Token are not accepted.
    pub(crate) auth_token_secret: Option<String>,
    /// Unset, signatures under a SharedKey are not accepted.
    pub(crate) shared_keys_secret: Option<String>,
    /// The URL that Twilio calls, without the path. Unset, the event's domain.
    pub(crate) public_base_url: Option<String>,
    /// Unset, jobs run inside the webhook's invocation.
    pub(crate) queues: Option<QueueUrls>,
}

#[derive(Debug)]
pub(crate) struct QueueUrls {
    pub(crate) links: String,
    pub(crate) copies: String,
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

#[derive(Debug)]
pub(crate) struct LinkerConfig {
    pub(crate) workspace: WorkspaceSid,
    /// An origin.
    pub(crate) playback_base_url: String,
    pub(crate) mode: LinkMode,
    pub(crate) channels: ChannelOrders,
    /// Unset, a link that cannot be made yet comes back when its queue's visibility timeout ends.
    pub(crate) queue: Option<LinksQueueConfig>,
    pub(crate) deletion: Option<DeletionConfig>,
}

/// The queues of a function that makes links, by their URLs.
#[derive(Clone, Debug)]
pub(crate) struct LinksQueueConfig {
    /// The queue that feeds the function.
    pub(crate) own: String,
    /// The queue of late links. Unset, the function makes late links itself.
    pub(crate) late: Option<String>,
    pub(crate) dead_letters: String,
}

/// Which party speaks on which channel of a two-channel recording, by the recorded leg. Unset, the link does not name the
/// channels.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ChannelOrders {
    pub(crate) customer_leg: Option<ChannelOrder>,
    pub(crate) worker_leg: Option<ChannelOrder>,
    pub(crate) conference: Option<ChannelOrder>,
}

/// The kind of link that the Player of this deployment supports.
#[derive(Debug)]
pub(crate) enum LinkMode {
    /// `conversations.media[]` with `url_provider`.
    Media,
    /// `conversations.segment_link`, signed with keys from this secret.
    SegmentLink { keys_secret: String },
}

#[derive(Debug)]
pub(crate) struct CopierConfig {
    pub(crate) vault: WriterConfig,
    pub(crate) formats: Formats,
    /// How often the copies queue delivers a message, from its redrive policy.
    pub(crate) max_receives: u32,
    /// The RSA keys under whose public halves Twilio encrypts recordings, or used to. Unset, such recordings are not copied.
    pub(crate) media_keys: Option<Vec<KeyArn>>,
    /// For the verification of stored recordings before their originals are deleted.
    pub(crate) verification: ReaderConfig,
}

/// Settings of the function that an operator invokes.
#[derive(Debug)]
pub(crate) struct OperatorConfig {
    pub(crate) vault: ReaderConfig,
    pub(crate) copies_queue_url: String,
    pub(crate) schedules: ScheduleConfig,
    pub(crate) deletion: Option<DeletionConfig>,
}

/// When originals at Twilio are deleted.
#[derive(Debug)]
pub(crate) struct DeletionConfig {
    pub(crate) after: Duration,
    pub(crate) unlinked: bool,
    pub(crate) schedules: ScheduleConfig,
    pub(crate) copies_queue_arn: String,
    /// The queue for a due deletion that the copies queue does not accept.
    pub(crate) dead_letters_arn: String,
    /// The bucket with the marks of pending deletions.
    pub(crate) bucket: String,
}

#[derive(Debug)]
pub(crate) struct ScheduleConfig {
    pub(crate) group: String,
    pub(crate) role_arn: String,
}

/// Two hours. Until then, Insights may still compute talk times from the original (according to the guide that this project
/// replaces; Twilio's pages do not say).
const SHORTEST_DELETION_DELAY_S: u64 = 2 * 60 * 60;

/// The value that the template sets for its queue.
const MAX_RECEIVES: u32 = 5;

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
            aws_timeouts: role.map_or(Timeouts::PATIENT, Role::aws_timeouts),
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
            Self::Copier | Self::Operator => Timeouts::PATIENT,
        }
    }
}

fn webhook(settings: &mut Settings, runs_jobs: bool) -> Option<WebhookConfig> {
    let public_base_url = settings.optional("PUBLIC_BASE_URL", base);
    let links = settings.optional("LINKS_QUEUE_URL", text);
    let copies = settings.optional("COPIES_QUEUE_URL", text);
    if links.is_some() != copies.is_some() {
        settings.problem("LINKS_QUEUE_URL and COPIES_QUEUE_URL: set both or neither".to_owned());
    } else if links.is_none() && !runs_jobs {
        settings.problem("LINKS_QUEUE_URL and COPIES_QUEUE_URL are missing: this role runs no jobs itself".to_owned());
    }
    let auth_token_secret = settings.optional("TWILIO_AUTH_TOKEN_SECRET", text);
    let shared_keys_secret = settings.optional("TWILIO_SHARED_KEYS_SECRET", text);
    if auth_token_secret.is_none() && shared_keys_secret.is_none() {
        settings.problem("TWILIO_AUTH_TOKEN_SECRET and TWILIO_SHARED_KEYS_SECRET: set one of them or both".to_owned());
    }
    Some(WebhookConfig {
        auth_token_secret,
        shared_keys_secret,
        public_base_url,
        queues: links.zip(copies).map(|(links, copies)| QueueUrls { links, copies }),
    })
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

fn linker(settings: &mut Settings, has_queue: bool) -> Option<LinkerConfig> {
    let workspace = settings.required("TWILIO_WORKSPACE_SID", WorkspaceSid::parse);
    let playback_base_url = settings.required("PLAYBACK_BASE_URL", origin);
    let by_segment_link = settings.optional("LINK_MODE", is_segment_link).unwrap_or(false);
    let mode = if by_segment_link {
        // Without it, playback would refuse the links that tasks keep permanently.
        if !settings.optional("ACCEPT_SEGMENT_LINKS", boolean).unwrap_or(false) {
            settings.problem("ACCEPT_SEGMENT_LINKS: must be true with LINK_MODE=segment-link".to_owned());
        }
        LinkMode::SegmentLink {
            keys_secret: settings.required("LINK_KEYS_SECRET", text)?,
        }
    } else {
        LinkMode::Media
    };
    let channels = ChannelOrders {
        customer_leg: settings.optional("CUSTOMER_LEG_CHANNELS", channel_order),
        worker_leg: settings.optional("WORKER_LEG_CHANNELS", channel_order),
        conference: settings.optional("CONFERENCE_CHANNELS", channel_order),
    };
    let deletion = deletion(settings);
    let queue = if has_queue { links_queue(settings) } else { None };
    Some(LinkerConfig {
        workspace: workspace?,
        playback_base_url: playback_base_url?,
        mode,
        channels,
        queue,
        deletion,
    })
}

/// `None` if the queue's own visibility timeout and receive count are to be used.
fn links_queue(settings: &mut Settings) -> Option<LinksQueueConfig> {
    let own = settings.optional("LINKS_QUEUE_URL", text);
    let late = settings.optional("LATE_LINKS_QUEUE_URL", text);
    let dead_letters = settings.optional("LINKS_DEAD_LETTERS_URL", text);
    if own.is_some() != dead_letters.is_some() || (late.is_some() && own.is_none()) {
        settings.problem(
            "LINKS_QUEUE_URL and LINKS_DEAD_LETTERS_URL: set both or neither, and both with LATE_LINKS_QUEUE_URL"
                .to_owned(),
        );
    }
    Some(LinksQueueConfig {
        own: own?,
        late,
        dead_letters: dead_letters?,
    })
}

/// `None` if originals stay at Twilio. Also `None` if a setting for their deletion is missing or invalid, which is then noted.
fn deletion(settings: &mut Settings) -> Option<DeletionConfig> {
    settings.optional("DELETE_ORIGINAL_AFTER", text)?;
    let after = settings.required("DELETE_ORIGINAL_AFTER", deletion_delay);
    let unlinked = settings.optional("DELETE_UNLINKED", boolean).unwrap_or(false);
    let schedules = schedules(settings);
    let copies_queue_arn = settings.required("COPIES_QUEUE_ARN", text);
    let dead_letters_arn = settings.required("COPIES_DEAD_LETTERS_ARN", text);
    Some(DeletionConfig {
        bucket: settings.required("RECORDINGS_BUCKET", text)?,
        copies_queue_arn: copies_queue_arn?,
        dead_letters_arn: dead_letters_arn?,
        after: after?,
        unlinked,
        schedules: schedules?,
    })
}

fn schedules(settings: &mut Settings) -> Option<ScheduleConfig> {
    let group = settings.required("SCHEDULE_GROUP", text);
    Some(ScheduleConfig {
        role_arn: settings.required("SCHEDULE_ROLE_ARN", text)?,
        group: group?,
    })
}

fn copier(settings: &mut Settings, account: Option<&AccountSid>) -> Option<CopierConfig> {
    let bucket = settings.required("RECORDINGS_BUCKET", text);
    let kms_key = settings.required("KMS_KEY_ARN", KeyArn::parse);
    let formats = Formats {
        usual: settings
            .optional("MEDIA_FORMAT", media_format)
            .unwrap_or(MediaFormat::Wav),
        mp3_above_s: settings.optional("MP3_ABOVE_MINUTES", minutes_as_seconds),
    };
    let media_keys = settings.optional("TWILIO_ENCRYPTION_KEY_ARNS", |text| list(text, KeyArn::parse));
    let max_receives = settings
        .optional("COPIES_MAX_RECEIVES", max_receives)
        .unwrap_or(MAX_RECEIVES);
    // A deployment can always decrypt what it encrypts, whether or not there are older keys.
    let kms_decrypt_keys = settings
        .optional("KMS_DECRYPT_KEY_ARNS", |text| list(text, KeyArn::parse))
        .or_else(|| Some(vec![kms_key.clone()?]));
    let vault = WriterConfig {
        bucket: bucket?,
        account: account?.clone(),
        kms_key: kms_key?,
    };
    Some(CopierConfig {
        verification: ReaderConfig {
            bucket: vault.bucket.clone(),
            account: vault.account.clone(),
            kms_keys: kms_decrypt_keys?,
        },
        vault,
        formats,
        max_receives,
        media_keys,
    })
}

fn operator(settings: &mut Settings, account: Option<&AccountSid>) -> Option<OperatorConfig> {
    let bucket = settings.required("RECORDINGS_BUCKET", text);
    let kms_keys = settings.required("KMS_DECRYPT_KEY_ARNS", |text| list(text, KeyArn::parse));
    let copies_queue_url = settings.required("COPIES_QUEUE_URL", text);
    let schedules = schedules(settings);
    let deletion = deletion(settings);
    Some(OperatorConfig {
        vault: ReaderConfig {
            bucket: bucket?,
            account: account?.clone(),
            kms_keys: kms_keys?,
        },
        copies_queue_url: copies_queue_url?,
        schedules: schedules?,
        deletion,
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

fn is_segment_link(text: &str) -> Result<bool, &'static str> {
    match text {
        "media" => Ok(false),
        "segment-link" => Ok(true),
        _ => Err("must be media or segment-link"),
    }
}

fn channel_order(text: &str) -> Result<ChannelOrder, &'static str> {
    match text {
        "customer,others" => Ok(ChannelOrder::CustomerFirst),
        "others,customer" => Ok(ChannelOrder::OthersFirst),
        _ => Err("must be customer,others or others,customer"),
    }
}

fn media_format(text: &str) -> Result<MediaFormat, &'static str> {
    match text {
        "wav" => Ok(MediaFormat::Wav),
        "mp3" => Ok(MediaFormat::Mp3),
        _ => Err("must be wav or mp3"),
    }
}

/// A call lasts for at most a day ("Recordings resource", Twilio Docs).
fn minutes_as_seconds(text: &str) -> Result<u64, &'static str> {
    match text.parse::<u64>() {
        Ok(minutes @ 1..=1_440) => Ok(minutes * 60),
        _ => Err("must be a whole number of minutes from 1 to 1440"),
    }
}

fn max_receives(text: &str) -> Result<u32, &'static str> {
    let count = text.parse().ok().filter(|count| *count > 0);
    count.ok_or("must be a whole number of at least 1")
}

fn deletion_delay(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if seconds >= SHORTEST_DELETION_DELAY_S => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("must be at least {SHORTEST_DELETION_DELAY_S} seconds")),
    }
}

/// A base URL without a slash at its end. It may have a path: a custom domain's API mapping is part of the URL that Twilio
/// signs, but API Gateway leaves it out of `rawPath`.
fn base(text: &str) -> Result<String, InvalidBaseUrl> {
    base_url(text).map(|url| url.as_str().trim_end_matches('/').to_owned())
}

fn text(text: &str) -> Result<String, Infallible> {
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;
