//! Settings of the function that an operator invokes.

use service::settings::{Settings, list, origin};
use sid::AccountSid;
use vault::{KeyArn, ReaderConfig};

use super::{
    deletion::{DeletionConfig, ScheduleConfig, deletion, schedules},
    text::text,
};

/// Settings of the function that an operator invokes.
#[derive(Debug)]
pub(crate) struct OperatorConfig {
    pub(crate) vault: ReaderConfig,
    pub(crate) copies_queue_url: String,
    pub(crate) schedules: ScheduleConfig,
    pub(crate) deletion: Option<DeletionConfig>,
    /// Unset, the function makes no links.
    pub(crate) links: Option<OperatorLinksConfig>,
}

/// What links are signed with, and where they lead.
#[derive(Debug)]
pub(crate) struct OperatorLinksConfig {
    pub(crate) keys_secret: String,
    /// An origin.
    pub(crate) playback_base_url: String,
}

pub(super) fn operator(settings: &mut Settings, account: Option<&AccountSid>) -> Option<OperatorConfig> {
    let bucket = settings.required("RECORDINGS_BUCKET", text);
    let kms_keys = settings.required("KMS_DECRYPT_KEY_ARNS", |text| list(text, KeyArn::parse));
    let copies_queue_url = settings.required("COPIES_QUEUE_URL", text);
    let schedules = schedules(settings);
    let deletion = deletion(settings);
    let links = links(settings);
    Some(OperatorConfig {
        vault: ReaderConfig {
            bucket: bucket?,
            account: account?.clone(),
            kms_keys: kms_keys?,
        },
        copies_queue_url: copies_queue_url?,
        schedules: schedules?,
        deletion,
        links,
    })
}

/// `None` without link keys. The linker has its own use for the base URL, so that it may be set without them.
fn links(settings: &mut Settings) -> Option<OperatorLinksConfig> {
    let keys_secret = settings.optional("LINK_KEYS_SECRET", text)?;
    Some(OperatorLinksConfig {
        keys_secret,
        playback_base_url: settings.required("PLAYBACK_BASE_URL", origin)?,
    })
}
