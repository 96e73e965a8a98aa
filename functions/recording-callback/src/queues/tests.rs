use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};

use super::*;
use crate::testing::loopback::{Loopback, Received};

fn copy(number: u32) -> Job {
    let text = format!(r#"{{"version":1,"kind":"CopyRecording","recordingSid":"RE{number:032x}"}}"#);
    Job::from_message(&text).unwrap()
}

/// SQS's answer to a batch of which it does not accept the `nth` message.
fn all_but(received: &Received, nth: Option<usize>, sender_fault: bool) -> (u16, Option<&'static str>, Value) {
    let call: Value = serde_json::from_str(&received.body).unwrap();
    let entries = call["Entries"].as_array().unwrap();
    let ids: Vec<_> = entries.iter().map(|entry| entry["Id"].clone()).collect();
    let (failed, taken): (Vec<_>, Vec<_>) = ids.into_iter().enumerate().partition(|(index, _)| Some(*index) == nth);
    let failed: Vec<_> = failed
        .into_iter()
        .map(|(_, id)| json!({"Id": id, "Code": "InternalError", "SenderFault": sender_fault}))
        .collect();
    let taken: Vec<_> = taken
        .into_iter()
        .map(|(_, id)| json!({"Id": id, "MessageId": "m", "MD5OfMessageBody": "0"}))
        .collect();
    (200, None, json!({"Successful": taken, "Failed": failed}))
}

fn queue(server: &Loopback) -> Queue {
    Queue::new(Client::new(&server.aws()), format!("{}/copies", server.url))
}

/// The RecordingSids of each call.
fn sent(server: &Loopback) -> Vec<Vec<String>> {
    let sids = |received: Received| {
        let call: Value = serde_json::from_str(&received.body).unwrap();
        let bodies = call["Entries"].as_array().unwrap().iter();
        let bodies = bodies.map(|entry| serde_json::from_str::<Value>(entry["MessageBody"].as_str().unwrap()).unwrap());
        bodies
            .map(|body| body["recordingSid"].as_str().unwrap().to_owned())
            .collect()
    };
    server.received().into_iter().map(sids).collect()
}

#[tokio::test]
async fn messages_of_a_batch_that_sqs_rejects_are_sent_again_alone() {
    let calls = Arc::new(AtomicUsize::new(0));
    // The second message of the first batch is rejected once.
    let answer = move |received: &Received| {
        let is_first = calls.fetch_add(1, Ordering::Relaxed) == 0;
        all_but(received, is_first.then_some(1), false)
    };
    let server = Loopback::start(answer).await;
    let copies: Vec<_> = (0..12).map(copy).collect();
    assert_eq!(queue(&server).send_all(&copies).await, Ok(12));
    let sids = |copies: &[Job]| -> Vec<_> { copies.iter().map(|copy| copy.recording_sid().to_string()).collect() };
    let expected = [sids(&copies[..10]), sids(&copies[1..2]), sids(&copies[10..])];
    assert_eq!(sent(&server), expected);
}

#[tokio::test]
async fn a_message_that_sqs_never_accepts_is_an_error() {
    let server = Loopback::start(|received: &Received| all_but(received, Some(0), false)).await;
    let error = queue(&server).send_all(&[copy(1), copy(2)]).await.unwrap_err();
    assert_eq!(error.to_string(), "SQS: InternalError");
    let calls: Vec<_> = sent(&server).iter().map(Vec::len).collect();
    assert_eq!(calls, [2, 1, 1, 1]);
}

#[tokio::test]
async fn a_message_that_sqs_calls_malformed_is_not_sent_again() {
    let server = Loopback::start(|received: &Received| all_but(received, Some(0), true)).await;
    assert_eq!(queue(&server).send_all(&[copy(1), copy(2)]).await, Ok(1));
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_message_that_sqs_does_not_speak_of_is_sent_again() {
    let answer = |_: &Received| (200, None, json!({"Successful": [], "Failed": []}));
    let server = Loopback::start(answer).await;
    let error = queue(&server).send_all(&[copy(1)]).await.unwrap_err();
    assert_eq!(error.to_string(), "SQS: not mentioned in the answer");
}

#[tokio::test]
async fn a_failed_call_is_reported_by_its_code_alone() {
    let answer = |_: &Received| (400, None, json!({"__type": "OverLimit", "message": "canary"}));
    let server = Loopback::start(answer).await;
    let error = queue(&server).send_all(&[copy(1)]).await.unwrap_err();
    assert_eq!(error.to_string(), "SQS: OverLimit");
}
