use loopback::{Server, answer};
use serde_json::{Value, json};
use sid::{CallSid, ConferenceSid, RecordingSid};
use time::{Date, Month};
use twilio::{
    client::ApiError,
    recordings::{CreatedBetween, Deletion, PageToken, RecordedIn, RecordingPage, RecordingResource},
};

use crate::{api_key, api_key_header, client, sid};

pub(crate) fn one_day() -> CreatedBetween {
    let day = Date::from_calendar_date(2026, Month::May, 31).unwrap();
    CreatedBetween { from: day, to: day }
}

fn recording() -> RecordingSid {
    RecordingSid::parse(&sid("RE", '1')).unwrap()
}

fn list_path() -> String {
    format!("/2010-04-01/Accounts/{}/Recordings.json", sid("AC", '0'))
}

fn recording_path() -> String {
    format!(
        "/2010-04-01/Accounts/{}/Recordings/{}.json",
        sid("AC", '0'),
        recording()
    )
}

fn recording_json(digit: char, created: &str) -> Value {
    json!({"sid": sid("RE", digit), "status": "completed", "date_created": created, "duration": null})
}

fn page_json(recordings: &[Value], next: Option<&str>) -> String {
    json!({"recordings": recordings, "next_page_uri": next, "page": 0}).to_string()
}

async fn fetch(twilio: &Server) -> Result<RecordingResource, ApiError> {
    client(&twilio.url).fetch_recording(&api_key(), &recording()).await
}

async fn list(twilio: &Server, after: Option<&PageToken>) -> Result<RecordingPage, ApiError> {
    client(&twilio.url)
        .list_recordings(&api_key(), &one_day(), after, 2)
        .await
}

async fn delete(twilio: &Server) -> Result<Deletion, ApiError> {
    client(&twilio.url).delete_recording(&api_key(), &recording()).await
}

/// The decoded parameters of a request.
fn parameters(target: &str) -> Vec<(String, String)> {
    let (path, query) = target.split_once('?').unwrap();
    assert_eq!(path, list_path());
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

#[tokio::test]
async fn a_page_that_leads_to_itself_is_no_list() {
    let next = format!("{}?Page=1&PageToken=PARE1", list_path());
    let twilio = Server::answering(200, &[], &page_json(&[], Some(&next))).await;
    let first = list(&twilio, None).await.unwrap();
    assert!(first.next.is_some());
    let second = list(&twilio, first.next.as_ref()).await;
    assert!(matches!(
        second,
        Err(ApiError::Unexpected("a page that leads to itself"))
    ));
}

#[tokio::test]
async fn a_recording_is_fetched_by_its_sid() {
    let body = recording_json('1', "Sun, 31 May 2026 12:00:00 +0000").to_string();
    let twilio = Server::answering(200, &[], &body).await;
    let fetched = fetch(&twilio).await.unwrap();
    assert_eq!(
        (fetched.sid, fetched.status.as_deref()),
        (recording(), Some("completed"))
    );
    let request = twilio.only_request();
    // Without `IncludeSoftDeleted`, Twilio answers 404 for a deleted recording.
    assert_eq!((request.method.as_str(), &*request.target), ("GET", &*recording_path()));
    assert_eq!(request.header("authorization"), Some(&*api_key_header()));
}

#[tokio::test]
async fn pages_are_followed_by_twilio_s_own_query_to_the_end() {
    let next = format!(
        "{}?DateCreated%3E=x&PageSize=2&Page=1&PageToken=PAcanary%2B1",
        list_path()
    );
    let uri = next.clone();
    let twilio = Server::start(move |number, _| {
        let noon = "Sun, 31 May 2026 12:00:00 +0000";
        let page = match number {
            0 => page_json(&[recording_json('1', noon), recording_json('2', noon)], Some(&uri)),
            _ => page_json(&[recording_json('3', noon)], None),
        };
        answer(200, &[], &page)
    })
    .await;
    let first = list(&twilio, None).await.unwrap();
    // As the operator stores it between two invocations.
    let kept = serde_json::to_string(&first.next).unwrap();
    let token: PageToken = serde_json::from_str(&kept).unwrap();
    assert!(!format!("{first:?} {token:?}").contains("canary"));
    let second = list(&twilio, Some(&token)).await.unwrap();
    let sids: Vec<_> = first
        .recordings
        .iter()
        .chain(&second.recordings)
        .map(|it| it.sid.as_str())
        .collect();
    assert_eq!(sids, ['1', '2', '3'].map(|digit| sid("RE", digit)));
    assert_eq!(second.next, None);
    assert_eq!(twilio.requests()[1].target, next);
    assert!(
        twilio
            .requests()
            .iter()
            .all(|request| request.header("authorization") == Some(&*api_key_header()))
    );
}

#[tokio::test]
async fn both_days_are_within_and_the_next_one_s_midnight_is_not() {
    let edges = [
        ('1', "Sun, 31 May 2026 00:00:00 +0000", true),
        ('2', "Sun, 31 May 2026 23:59:59 +0000", true),
        ('3', "Mon, 01 Jun 2026 00:00:00 +0000", false),
        ('4', "Mon, 01 Jun 2026 11:00:00 +0000", false),
        ('5', "Sat, 30 May 2026 23:59:59 +0000", false),
        ('6', "Mon, 01 Jun 2026 01:30:00 +0200", true),
    ];
    let recordings = edges.map(|(digit, created, _)| recording_json(digit, created));
    let twilio = Server::answering(200, &[], &page_json(&recordings, None)).await;
    let page = list(&twilio, None).await.unwrap();
    let expected: Vec<_> = edges
        .iter()
        .filter(|edge| edge.2)
        .map(|edge| sid("RE", edge.0))
        .collect();
    assert_eq!(
        page.recordings.iter().map(|it| it.sid.as_str()).collect::<Vec<_>>(),
        expected
    );

    let requested = [
        ("DateCreated>", "2026-05-31T00:00:00Z"),
        ("DateCreated<", "2026-06-01T00:00:00Z"),
        ("PageSize", "2"),
    ];
    let expected = requested.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(parameters(&twilio.only_request().target), expected);
}

#[tokio::test]
async fn a_page_size_is_one_that_twilio_takes() {
    for (size, requested) in [(0, "1"), (1, "1"), (1000, "1000"), (1001, "1000"), (u16::MAX, "1000")] {
        let twilio = Server::answering(200, &[], &page_json(&[], None)).await;
        let client = client(&twilio.url);
        client
            .list_recordings(&api_key(), &one_day(), None, size)
            .await
            .unwrap();
        let (name, value) = parameters(&twilio.only_request().target).pop().unwrap();
        assert_eq!((&*name, &*value), ("PageSize", requested));
    }
}

#[tokio::test]
async fn a_full_page_of_the_largest_recordings_is_read() {
    let created = "Sun, 31 May 2026 12:00:00 +0000";
    let mut recording = recording_json('1', created);
    recording["subresource_uris"] = json!("x".repeat(2500));
    let twilio = Server::answering(200, &[], &page_json(&vec![recording; 1000], None)).await;
    assert_eq!(list(&twilio, None).await.unwrap().recordings.len(), 1000);

    let endless = json!({"recordings": [], "padding": "x".repeat(5_000_000)}).to_string();
    let twilio = Server::answering(200, &[], &endless).await;
    assert!(matches!(list(&twilio, None).await, Err(ApiError::Unexpected(_))));
}

/// Credentials go only to the configured host and the account's own list.
#[tokio::test]
async fn a_next_page_elsewhere_is_refused() {
    let path = list_path();
    for next in [
        format!("https://evil.example{path}?Page=1"),
        format!("//evil.example{path}?Page=1"),
        format!("@evil.example{path}?Page=1"),
        path.replace(&sid("AC", '0'), &sid("AC", '1')) + "?Page=1",
        format!("/2010-04-01/Accounts/{}/Calls.json?Page=1", sid("AC", '0')),
        format!("{path}/../Calls.json?Page=1"),
        path.clone(),
        String::new(),
    ] {
        let twilio = Server::answering(200, &[], &page_json(&[], Some(&next))).await;
        let error = list(&twilio, None).await.unwrap_err();
        assert!(matches!(error, ApiError::Unexpected(_)), "{next}: {error}");
    }
}

#[tokio::test]
async fn a_forged_token_changes_neither_host_nor_path() {
    for text in ["@evil.example/", "/../x", "#fragment", "?a=b", "\\evil", "a=b&c=%2e%2e"] {
        let twilio = Server::answering(200, &[], &page_json(&[], None)).await;
        let token: PageToken = serde_json::from_value(json!(text)).unwrap();
        list(&twilio, Some(&token)).await.unwrap();
        assert_eq!(
            twilio.only_request().target.split('?').next(),
            Some(&*list_path()),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_list_that_is_none_is_unexpected() {
    for body in ["", "<html>", "{}", r#"{"recordings":null}"#, r#"{"recordings":{}}"#] {
        let twilio = Server::answering(200, &[], body).await;
        assert!(
            matches!(list(&twilio, None).await, Err(ApiError::Unexpected(_))),
            "{body}"
        );
    }
}

#[tokio::test]
async fn an_odd_element_is_skipped_and_the_page_goes_on() {
    let noon = "Sun, 31 May 2026 12:00:00 +0000";
    let with = |name: &str, value: Value| {
        let mut recording = recording_json('9', noon);
        recording[name] = value;
        recording
    };
    let next = format!("{}?Page=1", list_path());
    let named = Some(RecordingSid::parse(&sid("RE", '9')).unwrap());
    for (odd, skipped) in [
        (with("date_created", json!(null)), &named),
        (with("date_created", json!("2026-05-31T12:00:00Z")), &named),
        (with("date_created", json!({})), &named),
        (with("status", json!(null)), &named),
        (with("status", json!([])), &named),
        (with("sid", json!(null)), &None),
        (with("sid", json!("RE1")), &None),
        (json!({}), &None),
        (json!(null), &None),
        (json!("RE1"), &None),
    ] {
        let elements = [recording_json('1', noon), odd.clone(), recording_json('2', noon)];
        let twilio = Server::answering(200, &[], &page_json(&elements, Some(&next))).await;
        let page = list(&twilio, None).await.unwrap();
        let sids: Vec<_> = page.recordings.iter().map(|it| it.sid.as_str()).collect();
        assert_eq!(sids, ['1', '2'].map(|digit| sid("RE", digit)), "{odd}");
        assert_eq!(page.skipped, std::slice::from_ref(skipped), "{odd}");
        assert!(page.next.is_some(), "{odd}");
    }
}

#[tokio::test]
async fn deleting_ends_with_the_recording_gone() {
    for (status, deletion) in [(204, Deletion::Deleted), (404, Deletion::AlreadyGone)] {
        let body = if status == 204 { "" } else { r#"{"code":20404}"# };
        let twilio = Server::answering(status, &[], body).await;
        assert_eq!(delete(&twilio).await.unwrap(), deletion);
        let request = twilio.only_request();
        assert_eq!(
            (request.method.as_str(), &*request.target),
            ("DELETE", &*recording_path())
        );
        assert_eq!(request.header("authorization"), Some(&*api_key_header()));
    }
}

/// For example, a proxy's own page with a status of 200.
#[tokio::test]
async fn a_success_that_is_not_twilio_s_is_no_deletion() {
    for (status, body) in [(200, "<html>It works!</html>"), (200, ""), (202, ""), (206, "{}")] {
        let twilio = Server::answering(status, &[], body).await;
        let error = delete(&twilio).await.unwrap_err();
        assert!(
            matches!(error, ApiError::Unexpected(_)) && error.is_retryable(),
            "{status}: {error}"
        );
    }
}

#[tokio::test]
async fn an_answer_about_another_recording_is_unexpected() {
    let body = recording_json('2', "Sun, 31 May 2026 12:00:00 +0000").to_string();
    let twilio = Server::answering(200, &[], &body).await;
    let error = fetch(&twilio).await.unwrap_err();
    assert!(
        matches!(error, ApiError::Unexpected(_)) && error.is_retryable(),
        "{error}"
    );
}

#[tokio::test]
async fn refusals_are_surfaced_at_once() {
    type Expected = fn(&ApiError) -> bool;
    let cases: [(u16, Expected); 4] = [
        (400, |e| matches!(e, ApiError::Status { status: 400 })),
        (401, |e| matches!(e, ApiError::Unauthorized)),
        (302, |e| matches!(e, ApiError::Status { status: 302 })),
        (500, |e| matches!(e, ApiError::Status { status: 500 })),
    ];
    for (status, expected) in cases {
        let twilio = Server::answering(status, &[("location", "/")], "").await;
        let errors = [
            fetch(&twilio).await.unwrap_err(),
            list(&twilio, None).await.unwrap_err(),
            delete(&twilio).await.unwrap_err(),
        ];
        assert!(errors.iter().all(expected), "{status}: {errors:?}");
        assert_eq!(twilio.requests().len(), 3, "{status}");
    }
    let twilio = Server::answering(404, &[], r#"{"code":20404}"#).await;
    assert!(matches!(fetch(&twilio).await, Err(ApiError::NotFound)));
}

/// A server that answers in place of Twilio knows nothing about Twilio's data.
#[tokio::test]
async fn a_404_that_is_not_twilio_s_says_nothing_of_a_recording() {
    for body in [
        "",
        "{}",
        "<html>Not Found</html>",
        r#"{"code":null}"#,
        r#"{"message":"no route"}"#,
    ] {
        let twilio = Server::answering(404, &[], body).await;
        for error in [fetch(&twilio).await.unwrap_err(), delete(&twilio).await.unwrap_err()] {
            assert!(
                matches!(error, ApiError::Status { status: 404 }) && error.is_retryable(),
                "{body}: {error}"
            );
        }
    }
}

#[tokio::test]
async fn a_rate_limited_call_is_made_again_unchanged() {
    let limited_once = |status: u16, body: String| {
        Server::start(move |number, _| match number {
            0 => answer(429, &[("retry-after", "0")], r#"{"code":20429}"#),
            _ => answer(status, &[], &body),
        })
    };
    let body = recording_json('1', "Sun, 31 May 2026 12:00:00 +0000").to_string();
    let servers = [
        limited_once(200, body).await,
        limited_once(200, page_json(&[], None)).await,
        limited_once(204, String::new()).await,
    ];
    fetch(&servers[0]).await.unwrap();
    list(&servers[1], None).await.unwrap();
    delete(&servers[2]).await.unwrap();
    for server in servers {
        let seen = server.requests();
        assert_eq!(seen.len(), 2);
        assert_eq!((&seen[0].method, &seen[0].target), (&seen[1].method, &seen[1].target));
    }
}

fn origins() -> [(RecordedIn, &'static str, String, &'static str); 2] {
    let (call, conference) = (sid("CA", '7'), sid("CF", '7'));
    [
        (
            RecordedIn::Call(CallSid::parse(&call).unwrap()),
            "CallSid",
            call,
            "call_sid",
        ),
        (
            RecordedIn::Conference(ConferenceSid::parse(&conference).unwrap()),
            "ConferenceSid",
            conference,
            "conference_sid",
        ),
    ]
}

#[tokio::test]
async fn the_recordings_of_a_call_or_a_conference_are_listed_page_by_page() {
    for (origin, parameter, value, field) in origins() {
        let next = format!("{}?{parameter}={value}&PageSize=2&Page=1&PageToken=PA1", list_path());
        let (uri, of) = (next.clone(), value.clone());
        let twilio = Server::start(move |number, _| {
            // Whatever its status and date, a recording of the call is one.
            let recording = |digit| json!({"sid": sid("RE", digit), "status": "in-progress", field: of});
            let page = match number {
                0 => page_json(&[recording('1'), json!({}), recording('2')], Some(&uri)),
                _ => page_json(&[recording('3')], None),
            };
            answer(200, &[], &page)
        })
        .await;
        let client = client(&twilio.url);
        let first = client.list_recordings_in(&api_key(), &origin, None, 2).await.unwrap();
        let after = first.next.as_ref();
        let second = client.list_recordings_in(&api_key(), &origin, after, 2).await.unwrap();
        let found = first.recordings.iter().chain(&second.recordings);
        let sids: Vec<_> = found.map(|it| it.sid.as_str()).collect();
        assert_eq!(sids, ['1', '2', '3'].map(|digit| sid("RE", digit)), "{parameter}");
        assert_eq!((first.skipped, second.next), (vec![None], None));
        let requests = twilio.requests();
        let requested = [(parameter.to_owned(), value), ("PageSize".to_owned(), "2".to_owned())];
        assert_eq!(parameters(&requests[0].target), requested);
        assert_eq!(requests[1].target, next);
    }
}

/// A server that ignores the filter would otherwise have every recording of the account erased.
#[tokio::test]
async fn a_recording_of_another_call_or_conference_is_not_listed() {
    for (origin, parameter, value, field) in origins() {
        for other in [json!(null), json!(value.replace('7', "8")), json!([])] {
            let own = json!({"sid": sid("RE", '1'), field: value});
            let foreign = json!({"sid": sid("RE", '2'), field: other});
            let twilio = Server::answering(200, &[], &page_json(&[own, foreign], None)).await;
            let client = client(&twilio.url);
            let listed = client.list_recordings_in(&api_key(), &origin, None, 2).await;
            assert!(
                matches!(
                    listed,
                    Err(ApiError::Unexpected("a recording of another call or conference"))
                ),
                "{parameter}: {other}"
            );
        }
    }
}
