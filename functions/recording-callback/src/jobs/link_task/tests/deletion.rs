//! The deletion of the original, which a link schedules.

use super::*;

const SCHEDULE: &str = "POST /schedules/RE00000000000000000000000000000001";
const MARK: &str = "PUT /recordings/deletions/RE00000000000000000000000000000001";

/// The time until the scheduled deletion, and the message that the schedule sends.
fn scheduled_deletion(server: &Loopback) -> (String, String) {
    let received = server
        .received()
        .into_iter()
        .find(|received| received.what == SCHEDULE)
        .unwrap();
    let body = received.json();
    let text = |pointer| body.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    assert_eq!(text("/GroupName"), "originals");
    assert_eq!(text("/Target/Arn"), "arn:aws:sqs:us-east-1:123456789012:copies");
    assert_eq!(
        text("/Target/DeadLetterConfig/Arn"),
        "arn:aws:sqs:us-east-1:123456789012:dead-letters"
    );
    (text("/ScheduleExpression"), text("/Target/Input"))
}

#[tokio::test]
async fn a_linked_original_is_deleted_when_its_time_comes() {
    let server = Loopback::start(neighbors).await;
    let linker = Linker {
        deletions: Some(deletions(&server, false)),
        ..linker(&server, false)
    };
    let job = job(r#""taskSid":"WT00000000000000000000000000000001","durationS":5"#);
    let before_ms = clock::now_ms();
    linker
        .run(&job, Instant::now() + Duration::from_secs(30))
        .await
        .unwrap();
    let (at, message) = scheduled_deletion(&server);
    let two_hours_after = |ms| crate::schedules::at_expression(ms + 7_200_000);
    // All have the same width, so that their order as text is their order in time.
    assert!(
        (two_hours_after(before_ms)..=two_hours_after(clock::now_ms())).contains(&at),
        "{at}"
    );
    assert_eq!(
        message,
        r#"{"version":1,"kind":"DeleteOriginal","recordingSid":"RE00000000000000000000000000000001","durationS":5}"#
    );
}

#[tokio::test]
async fn an_original_without_a_link_stays_unless_the_operator_says_otherwise() {
    for unlinked in [false, true] {
        let server = Loopback::start(|received: &Received| match neighbors(received) {
            (200, Some(_), _) if received.what != SCHEDULE && !received.what.starts_with(MARK) => {
                (404, None, json!({"code": 20404}))
            }
            other => other,
        })
        .await;
        let linker = Linker {
            deletions: Some(deletions(&server, unlinked)),
            ..linker(&server, false)
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        linker.run(&job_with_task(), deadline).await.unwrap();
        assert_eq!(server.count(SCHEDULE), usize::from(unlinked));
        assert_eq!(server.count(MARK), usize::from(unlinked));
    }
}

#[tokio::test]
async fn a_failed_link_schedules_no_deletion() {
    let server = Loopback::start(|received: &Received| match neighbors(received) {
        (200, Some(_), _) => (500, None, json!(null)),
        other => other,
    })
    .await;
    let linker = Linker {
        deletions: Some(deletions(&server, true)),
        ..linker(&server, false)
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    linker.run(&job_with_task(), deadline).await.unwrap_err();
    assert_eq!(server.count(SCHEDULE), 0);
}

#[tokio::test]
async fn a_deletion_is_marked_before_it_is_scheduled() {
    let server = Loopback::start(|received: &Received| match received.what.as_str() {
        what if what.starts_with(MARK) => (500, None, json!({"Message": "canary"})),
        _ => neighbors(received),
    })
    .await;
    let linker = Linker {
        deletions: Some(deletions(&server, false)),
        ..linker(&server, false)
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    let error = linker.run(&job_with_task(), deadline).await.unwrap_err();
    assert!(error.is_retryable() && !error.to_string().contains("canary"), "{error}");
    assert_eq!((server.count(MARK), server.count(SCHEDULE)), (1, 0));
}

#[tokio::test]
async fn a_link_whose_deletion_could_not_be_scheduled_is_retried() {
    let server = Loopback::start(|received: &Received| match received.what.as_str() {
        SCHEDULE => (500, None, json!({"Message": "canary"})),
        _ => neighbors(received),
    })
    .await;
    let linker = Linker {
        deletions: Some(deletions(&server, false)),
        ..linker(&server, false)
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    let error = linker.run(&job_with_task(), deadline).await.unwrap_err();
    assert!(error.is_retryable() && !error.to_string().contains("canary"), "{error}");
}
