//! Which callbacks the webhook accepts and which it refuses.

use local_stack::{Callback, Role, Stack, values};
use reqwest::{Method, StatusCode};

use crate::{
    audit::audit_lines,
    support::{OwnStack, Recording, alone, among_others, eventually, json, options, request},
};

/// Posts a callback that must be refused without a call to Twilio, S3, KMS or SQS.
async fn refused(stack: &Stack, callback: &Callback, status: StatusCode, code: &str) {
    // The first request fetches the secret, which is then kept. A mismatch may fetch it again.
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
async fn a_callback_under_a_shared_key_is_taken() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 2_000);
    let callback = recording
        .callback()
        .shared_key(values::SHARED_KEY_SID, values::SHARED_KEY_SECRET);
    let answer = stack.post_callback(&callback).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert!(!recording.stored(stack).await.is_empty());
    recording.linked(stack).await;
}

#[tokio::test]
async fn a_shared_key_that_is_not_ours_is_refused_and_nobody_is_called() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 1_000);
    for (sid, secret) in [
        (values::SHARED_KEY_SID, "another secret"),
        ("webhooks_sharedkey_another", values::SHARED_KEY_SECRET),
        ("webhooks_sharedkey_another", values::AUTH_TOKEN),
        (values::SHARED_KEY_SID, values::AUTH_TOKEN),
    ] {
        let forged = recording.callback().shared_key(sid, secret);
        refused(stack, &forged, StatusCode::FORBIDDEN, "invalid_signature").await;
    }
}

#[tokio::test]
async fn an_account_may_run_on_shared_keys_alone() {
    let options = options().setting(Role::Webhook, "TWILIO_AUTH_TOKEN_SECRET", "");
    let stack = OwnStack::start(options).await;
    let recording = Recording::new(&stack, 2_000);
    let callback = recording.callback();
    refused(&stack, &callback, StatusCode::FORBIDDEN, "invalid_signature").await;
    let callback = callback.shared_key(values::SHARED_KEY_SID, values::SHARED_KEY_SECRET);
    let answer = stack.post_callback(&callback).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert!(!recording.stored(&stack).await.is_empty());
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
        ("AccountSid", "null"),
    ] {
        let malformed = recording.callback().parameter(name, value);
        refused(stack, &malformed, StatusCode::BAD_REQUEST, "malformed_callback").await;
    }
}

/// An odd parameter affects nothing else: the recording is stored and linked, and the log names the parameter.
#[tokio::test]
async fn a_callback_with_an_odd_parameter_is_stored_and_linked() {
    let (stack, _turn) = among_others().await;
    let odd = [
        ("RecordingDuration", "-1"),
        ("RecordingDuration", "5.0"),
        ("RecordingDuration", "null"),
        ("RecordingStartTime", "2026-11-23T06:00:00Z"),
        ("RecordingStartTime", "Mon, 23 Nov 2026 06:00:00 UTC"),
        ("ErrorCode", "null"),
        ("RecordingChannels", "dual"),
        ("RecordingSource", &"x".repeat(65)),
        ("RecordingSource", "caf\u{e9}"),
        ("RecordingTrack", "both "),
        ("EncryptionDetails", "null"),
        ("EncryptionDetails", "{}"),
        ("CallSid", "null"),
    ];
    let mut recordings = Vec::new();
    for (name, value) in odd {
        let recording = Recording::new(stack, 2_000);
        let callback = recording.callback().parameter(name, value);
        let callback = callback.query(&format!("reservationSid=undefined&taskSid={}", recording.task));
        let answer = stack.post_callback(&callback).await.unwrap();
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{name}={value}");
        recordings.push((name, recording));
    }
    for (name, recording) in recordings {
        assert!(!recording.stored(stack).await.is_empty(), "{name}");
        recording.linked(stack).await;
        let log = stack.log(Role::Webhook).unwrap();
        let parameters = format!(r#""parameters":"{name},reservationSid""#);
        let logged = |line: &str| line.contains(&recording.sid) && line.contains(&parameters);
        assert!(log.lines().any(logged), "{name}");
    }
}

#[tokio::test]
async fn an_odd_task_in_the_query_leaves_the_search_by_the_call() {
    let (stack, _turn) = among_others().await;
    type Query = fn(&Recording) -> String;
    let queries: [Query; 4] = [
        // `CallRecordingWebhookUrl`, posted by a client that does not replace the placeholder as Flex does.
        |_| "taskSid=%7BtaskSid%7D".to_owned(),
        |_| "taskSid=undefined".to_owned(),
        |_| "taskSid=null".to_owned(),
        |recording| format!("taskSid={}%20", recording.task),
    ];
    for query in queries {
        let recording = Recording::new(stack, 2_000);
        let callback = recording.callback().query(&query(&recording));
        let answer = stack.post_callback(&callback).await.unwrap();
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        assert!(!recording.stored(stack).await.is_empty());
        recording.linked(stack).await;
        let from = eventually("the link's audit line", || async {
            let lines = audit_lines(stack, Role::Linker, &recording);
            lines.first().map(|line| line["taskFrom"].clone())
        })
        .await;
        assert_eq!(from, "search");
    }
}

#[tokio::test]
async fn an_unknown_status_is_acknowledged_counted_and_nothing_is_queued() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 1_000);
    let mark = stack.wire().mark();
    let callback = recording.callback().parameter("RecordingStatus", "finished");
    let answer = stack.post_callback(&callback).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(stack.wire().count(mark, |call| call.service == "sqs"), 0);
    let log = stack.log(Role::Webhook).unwrap();
    assert!(log.contains(r#""RecordingStatusUnknown":1"#));
}

#[tokio::test]
async fn other_methods_paths_and_sizes_are_distinguished() {
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
    assert!(stack.twilio().delete_task(&recording.task));
    let answer = stack.post_callback(&recording.callback()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert!(!recording.stored(stack).await.is_empty());
    eventually("the linker's log line that the task is gone", || async {
        let log = stack.log(Role::Linker).unwrap();
        log.lines()
            .any(|line| line.contains(&recording.sid) && line.contains("the task is gone"))
            .then_some(())
    })
    .await;
}
