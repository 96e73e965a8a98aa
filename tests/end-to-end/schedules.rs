//! The local stack handles schedules as EventBridge Scheduler does.

use aws_sdk_scheduler::types::{ActionAfterCompletion, FlexibleTimeWindow, FlexibleTimeWindowMode, Target};
use local_stack::{Fired, Role, ScheduleError, Stack, values};
use serde_json::json;

use crate::support::{Recording, among_others};

/// Creates a one-time schedule in the far future.
async fn schedule(stack: &Stack, name: &str, target: &str, input: &str) {
    let off = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build();
    let target = Target::builder()
        .arn(target)
        .role_arn(values::SCHEDULE_ROLE_ARN)
        .input(input)
        .build();
    stack
        .scheduler()
        .create_schedule()
        .group_name(values::SCHEDULE_GROUP)
        .name(name)
        .schedule_expression("at(2099-01-01T00:00:00)")
        .flexible_time_window(off.unwrap())
        .target(target.unwrap())
        .action_after_completion(ActionAfterCompletion::Delete)
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_schedule_puts_its_message_into_the_queue_once() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 1_000);
    let (name, queue) = (format!("copy-{}", recording.sid), &stack.resources().copies.arn);
    let message = json!({"version": 1, "kind": "CopyRecording", "recordingSid": recording.sid}).to_string();
    schedule(stack, &name, queue, &message).await;

    let listed = stack.schedules(&name).await.unwrap();
    let [listed] = listed.as_slice() else {
        panic!("there must be one schedule: {listed:?}");
    };
    assert_eq!(
        (&*listed.expression, &listed.target, &listed.input, listed.runs_once),
        ("at(2099-01-01T00:00:00)", queue, &message, true)
    );
    assert_eq!(stack.fire(&name).await.unwrap(), Fired::Queued);
    recording.stored(stack).await;
    assert!(matches!(stack.fire(&name).await, Err(ScheduleError::Missing(missing)) if missing == name));
}

#[tokio::test]
async fn a_schedule_invokes_a_function_with_its_input() {
    let (stack, _turn) = among_others().await;
    schedule(stack, "poison", &Role::Linker.arn(), r#"{"paint":"the fence"}"#).await;
    let Fired::Invoked(answer) = stack.fire("poison").await.unwrap() else {
        panic!("the target must be a function");
    };
    assert!(answer.failed);
    assert_eq!(answer.payload["errorType"], "InvocationError");
}
