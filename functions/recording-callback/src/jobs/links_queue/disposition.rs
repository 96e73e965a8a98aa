//! Decides what happens to the message of a link that is not done.

use std::time::Duration;

use crate::{
    job::MessageError,
    jobs::{
        error::{Failure, JobError},
        link_task::LinkError,
        retry::MAX_LINK_AGE,
    },
};

/// The next step for a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Disposition {
    /// SQS delivers it again after this time.
    Waits(Duration),
    /// It moves to the dead-letter queue.
    Abandoned,
}

/// The first wait. Each later one is twice as long, so that an overloaded service gets time to recover.
const FIRST_WAIT: Duration = Duration::from_secs(2);

const LONGEST_WAIT: Duration = Duration::from_secs(10 * 60);

/// However short the conversation is, the link must be tried again before Insights closes its window, two minutes after
/// the task completed. This wait and some retries fit. A day of such waits is 960 receives, and the queue allows 1000.
const LONGEST_WAIT_FOR_A_WORKER: Duration = Duration::from_secs(90);

/// SQS hides a message for at most twelve hours after its receipt.
const LONGEST_WAIT_FOR_A_TASK: Duration = Duration::from_secs(11 * 60 * 60);

/// From this receive on, SQS leaves a message out of its queue's `ApproximateAgeOfOldestMessage` (SQS developer guide,
/// "Available CloudWatch metrics for Amazon SQS"). An alarm on that metric reports links that no function tries.
const TIMES_UNTRIED: u32 = 3;

/// The disposition of a message that failed `times_received` times in its queue, `age` after its callback.
pub(super) fn failed(failure: &Failure, age: Duration, times_received: u32) -> Disposition {
    if is_final(failure) || age >= MAX_LINK_AGE {
        return Disposition::Abandoned;
    }
    let doublings = times_received.saturating_sub(1);
    let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(doublings));
    Disposition::Waits(match failure {
        Failure::Job(JobError::Link(LinkError::NoTaskYet)) if times_received >= TIMES_UNTRIED => wait_for_a_task(age),
        Failure::Job(JobError::Link(LinkError::NotAssigned(_))) => wait.min(LONGEST_WAIT_FOR_A_WORKER),
        _ => wait.min(LONGEST_WAIT),
    })
}

/// An account may search three times a second, and most recordings without a task will never have one. So each wait is
/// twice the time that has passed, which makes about a dozen searches in a day.
fn wait_for_a_task(age: Duration) -> Duration {
    let longest = LONGEST_WAIT_FOR_A_TASK.min(MAX_LINK_AGE.saturating_sub(age));
    age.saturating_mul(2).min(longest).max(FIRST_WAIT)
}

/// Whether no later receive can end otherwise. A newer function's message is kept for it, because a deployment may be
/// under way.
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

    /// The waits, in seconds, of a message up to an age.
    fn waits_s(failure: &Failure, until_s: u64) -> Vec<u64> {
        let (mut age_s, mut waits) = (0, Vec::new());
        while let Disposition::Waits(wait) = failed(failure, Duration::from_secs(age_s), waits.len() as u32 + 1)
            && age_s < until_s
        {
            waits.push(wait.as_secs());
            age_s += wait.as_secs();
        }
        waits
    }

    #[test]
    fn waits_grow_from_seconds_to_ten_minutes_for_a_day_and_no_longer() {
        let outage = link(LinkError::Twilio(ApiError::Status { status: 503 }.into()));
        let waits = waits_s(&outage, u64::MAX);
        assert_eq!(waits[..11], [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
        let last_try_s: u64 = waits.iter().sum();
        assert!((DAY_S..DAY_S + 600).contains(&last_try_s), "{last_try_s}");
        assert!(waits.len() < 1_000, "the queue allows 1000 receives");
    }

    #[test]
    fn a_link_that_waits_for_a_worker_is_never_further_than_its_window() {
        let waiting = link(LinkError::NotAssigned(AssignmentStatus::Pending));
        let waits = waits_s(&waiting, u64::MAX);
        assert_eq!(waits[..8], [2, 4, 8, 16, 32, 64, 90, 90]);
        assert!(waits.len() < 1_000, "the queue allows 1000 receives");
    }

    #[test]
    fn a_task_that_no_search_finds_is_searched_a_dozen_times_in_a_day() {
        let missing = link(LinkError::NoTaskYet);
        let waits = waits_s(&missing, DAY_S);
        assert_eq!(
            waits,
            [2, 4, 12, 36, 108, 324, 972, 2_916, 8_748, 26_244, 39_600, 7_434]
        );
        assert_eq!(
            waits.iter().sum::<u64>(),
            DAY_S,
            "the last search is made at the end of the day"
        );
        let twelve_hours = Duration::from_secs(12 * 60 * 60);
        for age_s in 0..DAY_S {
            let disposition = failed(&missing, Duration::from_secs(age_s), 3);
            assert!(
                matches!(disposition, Disposition::Waits(wait) if wait >= FIRST_WAIT && wait < twelve_hours),
                "{age_s}"
            );
        }
    }

    /// The queue of late links counts receives anew.
    #[test]
    fn a_link_that_waits_for_its_task_is_soon_out_of_sqs_age_of_the_oldest() {
        let missing = link(LinkError::NoTaskYet);
        let late = Duration::from_secs(1_458);
        for (times_received, wait_s) in [(1, 2), (2, 4), (3, 2_916)] {
            let wait = Disposition::Waits(Duration::from_secs(wait_s));
            assert_eq!(failed(&missing, late, times_received), wait);
        }
    }

    #[test]
    fn every_answer_of_twilio_and_aws_may_change() {
        for error in [
            LinkError::Twilio(ApiError::Unauthorized.into()),
            LinkError::Twilio(ApiError::NotFound.into()),
            LinkError::Twilio(ApiError::Status { status: 400 }.into()),
            LinkError::Twilio(ApiError::RateLimited { retry_after_s: None }.into()),
            LinkError::Twilio(ApiError::Unexpected("x").into()),
            LinkError::Contended,
            LinkError::Deadline,
        ] {
            let failure = link(error);
            assert_eq!(waits_s(&failure, 1), [2], "{failure}");
            assert_eq!(
                failed(&failure, Duration::from_secs(DAY_S), 1),
                Disposition::Abandoned,
                "{failure}"
            );
        }
        let newer = Failure::Message(MessageError::UnknownVersion { found: 2 });
        assert_eq!(failed(&newer, Duration::ZERO, 1), Disposition::Waits(FIRST_WAIT));
        assert_eq!(failed(&newer, Duration::from_secs(DAY_S), 1), Disposition::Abandoned);
    }

    #[test]
    fn a_message_that_no_later_receive_can_fix_is_given_up_at_once() {
        for failure in [
            link(LinkError::NothingToFindBy),
            link(LinkError::Merge(MergeError::NotAnObject)),
            Failure::Job(JobError::OtherRole("CopyRecording")),
            Failure::Message(MessageError::Malformed { line: 1, column: 1 }),
        ] {
            assert_eq!(failed(&failure, Duration::ZERO, 1), Disposition::Abandoned, "{failure}");
        }
    }

    #[test]
    fn no_number_of_receives_is_too_many() {
        let outage = link(LinkError::Deadline);
        assert_eq!(
            failed(&outage, Duration::ZERO, u32::MAX),
            Disposition::Waits(LONGEST_WAIT)
        );
        assert_eq!(failed(&outage, Duration::ZERO, 0), Disposition::Waits(FIRST_WAIT));
    }
}
