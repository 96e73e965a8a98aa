//! The metrics that the functions emit, where an alarm depends on their values or times.

use local_stack::{Role, Stack};
use serde_json::{Value, json};
use twilio_double::{Fault, FaultAction, Operation};

use crate::support::{OwnStack, Recording, eventually, now_ms, options};

/// A value of a metric with its CloudWatch timestamp in Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Datum {
    pub(crate) at_ms: u64,
    pub(crate) value: f64,
}

/// The values of a metric that a role's function has emitted, oldest first.
pub(crate) fn recorded(stack: &Stack, role: Role, metric: &str) -> Vec<Datum> {
    let log = stack.log(role).unwrap();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter(|line| line["Function"] == role.name())
        .filter_map(|line| {
            Some(Datum {
                at_ms: line["_aws"]["Timestamp"].as_u64()?,
                value: line[metric].as_f64()?,
            })
        })
        .collect()
}

/// An event with one message that was sent `age_ms` ago.
fn event(body: &Value, age_ms: u64) -> Value {
    json!({"Records": [{
        "eventSource": "aws:sqs",
        "messageId": "00000000-0000-0000-0000-000000000001",
        "receiptHandle": "handle",
        "attributes": {"ApproximateReceiveCount": "4", "SentTimestamp": (now_ms() - age_ms).to_string()},
        "body": body.to_string(),
    }]})
}

/// Invokes a function with the message, and returns the values of the metric that it then emits.
async fn recorded_after(stack: &Stack, role: Role, metric: &str, body: &Value, age_ms: u64) -> Vec<Datum> {
    let before = recorded(stack, role, metric).len();
    let answer = stack.invoke(role, &event(body, age_ms)).await.unwrap();
    assert!(!answer.failed, "{answer:?}");
    recorded(stack, role, metric).split_off(before)
}

#[tokio::test]
async fn a_copy_that_fails_reports_how_long_it_has_waited() {
    let stack = OwnStack::start(options()).await;
    let hour_ms = 3_600_000;
    let missing = json!({"version": 1, "kind": "CopyRecording", "recordingSid": "RE000000000000000000000000000000aa"});
    let ages = recorded_after(&stack, Role::Copier, "CopyAge", &missing, hour_ms).await;
    assert!(
        matches!(*ages, [age] if (3_600.0..7_200.0).contains(&age.value)),
        "{ages:?}"
    );

    let unknown = json!({"version": 9, "kind": "CopyRecording"});
    let ages = recorded_after(&stack, Role::Copier, "CopyAge", &unknown, hour_ms).await;
    assert!(matches!(*ages, [age] if age.value >= 3_600.0), "{ages:?}");

    // A deletion is not a copy, and a successful copy emits no age.
    let deletion =
        json!({"version": 1, "kind": "DeleteOriginal", "recordingSid": "RE000000000000000000000000000000aa"});
    assert_eq!(
        recorded_after(&stack, Role::Copier, "CopyAge", &deletion, hour_ms).await,
        []
    );
    let recording = Recording::new(&stack, 1_000);
    let copy = json!({"version": 1, "kind": "CopyRecording", "recordingSid": recording.sid});
    assert_eq!(
        recorded_after(&stack, Role::Copier, "CopyAge", &copy, hour_ms).await,
        []
    );
    recording.stored(&stack).await;
}

#[tokio::test]
async fn a_link_that_fails_reports_how_long_it_was_possible() {
    let stack = OwnStack::start(options()).await;
    let link = |recording: &Recording, age_ms: u64| {
        json!({
            "version": 1, "kind": "LinkTask", "recordingSid": recording.sid, "taskSid": recording.task,
            "receivedAtMs": now_ms() - age_ms,
        })
    };
    for (role, age_ms) in [(Role::Linker, 300_000), (Role::LateLinker, 3_600_000)] {
        let recording = Recording::new(&stack, 1_000);
        let body = link(&recording, age_ms);
        let down = FaultAction::Answer {
            status: 500,
            body: None,
            retry_after: None,
        };
        // One attempt at the job sends up to this many requests.
        let fault = |operation| Fault::once(operation, down.clone()).times(20).about(&recording.task);
        stack.twilio().fault(fault(Operation::TaskFetch));
        let ages = recorded_after(&stack, role, "LinkAge", &body, 0).await;
        let age_s = age_ms as f64 / 1_000.0;
        assert!(
            matches!(*ages, [age] if (age_s..2.0 * age_s).contains(&age.value)),
            "{ages:?}"
        );

        // The task has just been created, so that it can be linked only from now on.
        stack.twilio().clear_faults();
        stack.twilio().fault(fault(Operation::TaskUpdate));
        let ages = recorded_after(&stack, role, "LinkAge", &body, 0).await;
        assert!(matches!(*ages, [age] if age.value < age_s), "{ages:?}");

        stack.twilio().clear_faults();
        assert_eq!(recorded_after(&stack, role, "LinkAge", &body, 0).await, []);
        recording.linked(&stack).await;
    }
}

#[tokio::test]
async fn only_the_schedules_own_reconciliation_counts_as_one() {
    let stack = OwnStack::start(options()).await;
    for (event, runs) in [
        (json!({"reconcile": {}}), 0),
        (json!({"reconcile": {"scheduled": true}}), 1),
    ] {
        let before = recorded(&stack, Role::Operator, "ScheduledReconciliation").len();
        let answer = stack.invoke(Role::Operator, &event).await.unwrap();
        assert!(!answer.failed, "{answer:?}");
        assert_eq!(
            recorded(&stack, Role::Operator, "ScheduledReconciliation").len() - before,
            runs
        );
    }
}

#[tokio::test]
async fn hours_in_which_nothing_arrives_are_reported() {
    let stack = OwnStack::start(options()).await;
    let look = async || {
        let answer = stack
            .invoke(Role::Operator, &json!({"arrivals": {"withinHours": 2}}))
            .await;
        let answer = answer.unwrap();
        assert!(!answer.failed, "{answer:?}");
        let found = answer.payload["arrivals"].clone();
        (found["atTwilio"].clone(), found["arrived"].clone())
    };
    assert_eq!(look().await, (json!(0), json!(false)));
    // No callback has arrived.
    let recording = Recording::new(&stack, 1_000);
    assert_eq!(look().await, (json!(1), json!(false)));
    recording.bring_in(&stack).await;
    assert_eq!(look().await, (json!(1), json!(true)));

    let values = eventually("the metric of each check", || async {
        let values = recorded(&stack, Role::Operator, "NothingArrived");
        (values.len() == 3).then_some(values)
    })
    .await;
    let values: Vec<_> = values.iter().map(|datum| datum.value).collect();
    assert_eq!(values, [1.0, 1.0, 0.0]);
}
