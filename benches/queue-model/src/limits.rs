//! The limits of the service: published defaults, the template's settings, and assumptions.

use super::Inputs;

/// Source: Twilio's changelog of 18 Oct 2024, "TaskRouter endpoint rate limit correction". The limit applies to
/// EvaluateTaskAttributes and one account.
pub(super) const SEARCHES_PER_SECOND: u32 = 3;

/// Source: AWS, *KMS request quotas*. This is the lowest value of any Region in the page's earlier editions, for all
/// symmetric operations of the account and Region. The quotas have only been raised since.
pub(super) const DATA_KEYS_PER_SECOND: u32 = 5_500;

/// Source: AWS, *Optimizing Amazon S3 performance*. Both are for each prefix of a bucket, and S3 splits prefixes under
/// load. The model counts all requests together, as if there were one prefix.
pub(super) const S3_WRITES_PER_SECOND: u32 = 3_500;
pub(super) const S3_READS_PER_SECOND: u32 = 5_500;

/// Source: docs/cost/usage.csv, the requests of one copy with its receipt and entries, without a reservation.
pub(super) const S3_WRITES: f64 = 6.0;
pub(super) const S3_READS: f64 = 4.0;
/// Two messages that are sent, received and deleted.
pub(super) const SQS_REQUESTS: f64 = 6.0;
/// The media, and the fetch and the update of the task.
pub(super) const TWILIO_REQUESTS: f64 = 3.0;

/// Source: docs/cost/usage.csv and `operator/backfill.rs`. A recording is seen on up to four nights, with three reads,
/// of which two are sent together. A page has 200 recordings, and sixteen are looked at at once.
pub(super) const RECONCILED_NIGHTS: f64 = 4.0;
pub(super) const RECONCILE_READS: f64 = 3.0;
const RECONCILE_WAITS: f64 = 2.0;
const RECONCILE_PAGE: f64 = 200.0;
const RECONCILE_AT_ONCE: f64 = 16.0;

/// Source: AWS, *Lambda quotas*. The default for an account and Region. New accounts start lower.
pub(super) const ACCOUNT_CONCURRENCY: u32 = 1_000;

/// From template.yaml: `CallbackApi` and the defaults of `LinkerConcurrency` and `CopierConcurrency`.
pub(super) const API_REQUESTS_PER_SECOND: u32 = 100;
pub(super) const LINKER_CONCURRENCY: u32 = 10;
pub(super) const COPIER_CONCURRENCY: u32 = 10;

/// From template.yaml: the number of receives before the dead-letter queue, and the delay before a failed copy comes
/// back.
pub(super) const LINK_RECEIVES: u32 = 10;
pub(super) const COPY_RECEIVES: u32 = 5;
pub(super) const COPY_VISIBILITY_S: f64 = 1_200.0;

/// From monitoring.yaml: the thresholds of `LinksAreSlow` and `CopiesUntried`.
pub(super) const SLOW_LINK_S: f64 = 60.0;
pub(super) const LONG_COPY_WAIT_S: f64 = 3_600.0;

/// Insights accepts media links until two minutes after the task completed (Twilio, *Enhance integration*). TaskRouter
/// deletes the task after five minutes (*Task lifecycle*). In the model, a task completes when its call ends. Wrap-up
/// time would only extend the window.
pub(super) const LINK_WINDOW_S: f64 = 120.0;
pub(super) const TASK_LIFE_S: f64 = 300.0;

/// Assumed: the time from the end of a call to its callback.
pub(super) const CALLBACK_AFTER_CALL_S: f64 = 5.0;
/// Assumed: a request to Twilio's API with its response.
pub(super) const TWILIO_ROUND_TRIP_S: f64 = 0.15;
/// Assumed: a request to S3, KMS or SQS with its response.
pub(super) const AWS_ROUND_TRIP_S: f64 = 0.02;
/// Assumed: the rate at which Twilio sends a recording.
pub(super) const TWILIO_MB_PER_S: f64 = 10.0;
/// Assumed: the mean length of a call. Lengths are exponentially distributed.
pub(super) const CALL_S: f64 = 300.0;
/// Source: Twilio, *Recordings*. WAV has 128 kbit/s per channel. This is the value for both channels.
pub(super) const RECORDING_MB_PER_S: f64 = 0.032;

/// The load is constant over the day, except for one hour with four times the mean.
pub(super) const BUSY_HOUR_FACTOR: f64 = 4.0;
/// An hour for which the settings were not made.
pub(super) const PEAK_FACTOR: f64 = 8.0;

/// The times of jobs in production: the measured times plus the assumed network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) webhook_s: f64,
    /// The time of a search if the callback does not name the task, and the time of every link.
    pub(super) search_s: f64,
    pub(super) link_s: f64,
    /// The constant part of a copy's time, and the part for the mean length.
    pub(super) copy_start_s: f64,
    pub(super) copy_stream_s: f64,
    /// The reconciliation's time for one recording.
    pub(super) reconcile_s: f64,
}

impl Times {
    pub(super) fn from(inputs: &Inputs) -> Self {
        Self {
            // Both messages are sent in parallel.
            webhook_s: inputs.webhook_s + AWS_ROUND_TRIP_S,
            search_s: TWILIO_ROUND_TRIP_S,
            link_s: inputs.link_s + 2.0 * TWILIO_ROUND_TRIP_S,
            copy_start_s: inputs.copy_start_s + TWILIO_ROUND_TRIP_S + inputs.copy_waits * AWS_ROUND_TRIP_S,
            copy_stream_s: CALL_S * RECORDING_MB_PER_S * inputs.copy_s_per_mb.max(1.0 / TWILIO_MB_PER_S),
            reconcile_s: inputs.reconcile_s
                + RECONCILE_WAITS * AWS_ROUND_TRIP_S / RECONCILE_AT_ONCE
                + TWILIO_ROUND_TRIP_S / RECONCILE_PAGE,
        }
    }

    pub(super) fn copy_s(&self) -> f64 {
        self.copy_start_s + self.copy_stream_s
    }
}

/// Recordings per second in the busy hour.
pub(super) fn busy_rate(recordings_per_day: f64) -> f64 {
    recordings_per_day * BUSY_HOUR_FACTOR / 86_400.0
}

/// The recordings per day whose busy hour reaches a limit on recordings per second.
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
                copy_waits: 0.0,
                copy_s_per_mb,
                reconcile_s: 0.0,
            };
            Times::from(&inputs).copy_stream_s
        };
        // 300 s are 9.6 MB: 0.96 s at the source's 10 MB/s.
        assert!((copy_s(0.001) - 0.96).abs() < 1e-9);
        assert!((copy_s(1.0) - 9.6).abs() < 1e-9);
    }
}
