//! Playback over HTTP: who may listen, and which bytes they get.

use local_stack::values;
use reqwest::{Method, StatusCode};

use crate::support::{Recording, among_others, get, header, request};

#[tokio::test]
async fn ranges_heads_and_methods_are_answered_as_rfc_9110_has_them() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 200_000);
    recording.bring_in(stack).await;
    let url = recording.media_url(stack).await;

    for (range, status, content_range, body) in [
        ("bytes=0-", 206, Some("bytes 0-199999/200000"), 0..200_000),
        ("bytes=-10", 206, Some("bytes 199990-199999/200000"), 199_990..200_000),
        (
            "bytes=199999-300000",
            206,
            Some("bytes 199999-199999/200000"),
            199_999..200_000,
        ),
        ("bytes=5-2", 200, None, 0..200_000),
        ("bytes=0-1,4-5", 200, None, 0..200_000),
        ("items=0-1", 200, None, 0..200_000),
    ] {
        let answer = get(&url, &[("range", range)]).await;
        assert_eq!(answer.status().as_u16(), status, "{range}");
        assert_eq!(header(&answer, "content-range").as_deref(), content_range, "{range}");
        assert!(answer.bytes().await.unwrap() == recording.audio[body], "{range}");
    }
    for range in ["bytes=200000-", "bytes=-0"] {
        let answer = get(&url, &[("range", range)]).await;
        assert_eq!(answer.status(), StatusCode::RANGE_NOT_SATISFIABLE, "{range}");
        assert_eq!(header(&answer, "content-range").as_deref(), Some("bytes */200000"));
    }
    let head = request(Method::HEAD, &url, &[("range", "bytes=0-1")]).await;
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(header(&head, "accept-ranges").as_deref(), Some("bytes"));
    assert!(head.bytes().await.unwrap().is_empty());
    let put = request(Method::PUT, &url, &[]).await;
    assert_eq!(put.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(header(&put, "allow").unwrap().contains("GET"));
}

#[tokio::test]
async fn an_open_range_has_all_that_is_left() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 9_000_000);
    recording.bring_in(stack).await;
    let url = recording.media_url(stack).await;
    for start in [0, 1, 5_000_000] {
        let answer = get(&url, &[("range", &format!("bytes={start}-"))]).await;
        assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
        let content_range = format!("bytes {start}-8999999/9000000");
        assert_eq!(header(&answer, "content-range"), Some(content_range));
        assert!(answer.bytes().await.unwrap() == recording.audio[start..]);
    }
}

#[tokio::test]
async fn an_etag_answers_conditional_requests() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 100_000);
    recording.bring_in(stack).await;
    let url = recording.media_url(stack).await;
    let etag = header(&get(&url, &[("range", "bytes=0-0")]).await, "etag").unwrap();
    assert_eq!(
        get(&url, &[("if-none-match", &etag)]).await.status(),
        StatusCode::NOT_MODIFIED
    );
    assert_eq!(
        get(&url, &[("if-match", "\"other\"")]).await.status(),
        StatusCode::PRECONDITION_FAILED
    );
    let same = get(&url, &[("if-range", &etag), ("range", "bytes=1-2")]).await;
    assert_eq!(same.status(), StatusCode::PARTIAL_CONTENT);
    let other = get(&url, &[("if-range", "\"other\""), ("range", "bytes=1-2")]).await;
    assert_eq!(other.status(), StatusCode::OK);
}

#[tokio::test]
async fn only_a_valid_token_with_an_allowed_role_gets_a_link() {
    use twilio_double::{FlexToken, flex_token};
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 100_000);
    recording.bring_in(stack).await;

    let unknown = stack
        .media_url(&recording.sid, flex_token!("made-up-token"))
        .await
        .unwrap();
    assert_eq!(unknown.status(), StatusCode::UNAUTHORIZED);
    let agent = FlexToken {
        roles: vec!["agent".to_owned()],
        ..FlexToken::supervisor(flex_token!("an-agents-token"))
    };
    stack.twilio().add_token(agent);
    let forbidden = stack
        .media_url(&recording.sid, flex_token!("an-agents-token"))
        .await
        .unwrap();
    assert_eq!(forbidden.status(), StatusCode::FORBIDDEN);
    let bare = get(
        &format!("{}/media-url?recordingSid={}", stack.playback_url(), recording.sid),
        &[],
    )
    .await;
    assert_eq!(bare.status(), StatusCode::UNAUTHORIZED);
    let missing = stack
        .media_url("RE0000000000000000000000000000beef", values::FLEX_TOKEN)
        .await
        .unwrap();
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    assert!(
        header(&missing, "retry-after").is_some(),
        "the recording may still arrive"
    );
    for malformed in ["", "RE1", "..%2Fsecret"] {
        let answer = stack.media_url(malformed, values::FLEX_TOKEN).await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{malformed:?}");
    }
}

#[tokio::test]
async fn flex_may_read_the_answers_from_its_origin_and_nobody_else() {
    let (stack, _turn) = among_others().await;
    let url = format!("{}/media-url?recordingSid=RE1", stack.playback_url());
    let preflight = [
        ("origin", "https://flex.twilio.com"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "authorization"),
    ];
    let answer = request(Method::OPTIONS, &url, &preflight).await;
    assert!(answer.status().is_success());
    assert_eq!(
        header(&answer, "access-control-allow-origin").as_deref(),
        Some("https://flex.twilio.com")
    );
    assert!(
        header(&answer, "access-control-allow-headers")
            .unwrap()
            .to_lowercase()
            .contains("authorization")
    );
    let refused = get(&url, &[("origin", "https://flex.twilio.com")]).await;
    assert_eq!(
        header(&refused, "access-control-allow-origin").as_deref(),
        Some("https://flex.twilio.com")
    );
    let elsewhere = get(&url, &[("origin", "https://evil.example")]).await;
    assert_eq!(header(&elsewhere, "access-control-allow-origin"), None);
}
