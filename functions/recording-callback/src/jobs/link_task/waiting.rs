//! When a link is tried again whose task waits for a worker.
//!
//! An update of a pending or reserved task sends it through its workflow again, so that a caller would lose the place
//! in the queue (Twilio, *Task resource*, `twilio.com/docs/taskrouter/api/task`).

use std::time::Duration;

use twilio::sid::TaskSid;

use crate::job::LinkTask;

/// A reservation is accepted within seconds as a rule; a queue may take hours.
const FIRST_DELAY: Duration = Duration::from_secs(5);

/// However short the conversation is, the link must be tried again before Insights closes its window, two minutes after
/// the task completed: this and some retries fit. A day of it is 960 messages.
const LONGEST_DELAY: Duration = Duration::from_secs(90);

/// TaskRouter's default timeout of a task that nobody has taken (`twilio.com/docs/taskrouter/api/task`, at most two
/// weeks). The task is older than its recording, so by default it's gone before.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// The same job's next try and how long it has to wait for it, the task known by now.
///
/// `None` where it has waited long enough: the job then fails, and its message gets to the dead letters by the queue's
/// count of receives, of which each looks at the task once more.
pub(super) fn postponed(job: &LinkTask, task: &TaskSid, now_ms: i64) -> Option<(LinkTask, Duration)> {
    let patience_ms = PATIENCE.as_millis() as i64;
    let not_after_ms = job
        .not_after_ms
        .unwrap_or_else(|| job.received_at_ms.saturating_add(patience_ms));
    let delay = FIRST_DELAY
        .saturating_mul(2_u32.saturating_pow(job.attempt))
        .min(LONGEST_DELAY);
    let next = LinkTask {
        // No search again: Twilio allows three a second and account.
        task_sid: Some(task.clone()),
        attempt: job.attempt.saturating_add(1),
        not_after_ms: Some(not_after_ms),
        ..job.clone()
    };
    (now_ms <= not_after_ms).then_some((next, delay))
}

#[cfg(test)]
mod tests {
    use std::iter::successors;

    use serde_json::json;

    use super::*;

    const DAY_MS: i64 = 86_400_000;

    fn job() -> LinkTask {
        let job = json!({
            "recordingSid": "RE00000000000000000000000000000001",
            "callSid": "CA00000000000000000000000000000001",
            "receivedAtMs": 1_000,
        });
        serde_json::from_value(job).unwrap()
    }

    fn task() -> TaskSid {
        TaskSid::parse("WT00000000000000000000000000000001").unwrap()
    }

    #[test]
    fn delays_grow_and_stay_within_insights_window() {
        let tries = successors(postponed(&job(), &task(), 1_000), |(job, _)| {
            postponed(job, &task(), 1_000)
        });
        let (attempts, delays_s): (Vec<_>, Vec<_>) =
            tries.take(7).map(|(job, delay)| (job.attempt, delay.as_secs())).unzip();
        assert_eq!(attempts, [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(delays_s, [5, 10, 20, 40, 80, 90, 90]);
        let worn = LinkTask {
            attempt: u32::MAX,
            ..job()
        };
        let (next, delay) = postponed(&worn, &task(), 1_000).unwrap();
        assert_eq!((next.attempt, delay), (u32::MAX, LONGEST_DELAY));
    }

    #[test]
    fn the_next_try_is_the_same_job_of_a_known_task() {
        let (next, _) = postponed(&job(), &task(), 1_000).unwrap();
        let expected = LinkTask {
            task_sid: Some(task()),
            attempt: 1,
            not_after_ms: Some(1_000 + DAY_MS),
            ..job()
        };
        assert_eq!(next, expected);
    }

    #[test]
    fn patience_ends_a_day_after_the_callback_whatever_was_tried_since() {
        let (next, _) = postponed(&job(), &task(), 1_000 + DAY_MS).unwrap();
        assert!(postponed(&next, &task(), 1_000 + DAY_MS).is_some());
        assert_eq!(postponed(&next, &task(), 1_001 + DAY_MS), None);
        assert_eq!(postponed(&job(), &task(), 1_001 + DAY_MS), None);
    }
}
