//! Faults of TaskRouter, and the possible contents of a task.

use local_stack::Role;
use serde_json::Value;
use twilio_double::{AssignmentStatus, FaultAction, Operation};

use super::{Kind, Trial};
use crate::support::eventually;

const fn answer(status: u16) -> FaultAction {
    FaultAction::Answer {
        status,
        body: None,
        retry_after: None,
    }
}

/// A 404 from another server that answers in Twilio's place.
fn foreign_404() -> FaultAction {
    FaultAction::Answer {
        status: 404,
        body: Some("<html>Not Found</html>".to_owned()),
        retry_after: None,
    }
}

/// A success whose body says nothing about the task.
fn success_with(body: &str) -> FaultAction {
    FaultAction::Answer {
        status: 200,
        body: Some(body.to_owned()),
        retry_after: None,
    }
}

const ANOTHER_TASK: &str =
    r#"{"sid":"WT99999999999999999999999999999999","assignment_status":"assigned","attributes":"{}"}"#;

const fn busy_for_a_second() -> FaultAction {
    FaultAction::Answer {
        status: 429,
        body: None,
        retry_after: Some(1),
    }
}

/// The task is linked although `times` requests for it fail. The link's message is delivered `delivered` times, each
/// time within seconds.
macro_rules! requests {
    ($($name:ident: $operation:ident, $times:expr, $action:expr, delivered $deliveries:expr;)+) => {$(
        #[tokio::test]
        async fn $name() {
            let trial = Trial::small().await;
            trial.break_task(Operation::$operation, $action, $times);
            trial.call_back().await;
            trial.ends_well($deliveries, 1).await;
        }
    )+}
}

requests! {
    task_fetch_429: TaskFetch, 1, busy_for_a_second(), delivered 1;
    task_fetch_500: TaskFetch, 1, answer(500), delivered 2;
    task_fetch_without_an_answer: TaskFetch, 1, FaultAction::Drop, delivered 2;
    task_fetch_cut: TaskFetch, 1, FaultAction::Cut { after_bytes: 10 }, delivered 2;
    task_fetch_key_refused_once: TaskFetch, 1, answer(401), delivered 1;
    task_update_429: TaskUpdate, 1, busy_for_a_second(), delivered 1;
    task_update_412_three_times: TaskUpdate, 3, answer(412), delivered 1;
    task_update_412_too_often: TaskUpdate, 10, answer(412), delivered 2;
    task_update_500: TaskUpdate, 2, answer(500), delivered 3;
    task_update_done_but_answer_lost: TaskUpdate, 1, FaultAction::Drop, delivered 2;
    task_update_answered_with_nothing: TaskUpdate, 1, success_with(""), delivered 1;
    task_update_answered_with_a_page: TaskUpdate, 1, success_with("<html></html>"), delivered 1;
    task_update_answered_with_another_task: TaskUpdate, 1, success_with(ANOTHER_TASK), delivered 1;
    task_fetch_answered_with_another_task: TaskFetch, 1, success_with(ANOTHER_TASK), delivered 2;
    task_fetch_403: TaskFetch, 2, answer(403), delivered 2;
    task_fetch_400: TaskFetch, 1, answer(400), delivered 2;
    task_fetch_404_of_somebody_elses: TaskFetch, 1, foreign_404(), delivered 2;
    task_update_404_of_somebody_elses: TaskUpdate, 1, foreign_404(), delivered 2;
}

/// If the task is gone, there is nothing left to do for the link. The copy is not affected.
macro_rules! gone {
    ($($name:ident: $operation:ident;)+) => {$(
        #[tokio::test]
        async fn $name() {
            let trial = Trial::small().await;
            trial.break_task(Operation::$operation, answer(404), 1);
            trial.call_back().await;
            trial.done(Kind::Link, 1, 1).await;
            trial.done(Kind::Copy, 1, 1).await;
            trial.every_fault_struck();
            trial.is_stored_once().await;
            assert!(!trial.attributes().contains(&trial.recording.sid));
            assert!(!trial.is_dead(Kind::Link).await);
        }
    )+}
}

gone! {
    task_fetch_404: TaskFetch;
    task_update_404: TaskUpdate;
}

/// The link is merged with the task's existing attributes.
macro_rules! merges {
    ($($name:ident: $before:expr, $after:expr;)+) => {$(
        #[tokio::test]
        async fn $name() {
            let trial = Trial::small().await;
            trial.stack.twilio().add_task(&trial.recording.task, $before);
            trial.call_back().await;
            trial.done(Kind::Link, 1, 1).await;
            trial.done(Kind::Copy, 1, 1).await;
            let attributes: Value = serde_json::from_str(&trial.attributes()).unwrap();
            assert!(trial.attributes().contains(&trial.recording.sid), "{attributes}");
            for (pointer, value) in $after {
                assert_eq!(attributes.pointer(pointer).map(Value::to_string).as_deref(), Some(value), "{pointer}");
            }
            trial.is_stored_once().await;
        }
    )+}
}

merges! {
    attributes_empty: "{}", [("/conversations/media/0/type", r#""VoiceRecording""#)];
    attributes_without_conversations: r#"{"a":1.50}"#, [("/a", "1.50"), ("/conversations/media/0/type", r#""VoiceRecording""#)];
    attributes_with_null_conversations: r#"{"conversations":null}"#, [("/conversations/media/0/type", r#""VoiceRecording""#)];
    attributes_with_other_media: r#"{"conversations":{"media":[{"type":"ChatTranscript","sid":"CH1"}]}}"#, [
        ("/conversations/media/0/sid", r#""CH1""#),
        ("/conversations/media/1/type", r#""VoiceRecording""#),
    ];
    attributes_with_large_numbers: r#"{"n":12345678901234567890.123}"#, [("/n", "12345678901234567890.123")];
}

/// JavaScript writes half of a surrogate pair when it cuts an emoji in two. This is legal JSON, as is any depth.
#[tokio::test]
async fn attributes_that_few_parsers_take() {
    let trial = Trial::small().await;
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let before = format!(r#"{{ "note": "\ud83d", "deep": {deep}, "n": 1.50"#);
    let attributes = format!("{before} }}");
    trial.stack.twilio().add_task(&trial.recording.task, &attributes);
    trial.call_back().await;
    trial.done(Kind::Link, 1, 1).await;
    let text = trial.attributes();
    assert!(
        text.starts_with(&format!(r#"{before},"conversations":{{"media":[{{"#)),
        "{text}"
    );
    assert!(text.contains(&trial.recording.sid), "{text}");
    trial.done(Kind::Copy, 1, 1).await;
}

/// Twilio shows attributes that were never set as null.
#[tokio::test]
async fn attributes_null() {
    let trial = Trial::small().await;
    trial.stack.twilio().add_task(&trial.recording.task, "{}");
    trial.break_task(Operation::TaskFetch, FaultAction::Attributes { value: None }, 1);
    trial.call_back().await;
    trial.done(Kind::Link, 1, 1).await;
    trial.done(Kind::Copy, 1, 1).await;
    trial.every_fault_struck();
    assert!(trial.attributes().contains(&trial.recording.sid));
}

/// Merging would destroy existing attributes. Therefore, the task stays as it is, the message is kept for a person to
/// look at, and the recording is still stored.
macro_rules! left_alone {
    ($($name:ident: $attributes:expr;)+) => {$(
        #[tokio::test]
        async fn $name() {
            let trial = Trial::small().await;
            let attributes = $attributes;
            trial.stack.twilio().add_task(&trial.recording.task, &attributes);
            trial.call_back().await;
            trial.dies(Kind::Link).await;
            assert_eq!(trial.attributes(), attributes);
            trial.done(Kind::Copy, 1, 1).await;
            trial.is_stored_once().await;
            assert!(!trial.is_dead(Kind::Copy).await);
        }
    )+}
}

left_alone! {
    attributes_a_list: "[1,2]".to_owned();
    attributes_a_text: r#""text""#.to_owned();
    attributes_with_conversations_of_another_kind: r#"{"conversations":"x"}"#.to_owned();
    attributes_without_room_for_a_link: format!(r#"{{"long":"{}"}}"#, "x".repeat(4_080));
}

/// An update would route the task again. Therefore, the link's message waits until a worker has accepted the task.
#[tokio::test]
async fn a_task_that_nobody_has_taken_yet_is_linked_later() {
    let trial = Trial::small().await;
    let (task, attributes) = (&trial.recording.task, trial.attributes());
    trial
        .stack
        .twilio()
        .add_task_with(task, &attributes, AssignmentStatus::Reserved);
    trial.call_back().await;
    trial.failed(Kind::Link, 1).await;
    assert_eq!(trial.attributes(), attributes, "left alone");
    trial.stack.twilio().add_task(task, &attributes);
    eventually("the link", || async {
        trial.attributes().contains(&trial.recording.sid).then_some(())
    })
    .await;
    trial.done(Kind::Copy, 1, 1).await;
    trial.is_right().await;
}

/// Twilio limits searches to three per second and account.
#[tokio::test]
async fn a_search_beyond_the_limit_is_made_again() {
    let mut trial = Trial::small().await;
    trial.names_task = false;
    let limited = twilio_double::Fault::once(Operation::TaskSearch, busy_for_a_second());
    trial.stack.twilio().fault(limited.about(&trial.recording.call));
    let answer = trial.stack.post_callback(&trial.recording.callback().query("")).await;
    assert_eq!(answer.unwrap().status(), 204);
    trial.ends_well(1, 1).await;
}

/// A task may be created after its recording, as a voicemail's is.
#[tokio::test]
async fn a_task_that_comes_after_its_recording_is_linked() {
    let mut trial = Trial::small().await;
    trial.names_task = false;
    let (task, attributes) = (&trial.recording.task, trial.attributes());
    assert!(trial.stack.twilio().delete_task(task));
    let answer = trial.stack.post_callback(&trial.recording.callback().query("")).await;
    assert_eq!(answer.unwrap().status(), 204);
    trial.done(Kind::Copy, 1, 1).await;
    trial.failed(Kind::Link, 1).await;
    let log = trial.stack.log(Role::Linker).unwrap();
    let logged = |words| {
        let mut lines = log.lines();
        lines.any(|line| line.contains(&trial.recording.sid) && line.contains(words))
    };
    assert!(logged("no task names the recording's call or conference yet") && !logged("job failed"));
    trial.stack.twilio().add_task(task, &attributes);
    eventually("the link", || async {
        trial.attributes().contains(&trial.recording.sid).then_some(())
    })
    .await;
    trial.is_right().await;
}
