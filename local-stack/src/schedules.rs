//! The schedules that the functions make.
//!
//! The emulator fires them itself, up to ten seconds after they're due, whether a queue is the target or a function: its
//! own functions of the operator's name pass invocations on to the stack's.

use aws_config::SdkConfig;
use aws_sdk_scheduler::{operation::get_schedule::GetScheduleError, types::ActionAfterCompletion};
use serde_json::{Value, json};

use crate::{Role, Stack, invoking::Invoked, lambda_api::invocations_path, proxy::Error, resources::Queue, values};

/// A schedule in the functions' group.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// When: `at(yyyy-mm-ddThh:mm:ss)`, in UTC where nothing else is set.
    pub expression: String,
    /// ARN of the queue or function.
    pub target: String,
    /// The message's body, or the event.
    pub input: String,
    /// Whether it's deleted once it has run.
    pub runs_once: bool,
}

/// What became of a schedule that was fired.
#[derive(Clone, Debug, PartialEq)]
pub enum Fired {
    /// Its input is a message in the target queue.
    Queued,
    /// The target function has been invoked with its input, and has answered.
    Invoked(Invoked),
}

/// Why a schedule can't be looked at or fired.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// There's no such schedule, or it has run already.
    #[error("there is no schedule {0}")]
    Missing(String),
    /// Its target isn't one of the stack's.
    #[error("the stack has no {0}")]
    UnknownTarget(String),
    /// The emulator refused.
    #[error("the scheduler: {0}")]
    Service(#[source] Error),
    /// The function wasn't invoked, or its event is no JSON.
    #[error("the target: {0}")]
    Target(#[source] Error),
}

impl Stack {
    /// The schedules in the functions' group whose names begin so. The emulator lists a hundred at most.
    ///
    /// # Errors
    /// [`ScheduleError::Service`].
    pub async fn schedules(&self, prefix: &str) -> Result<Vec<Schedule>, ScheduleError> {
        let listed = self.scheduler().list_schedules().group_name(values::SCHEDULE_GROUP);
        let listed = listed.name_prefix(prefix).send().await.map_err(service)?;
        let mut schedules = Vec::new();
        for name in listed.schedules().iter().filter_map(|schedule| schedule.name()) {
            match self.schedule(name).await {
                Ok(schedule) => schedules.push(schedule),
                // It has run meanwhile.
                Err(ScheduleError::Missing(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(schedules)
    }

    /// A schedule of the functions' group.
    ///
    /// # Errors
    /// [`ScheduleError::Missing`] and [`ScheduleError::Service`].
    pub async fn schedule(&self, name: &str) -> Result<Schedule, ScheduleError> {
        let asked = self.scheduler().get_schedule().group_name(values::SCHEDULE_GROUP);
        let schedule = asked.name(name).send().await.map_err(|error| {
            if error
                .as_service_error()
                .is_some_and(GetScheduleError::is_resource_not_found_exception)
            {
                ScheduleError::Missing(name.to_owned())
            } else {
                service(error)
            }
        })?;
        Ok(Schedule {
            name: name.to_owned(),
            expression: schedule.schedule_expression().unwrap_or_default().to_owned(),
            target: schedule
                .target()
                .map(|target| target.arn().to_owned())
                .unwrap_or_default(),
            input: schedule
                .target()
                .and_then(|target| target.input())
                .unwrap_or_default()
                .to_owned(),
            runs_once: schedule.action_after_completion() == Some(&ActionAfterCompletion::Delete),
        })
    }

    /// Does now what a one-time schedule is to do later, and deletes it.
    ///
    /// # Errors
    /// [`ScheduleError`]; the schedule is still there after all but [`ScheduleError::Target`].
    pub async fn fire(&self, name: &str) -> Result<Fired, ScheduleError> {
        let schedule = self.schedule(name).await?;
        let target = self
            .target(&schedule.target)
            .ok_or(ScheduleError::UnknownTarget(schedule.target))?;
        // First, so that the emulator can't fire it a second time.
        let deletion = self.scheduler().delete_schedule().group_name(values::SCHEDULE_GROUP);
        deletion.name(name).send().await.map_err(service)?;
        let fired = match target {
            Target::Queue(queue) => self.queue(queue, schedule.input).await,
            Target::Function(role) => self.invoke_with_text(role, &schedule.input).await,
        };
        fired.map_err(ScheduleError::Target)
    }

    fn target(&self, arn: &str) -> Option<Target<'_>> {
        let queues = [&self.resources().links, &self.resources().copies];
        let queue = queues.into_iter().find(|queue| queue.arn == arn);
        let function = || Role::ALL.into_iter().find(|role| role.arn() == arn);
        queue.map(Target::Queue).or_else(|| function().map(Target::Function))
    }

    async fn queue(&self, queue: &Queue, body: String) -> Result<Fired, Error> {
        let message = self.sqs().send_message().queue_url(&queue.url).message_body(body);
        message.send().await?;
        Ok(Fired::Queued)
    }

    async fn invoke_with_text(&self, role: Role, event: &str) -> Result<Fired, Error> {
        let event: Value = serde_json::from_str(event)?;
        Ok(Fired::Invoked(self.invoke(role, &event).await?))
    }
}

enum Target<'a> {
    Queue(&'a Queue),
    Function(Role),
}

fn service(error: impl Into<Error>) -> ScheduleError {
    ScheduleError::Service(error.into())
}

/// Makes the group, and a function in the emulator for the operator: what it's invoked with goes to `lambda_endpoint`.
pub(crate) async fn furnish(config: &SdkConfig, aws_endpoint: &str, lambda_endpoint: &str) -> Result<(), Error> {
    let scheduler = aws_sdk_scheduler::Client::new(config);
    scheduler
        .create_schedule_group()
        .name(values::SCHEDULE_GROUP)
        .send()
        .await?;
    let role = Role::Operator;
    let (timeout, _) = role.limits();
    let function = json!({
        "FunctionName": role.name(),
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "Role": format!("arn:aws:iam::{}:role/operator", values::AWS_ACCOUNT_ID),
        "Code": {"ZipFile": ""},
        "Timeout": timeout.as_secs(),
        "Environment": {"Variables": {
            // ministack's own: it has such a function run elsewhere.
            "MINISTACK_LAMBDA_PROXY_URL": format!("{lambda_endpoint}{}", invocations_path(role)),
        }},
    });
    reqwest::Client::new()
        .post(format!("{aws_endpoint}/2015-03-31/functions"))
        .json(&function)
        .send()
        .await?
        .error_for_status()?;
    Ok(())
}
