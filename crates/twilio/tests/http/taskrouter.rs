use loopback::{Server, answer};
use sid::{CallSid, ConferenceSid, TaskSid, WorkspaceSid};
use twilio::{client::ApiError, taskrouter::AssignmentStatus};

use crate::{api_key, api_key_header, client, sid};

fn workspace() -> WorkspaceSid {
    WorkspaceSid::parse(&sid("WS", '2')).unwrap()
}

fn task() -> TaskSid {
    TaskSid::parse(&sid("WT", '3')).unwrap()
}

fn task_path() -> String {
    format!("/v1/Workspaces/{}/Tasks/{}", workspace(), task())
}

/// A task in the form that Twilio documents, with a few of its fields.
fn task_json(status: &str, attributes: serde_json::Value) -> String {
    serde_json::json!({
        "account_sid": sid("AC", '0'), "assignment_status": status, "attributes": attributes,
        "sid": task().as_str(), "workspace_sid": workspace().as_str(), "age": 5,
        "date_updated": "2014-05-14T14:26:54Z",
    })
    .to_string()
}

async fn find(twilio: &Server) -> Result<Option<TaskSid>, ApiError> {
    let call = CallSid::parse(&sid("CA", '4')).unwrap();
    let conference = ConferenceSid::parse(&sid("CF", '5')).unwrap();
    client(&twilio.url)
        .find_task(&api_key(), &workspace(), Some(&call), Some(&conference))
        .await
}

async fn fetch(twilio: &Server) -> Result<twilio::taskrouter::Task, ApiError> {
    client(&twilio.url).fetch_task(&api_key(), &workspace(), &task()).await
}

async fn update(twilio: &Server) -> Result<Option<String>, ApiError> {
    let attributes = r#"{"a":"1 & 2+3é"}"#;
    client(&twilio.url)
        .update_task_attributes(&api_key(), &workspace(), &task(), attributes, "\"7\"")
        .await
}

#[tokio::test]
async fn the_newest_task_that_matches_is_found_by_one_search() {
    let page = format!(
        r#"{{"tasks":[{},{{"sid":"{}"}}],"meta":{{"page":0}}}}"#,
        task_json("assigned", serde_json::Value::Null),
        sid("WT", '8')
    );
    let twilio = Server::answering(200, &[], &page).await;
    assert_eq!(find(&twilio).await.unwrap(), Some(task()));

    let request = twilio.only_request();
    assert_eq!(request.header("authorization"), Some(&*api_key_header()));
    let (path, query) = request.target.split_once('?').unwrap();
    assert_eq!(path, format!("/v1/Workspaces/{}/Tasks", workspace()));
    let query: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let (call, conference) = (sid("CA", '4'), sid("CF", '5'));
    let expression = format!(
        "conference.sid == '{conference}' OR conference.participants.worker == '{call}' OR conference.participants.customer == '{call}' OR call_sid == '{call}'"
    );
    let expected = [
        ("EvaluateTaskAttributes", &*expression),
        ("Ordering", "DateCreated:desc"),
        ("PageSize", "1"),
    ];
    assert_eq!(query, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn no_match_is_none_and_no_sid_is_no_search() {
    let twilio = Server::answering(200, &[], r#"{"tasks":[],"meta":{}}"#).await;
    assert_eq!(find(&twilio).await.unwrap(), None);
    assert_eq!(twilio.requests().len(), 1);
    let found = client(&twilio.url)
        .find_task(&api_key(), &workspace(), None, None)
        .await;
    assert_eq!(found.unwrap(), None);
    assert_eq!(twilio.requests().len(), 1);
}

#[tokio::test]
async fn a_task_is_fetched_with_its_attributes_and_etag_as_they_are() {
    for etag in ["\"7\"", "7", "W/\"7\""] {
        let attributes = r#"{"a": 1.10}"#;
        let body = task_json("wrapping", attributes.into());
        let twilio = Server::answering(200, &[("etag", etag)], &body).await;
        let fetched = fetch(&twilio).await.unwrap();
        assert_eq!(fetched.sid, task());
        assert_eq!(fetched.status, AssignmentStatus::Wrapping);
        assert_eq!(fetched.attributes.as_deref(), Some(attributes));
        assert_eq!(fetched.etag, etag);
        assert_eq!(fetched.updated_at_ms, Some(1_400_077_614_000));
        assert!(!format!("{fetched:?}").contains("1.10"));
        let request = twilio.only_request();
        assert_eq!((request.method.as_str(), &*request.target), ("GET", &*task_path()));
        assert_eq!(request.header("authorization"), Some(&*api_key_header()));
    }
}

#[tokio::test]
async fn every_documented_status_is_known() {
    for (text, status) in [
        ("pending", AssignmentStatus::Pending),
        ("reserved", AssignmentStatus::Reserved),
        ("assigned", AssignmentStatus::Assigned),
        ("wrapping", AssignmentStatus::Wrapping),
        ("completed", AssignmentStatus::Completed),
        ("canceled", AssignmentStatus::Canceled),
    ] {
        let body = task_json(text, serde_json::Value::Null);
        let twilio = Server::answering(200, &[("etag", "0")], &body).await;
        let fetched = fetch(&twilio).await.unwrap();
        assert_eq!((fetched.status, fetched.attributes), (status, None));
    }
}

#[tokio::test]
async fn an_answer_that_is_no_task_is_unexpected() {
    let good = task_json("assigned", "{}".into());
    let huge = task_json("assigned", "x".repeat(100_000).into());
    // If it counted as a task without attributes, the update would delete its attributes.
    let without_attributes = good.replace("\"attributes\"", "\"canary\"");
    for (headers, body) in [
        (&[][..], &*good),
        (&[("etag", "0")], "<html>"),
        (&[("etag", "0")], "[]"),
        (&[("etag", "0")], &*task_json("asleep", "{}".into())),
        (&[("etag", "0")], &*huge),
        (&[("etag", "0")], &*without_attributes),
    ] {
        let twilio = Server::answering(200, headers, body).await;
        let error = fetch(&twilio).await.unwrap_err();
        assert!(matches!(error, ApiError::Unexpected(_)), "{error}");
    }
}

/// JSON may hold half of a surrogate pair, which a Rust string can't hold (RFC 8259, section 8.2). In the attributes,
/// which are JSON themselves, its escape means the same.
#[tokio::test]
async fn half_of_a_surrogate_pair_in_the_attributes_is_read_as_its_escape() {
    for (sent, read) in [
        (r#"{\"note\":\"\ud83d\"}"#, r#"{"note":"\ud83d"}"#),
        (r#"{\"note\":\"é\ude00\ud83d x\"}"#, r#"{"note":"é\ude00\ud83d x"}"#),
        (r#"{\"note\":\"\\ud83d\"}"#, r#"{"note":"\ud83d"}"#),
        (r#"{\"note\":\"\ud83d\ude00\"}"#, r#"{"note":"😀"}"#),
    ] {
        let body = task_json("assigned", "canary".into()).replace("canary", sent);
        let twilio = Server::answering(200, &[("etag", "0")], &body).await;
        assert_eq!(
            fetch(&twilio).await.unwrap().attributes.as_deref(),
            Some(read),
            "{sent}"
        );
        assert_eq!(update(&twilio).await.unwrap().as_deref(), Some(read), "{sent}");
    }
}

/// The time is only used to measure a latency.
#[tokio::test]
async fn an_odd_date_does_not_cost_the_task() {
    for odd in [
        serde_json::json!(null),
        7.into(),
        "yesterday".into(),
        serde_json::json!({}),
    ] {
        let mut body: serde_json::Value = serde_json::from_str(&task_json("assigned", "{}".into())).unwrap();
        body["date_updated"] = odd;
        let twilio = Server::answering(200, &[("etag", "0")], &body.to_string()).await;
        assert_eq!(fetch(&twilio).await.unwrap().updated_at_ms, None, "{body}");
    }
}

#[tokio::test]
async fn an_answer_about_another_task_is_unexpected() {
    let other = task_json("assigned", "{}".into()).replace(task().as_str(), &sid("WT", '9'));
    let twilio = Server::answering(200, &[("etag", "0")], &other).await;
    for error in [fetch(&twilio).await.unwrap_err(), update(&twilio).await.unwrap_err()] {
        assert!(matches!(error, ApiError::Unexpected("another task")), "{error}");
    }
}

/// A success that isn't about the task proves nothing about it.
#[tokio::test]
async fn an_update_whose_answer_is_not_the_task_is_unexpected() {
    for (status, body) in [(200, ""), (200, "<html>"), (200, "{}"), (204, ""), (200, "[]")] {
        let twilio = Server::answering(status, &[], body).await;
        let error = update(&twilio).await.unwrap_err();
        assert!(matches!(error, ApiError::Unexpected(_)), "{body}: {error}");
    }
}

#[tokio::test]
async fn attributes_are_written_as_a_form_under_the_etag_as_received() {
    let twilio = Server::answering(200, &[], &task_json("assigned", r#"{"a": 1}"#.into())).await;
    assert_eq!(update(&twilio).await.unwrap().as_deref(), Some(r#"{"a": 1}"#));
    let request = twilio.only_request();
    assert_eq!((request.method.as_str(), &*request.target), ("POST", &*task_path()));
    assert_eq!(request.header("if-match"), Some("\"7\""));
    assert_eq!(request.header("authorization"), Some(&*api_key_header()));
    assert_eq!(
        request.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    let form: Vec<_> = form_urlencoded::parse(request.body.as_bytes()).into_owned().collect();
    assert_eq!(form, [("Attributes".to_owned(), r#"{"a":"1 & 2+3é"}"#.to_owned())]);
}

#[tokio::test]
async fn refusals_are_surfaced_at_once() {
    type Expected = fn(&ApiError) -> bool;
    let cases: [(u16, Expected, bool); 6] = [
        (400, |e| matches!(e, ApiError::Status { status: 400 }), false),
        (401, |e| matches!(e, ApiError::Unauthorized), false),
        (404, |e| matches!(e, ApiError::NotFound), false),
        (412, |e| matches!(e, ApiError::PreconditionFailed), true),
        (500, |e| matches!(e, ApiError::Status { status: 500 }), true),
        (503, |e| matches!(e, ApiError::Status { status: 503 }), true),
    ];
    for (status, expected, retryable) in cases {
        let twilio = Server::answering(status, &[], r#"{"code":20412,"message":"…"}"#).await;
        let errors = [
            find(&twilio).await.unwrap_err(),
            fetch(&twilio).await.unwrap_err(),
            update(&twilio).await.unwrap_err(),
        ];
        for error in errors {
            assert!(expected(&error), "{status}: {error:?}");
            assert_eq!(error.is_retryable(), retryable, "{status}");
        }
        assert_eq!(twilio.requests().len(), 3, "{status}");
    }
}

#[tokio::test]
async fn a_rate_limited_call_is_made_again_unchanged() {
    let twilio = Server::start(|number, _| match number {
        0 => answer(429, &[("retry-after", "0")], r#"{"code":20429}"#),
        _ => answer(200, &[], &task_json("assigned", "{}".into())),
    })
    .await;
    update(&twilio).await.unwrap();
    let seen = twilio.requests();
    assert_eq!(seen.len(), 2);
    assert_eq!(
        (&seen[0].target, &seen[0].body, seen[0].header("if-match")),
        (&seen[1].target, &seen[1].body, seen[1].header("if-match"))
    );
}

#[tokio::test]
async fn patience_with_rate_limits_ends() {
    let twilio = Server::answering(429, &[], "").await;
    let error = find(&twilio).await.unwrap_err();
    assert!(
        matches!(error, ApiError::RateLimited { retry_after_s: None }),
        "{error:?}"
    );
    // Because of jitter, the total wait may be over before the third retry.
    assert!(
        (3..=4).contains(&twilio.requests().len()),
        "{}",
        twilio.requests().len()
    );
}

#[tokio::test]
async fn a_long_retry_after_is_left_to_the_caller() {
    let twilio = Server::answering(429, &[("retry-after", "60")], "").await;
    let error = fetch(&twilio).await.unwrap_err();
    assert!(
        matches!(
            error,
            ApiError::RateLimited {
                retry_after_s: Some(60)
            }
        ),
        "{error:?}"
    );
    assert_eq!(twilio.requests().len(), 1);
}

#[tokio::test]
async fn a_redirected_update_is_no_success() {
    let twilio = Server::start(|_, request| match request.method.as_str() {
        "POST" => answer(302, &[("location", "/")], ""),
        _ => answer(200, &[], "{}"),
    })
    .await;
    let error = update(&twilio).await.unwrap_err();
    assert!(matches!(error, ApiError::Status { status: 302 }), "{error:?}");
    assert_eq!(twilio.requests().len(), 1);
}
