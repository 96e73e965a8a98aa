//! What the webhook takes and what it turns away.

use local_stack::{Callback, Stack};
use reqwest::{Method, StatusCode};

use crate::support::{Recording, alone, among_others, eventually, json, request};

/// Posts a callback that must be refused without anybody being called for it: not Twilio, not S3, not KMS, no queue.
async fn refused(stack: &Stack, callback: &Callback, status: StatusCode, code: &str) {
    // The secret is fetched by the first request and kept, and a mismatch may have it fetched anew.
    let (wire, twilio) = (stack.wire().mark(), stack.twilio().mark());
    let answer = stack.post_callback(callback).await.unwrap();
    assert_eq!(answer.status(), status);
    assert_eq!(json(answer).await["error"], code);
    let calls = stack.wire().since(wire);
    assert!(
        calls.iter().all(|call| call.is("secretsmanager", "GetSecretValue")),
        "{calls:?}"
    );
    assert!(stack.twilio().calls_since(twilio).is_empty());
}

#[tokio::test]
async fn a_forged_signature_is_refused_and_nobody_is_called() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 1_000);
    let forged = recording.callback().auth_token("not the account's token");
    refused(stack, &forged, StatusCode::FORBIDDEN, "invalid_signature").await;
}

#[tokio::test]
async fn an_unsigned_request_is_refused_and_nobody_is_called() {
    let (stack, _turn) = alone().await;
    let (wire, twilio) = (stack.wire().mark(), stack.twilio().mark());
    let answer = request(
        Method::POST,
        &stack.callback_url(),
        &[("content-type", "application/x-www-form-urlencoded")],
    )
    .await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(stack.wire().since(wire), []);
    assert!(stack.twilio().calls_since(twilio).is_empty());
}

#[tokio::test]
async fn another_accounts_callback_is_refused_and_nobody_is_called() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 1_000);
    let foreign = recording
        .callback()
        .parameter("AccountSid", "AC0000000000000000000000000000000f");
    refused(stack, &foreign, StatusCode::FORBIDDEN, "foreign_account").await;
}

#[tokio::test]
async fn a_malformed_callback_is_refused_and_nobody_is_called() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 1_000);
    for (name, value) in [
        ("RecordingSid", "RE1"),
        ("RecordingSid", "../../secret"),
        ("RecordingStatus", "finished"),
        ("CallSid", "CA' OR '1' == '1"),
    ] {
        let malformed = recording.callback().parameter(name, value);
        refused(stack, &malformed, StatusCode::BAD_REQUEST, "malformed_callback").await;
    }
}

#[tokio::test]
async fn other_methods_paths_and_sizes_are_told_apart() {
    let (stack, _turn) = among_others().await;
    let url = stack.callback_url();
    assert_eq!(
        request(Method::DELETE, &url, &[]).await.status(),
        StatusCode::METHOD_NOT_ALLOWED
    );
    assert_eq!(
        request(Method::POST, &format!("{url}/more"), &[]).await.status(),
        StatusCode::NOT_FOUND
    );
    let recording = Recording::new(stack, 1_000);
    let large = recording.callback().parameter("Padding", &"x".repeat(70_000));
    assert_eq!(
        stack.post_callback(&large).await.unwrap().status(),
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[tokio::test]
async fn a_recording_in_progress_or_absent_is_acknowledged_and_nothing_is_queued() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 1_000);
    let mark = stack.wire().mark();
    for status in ["in-progress", "absent", "failed"] {
        let callback = recording.callback().parameter("RecordingStatus", status);
        let answer = stack.post_callback(&callback).await.unwrap();
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{status}");
    }
    assert_eq!(stack.wire().count(mark, |call| call.service == "sqs"), 0);
}

#[tokio::test]
async fn a_callback_that_sqs_does_not_take_comes_back() {
    use local_stack::{Fault, Rule};
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 1_000);
    // The SDK tries four times.
    let down = Fault::Answer {
        status: 500,
        body: "{}".to_owned(),
    };
    stack.wire().inject(Rule::new("sqs", "SendMessage", down).times(8));
    let answer = stack.post_callback(&recording.callback()).await.unwrap();
    stack.wire().clear_faults();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    recording.bring_in(stack).await;
}

#[tokio::test]
async fn a_gone_task_does_not_keep_the_recording_from_being_stored() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 300_000);
    stack.twilio().delete_task(&recording.task);
    let answer = stack.post_callback(&recording.callback()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert!(!recording.stored(stack).await.is_empty());
    eventually("the linker's word that the task is gone", || async {
        let log = stack.log(local_stack::Role::Linker).unwrap();
        log.lines()
            .any(|line| line.contains(&recording.sid) && line.contains("the task is gone"))
            .then_some(())
    })
    .await;
}
