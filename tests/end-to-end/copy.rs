//! Each recording has exactly one object, whatever fails on the way.

use local_stack::{Fault, Role, Rule, Stack, values};
use reqwest::StatusCode;
use twilio_double::{FaultAction, Operation};

use crate::support::{Recording, alone, among_others, eventually};

/// The number of versions of the recording's object in the bucket.
async fn versions(stack: &Stack, recording: &Recording) -> usize {
    let listed = stack
        .s3()
        .list_object_versions()
        .bucket(values::BUCKET)
        .prefix(recording.object_key())
        .send()
        .await
        .unwrap();
    listed.versions().len() + listed.delete_markers().len()
}

async fn open_uploads(stack: &Stack, recording: &Recording) -> usize {
    let listed = stack
        .s3()
        .list_multipart_uploads()
        .bucket(values::BUCKET)
        .prefix(recording.object_key())
        .send()
        .await
        .unwrap();
    listed.uploads().len()
}

/// Waits for a log line that contains all of these parts.
async fn logged(stack: &Stack, role: Role, parts: &[&str]) {
    eventually(&format!("a log line with {parts:?}"), || async {
        let log = stack.log(role).unwrap();
        let found = log.lines().any(|line| parts.iter().all(|part| line.contains(part)));
        found.then_some(())
    })
    .await;
}

async fn plays_whole(stack: &Stack, recording: &Recording) {
    let url = recording.media_url(stack).await;
    let whole = crate::support::get(&url, &[]).await.bytes().await.unwrap();
    assert!(whole == recording.audio, "the whole recording is identical");
}

#[tokio::test]
async fn a_recording_of_several_parts_is_stored_whole() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 20_000_000);
    recording.bring_in(stack).await;
    plays_whole(stack, &recording).await;
    assert_eq!(open_uploads(stack, &recording).await, 0);
}

#[tokio::test]
async fn recordings_at_the_edges_of_a_frame_are_stored_whole() {
    let (stack, _turn) = among_others().await;
    for len in [44, 45, 65_535, 65_536, 65_537, 131_072] {
        let recording = Recording::new(stack, len);
        recording.bring_in(stack).await;
        plays_whole(stack, &recording).await;
    }
}

#[tokio::test]
async fn a_callback_that_comes_many_times_makes_one_object() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 500_000);
    let callback = recording.callback();
    let posts = (0..10).map(|_| stack.post_callback(&callback));
    for answer in futures_util::future::join_all(posts).await {
        assert_eq!(answer.unwrap().status(), StatusCode::NO_CONTENT);
    }
    recording.stored(stack).await;
    eventually("the end of all ten copies", || async {
        let log = stack.log(Role::Copier).unwrap();
        // One audit line for each copy.
        let copied = log
            .lines()
            .filter(|line| line.contains(&recording.sid) && line.contains("recording copied"))
            .count();
        let already = log
            .lines()
            .filter(|line| line.contains(&recording.sid) && line.contains("already_stored"))
            .count();
        (copied == 1 && already == 9).then_some(())
    })
    .await;
    assert_eq!(versions(stack, &recording).await, 1);
    assert_eq!(open_uploads(stack, &recording).await, 0);
    let media = stack.twilio().task(&recording.task).unwrap().attributes;
    assert_eq!(
        media.matches(&recording.sid).count(),
        1,
        "the task must have one entry: {media}"
    );
    plays_whole(stack, &recording).await;
}

#[tokio::test]
async fn a_copy_that_fails_leaves_nothing_behind() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 100_000);
    // More failures than the SDK's four attempts, so that the job itself fails.
    let down = Fault::Answer {
        status: 500,
        body: r#"{"__type":"InternalFailure"}"#.to_owned(),
    };
    stack.wire().inject(Rule::new("kms", "GenerateDataKey", down).times(4));
    let answer = stack.post_callback(&recording.callback()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    logged(stack, Role::Copier, &[&recording.sid, "job failed"]).await;
    stack.wire().clear_faults();
    assert_eq!(versions(stack, &recording).await, 0);
    assert_eq!(open_uploads(stack, &recording).await, 0);
}

#[tokio::test]
async fn a_link_that_fails_comes_back_within_seconds_and_is_made() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 1_000);
    let down = FaultAction::Answer {
        status: 500,
        body: None,
        retry_after: None,
    };
    stack
        .twilio()
        .fault(twilio_double::Fault::once(Operation::TaskUpdate, down).about(&recording.task));
    recording.bring_in(stack).await;
    logged(stack, Role::Linker, &[&recording.sid, "job failed"]).await;
    logged(stack, Role::Linker, &[&recording.sid, "task linked"]).await;
}

#[tokio::test]
async fn an_unknown_job_is_an_error_and_its_message_is_kept() {
    let (stack, _turn) = among_others().await;
    for (queue, role) in [
        (&stack.resources().links, Role::Linker),
        (&stack.resources().copies, Role::Copier),
    ] {
        let body = r#"{"version":1,"kind":"PaintTheFence"}"#;
        let sent = stack
            .sqs()
            .send_message()
            .queue_url(&queue.url)
            .message_body(body)
            .send()
            .await
            .unwrap();
        logged(stack, role, &[sent.message_id().unwrap(), "unknown job kind"]).await;
        let left = stack
            .sqs()
            .get_queue_attributes()
            .queue_url(&queue.url)
            .attribute_names(aws_sdk_sqs::types::QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
            .attribute_names(aws_sdk_sqs::types::QueueAttributeName::ApproximateNumberOfMessages)
            .send()
            .await
            .unwrap();
        let counts = left.attributes().unwrap().values();
        assert!(
            counts.map(|count| count.parse::<u64>().unwrap()).sum::<u64>() > 0,
            "the message is still there"
        );
    }
}
