//! Links that cannot be made at once, or not from the callback alone.

use aws_sdk_sqs::types::{
    Message, MessageAttributeValue, MessageSystemAttributeNameForSends, MessageSystemAttributeValue,
};
use local_stack::{Delivery, DeliveryState, Role, Stack};
use reqwest::StatusCode;
use serde_json::json;
use twilio_double::AssignmentStatus;

use crate::support::{OwnStack, Recording, among_others, eventually, now_ms, options};

/// Lambda stops a function after this many invocations in one chain.
const LAMBDAS_CHAIN: u32 = 16;

/// The deliveries of the recording's link, the newest last.
fn link_deliveries(stack: &Stack, recording: &Recording) -> Vec<Delivery> {
    let mut deliveries = stack.deliveries(&recording.sid);
    deliveries.retain(|delivery| delivery.body.contains("LinkTask"));
    deliveries
}

#[tokio::test]
async fn a_link_waits_for_its_tasks_worker_and_is_made_then() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 1_000);
    let twilio = stack.twilio();
    let attributes = twilio.task(&recording.task).unwrap().attributes;
    twilio.add_task_with(&recording.task, &attributes, AssignmentStatus::Pending);
    let answer = stack.post_callback(&recording.callback()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    eventually("the linker's log line that the task waits", || async {
        let log = stack.log(Role::Linker).unwrap();
        log.lines()
            .any(|line| line.contains(&recording.sid) && line.contains("after a worker accepts it"))
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

#[tokio::test]
async fn a_link_waits_longer_than_lambda_lets_a_chain_of_one_function_go_on() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 1_000);
    let twilio = stack.twilio();
    let attributes = twilio.task(&recording.task).unwrap().attributes;
    twilio.add_task_with(&recording.task, &attributes, AssignmentStatus::Pending);
    stack.post_callback(&recording.callback()).await.unwrap();
    let delivery = eventually("more attempts than a chain may have", || async {
        let delivery = link_deliveries(stack, &recording).pop()?;
        if delivery.state == DeliveryState::Kept {
            stack.bring_back(&delivery).await;
        }
        (delivery.times > LAMBDAS_CHAIN + 4).then_some(delivery)
    })
    .await;
    assert_eq!(
        link_deliveries(stack, &recording).len(),
        1,
        "the message must never be sent again"
    );
    assert_eq!(twilio.task(&recording.task).unwrap().attributes, attributes);

    twilio.add_task_with(&recording.task, &attributes, AssignmentStatus::Assigned);
    stack.bring_back(&delivery).await;
    recording.linked(stack).await;
}

#[tokio::test]
async fn an_old_link_is_made_by_the_function_of_the_late_ones() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 1_000);
    let job = json!({
        "version": 1, "kind": "LinkTask", "recordingSid": recording.sid, "taskSid": recording.task,
        "receivedAtMs": now_ms() - 11 * 60_000,
        // A message that an earlier release left in the queue.
        "attempt": 7, "notAfterMs": now_ms() + 60_000,
    });
    let attributes = stack.twilio().task(&recording.task).unwrap().attributes;
    let put = |status| stack.twilio().add_task_with(&recording.task, &attributes, status);
    put(AssignmentStatus::Pending);
    let sent = stack.sqs().send_message().queue_url(&stack.resources().links.url);
    sent.message_body(job.to_string()).send().await.unwrap();
    eventually("an attempt at the late link", || async {
        let deliveries = link_deliveries(stack, &recording);
        deliveries
            .iter()
            .any(|it| it.role == Role::LateLinker && it.times > 0)
            .then_some(())
    })
    .await;
    put(AssignmentStatus::Assigned);
    recording.linked(stack).await;
    let deliveries = link_deliveries(stack, &recording);
    let moved = &deliveries[0];
    assert_eq!(
        (moved.role, moved.times, moved.state),
        (Role::Linker, 1, DeliveryState::Done)
    );
    assert_eq!(deliveries.len(), 2, "{deliveries:?}");
}

#[tokio::test]
async fn a_link_is_given_up_after_a_day_and_its_dead_letter_says_why() {
    let stack = OwnStack::start(options()).await;
    let recording = Recording::new(&stack, 1_000);
    let job = json!({
        "version": 1, "kind": "LinkTask", "recordingSid": recording.sid, "taskSid": recording.task,
        "receivedAtMs": now_ms() - 24 * 3_600_000,
    });
    let attributes = stack.twilio().task(&recording.task).unwrap().attributes;
    let pending = AssignmentStatus::Pending;
    stack.twilio().add_task_with(&recording.task, &attributes, pending);
    let sent = stack.sqs().send_message().queue_url(&stack.resources().links.url);
    sent.message_body(job.to_string()).send().await.unwrap();
    let letter = dead_letter(&stack, &job.to_string()).await;
    assert!(
        reason(&letter).is_some_and(|reason| reason.contains("after a worker accepts it")),
        "{letter:?}"
    );
    assert_eq!(stack.twilio().task(&recording.task).unwrap().attributes, attributes);
}

/// The stack stops the chains that Lambda would stop. Otherwise, a chain that Lambda stops would seem to work here. The
/// chain is real: the linker gives up a message that is not a job, with the trace of its invocation, and this test
/// sends the message again.
#[tokio::test]
async fn a_chain_of_one_function_is_stopped_as_lambda_does_it() {
    let stack = OwnStack::start(options()).await;
    let poison = "this is not a job";
    let mut trace = None;
    let mut given_up = 0;
    loop {
        send(&stack, poison, trace.take()).await;
        let letter = dead_letter(&stack, poison).await;
        if reason(&letter).is_none() {
            break;
        }
        given_up += 1;
        assert!(given_up <= 2 * LAMBDAS_CHAIN, "the chain was not stopped");
        let attributes = letter.attributes.unwrap();
        let kept = attributes.get(&aws_sdk_sqs::types::MessageSystemAttributeName::AwsTraceHeader);
        trace = Some(
            kept.expect("the SDK must pass the trace on, and SQS must keep it")
                .clone(),
        );
    }
    assert_eq!(given_up, LAMBDAS_CHAIN);
    let stopped = stack.deliveries(poison).pop().unwrap();
    assert_eq!((stopped.state, stopped.times), (DeliveryState::Stopped, 0));
}

async fn send(stack: &Stack, body: &str, trace: Option<String>) {
    let mut message = stack.sqs().send_message().queue_url(&stack.resources().links.url);
    if let Some(trace) = trace {
        let trace = MessageSystemAttributeValue::builder()
            .data_type("String")
            .string_value(trace);
        let name = MessageSystemAttributeNameForSends::AwsTraceHeader;
        message = message.message_system_attributes(name, trace.build().unwrap());
    }
    message.message_body(body).send().await.unwrap();
}

/// Takes the message out of the dead-letter queue.
async fn dead_letter(stack: &Stack, body: &str) -> Message {
    let (sqs, queue_url) = (stack.sqs(), &stack.resources().links.dead_letters_url);
    let letter = eventually("the dead letter", || async {
        let receive = sqs
            .receive_message()
            .queue_url(queue_url)
            .message_attribute_names("All");
        let receive = receive.message_system_attribute_names(aws_sdk_sqs::types::MessageSystemAttributeName::All);
        let received = receive.send().await.unwrap().messages.unwrap_or_default();
        received.into_iter().find(|letter| letter.body() == Some(body))
    })
    .await;
    let deletion = sqs.delete_message().queue_url(queue_url);
    deletion
        .receipt_handle(letter.receipt_handle().unwrap())
        .send()
        .await
        .unwrap();
    letter
}

fn reason(letter: &Message) -> Option<&str> {
    letter
        .message_attributes()?
        .get("Reason")
        .and_then(MessageAttributeValue::string_value)
}
