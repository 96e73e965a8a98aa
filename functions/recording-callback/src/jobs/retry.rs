//! How long and how often a job is tried.

use std::time::Duration;

/// A link is tried until this age. It is TaskRouter's default timeout of a task that no worker accepts
/// (`twilio.com/docs/taskrouter/api/task`, at most two weeks). A task is seldom younger than its recording, so by default
/// it no longer exists after this time.
pub(crate) const MAX_LINK_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Which of a job's attempts this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Try {
    /// SQS delivers the job's message for this time, counted from 1.
    Nth(u32),
    /// The job runs in the webhook's invocation, and nothing delivers it again.
    Only,
}
