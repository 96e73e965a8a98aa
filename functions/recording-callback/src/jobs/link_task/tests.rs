mod deletion;
mod queue;
mod search;
mod segment_link;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use playback_link::{Expiry, verify};
use serde_json::{Value, json};
use service::secrets::{Secret, Secrets};
use sid::RecordingSid;
use twilio::{
    callback::form_pairs,
    client::Credentials,
    task_attributes::{ChannelOrder, TaskLink},
};

use super::*;
use crate::{
    config::{ChannelOrders, DeletionConfig, ScheduleConfig},
    job::Job,
    secret::key_ring,
    testing::{
        emulated::ROLE_ARN,
        loopback::{Loopback, Received},
    },
};

const GET_SECRET: &str = "secretsmanager.GetSecretValue";
const TASK: &str = "/v1/Workspaces/WS00000000000000000000000000000001/Tasks/WT00000000000000000000000000000001";
const RECORDING: &str =
    "GET /2010-04-01/Accounts/AC00000000000000000000000000000001/Recordings/RE00000000000000000000000000000001.json";
const SEARCH: &str = "GET /v1/Workspaces/WS00000000000000000000000000000001/Tasks?";
const KEY_RING: &str = r#"{"current":"k1","k1":"0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"}"#;

type Answer = (u16, Option<&'static str>, Value);

/// Secrets Manager with every secret, SQS that accepts every message, TaskRouter with one assigned task, and the
/// recording of its customer's call.
fn neighbors(received: &Received) -> Answer {
    let what = received.what.as_str();
    if what == GET_SECRET {
        let secret = match received.json()["SecretId"].as_str().unwrap() {
            "link-keys" => KEY_RING,
            _ => r#"{"sid":"SK1","secret":"s"}"#,
        };
        (200, None, json!({"SecretString": secret}))
    } else if what == RECORDING {
        (200, None, recording(&json!("CA00000000000000000000000000000001")))
    } else if what.starts_with(SEARCH) {
        (200, None, json!({"tasks": [task("assigned")]}))
    } else if is_update(received) {
        let mut task = task("assigned");
        task["attributes"] = json!(attributes_in(received));
        (200, Some("\"8\""), task)
    } else {
        (200, Some("\"7\""), task("assigned"))
    }
}

fn task(status: &str) -> Value {
    json!({
        "sid": "WT00000000000000000000000000000001",
        "assignment_status": status,
        "attributes": r#"{"conversations":{"kind":"call"},"call_sid":"CA00000000000000000000000000000001","balance":1.10}"#,
    })
}

fn recording(call: &Value) -> Value {
    json!({
        "sid": "RE00000000000000000000000000000001",
        "status": "completed",
        "call_sid": call,
        "conference_sid": null,
        "channels": 2,
        "start_time": "Tue, 28 May 2019 02:18:02 +0000",
        "date_created": "Tue, 28 May 2019 02:18:01 +0000",
    })
}

/// The neighbors, with the task in another status.
fn with_task(status: &'static str) -> impl Fn(&Received) -> Answer + Clone + Send + Sync + 'static {
    move |received| match neighbors(received) {
        (200, Some(etag), _) => (200, Some(etag), task(status)),
        other => other,
    }
}

fn is_update(received: &Received) -> bool {
    received.what.starts_with("POST /v1/Workspaces/")
}

/// EventBridge Scheduler accepts every schedule.
fn deletions(server: &Loopback, unlinked: bool) -> Deletions {
    let config = DeletionConfig {
        schedules: ScheduleConfig {
            group: "originals".to_owned(),
            role_arn: ROLE_ARN.to_owned(),
        },
        copies_queue_arn: "arn:aws:sqs:us-east-1:123456789012:copies".to_owned(),
        dead_letters_arn: "arn:aws:sqs:us-east-1:123456789012:dead-letters".to_owned(),
        bucket: "recordings".to_owned(),
        after: Duration::from_secs(7_200),
        unlinked,
    };
    Deletions::new(&server.aws(), config)
}

fn linker(server: &Loopback, with_segment_links: bool) -> Linker {
    let secrets = Secrets::new(&server.aws());
    Linker {
        twilio: TwilioAccount::new(
            server.twilio(),
            Secret::new(&secrets, "api-key".to_owned(), Credentials::parse_api_key),
        ),
        workspace: WorkspaceSid::parse("WS00000000000000000000000000000001").unwrap(),
        links: Links {
            kind: if with_segment_links {
                LinkKind::SegmentLink(Secret::new(&secrets, "link-keys".to_owned(), key_ring))
            } else {
                LinkKind::Media
            },
            playback_base_url: "https://playback.example.com".to_owned(),
            channels: ChannelOrders {
                customer_leg: Some(ChannelOrder::CustomerFirst),
                ..ChannelOrders::default()
            },
        },
        waits_for_task: true,
        deletions: None,
    }
}

fn job(rest: &str) -> LinkTask {
    let head = r#""version":1,"kind":"LinkTask","recordingSid":"RE00000000000000000000000000000001","receivedAtMs":1"#;
    match Job::from_message(&format!("{{{head},{rest}}}")) {
        Ok(Job::LinkTask(job)) => job,
        other => panic!("{other:?}"),
    }
}

fn job_with_task() -> LinkTask {
    job(r#""taskSid":"WT00000000000000000000000000000001","startTimeMs":1559009882000"#)
}

fn linked() -> (Outcome, Option<i64>) {
    (
        Outcome::Linked(TaskSid::parse("WT00000000000000000000000000000001").unwrap()),
        Some(1),
    )
}

impl Linker {
    /// How the link ended, and since when it was possible.
    async fn outcome_of(&self, job: &LinkTask) -> Result<(Outcome, Option<i64>), LinkError> {
        let mut possible_since_ms = None;
        let outcome = self.link(job, &mut possible_since_ms).await?;
        Ok((outcome, possible_since_ms))
    }
}

/// Another delivery of the same callback made the link, or an attempt whose answer was lost.
fn linked_before() -> (Outcome, Option<i64>) {
    (
        Outcome::Linked(TaskSid::parse("WT00000000000000000000000000000001").unwrap()),
        None,
    )
}

/// The attributes that the task was given.
fn written(server: &Loopback) -> Value {
    let update = server.received().into_iter().find(is_update).unwrap();
    serde_json::from_str(&attributes_in(&update)).unwrap()
}

fn attributes_in(update: &Received) -> String {
    let [(name, attributes)] = <[_; 1]>::try_from(form_pairs(update.body.as_bytes())).unwrap();
    assert_eq!(name, "Attributes");
    attributes
}

#[tokio::test]
async fn a_known_task_is_linked_without_a_search() {
    let server = Loopback::start(neighbors).await;
    assert_eq!(
        linker(&server, false).outcome_of(&job_with_task()).await.unwrap(),
        linked()
    );
    assert_eq!(server.count(SEARCH), 0);
    assert_eq!(server.count(&format!("POST {TASK}")), 1);
    let update = server.received().into_iter().find(is_update).unwrap();
    assert_eq!(update.headers["if-match"], "\"7\"");
    let recording = "RE00000000000000000000000000000001";
    assert_eq!(
        written(&server),
        json!({
            "conversations": {
                "kind": "call",
                "media": [{
                    "type": "VoiceRecording",
                    "url_provider": format!("https://playback.example.com/media-url?recordingSid={recording}"),
                    // A second before the recording's start.
                    "start_time": 1_559_009_881_000_i64,
                }],
            },
            "call_sid": "CA00000000000000000000000000000001",
            "balance": serde_json::from_str::<Value>("1.10").unwrap(),
        })
    );
}

#[tokio::test]
async fn a_link_that_is_there_already_is_not_written_again() {
    let attributes = merge(
        None,
        &job_with_task().recording_sid,
        &TaskLink::Media {
            url_provider: "https://playback.example.com/media-url?recordingSid=RE00000000000000000000000000000001"
                .to_owned(),
            reservation: None,
            start_time_ms: job_with_task().facts.start_time_ms,
            channels: None,
        },
    );
    let attributes = attributes.unwrap();
    let server = Loopback::start(move |received: &Received| match neighbors(received) {
        (200, Some(etag), mut task) => {
            task["attributes"] = json!(attributes);
            (200, Some(etag), task)
        }
        other => other,
    })
    .await;
    // The latency was reported when the link was made.
    assert_eq!(
        linker(&server, false).outcome_of(&job_with_task()).await.unwrap(),
        linked_before()
    );
    assert_eq!(server.count("POST "), 0);
}

#[tokio::test]
async fn a_reservations_link_goes_to_the_reservation() {
    let server = Loopback::start(neighbors).await;
    let job =
        job(r#""taskSid":"WT00000000000000000000000000000001","reservationSid":"WR00000000000000000000000000000001""#);
    linker(&server, false).outcome_of(&job).await.unwrap();
    let media = &written(&server)["reservation_attributes"]["WR00000000000000000000000000000001"]["media"];
    assert_eq!(media.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_task_that_is_gone_leaves_nothing_to_do() {
    let cases: [(&str, LinkTask); 3] = [
        (SEARCH, job(r#""conferenceSid":"CF00000000000000000000000000000001""#)),
        (
            "GET /v1/Workspaces/WS00000000000000000000000000000001/Tasks/",
            job_with_task(),
        ),
        ("POST ", job_with_task()),
    ];
    for (gone, job) in cases {
        let server = Loopback::start(move |received: &Received| {
            if !received.what.starts_with(gone) {
                neighbors(received)
            } else if gone == SEARCH {
                (200, None, json!({"tasks": []}))
            } else {
                (404, None, json!({"code": 20404}))
            }
        })
        .await;
        assert_eq!(
            linker(&server, false).outcome_of(&job).await.unwrap().0,
            Outcome::TaskGone,
            "{gone}"
        );
    }
}

#[tokio::test]
async fn a_task_that_waits_for_a_worker_is_left_alone() {
    for status in ["pending", "reserved"] {
        let server = Loopback::start(with_task(status)).await;
        let error = linker(&server, false).outcome_of(&job_with_task()).await.unwrap_err();
        assert!(
            matches!(error, LinkError::NotAssigned(_)) && error.is_retryable(),
            "{error}"
        );
        assert_eq!(server.count("POST "), 0);
    }
}

/// The answer to an update, and whether the task was updated anyway.
#[tokio::test]
async fn an_update_counts_once_the_task_is_seen_with_its_link() {
    let another = task("assigned").to_string().replace("WT00", "WT99");
    let without_the_link = task("assigned").to_string();
    let answers = ["", "<html></html>", "{}", &another, &without_the_link].map(str::to_owned);
    for (answer, is_done) in answers
        .into_iter()
        .flat_map(|answer| [(answer.clone(), false), (answer, true)])
    {
        let stored = Arc::new(Mutex::new(None));
        let (first, memory) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&stored));
        let lying = answer.clone();
        let server = Loopback::start_with_text(move |received: &Received| {
            let is_first = is_update(received) && first.fetch_add(1, Ordering::Relaxed) == 0;
            if is_update(received) && (!is_first || is_done) {
                *memory.lock().unwrap() = Some(attributes_in(received));
            }
            if is_first {
                return (200, Some("\"8\""), lying.clone());
            }
            let (status, etag, mut body) = neighbors(received);
            if let (Some(_), Some(attributes)) = (etag, &*memory.lock().unwrap()) {
                body["attributes"] = json!(attributes);
            }
            (status, etag, body.to_string())
        })
        .await;
        assert_eq!(
            linker(&server, false).outcome_of(&job_with_task()).await.unwrap(),
            linked()
        );
        let stored = stored.lock().unwrap().clone().expect("the task has its link");
        assert!(stored.contains("RE00000000000000000000000000000001"), "{answer}");
        assert_eq!(server.count("POST "), if is_done { 1 } else { 2 }, "{answer} {is_done}");
        assert_eq!(server.count(&format!("GET {TASK}")), 2, "{answer}");
    }
}

#[tokio::test]
async fn a_task_that_never_shows_its_link_is_not_linked() {
    let server = Loopback::start(|received: &Received| match neighbors(received) {
        (200, Some(etag), _) => (200, Some(etag), task("assigned")),
        other => other,
    })
    .await;
    let error = linker(&server, false).outcome_of(&job_with_task()).await.unwrap_err();
    assert!(matches!(error, LinkError::Contended) && error.is_retryable(), "{error}");
}

#[tokio::test]
async fn another_tasks_answer_is_not_merged_into() {
    let server = Loopback::start(|received: &Received| match neighbors(received) {
        (200, Some(etag), mut task) => {
            task["sid"] = json!("WT00000000000000000000000000000009");
            (200, Some(etag), task)
        }
        other => other,
    })
    .await;
    let error = linker(&server, false).outcome_of(&job_with_task()).await.unwrap_err();
    assert!(
        matches!(
            error,
            LinkError::Twilio(TwilioAccountError::Api(ApiError::Unexpected(_)))
        ),
        "{error}"
    );
    assert_eq!(server.count("POST "), 0);
}

#[tokio::test]
async fn attributes_with_half_of_a_surrogate_pair_are_linked_as_they_are() {
    let before = r#"{"note":"\ud83d","deep":"#.to_owned() + &"[".repeat(200) + &"]".repeat(200);
    let attributes = format!("{before}}}");
    let server = Loopback::start(move |received: &Received| match neighbors(received) {
        (200, Some("\"7\""), mut task) => {
            task["attributes"] = json!(attributes);
            (200, Some("\"7\""), task)
        }
        other => other,
    })
    .await;
    assert_eq!(
        linker(&server, false).outcome_of(&job_with_task()).await.unwrap(),
        linked()
    );
    let update = server.received().into_iter().find(is_update).unwrap();
    let written = attributes_in(&update);
    assert!(
        written.starts_with(&format!("{before},\"conversations\":")),
        "{written}"
    );
}

#[test]
fn a_link_is_late_from_when_it_was_possible() {
    // A task that changed since the callback came may have been assigned only then.
    for (task_updated_at_ms, since_ms) in [(None, 5), (Some(4), 5), (Some(600_000), 600_000)] {
        assert_eq!(possible_since_ms(5, task_updated_at_ms), since_ms);
    }
}

#[tokio::test]
async fn a_link_that_waited_for_a_worker_is_not_slow() {
    let server = Loopback::start(|received: &Received| match neighbors(received) {
        (200, Some(etag), mut task) => {
            task["date_updated"] = json!("2026-11-28T17:00:00Z");
            (200, Some(etag), task)
        }
        other => other,
    })
    .await;
    let (Outcome::Linked(_), possible_since_ms) = linker(&server, false).outcome_of(&job_with_task()).await.unwrap()
    else {
        panic!("not linked");
    };
    assert_eq!(possible_since_ms, Some(1_795_885_200_000));
}

#[tokio::test]
async fn a_two_channel_recording_says_who_speaks_where() {
    for (channels, written_channels) in [(2, json!(["customer", "others"])), (1, Value::Null)] {
        let server = Loopback::start(neighbors).await;
        let job = job(&format!(
            r#""callSid":"CA00000000000000000000000000000001","channels":{channels}"#
        ));
        linker(&server, false).outcome_of(&job).await.unwrap();
        assert_eq!(
            written(&server)["conversations"]["media"][0]["channels"],
            written_channels
        );
    }
}

#[tokio::test]
async fn a_task_that_changes_is_fetched_and_merged_again() {
    for (conflicts, expected) in [(1, true), (9, true), (10, false)] {
        let updates = Arc::new(AtomicUsize::new(0));
        let server = Loopback::start(move |received: &Received| {
            if is_update(received) && updates.fetch_add(1, Ordering::Relaxed) < conflicts {
                return (412, None, json!({"code": 20412}));
            }
            neighbors(received)
        })
        .await;
        match linker(&server, false).outcome_of(&job_with_task()).await {
            Ok(outcome) => assert!(expected && outcome == linked(), "{conflicts} conflicts"),
            Err(error) => assert!(
                !expected && matches!(error, LinkError::Contended) && error.is_retryable(),
                "{conflicts} conflicts: {error}"
            ),
        }
        let tries = (conflicts + 1).min(10);
        assert_eq!(
            (server.count(&format!("GET {TASK}")), server.count("POST ")),
            (tries, tries)
        );
    }
}

#[tokio::test]
async fn refused_credentials_are_read_again_once() {
    let server = Loopback::start(|received: &Received| match neighbors(received) {
        (200, Some(_), _) => (401, None, json!({"code": 20003})),
        other => other,
    })
    .await;
    let error = linker(&server, false).outcome_of(&job_with_task()).await.unwrap_err();
    assert!(matches!(
        error,
        LinkError::Twilio(TwilioAccountError::Api(ApiError::Unauthorized))
    ));
    assert_eq!(server.count("GET "), 2);
}

#[tokio::test]
async fn attributes_that_cannot_be_merged_are_left_alone_and_fail_for_good() {
    let server = Loopback::start(|received: &Received| match neighbors(received) {
        (200, Some(etag), mut task) => {
            task["attributes"] = json!("[]");
            (200, Some(etag), task)
        }
        other => other,
    })
    .await;
    let error = linker(&server, false).outcome_of(&job_with_task()).await.unwrap_err();
    assert!(matches!(error, LinkError::Merge(MergeError::NotAnObject)) && !error.is_retryable());
    assert_eq!(server.count("POST "), 0);
}

#[tokio::test]
async fn the_deadline_ends_the_job() {
    let server = Loopback::start(neighbors).await;
    let passed = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
    let error = linker(&server, false).run(&job_with_task(), passed).await.unwrap_err();
    assert!(matches!(error, LinkError::Deadline) && error.is_retryable());
    assert_eq!(server.count("POST "), 0);
}
