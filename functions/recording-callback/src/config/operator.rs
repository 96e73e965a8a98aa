//! Settings of the function that an operator invokes.

use service::settings::{Settings, list};
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
}

pub(super) fn operator(settings: &mut Settings, account: Option<&AccountSid>) -> Option<OperatorConfig> {
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
