//! Settings of the deletion of originals, and of schedules.

use std::time::Duration;

use service::settings::{Settings, boolean};

use super::text::text;

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

/// `None` if originals stay at Twilio. Also `None` if a setting for their deletion is missing or invalid, which is then noted.
pub(super) fn deletion(settings: &mut Settings) -> Option<DeletionConfig> {
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

pub(super) fn schedules(settings: &mut Settings) -> Option<ScheduleConfig> {
    let group = settings.required("SCHEDULE_GROUP", text);
    Some(ScheduleConfig {
        role_arn: settings.required("SCHEDULE_ROLE_ARN", text)?,
        group: group?,
    })
}

fn deletion_delay(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if seconds >= SHORTEST_DELETION_DELAY_S => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("must be at least {SHORTEST_DELETION_DELAY_S} seconds")),
    }
}
