//! What the environment says, read once at start.

use std::{convert::Infallible, time::Duration};

use service::settings::{BadSettings, Settings, base_url, boolean, list};
use twilio::{
    client::Endpoints,
    media::MediaFormat,
    sid::{AccountSid, WorkspaceSid},
    task_attributes::ChannelOrder,
};
use vault::{AccountId, KeyArn, ReaderConfig, WriterConfig};

/// The function's settings; what the role doesn't use is neither asked for nor read.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) account: AccountSid,
    pub(crate) webhook: Option<WebhookConfig>,
    pub(crate) jobs: Option<JobsConfig>,
}

/// Settings of the function that takes callbacks.
#[derive(Debug)]
pub(crate) struct WebhookConfig {
    pub(crate) auth_token_secret: String,
    /// Where Twilio calls, without the path; unset, the event's own domain.
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
    /// Without a slash at its end.
    pub(crate) playback_base_url: String,
    pub(crate) mode: LinkMode,
    pub(crate) channels: ChannelOrders,
    /// Set, a link that failed for now comes back sooner than the queue's visibility timeout has it, and one whose task
    /// waits for a worker comes back later.
    pub(crate) queue_url: Option<String>,
    pub(crate) deletion: Option<DeletionConfig>,
}

/// Who speaks on which channel of a two-channel recording, by what was recorded; unset, the link doesn't say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ChannelOrders {
    pub(crate) customer_leg: Option<ChannelOrder>,
    pub(crate) worker_leg: Option<ChannelOrder>,
    pub(crate) conference: Option<ChannelOrder>,
}

/// Which kind of link the Player of this deployment knows.
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
    pub(crate) format: MediaFormat,
    /// The RSA key whose public half Twilio encrypts recordings with; unset, such recordings aren't copied.
    pub(crate) media_key: Option<KeyArn>,
    /// How stored recordings are verified before their originals are deleted.
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
}

#[derive(Debug)]
pub(crate) struct ScheduleConfig {
    pub(crate) group: String,
    pub(crate) role_arn: String,
}

/// Two hours: for so long Insights may still compute talk times from the original (the write-up that this project
/// replaces; Twilio's pages don't say).
const SHORTEST_DELETION_DELAY_S: u64 = 2 * 60 * 60;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Webhook,
    Linker,
    Copier,
    Operator,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// [`BadSettings`] with every variable that is missing or wrong.
    pub(crate) fn from_env() -> Result<Self, BadSettings> {
        Self::read(Settings::from_env())
    }

    fn read(mut settings: Settings) -> Result<Self, BadSettings> {
        let role = settings.optional("ROLE", Role::parse);
        let takes = |wanted| role.is_none_or(|role| role == wanted);
        let account = settings.required("TWILIO_ACCOUNT_SID", AccountSid::parse);
        let webhook = takes(Role::Webhook).then(|| webhook(&mut settings, role.is_none()));
        let linker = takes(Role::Linker).then(|| linker(&mut settings));
        let copier = takes(Role::Copier).then(|| copier(&mut settings, account.as_ref()));
        // A function in all roles is an operator's too where it has what only that takes.
        let operates = match role {
            None => ["COPIES_QUEUE_URL", "SCHEDULE_GROUP"]
                .map(|name| settings.optional(name, text))
                .iter()
                .all(Option::is_some),
            Some(role) => role == Role::Operator,
        };
        let operator = operates.then(|| operator(&mut settings, account.as_ref()));
        let jobs = (linker.is_some() || copier.is_some() || operator.is_some()).then(|| {
            let endpoints = endpoints(&mut settings);
            let api_key_secret = settings.required("TWILIO_API_KEY_SECRET", text)?;
            Some(JobsConfig {
                endpoints,
                api_key_secret,
                linker: linker.flatten(),
                copier: copier.flatten(),
                operator: operator.flatten(),
            })
        });
        // A part that couldn't be read is `None` like one that the role doesn't use; it has noted why, so that
        // `finish` doesn't let it through.
        settings.finish(account.map(|account| Self {
            account,
            webhook: webhook.flatten(),
            jobs: jobs.flatten(),
        }))
    }
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
    Some(WebhookConfig {
        auth_token_secret: settings.required("TWILIO_AUTH_TOKEN_SECRET", text)?,
        public_base_url,
        queues: links.zip(copies).map(|(links, copies)| QueueUrls { links, copies }),
    })
}

fn linker(settings: &mut Settings) -> Option<LinkerConfig> {
    let workspace = settings.required("TWILIO_WORKSPACE_SID", WorkspaceSid::parse);
    let playback_base_url = settings.required("PLAYBACK_BASE_URL", base);
    let by_segment_link = settings.optional("LINK_MODE", is_segment_link).unwrap_or(false);
    let mode = if by_segment_link {
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
    Some(LinkerConfig {
        workspace: workspace?,
        playback_base_url: playback_base_url?,
        mode,
        channels,
        queue_url: settings.optional("LINKS_QUEUE_URL", text),
        deletion,
    })
}

/// `None` where originals stay at Twilio, and where what's needed to delete them is missing or wrong and noted.
fn deletion(settings: &mut Settings) -> Option<DeletionConfig> {
    settings.optional("DELETE_ORIGINAL_AFTER", text)?;
    let after = settings.required("DELETE_ORIGINAL_AFTER", deletion_delay);
    let unlinked = settings.optional("DELETE_UNLINKED", boolean).unwrap_or(false);
    let schedules = schedules(settings);
    Some(DeletionConfig {
        copies_queue_arn: settings.required("COPIES_QUEUE_ARN", text)?,
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
    let format = settings
        .optional("MEDIA_FORMAT", media_format)
        .unwrap_or(MediaFormat::Wav);
    let media_key = settings.optional("TWILIO_ENCRYPTION_KEY_ARN", KeyArn::parse);
    let account = account_id(settings, account);
    // What this deployment seals it can open, whether or not there are older keys.
    let kms_decrypt_keys = settings
        .optional("KMS_DECRYPT_KEY_ARNS", |text| list(text, KeyArn::parse))
        .or_else(|| Some(vec![kms_key.clone()?]));
    let vault = WriterConfig {
        bucket: bucket?,
        account: account?,
        kms_key: kms_key?,
    };
    Some(CopierConfig {
        verification: ReaderConfig {
            bucket: vault.bucket.clone(),
            account: vault.account.clone(),
            kms_keys: kms_decrypt_keys?,
        },
        vault,
        format,
        media_key,
    })
}

fn operator(settings: &mut Settings, account: Option<&AccountSid>) -> Option<OperatorConfig> {
    let bucket = settings.required("RECORDINGS_BUCKET", text);
    let kms_keys = settings.required("KMS_DECRYPT_KEY_ARNS", |text| list(text, KeyArn::parse));
    let account = account_id(settings, account);
    let copies_queue_url = settings.required("COPIES_QUEUE_URL", text);
    let schedules = schedules(settings);
    let deletion = deletion(settings);
    Some(OperatorConfig {
        vault: ReaderConfig {
            bucket: bucket?,
            account: account?,
            kms_keys: kms_keys?,
        },
        copies_queue_url: copies_queue_url?,
        schedules: schedules?,
        deletion,
    })
}

fn account_id(settings: &mut Settings, account: Option<&AccountSid>) -> Option<AccountId> {
    AccountId::parse(account?.as_str())
        .map_err(|error| settings.problem(format!("TWILIO_ACCOUNT_SID: {error}")))
        .ok()
}

fn endpoints(settings: &mut Settings) -> Endpoints {
    let us1 = Endpoints::default();
    Endpoints {
        api: settings.optional("TWILIO_API_BASE", base_url).unwrap_or(us1.api),
        taskrouter: settings
            .optional("TWILIO_TASKROUTER_BASE", base_url)
            .unwrap_or(us1.taskrouter),
        iam: settings.optional("TWILIO_IAM_BASE", base_url).unwrap_or(us1.iam),
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

fn deletion_delay(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if seconds >= SHORTEST_DELETION_DELAY_S => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("must be at least {SHORTEST_DELETION_DELAY_S} seconds")),
    }
}

/// A base URL that a path with its leading slash can be put behind.
fn base(text: &str) -> Result<String, &'static str> {
    base_url(text).map(|url| url.as_str().trim_end_matches('/').to_owned())
}

fn text(text: &str) -> Result<String, Infallible> {
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: (&str, &str) = ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000001");
    const API_KEY: (&str, &str) = ("TWILIO_API_KEY_SECRET", "api-key");
    const WEBHOOK: [(&str, &str); 1] = [("TWILIO_AUTH_TOKEN_SECRET", "auth-token")];
    const QUEUES: [(&str, &str); 2] = [
        ("LINKS_QUEUE_URL", "https://sqs.example.com/links"),
        ("COPIES_QUEUE_URL", "https://sqs.example.com/copies"),
    ];
    const LINKER: [(&str, &str); 2] = [
        ("TWILIO_WORKSPACE_SID", "WS00000000000000000000000000000001"),
        ("PLAYBACK_BASE_URL", "https://playback.example.com/"),
    ];
    const COPIER: [(&str, &str); 2] = [
        ("RECORDINGS_BUCKET", "recordings"),
        (
            "KMS_KEY_ARN",
            "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000001",
        ),
    ];

    const OPERATOR: [(&str, &str); 5] = [
        ("RECORDINGS_BUCKET", "recordings"),
        ("KMS_DECRYPT_KEY_ARNS", COPIER[1].1),
        ("COPIES_QUEUE_URL", QUEUES[1].1),
        ("SCHEDULE_GROUP", "recording-vault"),
        ("SCHEDULE_ROLE_ARN", "arn:aws:iam::123456789012:role/scheduler"),
    ];
    const DELETION: [(&str, &str); 4] = [
        ("DELETE_ORIGINAL_AFTER", "7200"),
        ("SCHEDULE_GROUP", "recording-vault"),
        ("SCHEDULE_ROLE_ARN", "arn:aws:iam::123456789012:role/scheduler"),
        ("COPIES_QUEUE_ARN", "arn:aws:sqs:us-east-1:123456789012:copies"),
    ];

    fn read(parts: &[&[(&'static str, &'static str)]]) -> Result<Config, BadSettings> {
        Config::read(Settings::from_pairs(parts.concat()))
    }

    /// The names in the problems, in order.
    fn problems(parts: &[&[(&'static str, &'static str)]]) -> Vec<String> {
        let BadSettings(problems) = read(parts).unwrap_err();
        problems
            .iter()
            .map(|problem| problem.split([':', ' ']).next().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn without_a_role_the_function_is_all_of_them() {
        let config = read(&[&[ACCOUNT, API_KEY], &WEBHOOK, &LINKER, &COPIER]).unwrap();
        let (webhook, jobs) = (config.webhook.unwrap(), config.jobs.unwrap());
        assert!(webhook.queues.is_none());
        assert_eq!(webhook.public_base_url, None);
        let linker = jobs.linker.unwrap();
        assert_eq!(linker.playback_base_url, "https://playback.example.com");
        assert!(matches!(linker.mode, LinkMode::Media));
        assert_eq!(jobs.copier.unwrap().format, MediaFormat::Wav);
        assert_eq!(jobs.endpoints.api.as_str(), "https://api.twilio.com/");
    }

    #[test]
    fn a_role_asks_for_nothing_that_it_does_not_use() {
        let webhook = read(&[&[("ROLE", "webhook"), ACCOUNT], &WEBHOOK, &QUEUES]).unwrap();
        assert!(webhook.webhook.is_some() && webhook.jobs.is_none());

        // The linker's own queue, of which it shortens waits; the other isn't its concern.
        let linker = read(&[&[("ROLE", "linker"), ACCOUNT, API_KEY, QUEUES[0]], &LINKER]).unwrap();
        assert!(linker.webhook.is_none());
        assert!(
            linker
                .jobs
                .is_some_and(|jobs| jobs.linker.is_some() && jobs.copier.is_none())
        );

        let copier = read(&[&[("ROLE", "copier"), ACCOUNT, API_KEY], &COPIER]).unwrap();
        assert!(copier.webhook.is_none());
        assert!(
            copier
                .jobs
                .is_some_and(|jobs| jobs.linker.is_none() && jobs.copier.is_some())
        );
    }

    #[test]
    fn every_missing_setting_is_told_at_once() {
        let mut missing = problems(&[]);
        missing.sort();
        assert_eq!(
            missing,
            [
                "KMS_KEY_ARN",
                "PLAYBACK_BASE_URL",
                "RECORDINGS_BUCKET",
                "TWILIO_ACCOUNT_SID",
                "TWILIO_API_KEY_SECRET",
                "TWILIO_AUTH_TOKEN_SECRET",
                "TWILIO_WORKSPACE_SID",
            ]
        );
    }

    #[test]
    fn every_wrong_setting_is_told_at_once_and_no_value_is() {
        let wrong = [
            ("ROLE", "canary"),
            ("TWILIO_ACCOUNT_SID", "canary"),
            ("TWILIO_WORKSPACE_SID", "canary"),
            ("TWILIO_API_BASE", "canary"),
            ("TWILIO_TASKROUTER_BASE", "http://canary"),
            ("TWILIO_IAM_BASE", "ftp://canary"),
            ("PUBLIC_BASE_URL", "https://canary/?query"),
            ("LINKS_QUEUE_URL", "canary"),
            ("PLAYBACK_BASE_URL", "canary"),
            ("LINK_MODE", "canary"),
            ("CUSTOMER_LEG_CHANNELS", "canary"),
            ("WORKER_LEG_CHANNELS", "customer"),
            ("CONFERENCE_CHANNELS", "customer, others"),
            ("KMS_KEY_ARN", "alias/canary"),
            ("MEDIA_FORMAT", "canary"),
            ("TWILIO_ENCRYPTION_KEY_ARN", "alias/canary"),
        ];
        let good = [API_KEY, WEBHOOK[0], COPIER[0]];
        let mut told = problems(&[&wrong, &good]);
        told.sort();
        let mut expected = wrong.map(|(name, _)| name);
        expected.sort_unstable();
        assert_eq!(told, expected);
        assert!(!read(&[&wrong, &good]).unwrap_err().to_string().contains("canary"));
    }

    #[test]
    fn queues_come_in_twos_and_a_webhook_alone_needs_them() {
        for queue in QUEUES {
            assert_eq!(
                problems(&[&[ACCOUNT, API_KEY, queue], &WEBHOOK, &LINKER, &COPIER]),
                ["LINKS_QUEUE_URL"]
            );
        }
        assert_eq!(
            problems(&[&[("ROLE", "webhook"), ACCOUNT], &WEBHOOK]),
            ["LINKS_QUEUE_URL"]
        );
    }

    #[test]
    fn the_order_of_channels_is_set_for_each_leg_apart() {
        let linker = |settings| read(&[&[ACCOUNT, API_KEY], &WEBHOOK, &LINKER, &COPIER, settings]);
        let channels = |settings| linker(settings).unwrap().jobs.unwrap().linker.unwrap().channels;
        let unset = channels(&[]);
        assert_eq!(
            (unset.customer_leg, unset.worker_leg, unset.conference),
            (None, None, None)
        );
        let set = channels(&[
            ("CUSTOMER_LEG_CHANNELS", "customer,others"),
            ("WORKER_LEG_CHANNELS", "others,customer"),
        ]);
        assert_eq!(set.customer_leg, Some(ChannelOrder::CustomerFirst));
        assert_eq!(set.worker_leg, Some(ChannelOrder::OthersFirst));
        assert_eq!(set.conference, None);
    }

    #[test]
    fn segment_links_need_their_keys() {
        let segment_links = [("ROLE", "linker"), ACCOUNT, API_KEY, ("LINK_MODE", "segment-link")];
        assert_eq!(problems(&[&segment_links, &LINKER]), ["LINK_KEYS_SECRET"]);
        let config = read(&[&segment_links, &LINKER, &[("LINK_KEYS_SECRET", "link-keys")]]).unwrap();
        let mode = config.jobs.unwrap().linker.unwrap().mode;
        assert!(matches!(mode, LinkMode::SegmentLink { keys_secret } if keys_secret == "link-keys"));
    }

    #[test]
    fn originals_stay_unless_a_delay_is_set() {
        let linker = [("ROLE", "linker"), ACCOUNT, API_KEY];
        let deletion = |more: &[(&'static str, &'static str)]| {
            let config = read(&[&linker, &LINKER, more]).unwrap();
            config.jobs.unwrap().linker.unwrap().deletion
        };
        assert!(deletion(&DELETION[1..]).is_none());
        let deletion = deletion(&DELETION).unwrap();
        assert_eq!((deletion.after, deletion.unlinked), (Duration::from_secs(7_200), false));
        assert_eq!(
            problems(&[&linker, &LINKER, &[("DELETE_ORIGINAL_AFTER", "7200")]]),
            ["SCHEDULE_GROUP", "SCHEDULE_ROLE_ARN", "COPIES_QUEUE_ARN"]
        );
    }

    #[test]
    fn an_operators_function_needs_all_that_it_goes_on_with() {
        let operator = [("ROLE", "operator"), ACCOUNT, API_KEY];
        let config = read(&[&operator, &OPERATOR]).unwrap();
        assert!(config.webhook.is_none());
        let jobs = config.jobs.unwrap();
        assert!(jobs.linker.is_none() && jobs.copier.is_none());
        assert!(jobs.operator.is_some_and(|operator| operator.deletion.is_none()));
        assert_eq!(problems(&[&operator]), OPERATOR.map(|(name, _)| name));
    }

    #[test]
    fn a_function_in_all_roles_is_an_operators_where_it_can_be() {
        let all = [ACCOUNT, API_KEY, WEBHOOK[0], COPIER[1]];
        let operator = |more: &[&[(&'static str, &'static str)]]| {
            let config = read(&[&[&all[..], &LINKER], more].concat()).unwrap();
            config.jobs.unwrap().operator
        };
        assert!(operator(&[&COPIER[..1]]).is_none());
        assert!(operator(&[&COPIER[..1], &QUEUES]).is_none());
        assert!(operator(&[&OPERATOR, &QUEUES[..1]]).is_some());
    }

    #[test]
    fn originals_stay_for_two_hours_at_least() {
        for after in ["7199", "0", "-7200", "2h", "99999999999999999999"] {
            let settings = [("ROLE", "linker"), ACCOUNT, API_KEY, ("DELETE_ORIGINAL_AFTER", after)];
            let BadSettings(problems) = read(&[&settings, &LINKER, &DELETION[1..]]).unwrap_err();
            assert_eq!(problems, ["DELETE_ORIGINAL_AFTER: must be at least 7200 seconds"]);
        }
    }

    #[test]
    fn what_is_stored_is_verified_with_every_key_that_may_have_sealed_it() {
        let copier = [("ROLE", "copier"), ACCOUNT, API_KEY];
        let keys = |more: &[(&'static str, &'static str)]| {
            let config = read(&[&copier, &COPIER, more]).unwrap();
            config.jobs.unwrap().copier.unwrap().verification.kms_keys
        };
        let current = KeyArn::parse(COPIER[1].1).unwrap();
        assert_eq!(keys(&[]), std::slice::from_ref(&current));
        const OLD: &str = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000";
        let both = format!("{},{OLD}", current.as_str()).leak();
        assert_eq!(
            keys(&[("KMS_DECRYPT_KEY_ARNS", both)]),
            [current, KeyArn::parse(OLD).unwrap()]
        );
    }
}
