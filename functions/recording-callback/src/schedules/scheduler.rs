//! EventBridge Scheduler, as this function uses it: one-time schedules.

use aws_config::SdkConfig;
use aws_sdk_scheduler::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::{create_schedule::CreateScheduleError, delete_schedule::DeleteScheduleError},
    types::{ActionAfterCompletion, DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, Target},
};
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::config::ScheduleConfig;

/// A day in seconds, and 185 retries. These are the service's maximums (API reference, "RetryPolicy").
const LONGEST_RETRIES: (i32, i32) = (24 * 60 * 60, 185);

/// A group of one-time schedules.
pub(crate) struct Schedules {
    client: Client,
    group: String,
    role_arn: String,
}

/// The delivery that a schedule makes at its time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery<'a> {
    /// The ARN of a queue or a function.
    pub(crate) target: &'a str,
    pub(crate) input: &'a str,
    /// The ARN of the queue that gets `input` if the target cannot be reached for a day.
    pub(crate) dead_letters: Option<&'a str>,
}

/// The schedule was not created or deleted. The text has the service's error code only, because its message repeats the
/// request.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("EventBridge Scheduler: {operation}: {code}")]
pub(crate) struct ScheduleError {
    operation: &'static str,
    code: String,
}

impl Schedules {
    pub(crate) fn new(aws: &SdkConfig, config: ScheduleConfig) -> Self {
        Self {
            client: Client::new(aws),
            group: config.group,
            role_arn: config.role_arn,
        }
    }

    /// Schedules the delivery for the minute after `at_ms` (Unix milliseconds). The schedule is deleted after it ran. An
    /// existing schedule of that name is not changed.
    pub(crate) async fn once(&self, name: &str, at_ms: i64, delivery: &Delivery<'_>) -> Result<(), ScheduleError> {
        let exactly = FlexibleTimeWindow::builder()
            .mode(FlexibleTimeWindowMode::Off)
            .build()
            .expect("the mode is set");
        let (max_age_s, max_attempts) = LONGEST_RETRIES;
        let retries = RetryPolicy::builder()
            .maximum_event_age_in_seconds(max_age_s)
            .maximum_retry_attempts(max_attempts)
            .build();
        let target = Target::builder()
            .arn(delivery.target)
            .role_arn(&self.role_arn)
            .input(delivery.input)
            .retry_policy(retries)
            .set_dead_letter_config(
                delivery
                    .dead_letters
                    .map(|arn| DeadLetterConfig::builder().arn(arn).build()),
            )
            .build()
            .expect("the ARN and the role are set");
        let created = self
            .client
            .create_schedule()
            .group_name(&self.group)
            .name(name)
            .schedule_expression(at_expression(at_ms))
            .schedule_expression_timezone("UTC")
            .flexible_time_window(exactly)
            .target(target)
            .action_after_completion(ActionAfterCompletion::Delete)
            .send()
            .await;
        match created {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(CreateScheduleError::is_conflict_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(ScheduleError::new("CreateSchedule", &error)),
        }
    }

    /// Deletes the schedule. Returns `false` if there was none.
    pub(crate) async fn cancel(&self, name: &str) -> Result<bool, ScheduleError> {
        let deleted = self
            .client
            .delete_schedule()
            .group_name(&self.group)
            .name(name)
            .send()
            .await;
        match deleted {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DeleteScheduleError::is_resource_not_found_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(ScheduleError::new("DeleteSchedule", &error)),
        }
    }
}

impl ScheduleError {
    fn new<E: ProvideErrorMetadata, R>(operation: &'static str, error: &SdkError<E, R>) -> Self {
        Self {
            operation,
            code: error.code().unwrap_or("no answer").to_owned(),
        }
    }
}

/// `at(yyyy-mm-ddThh:mm:ss)`. It has whole seconds and is rounded up, so that nothing happens before its time.
pub(crate) fn at_expression(at_ms: i64) -> String {
    let at_s = at_ms.saturating_add(999).div_euclid(1_000);
    // There is no such expression after the year 9999. Its last second is used instead.
    let at = OffsetDateTime::from_unix_timestamp(at_s).unwrap_or(PrimitiveDateTime::MAX.assume_utc());
    let (hour, minute, second) = at.time().as_hms();
    format!("at({}T{hour:02}:{minute:02}:{second:02})", at.date())
}

#[cfg(test)]
mod tests {
    use aws_sdk_scheduler::operation::get_schedule::GetScheduleOutput;

    use super::*;
    use crate::testing::emulated::{Emulated, ROLE_ARN};

    const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:copies";
    const DEAD_LETTERS: &str = "arn:aws:sqs:us-east-1:000000000000:copies-dead-letters";

    fn schedules(aws: &Emulated) -> Schedules {
        Schedules::new(&aws.config, aws.schedules())
    }

    /// A delivery to the queue, with a dead-letter queue.
    fn delivery(input: &str) -> Delivery<'_> {
        Delivery {
            target: QUEUE,
            input,
            dead_letters: Some(DEAD_LETTERS),
        }
    }

    async fn stored(aws: &Emulated, name: &str) -> Option<GetScheduleOutput> {
        let get = aws.scheduler().get_schedule().group_name(&aws.name).name(name);
        get.send().await.ok()
    }

    #[tokio::test]
    async fn a_schedule_runs_once_at_its_time_and_is_gone_then() {
        let aws = Emulated::start().await;
        schedules(&aws)
            .once("one", 1_763_900_000_000, &delivery(r#"{"a":1}"#))
            .await
            .unwrap();
        let schedule = stored(&aws, "one").await.unwrap();
        assert_eq!(schedule.schedule_expression(), Some("at(2025-11-23T12:13:20)"));
        assert_eq!(schedule.schedule_expression_timezone(), Some("UTC"));
        assert_eq!(schedule.action_after_completion(), Some(&ActionAfterCompletion::Delete));
        let window = schedule.flexible_time_window().unwrap();
        assert_eq!(window.mode(), &FlexibleTimeWindowMode::Off);
        let target = schedule.target().unwrap();
        assert_eq!((target.arn(), target.role_arn()), (QUEUE, ROLE_ARN));
        assert_eq!(target.input(), Some(r#"{"a":1}"#));
        assert_eq!(target.dead_letter_config().unwrap().arn(), Some(DEAD_LETTERS));
    }

    #[tokio::test]
    async fn a_schedule_that_is_there_already_keeps_its_time() {
        let aws = Emulated::start().await;
        for at_ms in [1_000, 2_000] {
            schedules(&aws).once("one", at_ms, &delivery("{}")).await.unwrap();
        }
        let schedule = stored(&aws, "one").await.unwrap();
        assert_eq!(schedule.schedule_expression(), Some("at(1970-01-01T00:00:01)"));
    }

    #[tokio::test]
    async fn a_refusal_is_reported_by_its_code_alone() {
        let aws = Emulated::start().await;
        let schedules = Schedules {
            group: "canary".to_owned(),
            ..schedules(&aws)
        };
        let error = schedules.once("one", 0, &delivery("canary")).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "EventBridge Scheduler: CreateSchedule: ResourceNotFoundException"
        );
    }

    #[test]
    fn times_are_rounded_up_to_the_second() {
        for (at_ms, expression) in [
            (0, "at(1970-01-01T00:00:00)"),
            (1, "at(1970-01-01T00:00:01)"),
            (1_000, "at(1970-01-01T00:00:01)"),
            (1_763_900_000_001, "at(2025-11-23T12:13:21)"),
            (i64::MAX, "at(9999-12-31T23:59:59)"),
        ] {
            assert_eq!(at_expression(at_ms), expression);
        }
    }
}
