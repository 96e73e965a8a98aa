//! The schedules that the functions create.
//!
//! The emulator fires them itself, up to ten seconds after they are due. If a schedule's target is the operator, the
//! emulator invokes a function of its own with the operator's name, which passes the event on to the stack's operator.

use aws_config::SdkConfig;
use aws_sdk_scheduler::{operation::get_schedule::GetScheduleError, types::ActionAfterCompletion};
use loopback::Error;
use serde_json::{Value, json};

use crate::{Role, Stack, invoking::Invoked, lambda_api::invocations_path, resources::Queue, values};

/// A schedule in the functions' group.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// When it runs: `at(yyyy-mm-ddThh:mm:ss)`, in UTC unless it sets another time zone.
    pub expression: String,
    /// ARN of the queue or function.
    pub target: String,
    /// The message's body, or the event.
    pub input: String,
    /// Whether it is deleted after it has run.
    pub runs_once: bool,
}

/// The result of firing a schedule.
#[derive(Clone, Debug, PartialEq)]
pub enum Fired {
    /// Its input is a message in the target queue.
    Queued,
    /// The target function was invoked with its input and has answered.
    Invoked(Invoked),
}

/// Why a schedule cannot be read or fired.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// There is no such schedule, or it has already run.
    #[error("there is no schedule {0}")]
    Missing(String),
    /// Its target does not belong to the stack.
    #[error("the stack has no {0}")]
    UnknownTarget(String),
    /// The emulator refused the request.
    #[error("the scheduler: {0}")]
    Service(#[source] Error),
    /// The function was not invoked, or its event is not JSON.
    #[error("the target: {0}")]
    Target(#[source] Error),
}

impl Stack {
    /// The schedules in the functions' group whose names have this prefix. The emulator lists a hundred at most.
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
                // It has run in the meantime.
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
        let request = self.scheduler().get_schedule().group_name(values::SCHEDULE_GROUP);
        let schedule = request.name(name).send().await.map_err(|error| {
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

    /// Fires a one-time schedule now, and deletes it.
    ///
    /// # Errors
    /// [`ScheduleError`]. The schedule still exists after every error except [`ScheduleError::Target`].
    pub async fn fire(&self, name: &str) -> Result<Fired, ScheduleError> {
        let schedule = self.schedule(name).await?;
        let target = self
            .target(&schedule.target)
            .ok_or(ScheduleError::UnknownTarget(schedule.target))?;
        // Deleted first, so that the emulator cannot fire it a second time.
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

/// Creates the group, and a function for the operator in the emulator, which passes its events to `lambda_endpoint`.
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
            // An option of ministack: it runs such a function elsewhere.
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
