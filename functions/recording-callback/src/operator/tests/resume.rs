//! Operations that take more than one invocation.

use super::{
    twilio::{Twilio, recording},
    *,
};

const OPERATION: &str = "backfill-2026-05-01-2026-05-31";

/// Five missing recordings, two to a page.
async fn world() -> World {
    World::start(Twilio::with((1..=5).map(|number| recording(&sid(number))).collect()).await).await
}

fn backfill() -> Value {
    json!({"backfill": {"from": "2026-05-01", "to": "2026-05-31", "pageSize": 2}})
}

/// Fires the one schedule that there is, which has to invoke the function again.
async fn fire_next(world: &World) -> Value {
    let [name] = <[_; 1]>::try_from(world.scheduled().await).unwrap();
    assert!(name.starts_with(OPERATION) && name.len() <= 64, "{name}");
    let (target, event) = world.fire(&name).await;
    assert_eq!(target, FUNCTION);
    event
}

#[tokio::test]
async fn what_time_was_too_short_for_is_done_by_later_invocations() {
    let world = world().await;
    let mut answer = world.invoke_briefly(backfill()).await.unwrap();
    for step in 1..=2 {
        assert_eq!((&answer["status"], &answer["step"]), (&json!("running"), &json!(step)));
        assert_eq!(answer["work"]["backfill"]["counts"]["queued"], 2 * step);
        assert_eq!(world.state(OPERATION).await, answer);
        answer = world.invoke_briefly(fire_next(&world).await).await.unwrap();
    }
    assert_eq!(answer["status"], "done");
    assert_eq!(answer["work"]["backfill"]["counts"]["queued"], 5);
    assert!(world.scheduled().await.is_empty());
    assert_eq!(world.queued().await.len(), 5);
}

#[tokio::test]
async fn the_next_invocation_is_a_minute_away() {
    let world = world().await;
    let before_ms = clock::now_ms();
    world.invoke_briefly(backfill()).await.unwrap();
    let after_ms = clock::now_ms();
    let [name] = <[_; 1]>::try_from(world.scheduled().await).unwrap();
    let get = world.aws.scheduler().get_schedule().group_name(&world.aws.name);
    let schedule = get.name(name).send().await.unwrap();
    let a_minute_after = |ms| crate::schedules::at_expression(ms + 60_000);
    let expected = a_minute_after(before_ms)..=a_minute_after(after_ms);
    assert!(expected.contains(&schedule.schedule_expression().unwrap().to_owned()));
}

#[tokio::test]
async fn an_event_that_comes_twice_is_worked_on_once() {
    let world = world().await;
    world.invoke_briefly(backfill()).await.unwrap();
    let event = fire_next(&world).await;
    world.invoke_briefly(event.clone()).await.unwrap();
    let again = world.invoke_briefly(event).await.unwrap();
    assert_eq!(again, json!({"operation": OPERATION, "status": "superseded"}));
    assert_eq!(world.queued().await.len(), 4);
}

#[tokio::test]
async fn a_new_run_takes_over_from_an_unfinished_one() {
    let world = world().await;
    world.invoke_briefly(backfill()).await.unwrap();
    let event = fire_next(&world).await;
    assert_eq!(world.invoke(backfill()).await.unwrap()["status"], "done");
    assert_eq!(world.invoke(event).await.unwrap()["status"], "superseded");
}

#[tokio::test]
async fn two_that_work_on_the_same_step_do_not_both_go_on() {
    let world = world().await;
    let event = {
        world.invoke_briefly(backfill()).await.unwrap();
        fire_next(&world).await
    };
    let (one, other) = tokio::join!(world.invoke_briefly(event.clone()), world.invoke_briefly(event));
    let superseded = |outcome: &Result<Value, OperatorError>| match outcome {
        Ok(answer) => answer["status"] == "superseded",
        Err(error) => matches!(error, OperatorError::State(StateError::Superseded)),
    };
    assert_eq!(
        u8::from(superseded(&one)) + u8::from(superseded(&other)),
        1,
        "{one:?} {other:?}"
    );
    assert_eq!(world.scheduled().await.len(), 1);
}

#[tokio::test]
async fn an_outage_is_waited_out_and_one_that_does_not_end_is_a_failure() {
    let world = world().await;
    world.twilio.refuse(503);
    let mut answer = world.invoke(backfill()).await.unwrap();
    for failures in 1..=4 {
        assert_eq!(
            (&answer["status"], &answer["failures"]),
            (&json!("running"), &json!(failures))
        );
        let event = fire_next(&world).await;
        match world.invoke(event).await {
            Ok(next) => answer = next,
            Err(error) => {
                assert_eq!(failures, 4);
                assert!(matches!(error, OperatorError::Failed { .. }), "{error}");
            }
        }
    }
    let state = world.state(OPERATION).await;
    assert_eq!((&state["status"], &state["failures"]), (&json!("failed"), &json!(5)));
    assert_eq!(state["error"], "Twilio: Twilio answered 503");
    assert!(world.scheduled().await.is_empty());
}

#[tokio::test]
async fn an_outage_that_ends_leaves_no_trace() {
    let world = world().await;
    world.twilio.refuse(503);
    world.invoke(backfill()).await.unwrap();
    world.twilio.refuse(0);
    let answer = world.invoke(fire_next(&world).await).await.unwrap();
    assert_eq!((&answer["status"], &answer["failures"]), (&json!("done"), &json!(0)));
    assert_eq!(answer.get("error"), None);
    assert_eq!(world.queued().await.len(), 5);
}

#[tokio::test]
async fn what_will_not_pass_fails_at_once() {
    let world = world().await;
    world.twilio.refuse(400);
    let error = world.invoke(backfill()).await.unwrap_err().to_string();
    assert!(error.contains(OPERATION) && error.contains("400"), "{error}");
    assert_eq!(world.state(OPERATION).await["status"], "failed");
    assert!(world.scheduled().await.is_empty());
}

#[tokio::test]
async fn an_operation_that_nobody_began_is_an_error() {
    let world = world().await;
    let event = json!({"continue": {"operation": "backfill-none", "run": 1, "step": 1}});
    let error = world.invoke(event).await.unwrap_err();
    assert!(matches!(error, OperatorError::State(StateError::Unknown)), "{error}");
}
