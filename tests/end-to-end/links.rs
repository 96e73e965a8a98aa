//! Links that can't be made at once, or not from the callback alone.

use local_stack::{Role, twilio_double::AssignmentStatus};
use reqwest::StatusCode;

use crate::support::{Recording, among_others, eventually};

#[tokio::test]
async fn a_link_waits_for_its_tasks_worker_and_is_made_then() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 1_000);
    let twilio = stack.twilio();
    let attributes = twilio.task(&recording.task).unwrap().attributes;
    twilio.add_task_with(&recording.task, &attributes, AssignmentStatus::Pending);
    let answer = stack.post_callback(&recording.callback()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    eventually("the linker's word that the task waits", || async {
        let log = stack.log(Role::Linker).unwrap();
        log.lines()
            .any(|line| line.contains(&recording.sid) && line.contains("waits for a worker"))
            .then_some(())
    })
    .await;
    assert_eq!(twilio.task(&recording.task).unwrap().attributes, attributes);

    twilio.add_task_with(&recording.task, &attributes, AssignmentStatus::Assigned);
    recording.linked(stack).await;
}

#[tokio::test]
async fn a_callback_that_names_no_call_is_linked_by_the_recordings_own() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 1_000);
    let bare = recording.callback().parameter("CallSid", "").query("");
    let answer = stack.post_callback(&bare).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    recording.linked(stack).await;
}
