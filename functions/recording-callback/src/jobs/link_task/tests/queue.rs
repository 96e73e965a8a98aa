//! The linker's handling of a link's message.

use aws_lambda_events::sqs::SqsEvent;

use super::*;
use crate::{
    config::LinksQueueConfig,
    jobs::{Jobs, LinksQueue, process_batch},
};

const CHANGE_VISIBILITY: &str = "AmazonSQS.ChangeMessageVisibility";
const SEND_MESSAGE: &str = "AmazonSQS.SendMessage";
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// SQS that accepts everything, and TaskRouter that answers every request about a task with this status.
fn task_router(status: u16) -> impl Fn(&Received) -> Answer + Clone + Send + Sync + 'static {
    move |received| match neighbors(received) {
        _ if received.what.starts_with("AmazonSQS.") => (200, None, json!({"MessageId": "m"})),
        (200, Some(_), _) if status != 200 => (status, None, json!({"code": 20404})),
        other => other,
    }
}

fn message(id: &str, body: &str, times_received: u32) -> Value {
    json!({
        "messageId": id,
        "receiptHandle": format!("handle-{id}"),
        "attributes": {
            "ApproximateReceiveCount": times_received.to_string(),
            "SentTimestamp": clock::now_ms().to_string(),
        },
        "body": body,
    })
}

fn events(messages: &[Value]) -> SqsEvent {
    serde_json::from_value(json!({ "Records": messages })).unwrap()
}

fn link_of_age(age_ms: i64) -> String {
    let job = LinkTask {
        received_at_ms: clock::now_ms() - age_ms,
        ..job_with_task()
    };
    Job::LinkTask(job).to_message()
}

/// The queues of the linker.
fn own_queues() -> LinksQueueConfig {
    LinksQueueConfig {
        own: "links".to_owned(),
        late: Some("late-links".to_owned()),
        dead_letters: "dead-letters".to_owned(),
    }
}

/// The queues of the late linker.
fn late_queues() -> LinksQueueConfig {
    LinksQueueConfig {
        own: "late-links".to_owned(),
        late: None,
        dead_letters: "dead-letters".to_owned(),
    }
}

/// Processes the messages in a linker with these queues. Returns the ids of the messages that SQS is to keep.
async fn kept_by(server: &Loopback, queues: Option<LinksQueueConfig>, messages: &[Value]) -> Vec<String> {
    let jobs = Jobs {
        linker: Some(Linker {
            waits_for_task: queues.is_some(),
            ..linker(server, false)
        }),
        ..Jobs::default()
    };
    let queue = queues.map(|urls| LinksQueue::new(&aws_sdk_sqs::Client::new(&server.aws()), urls));
    let deadline = Instant::now() + Duration::from_secs(30);
    let response = process_batch(&jobs, queue.as_ref(), events(messages), deadline).await;
    let failures = response.batch_item_failures.into_iter();
    failures.map(|failure| failure.item_identifier).collect()
}

async fn kept(server: &Loopback, messages: &[Value]) -> Vec<String> {
    kept_by(server, Some(own_queues()), messages).await
}

async fn kept_late(server: &Loopback, messages: &[Value]) -> Vec<String> {
    kept_by(server, Some(late_queues()), messages).await
}

fn calls(server: &Loopback, what: &str) -> Vec<Value> {
    let received = server.received().into_iter();
    received
        .filter(|received| received.what == what)
        .map(|received| received.json())
        .collect()
}

#[tokio::test]
async fn a_link_that_fails_waits_in_its_queue_ever_longer_and_is_never_sent_again() {
    for status in [500, 503, 400, 401, 403] {
        for (times_received, wait_s) in [(1, 2), (2, 4), (9, 512), (10, 600), (900, 600)] {
            let server = Loopback::start(task_router(status)).await;
            let message = message("m", &link_of_age(0), times_received);
            assert_eq!(kept(&server, &[message]).await, ["m"], "{status}");
            assert_eq!(
                calls(&server, CHANGE_VISIBILITY),
                [json!({"QueueUrl": "links", "ReceiptHandle": "handle-m", "VisibilityTimeout": wait_s})]
            );
            assert_eq!(server.count(SEND_MESSAGE), 0);
        }
    }
}

#[tokio::test]
async fn a_link_whose_task_waits_for_a_worker_waits_in_its_queue_and_is_never_sent_again() {
    for (times_received, wait_s) in [(1, 2), (6, 64), (7, 90), (900, 90)] {
        let answer = task_router(200);
        let server = Loopback::start(move |received: &Received| match answer(received) {
            (200, Some(etag), _) => (200, Some(etag), task("pending")),
            other => other,
        })
        .await;
        let message = message("m", &link_of_age(0), times_received);
        assert_eq!(kept(&server, &[message]).await, ["m"]);
        assert_eq!(
            calls(&server, CHANGE_VISIBILITY),
            [json!({"QueueUrl": "links", "ReceiptHandle": "handle-m", "VisibilityTimeout": wait_s})]
        );
        assert_eq!((server.count(SEND_MESSAGE), server.count("POST ")), (0, 0));
    }
}

#[tokio::test]
async fn an_old_link_joins_the_late_ones_before_it_is_tried() {
    let server = Loopback::start(task_router(200)).await;
    let body = link_of_age(10 * MINUTE_MS);
    // Fields of a later release are kept.
    let body = body.replacen('{', r#"{"later":1,"#, 1);
    assert!(kept(&server, &[message("m", &body, 5)]).await.is_empty());
    assert_eq!(
        calls(&server, SEND_MESSAGE),
        [json!({"QueueUrl": "late-links", "MessageBody": body})]
    );
    assert_eq!(server.count(&format!("GET {TASK}")), 0);

    let server = Loopback::start(task_router(200)).await;
    let young = link_of_age(9 * MINUTE_MS);
    assert!(kept(&server, &[message("m", &young, 5)]).await.is_empty());
    assert_eq!((server.count(SEND_MESSAGE), server.count("POST ")), (0, 1));
}

#[tokio::test]
async fn a_late_link_is_tried_for_a_day_and_then_given_up_with_its_reason() {
    let server = Loopback::start(task_router(503)).await;
    let message_of_age = |age_ms| message("m", &link_of_age(age_ms), 3);
    assert_eq!(kept_late(&server, &[message_of_age(DAY_MS - MINUTE_MS)]).await, ["m"]);
    assert_eq!(calls(&server, CHANGE_VISIBILITY)[0]["QueueUrl"], "late-links");
    assert_eq!(server.count(SEND_MESSAGE), 0);

    let server = Loopback::start(task_router(503)).await;
    assert!(kept_late(&server, &[message_of_age(DAY_MS)]).await.is_empty());
    assert_eq!(server.count(&format!("GET {TASK}")), 1, "tried once more");
    let sent = calls(&server, SEND_MESSAGE);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0]["QueueUrl"], "dead-letters");
    assert_eq!(sent[0]["MessageAttributes"]["Reason"]["DataType"], "String");
    let reason = sent[0]["MessageAttributes"]["Reason"]["StringValue"].as_str().unwrap();
    assert!(reason.contains("503"), "{reason}");
    assert_eq!(server.count(CHANGE_VISIBILITY), 0);

    // A link that can be made is made, however old it is.
    let server = Loopback::start(task_router(200)).await;
    assert!(kept_late(&server, &[message_of_age(4 * DAY_MS)]).await.is_empty());
    assert_eq!((server.count(SEND_MESSAGE), server.count("POST ")), (0, 1));
}

#[tokio::test]
async fn a_message_that_no_other_queue_takes_is_kept() {
    for age_ms in [10 * MINUTE_MS, DAY_MS] {
        // The second answer does not prove that a queue has the message.
        for refusal in [(500, json!({"__type": "com.amazonaws.sqs#Canary"})), (200, json!({}))] {
            let answer = task_router(503);
            let server = Loopback::start(move |received: &Received| match received.what.as_str() {
                SEND_MESSAGE => (refusal.0, None, refusal.1.clone()),
                _ => answer(received),
            })
            .await;
            assert_eq!(kept(&server, &[message("m", &link_of_age(age_ms), 1)]).await, ["m"]);
            assert_eq!(server.count(SEND_MESSAGE), 1);
        }
    }
}

#[tokio::test]
async fn a_task_that_is_gone_ends_its_message() {
    let server = Loopback::start(task_router(404)).await;
    assert!(kept(&server, &[message("m", &link_of_age(0), 1)]).await.is_empty());
    assert_eq!((server.count(SEND_MESSAGE), server.count(CHANGE_VISIBILITY)), (0, 0));
}

fn searched_link_of_age(age_ms: i64) -> String {
    let job = LinkTask {
        received_at_ms: clock::now_ms() - age_ms,
        ..job(r#""callSid":"CA00000000000000000000000000000001""#)
    };
    Job::LinkTask(job).to_message()
}

/// For example, the task of a voicemail is created after its recording.
#[tokio::test]
async fn a_task_that_no_search_finds_may_still_come_within_a_day() {
    let task_router = |tasks: Value| {
        move |received: &Received| match neighbors(received) {
            _ if received.what.starts_with("AmazonSQS.") => (200, None, json!({"MessageId": "m"})),
            _ if received.what.starts_with(SEARCH) => (200, None, json!({ "tasks": tasks })),
            other => other,
        }
    };
    for (age_ms, wait_s) in [(0, 2), (MINUTE_MS, 120), (9 * MINUTE_MS, 1_080)] {
        let server = Loopback::start(task_router(json!([]))).await;
        let message = message("m", &searched_link_of_age(age_ms), 900);
        assert_eq!(kept(&server, &[message]).await, ["m"]);
        assert_eq!((server.count(SEARCH), server.count(SEND_MESSAGE)), (1, 0));
        let wait = calls(&server, CHANGE_VISIBILITY)[0]["VisibilityTimeout"]
            .as_i64()
            .unwrap();
        assert!((wait_s..wait_s + 60).contains(&wait), "{wait}");

        let server = Loopback::start(task_router(json!([task("assigned")]))).await;
        let message = self::message("m", &searched_link_of_age(age_ms), 900);
        assert!(kept(&server, &[message]).await.is_empty());
        assert_eq!((server.count(SEARCH), server.count("POST ")), (1, 1));
    }

    // Most recordings without a task never get one. That is not a failure and makes no dead letter.
    let server = Loopback::start(task_router(json!([]))).await;
    let message = message("m", &searched_link_of_age(DAY_MS), 12);
    assert!(kept_late(&server, &[message]).await.is_empty());
    assert_eq!((server.count(SEARCH), server.count(SEND_MESSAGE)), (1, 0));
}

/// Without such a queue, nothing would deliver the job again at the right time.
#[tokio::test]
async fn a_search_is_not_repeated_without_a_queue_of_its_own() {
    let server = Loopback::start(|received| match neighbors(received) {
        _ if received.what.starts_with(SEARCH) => (200, None, json!({"tasks": []})),
        other => other,
    })
    .await;
    assert!(
        kept_by(&server, None, &[message("m", &searched_link_of_age(0), 1)])
            .await
            .is_empty()
    );
    assert_eq!(server.count(SEARCH), 1);
}

/// A server that answers in place of TaskRouter does not know the tasks.
#[tokio::test]
async fn a_404_that_is_not_twilios_ends_no_message() {
    let server = Loopback::start_with_text(|received| match neighbors(received) {
        _ if received.what.starts_with("AmazonSQS.") => (200, None, json!({"MessageId": "m"}).to_string()),
        (200, Some(_), _) => (404, None, "<html>Not Found</html>".to_owned()),
        (status, etag, body) => (status, etag, body.to_string()),
    })
    .await;
    assert_eq!(kept(&server, &[message("m", &link_of_age(0), 1)]).await, ["m"]);
    assert_eq!((server.count(SEND_MESSAGE), server.count(CHANGE_VISIBILITY)), (0, 1));
}

#[tokio::test]
async fn only_messages_that_may_still_succeed_are_kept_of_a_batch() {
    let server = Loopback::start(task_router(200)).await;
    let good = link_of_age(0);
    let copy = r#"{"version":1,"kind":"CopyRecording","recordingSid":"RE00000000000000000000000000000001"}"#;
    let messages: Vec<_> = [
        ("good", good.as_str()),
        ("poison", "canary"),
        ("another role's", copy),
        ("newer kind", &good.replace("LinkTask", "Canary")),
        ("newer version", &good.replace(r#""version":1"#, r#""version":2"#)),
        ("good as well", &good),
    ]
    .map(|(id, body)| message(id, body, 1))
    .into();
    // An older function leaves the messages of a newer one in the queue.
    assert_eq!(kept(&server, &messages).await, ["newer kind", "newer version"]);
    assert_eq!(server.count(CHANGE_VISIBILITY), 2);
    assert_eq!(server.count(&format!("POST {TASK}")), 2);
    let dead: Vec<_> = calls(&server, SEND_MESSAGE)
        .iter()
        .map(|sent| (sent["QueueUrl"].clone(), sent["MessageBody"].clone()))
        .collect();
    assert_eq!(
        dead,
        [
            ("dead-letters".into(), "canary".into()),
            ("dead-letters".into(), copy.into())
        ]
    );
    for sent in calls(&server, SEND_MESSAGE) {
        let reason = sent["MessageAttributes"]["Reason"]["StringValue"].as_str().unwrap();
        assert!(!reason.contains("canary"), "{reason}");
    }
}
