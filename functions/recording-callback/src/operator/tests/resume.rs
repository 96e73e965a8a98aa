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

fn restarted(mut event: Value) -> Value {
    let (_, request) = event.as_object_mut().unwrap().iter_mut().next().unwrap();
    request["restart"] = json!(true);
    event
}

/// A backfill whose first page is done and whose second page Twilio refuses for good, so that the run has failed. Returns
/// the event that failed.
async fn failed(world: &World) -> Value {
    world.invoke_briefly(backfill()).await.unwrap();
    let event = fire_next(world).await;
    world.twilio.refuse(400);
    world.invoke(event.clone()).await.unwrap_err();
    assert_eq!(world.state(OPERATION).await["status"], "failed");
    world.twilio.refuse(0);
    event
}

/// Fires the only schedule, which must invoke the function again.
async fn fire_next(world: &World) -> Value {
    let [name] = <[_; 1]>::try_from(world.scheduled().await).unwrap();
    assert!(name.starts_with(OPERATION) && name.len() <= 64, "{name}");
    let (target, event) = world.fire(&name).await;
    assert_eq!(target, FUNCTION);
    event
}

#[tokio::test]
async fn work_that_exceeds_one_invocation_is_done_by_later_ones() {
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
async fn an_event_that_comes_twice_is_processed_once() {
    let world = world().await;
    world.invoke_briefly(backfill()).await.unwrap();
    let event = fire_next(&world).await;
    world.invoke_briefly(event.clone()).await.unwrap();
    let again = world.invoke_briefly(event).await.unwrap();
    assert_eq!(again, json!({"operation": OPERATION, "status": "superseded"}));
    assert_eq!(world.queued().await.len(), 4);
}

#[tokio::test]
async fn the_same_event_goes_on_with_an_unfinished_run() {
    let world = world().await;
    world.invoke_briefly(backfill()).await.unwrap();
    let event = fire_next(&world).await;
    let answer = world.invoke(backfill()).await.unwrap();
    assert_eq!(answer["status"], "done");
    assert_eq!(answer["work"]["backfill"]["counts"]["found"], 5);
    assert_eq!(world.queued().await.len(), 5);
    assert_eq!(world.invoke(event).await.unwrap()["status"], "superseded");
}

#[tokio::test]
async fn a_failed_run_goes_on_where_it_ended_by_the_event_that_failed_and_by_the_first_one() {
    for by_the_first in [true, false] {
        let world = world().await;
        let failed = failed(&world).await;
        let event = if by_the_first { backfill() } else { failed };
        let answer = world.invoke(event).await.unwrap();
        assert_eq!((&answer["status"], &answer["failures"]), (&json!("done"), &json!(0)));
        assert_eq!(answer["work"]["backfill"]["counts"]["found"], 5);
        // A page that was done before is not queued again.
        assert_eq!(world.queued().await.len(), 5, "by the first: {by_the_first}");
    }
}

#[tokio::test]
async fn a_run_starts_again_if_it_is_done_or_a_restart_is_requested() {
    let world = world().await;
    failed(&world).await;
    let answer = world.invoke(restarted(backfill())).await.unwrap();
    assert_eq!(answer["work"]["backfill"]["counts"]["found"], 5);
    assert_eq!(world.queued().await.len(), 2 + 5);
    let again = world.invoke(backfill()).await.unwrap();
    assert_eq!(again["work"]["backfill"]["counts"]["found"], 5);
    assert!(again["run"].as_i64() > answer["run"].as_i64());
}

#[tokio::test]
async fn the_same_list_of_recordings_goes_on_and_another_is_another_operation() {
    let world = World::start(Twilio::with(Vec::new()).await).await;
    let verify =
        |numbers: &[u32]| json!({"verify": {"recordings": numbers.iter().copied().map(sid).collect::<Vec<_>>()}});
    let numbers: Vec<_> = (1..=20).collect();
    let first = world.invoke_briefly(verify(&numbers)).await.unwrap();
    assert_eq!(
        (&first["status"], &first["work"]["verify"]["counts"]["bad"]),
        (&json!("running"), &json!(8))
    );
    let name = first["operation"].as_str().unwrap();
    let schedules = world.scheduled().await;
    assert!(
        schedules[0].starts_with(name) && schedules[0].len() <= 64,
        "{schedules:?}"
    );
    let other = world.invoke(verify(&numbers[1..])).await.unwrap();
    assert_ne!(other["operation"], first["operation"]);
    let second = world.invoke(verify(&numbers)).await.unwrap();
    assert_eq!(second["run"], first["run"]);
    assert_eq!(second["work"]["verify"]["counts"]["bad"], 20);
}

/// The cursor of an invocation that was killed after it had taken the second page.
async fn killed(world: &World, its_time_is_over: bool) -> Value {
    world.invoke_briefly(backfill()).await.unwrap();
    let event = fire_next(world).await;
    let mut state = world.state(OPERATION).await;
    state["step"] = json!(2);
    let until_ms = clock::now_ms() + if its_time_is_over { -1 } else { 60_000 };
    state["held"] = json!({"by": "killed", "untilMs": until_ms});
    world.set_state(OPERATION, &state).await;
    event
}

#[tokio::test]
async fn a_killed_invocation_s_event_goes_on_once_its_time_is_over_and_the_first_event_at_once() {
    let world_ = world().await;
    let event = killed(&world_, true).await;
    assert_eq!(world_.invoke(event).await.unwrap()["status"], "done");
    assert_eq!(world_.queued().await.len(), 5);

    let world_ = world().await;
    let event = killed(&world_, false).await;
    let left_alone = json!({"operation": OPERATION, "status": "inHand"});
    assert_eq!(world_.invoke(event).await.unwrap(), left_alone);
    assert_eq!(world_.invoke(backfill()).await.unwrap()["status"], "done");
    assert_eq!(world_.queued().await.len(), 5);
}

#[tokio::test]
async fn the_same_event_twice_at_once_raises_no_alarm_and_is_done_by_one() {
    let world = world().await;
    let (one, other) = tokio::join!(world.invoke(backfill()), world.invoke(backfill()));
    let answers = [one.unwrap(), other.unwrap()];
    assert!(answers.iter().any(|answer| answer["status"] == "done"), "{answers:?}");
    assert_eq!(world.state(OPERATION).await["status"], "done");
}

#[tokio::test]
async fn a_state_that_nobody_can_read_is_begun_anew_and_not_continued() {
    let world = world().await;
    world.set_state(OPERATION, &json!({"status": "running"})).await;
    let event = json!({"continue": {"operation": OPERATION, "run": 1, "step": 1}});
    let error = world.invoke(event).await.unwrap_err();
    assert!(
        matches!(error, OperatorError::RunStore(RunStoreError::Malformed)),
        "{error}"
    );
    assert_eq!(world.invoke(backfill()).await.unwrap()["status"], "done");
}

#[tokio::test]
async fn an_operator_that_was_invoked_by_an_alias_goes_on_under_it() {
    let world = world().await;
    let alias = format!("{FUNCTION}:live");
    world.invoke_as(&alias, FINISHING + PIECE, backfill()).await.unwrap();
    let [name] = <[_; 1]>::try_from(world.scheduled().await).unwrap();
    assert_eq!(world.fire(&name).await.0, alias);
}

#[tokio::test]
async fn two_that_work_on_the_same_step_do_not_both_go_on() {
    let world = world().await;
    let event = {
        world.invoke_briefly(backfill()).await.unwrap();
        fire_next(&world).await
    };
    let (one, other) = tokio::join!(world.invoke_briefly(event.clone()), world.invoke_briefly(event));
    let statuses = [one, other].map(|outcome| outcome.unwrap()["status"].clone());
    let working = statuses.iter().filter(|status| *status == "running");
    assert_eq!(working.count(), 1, "{statuses:?}");
    assert_eq!(world.scheduled().await.len(), 1);
    assert_eq!(world.queued().await.len(), 4);
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
async fn a_permanent_failure_ends_the_run_at_once() {
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
    assert!(
        matches!(error, OperatorError::RunStore(RunStoreError::Unknown)),
        "{error}"
    );
}
