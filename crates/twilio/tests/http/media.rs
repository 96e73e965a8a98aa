use futures_util::TryStreamExt;
use loopback::{Server, answer, raw};
use sid::RecordingSid;
use twilio::{
    client::{ApiError, Client},
    media::{Media, MediaFormat},
};

use crate::{api_key, api_key_header, client, client_of, sid};

async fn get(client: &Client, from: u64, etag: Option<&str>) -> Result<Media, ApiError> {
    let recording = RecordingSid::parse(&sid("RE", '1')).unwrap();
    client.media(&api_key(), &recording, MediaFormat::Wav, from, etag).await
}

async fn bytes(media: Media) -> Result<Vec<u8>, ApiError> {
    media
        .body
        .try_fold(Vec::new(), |mut all, chunk| async move {
            all.extend_from_slice(&chunk);
            Ok(all)
        })
        .await
}

fn path(format: &str, channels: u8) -> String {
    let (account, recording) = (sid("AC", '0'), sid("RE", '1'));
    format!("/2010-04-01/Accounts/{account}/Recordings/{recording}.{format}?RequestedChannels={channels}")
}

#[tokio::test]
async fn the_url_is_built_from_the_sids_and_requested_with_basic_auth() {
    let twilio = Server::answering(200, &[("etag", "\"v1\"")], "RIFF").await;
    let media = get(&client(&twilio.url), 0, Some("\"unused\"")).await.unwrap();
    assert_eq!(
        (media.start, media.total_len, media.etag.as_deref()),
        (0, Some(4), Some("\"v1\""))
    );
    assert_eq!(bytes(media).await.unwrap(), b"RIFF");

    let request = twilio.only_request();
    assert_eq!(request.method, "GET");
    assert_eq!(request.target, path("wav", 2));
    assert_eq!(request.header("authorization"), Some(&*api_key_header()));
    assert_eq!(request.header("accept-encoding"), Some("identity"));
    let version = concat!("recording-vault/", env!("CARGO_PKG_VERSION"));
    assert_eq!(request.header("user-agent"), Some(version));
    assert_eq!((request.header("range"), request.header("if-range")), (None, None));
}

#[tokio::test]
async fn mp3_is_another_extension() {
    let twilio = Server::answering(200, &[], "ID3").await;
    let recording = RecordingSid::parse(&sid("RE", '1')).unwrap();
    client(&twilio.url)
        .media(&api_key(), &recording, MediaFormat::Mp3, 0, None)
        .await
        .unwrap();
    assert_eq!(twilio.only_request().target, path("mp3", 2));
}

/// The recording's metadata. Without `channels`, the number of channels is unknown.
fn description(channels: Option<u8>) -> String {
    let channels = channels.map_or_else(|| "null".to_owned(), |channels| channels.to_string());
    format!(
        r#"{{"sid":"{}","status":"completed","date_created":"Fri, 14 Oct 2016 21:56:34 +0000","channels":{channels}}}"#,
        sid("RE", '1')
    )
}

fn description_path() -> String {
    let (account, recording) = (sid("AC", '0'), sid("RE", '1'));
    format!("/2010-04-01/Accounts/{account}/Recordings/{recording}.json")
}

/// Refuses two channels this number of times.
async fn refusing_two(times: usize, channels: Option<u8>) -> Server {
    Server::start(move |number, request| {
        if request.target == description_path() {
            answer(200, &[], &description(channels))
        } else if request.target.ends_with("=2") && number < times {
            answer(400, &[], "{}")
        } else if request.target.ends_with("=2") {
            answer(200, &[], "dual")
        } else {
            answer(200, &[], "mono")
        }
    })
    .await
}

fn targets(twilio: &Server) -> Vec<String> {
    twilio.requests().into_iter().map(|request| request.target).collect()
}

#[tokio::test]
async fn one_channel_is_requested_if_two_are_refused_and_there_is_only_one() {
    let twilio = refusing_two(usize::MAX, Some(1)).await;
    let media = get(&client(&twilio.url), 0, None).await.unwrap();
    assert_eq!(bytes(media).await.unwrap(), b"mono");
    assert_eq!(
        targets(&twilio),
        [path("wav", 2), path("wav", 2), description_path(), path("wav", 1)]
    );
}

#[tokio::test]
async fn a_stray_400_does_not_cost_a_channel() {
    let twilio = refusing_two(1, Some(2)).await;
    let media = get(&client(&twilio.url), 0, None).await.unwrap();
    assert_eq!(bytes(media).await.unwrap(), b"dual");
    assert_eq!(targets(&twilio), [path("wav", 2), path("wav", 2)]);
}

#[tokio::test]
async fn a_400_to_the_channels_that_there_are_is_worth_another_try() {
    for channels in [Some(2), None] {
        let twilio = refusing_two(usize::MAX, channels).await;
        let error = get(&client(&twilio.url), 0, None).await.unwrap_err();
        assert!(
            matches!(error, ApiError::Unexpected(_)) && error.is_retryable(),
            "{error}"
        );
        assert_eq!(targets(&twilio), [path("wav", 2), path("wav", 2), description_path()]);
    }
}

#[tokio::test]
async fn a_400_for_one_channel_too_is_an_error() {
    let twilio = Server::start(|_, request| {
        if request.target == description_path() {
            answer(200, &[], &description(Some(1)))
        } else {
            answer(400, &[], r#"{"code":21210}"#)
        }
    })
    .await;
    let error = get(&client(&twilio.url), 0, None).await.unwrap_err();
    assert!(matches!(error, ApiError::Status { status: 400 }), "{error}");
    assert_eq!(twilio.requests().len(), 4);
}

#[tokio::test]
async fn a_server_that_cannot_answer_a_range_gets_a_request_for_the_whole() {
    for (status, content_range) in [
        (416, "bytes */2"),
        (206, "bytes 0-9/10"),
        (206, "bytes 4-9/10"),
        (206, "nonsense"),
    ] {
        let twilio = Server::start(move |_, request| match request.header("range") {
            Some(_) => answer(status, &[("content-range", content_range)], "??"),
            None => answer(200, &[("etag", "\"v2\"")], "whole"),
        })
        .await;
        let media = get(&client(&twilio.url), 3, Some("\"v1\"")).await.unwrap();
        assert_eq!(
            (media.start, media.etag.as_deref()),
            (0, Some("\"v2\"")),
            "{status} {content_range}"
        );
        assert_eq!(bytes(media).await.unwrap(), b"whole");
    }
}

#[tokio::test]
async fn a_resumed_download_requests_the_rest_of_the_same_media() {
    for (content_range, total_len) in [("bytes 3-9/10", Some(10)), ("bytes 3-9/*", None)] {
        let twilio = Server::answering(206, &[("content-range", content_range)], "3456789").await;
        let media = get(&client(&twilio.url), 3, Some("\"v1\"")).await.unwrap();
        assert_eq!((media.start, media.total_len), (3, total_len));
        assert_eq!(bytes(media).await.unwrap(), b"3456789");
        let request = twilio.only_request();
        assert_eq!(request.header("range"), Some("bytes=3-"));
        assert_eq!(request.header("if-range"), Some("\"v1\""));
    }
}

#[tokio::test]
async fn a_resume_without_an_etag_has_no_if_range() {
    let twilio = Server::answering(206, &[("content-range", "bytes 3-9/10")], "3456789").await;
    get(&client(&twilio.url), 3, None).await.unwrap();
    let request = twilio.only_request();
    assert_eq!(
        (request.header("range"), request.header("if-range")),
        (Some("bytes=3-"), None)
    );
}

#[tokio::test]
async fn a_resume_of_one_channel_tries_two_first_as_its_beginning_did() {
    let twilio = Server::start(|_, request| {
        if request.target == description_path() {
            answer(200, &[], &description(Some(1)))
        } else if request.target.ends_with("=2") {
            answer(400, &[], "")
        } else {
            answer(206, &[("content-range", "bytes 3-3/4")], "x")
        }
    })
    .await;
    assert_eq!(get(&client(&twilio.url), 3, None).await.unwrap().start, 3);
    let seen = twilio.requests();
    let mut media = seen.iter().filter(|request| request.target != description_path());
    assert!(media.all(|request| request.header("range") == Some("bytes=3-")));
}

#[tokio::test]
async fn an_ignored_range_starts_at_the_beginning() {
    let twilio = Server::answering(200, &[], "0123456789").await;
    let media = get(&client(&twilio.url), 3, Some("\"gone\"")).await.unwrap();
    assert_eq!((media.start, media.total_len), (0, Some(10)));
}

#[tokio::test]
async fn a_206_that_was_not_requested_is_refused() {
    for (from, content_range) in [
        (3, Some("bytes 2-9/10")),
        (3, Some("bytes 4-9/10")),
        (3, Some("bytes 3-10/10")),
        (3, Some("bytes */10")),
        (3, None),
        (0, Some("bytes 0-9/10")),
    ] {
        let headers: Vec<_> = content_range.iter().map(|&range| ("content-range", range)).collect();
        let twilio = Server::answering(206, &headers, "0123456789").await;
        let error = get(&client(&twilio.url), from, None).await.unwrap_err();
        assert!(
            matches!(error, ApiError::Unexpected(_)),
            "{from} {content_range:?}: {error}"
        );
    }
}

#[tokio::test]
async fn a_success_without_media_is_refused() {
    for (status, headers) in [(204, vec![]), (202, vec![]), (200, vec![("content-encoding", "gzip")])] {
        let twilio = Server::answering(status, &headers, "").await;
        let error = get(&client(&twilio.url), 0, None).await.unwrap_err();
        assert!(matches!(error, ApiError::Unexpected(_)), "{status}: {error}");
    }
}

#[tokio::test]
async fn no_announced_length_is_none() {
    let url = raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").await;
    let media = get(&client(&url), 0, None).await.unwrap();
    assert_eq!(media.total_len, None);
    assert_eq!(bytes(media).await.unwrap(), b"abcde");
}

#[tokio::test]
async fn a_weak_etag_cannot_guard_a_resume() {
    for etags in [
        &["W/\"v1\""][..],
        &["w/\"v1\""],
        &["v1"],
        &["\"\""],
        &["\"v\"1\""],
        &["\"v1\"", "\"v2\""],
        &[],
    ] {
        let headers: Vec<_> = etags.iter().map(|&etag| ("etag", etag)).collect();
        let twilio = Server::answering(200, &headers, "x").await;
        assert_eq!(
            get(&client(&twilio.url), 0, None).await.unwrap().etag,
            None,
            "{etags:?}"
        );
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_yields_its_bytes_and_then_an_error() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n",
    ] {
        let url = raw(answer).await;
        let mut body = get(&client(&url), 0, None).await.unwrap().body;
        let mut received = Vec::new();
        let error = loop {
            match body.try_next().await {
                Ok(Some(chunk)) => received.extend_from_slice(&chunk),
                Ok(None) => panic!("a broken body ended as if it were whole"),
                Err(error) => break error,
            }
        };
        assert_eq!(received, b"0123456789");
        assert!(
            matches!(&error, ApiError::Transport(_)) && error.is_retryable(),
            "{error}"
        );
        assert!(!error.to_string().contains("http"), "{error}");
    }
}

#[tokio::test]
async fn each_refusal_is_distinguished_and_not_retried() {
    type Expected = fn(&ApiError) -> bool;
    let cases: [(u16, Expected); 7] = [
        (401, |e| matches!(e, ApiError::Unauthorized)),
        (403, |e| matches!(e, ApiError::Unauthorized)),
        (404, |e| matches!(e, ApiError::Status { status: 404 })),
        (412, |e| matches!(e, ApiError::PreconditionFailed)),
        (416, |e| matches!(e, ApiError::Status { status: 416 })),
        (429, |e| matches!(e, ApiError::RateLimited { retry_after_s: Some(7) })),
        (503, |e| matches!(e, ApiError::Status { status: 503 })),
    ];
    for (status, expected) in cases {
        let twilio = Server::answering(status, &[("retry-after", "7")], "<html>").await;
        let error = get(&client(&twilio.url), 0, None).await.unwrap_err();
        assert!(expected(&error), "{status}: {error:?}");
        assert_eq!(twilio.requests().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_redirect_to_a_foreign_host_is_refused_before_it_is_followed() {
    let foreign = Server::answering(200, &[], "not a recording").await;
    let userinfo = foreign.url.as_str().replace("http://", "http://user:password@");
    for location in [foreign.url.as_str(), &userinfo, "//127.0.0.2/", "file:///etc/passwd"] {
        let twilio = Server::answering(302, &[("location", location)], "").await;
        let error = get(&client(&twilio.url), 0, None).await.unwrap_err();
        assert!(matches!(error, ApiError::Unexpected(_)), "{location}: {error}");
        assert_eq!(twilio.requests().len(), 1);
    }
    assert!(foreign.requests().is_empty());
}

#[tokio::test]
async fn a_redirect_to_another_twilio_host_is_followed_without_credentials() {
    let other = Server::answering(206, &[("content-range", "bytes 3-3/4")], "x").await;
    let location = other.url.join("/media?id=1").unwrap();
    let twilio = Server::answering(307, &[("location", location.as_str())], "").await;
    let media = get(&client_of(&twilio.url, &other.url), 3, Some("\"v1\""))
        .await
        .unwrap();
    assert_eq!(media.start, 3);
    assert!(twilio.only_request().header("authorization").is_some());
    let request = other.only_request();
    assert_eq!(request.target, "/media?id=1");
    assert_eq!(request.header("authorization"), None);
    assert_eq!(
        (request.header("range"), request.header("if-range")),
        (Some("bytes=3-"), Some("\"v1\""))
    );
}

#[tokio::test]
async fn a_redirect_within_the_api_host_keeps_the_credentials() {
    let twilio = Server::start(|number, _| {
        if number == 0 {
            answer(301, &[("location", "/elsewhere")], "")
        } else {
            answer(200, &[], "x")
        }
    })
    .await;
    get(&client(&twilio.url), 0, None).await.unwrap();
    let seen = twilio.requests();
    assert_eq!(seen[1].target, "/elsewhere");
    assert_eq!(seen[1].header("authorization"), Some(&*api_key_header()));
}

#[tokio::test]
async fn redirects_end() {
    let twilio = Server::answering(302, &[("location", "/again")], "").await;
    let error = get(&client(&twilio.url), 0, None).await.unwrap_err();
    assert!(matches!(error, ApiError::Unexpected(_)), "{error}");
    assert_eq!(twilio.requests().len(), 4);

    let twilio = Server::answering(302, &[], "").await;
    let error = get(&client(&twilio.url), 0, None).await.unwrap_err();
    assert!(matches!(error, ApiError::Unexpected(_)), "{error}");
}

#[tokio::test]
async fn an_etag_that_is_no_header_value_is_an_error() {
    let twilio = Server::answering(200, &[], "").await;
    let error = get(&client(&twilio.url), 3, Some("\"a\r\nb\"")).await.unwrap_err();
    assert!(matches!(error, ApiError::Unexpected(_)), "{error}");
    assert!(twilio.requests().is_empty());
}
