//! The number of calls to S3 and KMS that a listener's request causes.

use std::collections::BTreeMap;

use local_stack::{Mark, Stack};
use reqwest::{Method, StatusCode};
use twilio_double::{FlexToken, flex_token};

use crate::support::{Recording, alone, get, header, json, request};

/// The functions' calls to S3 and KMS since a mark.
fn calls(stack: &Stack, mark: Mark) -> BTreeMap<String, usize> {
    let mut calls = BTreeMap::new();
    for call in stack.wire().since(mark) {
        // Calls to other services belong to the jobs of other tests, or fetch the secrets once for each process.
        if matches!(&*call.service, "kms" | "s3") {
            *calls.entry(call.service).or_default() += 1;
        }
    }
    calls
}

fn costs<const N: usize>(expected: [(&str, usize); N]) -> BTreeMap<String, usize> {
    expected.map(|(service, count)| (service.to_owned(), count)).into()
}

/// The link was signed outside the function, so that no instance has opened the recording yet.
#[tokio::test]
async fn a_cold_request_costs_one_kms_call_and_two_or_three_s3_gets() {
    let (stack, _turn) = alone().await;
    for (method, range, status, gets) in [
        // One request returns the header and the first frame. The other one returns the object's end.
        (Method::GET, Some("bytes=0-"), StatusCode::PARTIAL_CONTENT, 2),
        (Method::GET, Some("bytes=0-0"), StatusCode::PARTIAL_CONTENT, 2),
        (Method::GET, None, StatusCode::OK, 2),
        (Method::HEAD, None, StatusCode::OK, 2),
        // The header, the requested bytes and the end are fetched in parallel.
        (Method::GET, Some("bytes=1000000-"), StatusCode::PARTIAL_CONTENT, 3),
        // The requested bytes are the object's end.
        (Method::GET, Some("bytes=-5000"), StatusCode::PARTIAL_CONTENT, 2),
    ] {
        let recording = Recording::new(stack, 2_000_000);
        recording.bring_in(stack).await;
        let url = recording.link(stack, 60);
        let mark = stack.wire().mark();
        let headers: Vec<_> = range.map(|range| ("range", range)).into_iter().collect();
        let answer = request(method.clone(), &url, &headers).await;
        assert_eq!(answer.status(), status, "{method} {range:?}");
        answer.bytes().await.unwrap();
        assert_eq!(
            calls(stack, mark),
            costs([("kms", 1), ("s3", gets)]),
            "{method} {range:?}"
        );
    }
}

#[tokio::test]
async fn a_warm_range_costs_one_s3_get_and_no_kms_call() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 2_000_000);
    recording.bring_in(stack).await;
    let url = recording.link(stack, 60);
    // Up to four instances may answer, and each of them is cold once.
    let mut warm = 0;
    for _ in 0..20 {
        let mark = stack.wire().mark();
        let answer = get(&url, &[("range", "bytes=1000000-1031999")]).await;
        assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(answer.bytes().await.unwrap(), recording.audio[1_000_000..1_032_000]);
        let calls = calls(stack, mark);
        if calls == costs([("s3", 1)]) {
            warm += 1;
        } else {
            assert_eq!(calls, costs([("kms", 1), ("s3", 3)]), "a cold one");
        }
    }
    assert!(warm >= 16, "{warm} of 20 were warm");
}

/// S3 confirmed the facts less than a minute ago, when the link was requested.
#[tokio::test]
async fn requests_that_need_no_byte_of_a_warm_recording_cost_nothing() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 2_000_000);
    recording.bring_in(stack).await;
    let url = recording.link(stack, 60);
    let etag = header(&get(&url, &[("range", "bytes=0-0")]).await, "etag").unwrap();
    let mut free = 0;
    for _ in 0..20 {
        let mark = stack.wire().mark();
        let answer = get(&url, &[("if-none-match", &etag)]).await;
        assert_eq!(answer.status(), StatusCode::NOT_MODIFIED);
        let calls = calls(stack, mark);
        if calls.is_empty() {
            free += 1;
        } else {
            assert_eq!(calls, costs([("kms", 1), ("s3", 2)]), "a cold one");
        }
    }
    assert!(free >= 16, "{free} of 20 were warm");
}

#[tokio::test]
async fn a_link_that_is_not_ours_costs_no_call_and_says_nothing() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 100_000);
    recording.bring_in(stack).await;
    let url = recording.media_url(stack).await;
    let forged = [
        url.replace(&recording.sid, "RE0000000000000000000000000000dead"),
        url.replace("expires=", "expires=9"),
        url.split("&signature=").next().unwrap().to_owned(),
        url.replace("signature=", "signature=A"),
        format!("{url}&recordingSid=RE0000000000000000000000000000dead"),
        url.replacen('?', "/?", 1),
        format!("{}/", stack.playback_url()),
        format!("{}/?recordingSid={}", stack.playback_url(), recording.sid),
        recording.link(stack, -60),
    ];
    let mut bodies = Vec::new();
    for url in &forged {
        for range in [&[][..], &[("range", "bytes=0-")]] {
            let mark = stack.wire().mark();
            let answer = get(url, range).await;
            assert_eq!(answer.status(), StatusCode::FORBIDDEN);
            let mut body = json(answer).await;
            body.as_object_mut().unwrap().remove("requestId");
            bodies.push(body);
            assert_eq!(calls(stack, mark), costs([]));
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "refusals differ: {bodies:?}");
}

#[tokio::test]
async fn a_listener_who_may_not_listen_costs_no_call() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 100_000);
    recording.bring_in(stack).await;
    stack.twilio().add_token(FlexToken {
        roles: vec!["agent".to_owned()],
        ..FlexToken::supervisor(flex_token!("token-of-an-agent"))
    });
    stack.twilio().add_token(FlexToken {
        expires_in_seconds: 0,
        ..FlexToken::supervisor(flex_token!("token-of-yesterday"))
    });
    for (token, status) in [
        ("", StatusCode::UNAUTHORIZED),
        ("no-token-at-all", StatusCode::UNAUTHORIZED),
        (flex_token!("made-up-token"), StatusCode::UNAUTHORIZED),
        (flex_token!("token-of-yesterday"), StatusCode::UNAUTHORIZED),
        (flex_token!("token-of-an-agent"), StatusCode::FORBIDDEN),
    ] {
        let mark = stack.wire().mark();
        let answer = stack.media_url(&recording.sid, token).await.unwrap();
        assert_eq!(answer.status(), status, "{token:?}");
        assert_eq!(calls(stack, mark), costs([]), "{token:?}");
    }
}
