//! What bounds the service: published defaults, the template's own settings, and assumptions.

use super::Inputs;

/// Twilio's changelog of 18 Oct 2024, "TaskRouter endpoint rate limit correction": EvaluateTaskAttributes, an account.
pub(super) const SEARCHES_PER_SECOND: u32 = 3;

/// AWS, *KMS request quotas*: the lowest of any region in the page's earlier editions, shared by all symmetric
/// operations of the account and region. It has only been raised since.
pub(super) const DATA_KEYS_PER_SECOND: u32 = 5_500;

/// AWS, *Lambda quotas*: the default for an account and region. New accounts start lower.
pub(super) const ACCOUNT_CONCURRENCY: u32 = 1_000;

/// Of template.yaml: `CallbackApi` and the defaults of `LinkerConcurrency` and `CopierConcurrency`.
pub(super) const API_REQUESTS_PER_SECOND: u32 = 100;
pub(super) const LINKER_CONCURRENCY: u32 = 10;
pub(super) const COPIER_CONCURRENCY: u32 = 10;

/// Of template.yaml: how often SQS brings a message before it's dead, and when a failed copy comes back.
pub(super) const LINK_RECEIVES: u32 = 10;
pub(super) const COPY_RECEIVES: u32 = 5;
pub(super) const COPY_VISIBILITY_S: f64 = 1_200.0;

/// Of monitoring.yaml: when `LinksAreSlow` and `CopiesUntried` go off.
pub(super) const SLOW_LINK_S: f64 = 60.0;
pub(super) const LONG_COPY_WAIT_S: f64 = 3_600.0;

/// Insights takes media links until two minutes after the task completed (Twilio, *Enhance integration*), and
/// TaskRouter deletes the task after five (*Task lifecycle*). Here a task completes as its call ends: wrapping up only
/// adds to it.
pub(super) const LINK_WINDOW_S: f64 = 120.0;
pub(super) const TASK_LIFE_S: f64 = 300.0;

/// Assumed: from the end of a call to its callback.
pub(super) const CALLBACK_AFTER_CALL_S: f64 = 5.0;
/// Assumed: a request to Twilio's API and its answer.
pub(super) const TWILIO_ROUND_TRIP_S: f64 = 0.15;
/// Assumed: a request to S3, KMS or SQS and its answer.
pub(super) const AWS_ROUND_TRIP_S: f64 = 0.02;
/// Assumed: how fast Twilio sends a recording.
pub(super) const TWILIO_MB_PER_S: f64 = 10.0;
/// Assumed: the mean call, of exponentially distributed length.
pub(super) const CALL_S: f64 = 300.0;
/// Twilio, *Recordings*: WAV of 128 kbit/s a channel; both channels.
pub(super) const RECORDING_MB_PER_S: f64 = 0.032;

/// The load is spread evenly over the day, but for one hour that has four times its share.
pub(super) const BUSY_HOUR_FACTOR: f64 = 4.0;

/// What the jobs take in production: what ours were measured to take, and the network that no measurement had.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) webhook_s: f64,
    /// A search, where the callback doesn't name the task; and then what every link takes.
    pub(super) search_s: f64,
    pub(super) link_s: f64,
    /// What a copy of any length takes, and what the mean length adds.
    pub(super) copy_start_s: f64,
    pub(super) copy_stream_s: f64,
}

impl Times {
    pub(super) fn from(inputs: &Inputs) -> Self {
        Self {
            // Both messages are sent at once.
            webhook_s: inputs.webhook_s + AWS_ROUND_TRIP_S,
            search_s: TWILIO_ROUND_TRIP_S,
            link_s: inputs.link_s + 2.0 * TWILIO_ROUND_TRIP_S,
            // One to Twilio; to AWS the look for the object and the mark (at once), the data key, and the commit.
            copy_start_s: inputs.copy_start_s + TWILIO_ROUND_TRIP_S + 3.0 * AWS_ROUND_TRIP_S,
            copy_stream_s: CALL_S * RECORDING_MB_PER_S * inputs.copy_s_per_mb.max(1.0 / TWILIO_MB_PER_S),
        }
    }

    pub(super) fn copy_s(&self) -> f64 {
        self.copy_start_s + self.copy_stream_s
    }
}

/// Recordings a second in the busy hour.
pub(super) fn busy_rate(recordings_per_day: f64) -> f64 {
    recordings_per_day * BUSY_HOUR_FACTOR / 86_400.0
}

/// Recordings a day whose busy hour uses up a limit on the recordings of a second.
pub(super) fn used_up_at(recordings_per_second: f64) -> f64 {
    recordings_per_second * 86_400.0 / BUSY_HOUR_FACTOR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_used_up_where_the_busy_hour_reaches_it() {
        assert_eq!(used_up_at(3.0), 64_800.0);
        assert_eq!(busy_rate(64_800.0), 3.0);
    }

    #[test]
    fn a_copy_is_no_faster_than_its_source_and_no_faster_than_we_are() {
        let copy_s = |copy_s_per_mb| {
            let inputs = Inputs {
                webhook_s: 0.0,
                link_s: 0.0,
                copy_start_s: 0.0,
                copy_s_per_mb,
            };
            Times::from(&inputs).copy_stream_s
        };
        // 300 s are 9.6 MB: 0.96 s at the source's 10 MB/s.
        assert!((copy_s(0.001) - 0.96).abs() < 1e-9);
        assert!((copy_s(1.0) - 9.6).abs() < 1e-9);
    }
}
