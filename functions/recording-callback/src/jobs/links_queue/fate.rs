//! What becomes of a link's message that is not done.

use std::time::Duration;

use super::Failure;
use crate::{
    job::MessageError,
    jobs::{JobError, link_task::LinkError},
};

/// What becomes of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It comes back after so long.
    Waits(Duration),
    /// It goes to the dead letters.
    Dies,
}

/// TaskRouter's default timeout of a task that nobody has taken (`twilio.com/docs/taskrouter/api/task`, at most two
/// weeks). The task is older than its recording, so by default it is gone before.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// Waits double from here on: what failed by overload gets time to recover.
const FIRST_WAIT: Duration = Duration::from_secs(2);

const LONGEST_WAIT: Duration = Duration::from_secs(10 * 60);

/// However short the conversation is, the link must be tried again before Insights closes its window, two minutes after
/// the task completed: this and some retries fit. A day of it is 960 receives, of which the queue allows 1000.
const LONGEST_WAIT_FOR_A_WORKER: Duration = Duration::from_secs(90);

/// The fate of a message that failed `times_received` times in its queue, `age` after its callback.
pub(super) fn failed(failure: &Failure, age: Duration, times_received: u32) -> Fate {
    if is_final(failure) || age >= PATIENCE {
        return Fate::Dies;
    }
    let longest = match failure {
        Failure::Job(JobError::Link(LinkError::NotAssigned(_))) => LONGEST_WAIT_FOR_A_WORKER,
        _ => LONGEST_WAIT,
    };
    let doublings = times_received.saturating_sub(1);
    Fate::Waits(FIRST_WAIT.saturating_mul(2_u32.saturating_pow(doublings)).min(longest))
}

/// Whether no later receive can end otherwise. A newer function's message is kept for it: a deployment may be under way.
fn is_final(failure: &Failure) -> bool {
    match failure {
        Failure::Message(MessageError::UnknownVersion { .. } | MessageError::UnknownKind) => false,
        Failure::Message(MessageError::Malformed { .. }) => true,
        Failure::Job(error) => !error.is_retryable(),
    }
}

#[cfg(test)]
mod tests {
    use twilio::{client::ApiError, task_attributes::MergeError, taskrouter::AssignmentStatus};

    use super::*;

    const DAY_S: u64 = 24 * 60 * 60;

    fn link(error: LinkError) -> Failure {
        Failure::Job(JobError::Link(error))
    }

    /// The waits in seconds up to an age.
    fn waits_s(failure: &Failure, until_s: u64) -> Vec<u64> {
        let (mut age_s, mut waits) = (0, Vec::new());
        while let Fate::Waits(wait) = failed(failure, Duration::from_secs(age_s), waits.len() as u32 + 1)
            && age_s < until_s
        {
            waits.push(wait.as_secs());
            age_s += wait.as_secs();
        }
        waits
    }

    #[test]
    fn waits_grow_from_seconds_to_ten_minutes_for_a_day_and_no_longer() {
        let outage = link(LinkError::Twilio(ApiError::Status { status: 503 }));
        let waits = waits_s(&outage, u64::MAX);
        assert_eq!(waits[..11], [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
        let last_try_s: u64 = waits.iter().sum();
        assert!((DAY_S..DAY_S + 600).contains(&last_try_s), "{last_try_s}");
        assert!(waits.len() < 1_000, "the queue allows so many receives");
    }

    #[test]
    fn a_link_that_waits_for_a_worker_is_never_further_than_its_window() {
        let waiting = link(LinkError::NotAssigned(AssignmentStatus::Pending));
        let waits = waits_s(&waiting, u64::MAX);
        assert_eq!(waits[..8], [2, 4, 8, 16, 32, 64, 90, 90]);
        assert!(waits.len() < 1_000, "the queue allows so many receives");
    }

    #[test]
    fn whatever_twilio_and_aws_answer_may_change() {
        for error in [
            LinkError::Twilio(ApiError::Unauthorized),
            LinkError::Twilio(ApiError::NotFound),
            LinkError::Twilio(ApiError::Status { status: 400 }),
            LinkError::Twilio(ApiError::RateLimited { retry_after_s: None }),
            LinkError::Twilio(ApiError::Unexpected("x")),
            LinkError::Contended,
            LinkError::Deadline,
        ] {
            let failure = link(error);
            assert_eq!(waits_s(&failure, 1), [2], "{failure}");
            assert_eq!(failed(&failure, Duration::from_secs(DAY_S), 1), Fate::Dies, "{failure}");
        }
        let newer = Failure::Message(MessageError::UnknownVersion { found: 2 });
        assert_eq!(failed(&newer, Duration::ZERO, 1), Fate::Waits(FIRST_WAIT));
        assert_eq!(failed(&newer, Duration::from_secs(DAY_S), 1), Fate::Dies);
    }

    #[test]
    fn what_no_later_receive_can_mend_dies_at_once() {
        for failure in [
            link(LinkError::NothingToFindBy),
            link(LinkError::Merge(MergeError::NotAnObject)),
            Failure::Job(JobError::OtherRole("CopyRecording")),
            Failure::Message(MessageError::Malformed { line: 1, column: 1 }),
        ] {
            assert_eq!(failed(&failure, Duration::ZERO, 1), Fate::Dies, "{failure}");
        }
    }

    #[test]
    fn no_number_of_receives_is_too_many() {
        let outage = link(LinkError::Deadline);
        assert_eq!(failed(&outage, Duration::ZERO, u32::MAX), Fate::Waits(LONGEST_WAIT));
        assert_eq!(failed(&outage, Duration::ZERO, 0), Fate::Waits(FIRST_WAIT));
    }
}
