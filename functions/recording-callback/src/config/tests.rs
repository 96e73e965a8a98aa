use twilio::{media::MediaFormat, task_attributes::ChannelOrder};
use vault::KeyArn;

use super::*;

const ACCOUNT: (&str, &str) = ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000001");
const API_KEY: (&str, &str) = ("TWILIO_API_KEY_SECRET", "api-key");
const WEBHOOK: [(&str, &str); 1] = [("TWILIO_AUTH_TOKEN_SECRET", "auth-token")];
const LINKS_QUEUES: [(&str, &str); 3] = [
    ("LINKS_QUEUE_URL", "https://sqs.example.com/links"),
    ("LATE_LINKS_QUEUE_URL", "https://sqs.example.com/late-links"),
    ("LINKS_DEAD_LETTERS_URL", "https://sqs.example.com/dead-links"),
];
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
const DELETION: [(&str, &str); 6] = [
    ("DELETE_ORIGINAL_AFTER", "7200"),
    ("SCHEDULE_GROUP", "recording-vault"),
    ("SCHEDULE_ROLE_ARN", "arn:aws:iam::123456789012:role/scheduler"),
    ("COPIES_QUEUE_ARN", "arn:aws:sqs:us-east-1:123456789012:copies"),
    (
        "COPIES_DEAD_LETTERS_ARN",
        "arn:aws:sqs:us-east-1:123456789012:dead-letters",
    ),
    COPIER[0],
];

fn read(parts: &[&[(&'static str, &'static str)]]) -> Result<Config, BadSettings> {
    Config::from_settings(Settings::from_pairs(parts.concat()))
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
    let formats = jobs.copier.unwrap().formats;
    assert_eq!((formats.usual, formats.mp3_above_s), (MediaFormat::Wav, None));
    assert_eq!(jobs.endpoints.api.as_str(), "https://api.twilio.com/");
}

#[test]
fn a_role_requires_no_setting_that_it_does_not_use() {
    let webhook = read(&[&[("ROLE", "webhook"), ACCOUNT], &WEBHOOK, &QUEUES]).unwrap();
    assert!(webhook.webhook.is_some() && webhook.jobs.is_none());

    // The linker's own queues. The other jobs' queue is not a setting of this role.
    let linker = read(&[&[("ROLE", "linker"), ACCOUNT, API_KEY], &LINKER, &LINKS_QUEUES]).unwrap();
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
fn every_missing_setting_is_reported_at_once() {
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
fn callbacks_are_signed_by_the_auth_token_by_shared_keys_or_by_either() {
    let shared = ("TWILIO_SHARED_KEYS_SECRET", "shared-keys");
    let role = ("ROLE", "webhook");
    for (secrets, expected) in [
        (&[WEBHOOK[0]][..], (true, false)),
        (&[shared], (false, true)),
        (&[WEBHOOK[0], shared], (true, true)),
        // The template leaves out the one that is not wanted in the same way.
        (&[("TWILIO_AUTH_TOKEN_SECRET", ""), shared], (false, true)),
    ] {
        let webhook = read(&[&[role, ACCOUNT], secrets, &QUEUES]).unwrap().webhook.unwrap();
        let set = (
            webhook.auth_token_secret.is_some(),
            webhook.shared_keys_secret.is_some(),
        );
        assert_eq!(set, expected);
    }
    assert_eq!(problems(&[&[role, ACCOUNT], &QUEUES]), ["TWILIO_AUTH_TOKEN_SECRET"]);
}

#[test]
fn every_wrong_setting_is_reported_at_once_without_values() {
    let wrong = [
        ("ROLE", "canary"),
        ("TWILIO_ACCOUNT_SID", "canary"),
        ("TWILIO_WORKSPACE_SID", "canary"),
        ("TWILIO_API_BASE", "canary"),
        ("TWILIO_TASKROUTER_BASE", "http://canary"),
        ("PUBLIC_BASE_URL", "https://canary/?query"),
        ("LINKS_QUEUE_URL", "canary"),
        ("PLAYBACK_BASE_URL", "canary"),
        ("LINK_MODE", "canary"),
        ("CUSTOMER_LEG_CHANNELS", "canary"),
        ("WORKER_LEG_CHANNELS", "customer"),
        ("CONFERENCE_CHANNELS", "customer, others"),
        ("KMS_KEY_ARN", "alias/canary"),
        ("MEDIA_FORMAT", "canary"),
        ("MP3_ABOVE_MINUTES", "canary"),
        ("COPIES_MAX_RECEIVES", "0"),
        ("TWILIO_ENCRYPTION_KEY_ARNS", "alias/canary"),
    ];
    let good = [API_KEY, WEBHOOK[0], COPIER[0]];
    let mut found = problems(&[&wrong, &good]);
    found.sort();
    let mut expected = wrong.map(|(name, _)| name);
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert!(!read(&[&wrong, &good]).unwrap_err().to_string().contains("canary"));
}

#[test]
fn twilios_encryption_has_several_keys_or_none() {
    const KEYS: &str = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000003,\
        arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000004";
    let keys = |value| {
        let keys = [
            ("ROLE", "copier"),
            ACCOUNT,
            API_KEY,
            ("TWILIO_ENCRYPTION_KEY_ARNS", value),
        ];
        let config = read(&[&keys, &COPIER]).unwrap().jobs.unwrap().copier.unwrap();
        let named = |keys: Vec<KeyArn>| keys.iter().map(|key| key.as_str().to_owned()).collect::<Vec<_>>();
        config.media_keys.map(|keys| named(keys).join(","))
    };
    assert_eq!(keys(""), None);
    assert_eq!(keys(KEYS).as_deref(), Some(KEYS));
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
fn a_linkers_queue_comes_with_its_dead_letters() {
    let [own, late, dead_letters] = LINKS_QUEUES;
    let given =
        |queues: &[(&'static str, &'static str)]| read(&[&[("ROLE", "linker"), ACCOUNT, API_KEY], &LINKER, queues]);
    let queue = |queues: &[_]| given(queues).unwrap().jobs.unwrap().linker.unwrap().queue;
    assert!(queue(&[]).is_none());
    assert_eq!(queue(&[own, dead_letters]).unwrap().late, None);
    let all = queue(&LINKS_QUEUES).unwrap();
    assert_eq!((all.own.as_str(), all.late.as_deref()), (own.1, Some(late.1)));
    assert_eq!(all.dead_letters, dead_letters.1);
    for incomplete in [
        &[own][..],
        &[dead_letters],
        &[late],
        &[own, late],
        &[late, dead_letters],
    ] {
        let error = given(incomplete).unwrap_err().to_string();
        assert!(error.contains("LINKS_DEAD_LETTERS_URL"), "{incomplete:?}: {error}");
    }
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
fn a_playback_base_url_with_a_path_is_refused() {
    let linker = [("ROLE", "linker"), ACCOUNT, API_KEY, LINKER[0]];
    let BadSettings(problems) = read(&[&linker, &[("PLAYBACK_BASE_URL", "https://h.example.com/vault")]]).unwrap_err();
    assert_eq!(problems, ["PLAYBACK_BASE_URL: must have no path"]);
}

#[test]
fn segment_links_that_playback_does_not_accept_are_not_made() {
    let linker = [("ROLE", "linker"), ACCOUNT, API_KEY, ("LINK_MODE", "segment-link")];
    let keys = [("LINK_KEYS_SECRET", "link-keys")];
    for accepts in [
        &[][..],
        &[("ACCEPT_SEGMENT_LINKS", "")],
        &[("ACCEPT_SEGMENT_LINKS", "false")],
    ] {
        let BadSettings(problems) = read(&[&linker, &LINKER, &keys, accepts]).unwrap_err();
        let expected = "ACCEPT_SEGMENT_LINKS: must be true with LINK_MODE=segment-link";
        assert_eq!(problems, [expected]);
    }
}

#[test]
fn segment_links_need_their_keys() {
    let segment_links = [
        ("ROLE", "linker"),
        ACCOUNT,
        API_KEY,
        ("LINK_MODE", "segment-link"),
        ("ACCEPT_SEGMENT_LINKS", "true"),
    ];
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
        [
            "SCHEDULE_GROUP",
            "SCHEDULE_ROLE_ARN",
            "COPIES_QUEUE_ARN",
            "COPIES_DEAD_LETTERS_ARN",
            "RECORDINGS_BUCKET",
        ]
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
fn an_operators_function_makes_links_only_with_link_keys() {
    let operator = [("ROLE", "operator"), ACCOUNT, API_KEY];
    let keys = ("LINK_KEYS_SECRET", "link-keys");
    let links = |more: &[(&'static str, &'static str)]| {
        let config = read(&[&operator, &OPERATOR, more]).unwrap();
        config.jobs.unwrap().operator.unwrap().links
    };
    assert!(links(&[]).is_none());
    // The template leaves the keys out in this way.
    assert!(links(&[("LINK_KEYS_SECRET", ""), LINKER[1]]).is_none());
    let set = links(&[keys, LINKER[1]]).unwrap();
    assert_eq!(
        (&*set.keys_secret, &*set.playback_base_url),
        ("link-keys", "https://playback.example.com")
    );
    assert_eq!(problems(&[&operator, &OPERATOR, &[keys]]), ["PLAYBACK_BASE_URL"]);
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
fn stored_recordings_are_verified_with_every_key_that_may_have_sealed_them() {
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
