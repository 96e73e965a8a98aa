//! Events that no browser sends, but any client can. Each is answered, and none ends the process.
//!
//! The Runtime API delivers the event that AWS made of a request. lambda_http 1.3.2 rebuilds a URL from it and panics if it
//! cannot (`request.rs`, `build_request_uri` and `from_maybe_encoded`), which ends the instance.

use http::Method;
use serde_json::{Value, json};

use crate::fakes::{RECORDING, Shelf, World, link, plaintext, request};

const KIB_64: usize = 65_400;

fn world() -> World {
    World::new(Shelf::with(&plaintext(100)))
}

/// A playback with a valid link, with a change to its event.
fn playback(change: impl FnOnce(&mut Value)) -> Value {
    let link = link();
    let mut event = request(&Method::GET, &link.path, &link.query, &[]);
    change(&mut event);
    event
}

async fn status(event: Value) -> u16 {
    let answer = world().send(event).await;
    if !answer.status.is_success() {
        let body = answer.json();
        assert!(body["error"].is_string() && body["requestId"] == "request-1", "{body}");
    }
    answer.status.as_u16()
}

#[tokio::test]
async fn characters_that_no_url_has_are_answered_wherever_they_are_in_the_query() {
    for odd in [
        " ", "\"", "<", ">", "\n", "\0", "\u{7f}", "ä", "日", "%", "%zz", "%00", "#", "\\", "`", "{|}", "[::1",
    ] {
        let refused = playback(|event| event["rawQueryString"] = json!(format!("recordingSid={odd}&expires=never")));
        assert_eq!(status(refused).await, 403, "{odd:?}");
        let beside_a_link = playback(|event| event["rawQueryString"] = json!(format!("{}&note=a{odd}b", link().query)));
        assert_eq!(status(beside_a_link).await, 200, "{odd:?}");
        let media_url = playback(|event| {
            event["rawPath"] = json!("/media-url");
            event["rawQueryString"] = json!(format!("recordingSid={RECORDING}{odd}"));
        });
        assert_eq!(status(media_url).await, 400, "{odd:?}");
    }
}

#[tokio::test]
async fn a_query_too_long_for_a_url_is_answered() {
    let long = playback(|event| event["rawQueryString"] = json!("a".repeat(KIB_64)));
    assert_eq!(status(long).await, 403);
    let beside_a_link =
        playback(|event| event["rawQueryString"] = json!(format!("{}&a={}", link().query, "a".repeat(KIB_64))));
    assert_eq!(status(beside_a_link).await, 200);
}

#[tokio::test]
async fn a_path_that_no_url_has_is_no_path_of_ours() {
    for odd in [
        "/ ",
        "/\"<>",
        "/\n",
        "/\0",
        "/ä",
        "/%",
        "/%zz",
        "/#",
        "media-url",
        "//",
        "/..",
        "\\",
        "http://x:y/",
    ] {
        let event = playback(|event| event["rawPath"] = json!(odd));
        assert_eq!(status(event).await, 404, "{odd:?}");
        let behind_a_link = playback(|event| event["rawPath"] = json!(format!("{}{odd}", link().path)));
        assert_eq!(status(behind_a_link).await, 403, "{odd:?}");
        let below_recordings = playback(|event| event["rawPath"] = json!(format!("/recordings/{odd}")));
        assert_eq!(status(below_recordings).await, 403, "{odd:?}");
    }
}

#[tokio::test]
async fn a_host_and_a_scheme_that_make_no_url_play_all_the_same() {
    for host in [
        "",
        " ",
        "a b",
        "host:99999",
        "host:port",
        "[::1",
        "ä",
        "a@b:c@d",
        "%",
        "<",
        "x".repeat(KIB_64).as_str(),
    ] {
        let event = playback(|event| event["headers"]["host"] = json!(host));
        assert_eq!(status(event).await, 200, "{host:?}");
    }
    for scheme in ["", "https,http", "https, http", "1", "://", "ä", "javascript"] {
        let event = playback(|event| event["headers"]["x-forwarded-proto"] = json!(scheme));
        assert_eq!(status(event).await, 200, "{scheme:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_valid_base64_is_not_read() {
    let event = playback(|event| {
        event["isBase64Encoded"] = json!(true);
        event["body"] = json!("no base64!");
    });
    assert_eq!(status(event).await, 200);
    let posted = playback(|event| {
        event["requestContext"]["http"]["method"] = json!("POST");
        event["isBase64Encoded"] = json!(true);
        event["body"] = json!("=");
    });
    assert_eq!(status(posted).await, 405);
}

#[tokio::test]
async fn a_header_that_http_does_not_have_does_not_cost_the_answer() {
    for (name, value) in [
        ("", "x"),
        ("a b", "x"),
        ("ä", "x"),
        ("x:", "x"),
        ("x\n", "x"),
        ("x-odd", "\0"),
        ("x-odd", "a\r\nb"),
        ("x-odd", "\u{7f}"),
        ("x-odd", "日本"),
        ("cookie", "a=b\n"),
        ("user-agent", "\u{1b}[31m"),
    ] {
        let event = playback(|event| event["headers"][name] = json!(value));
        assert_eq!(status(event).await, 200, "{name:?}: {value:?}");
    }
}

/// RFC 9110, section 5.5: such a character becomes a space. A header with one is still read.
#[tokio::test]
async fn a_header_with_a_character_that_http_does_not_have_still_counts() {
    let if_match = playback(|event| event["headers"]["if-match"] = json!("\"another\"\n"));
    assert_eq!(status(if_match).await, 412);
    let if_range = playback(|event| {
        event["headers"]["range"] = json!("bytes=0-9");
        event["headers"]["if-range"] = json!("\"anoth\0er\"");
    });
    assert_eq!(status(if_range).await, 200);
}

#[tokio::test]
async fn more_headers_than_a_map_of_them_holds_are_refused() {
    let event = playback(|event| {
        for number in 0..40_000 {
            event["headers"][format!("x-{number}")] = json!("x");
        }
    });
    assert_eq!(status(event).await, 400);
}

#[tokio::test]
async fn fields_that_playback_does_not_need_may_be_missing_or_odd() {
    for field in ["headers", "isBase64Encoded", "routeKey", "version"] {
        let event = playback(|event| drop(event.as_object_mut().unwrap().remove(field)));
        assert_eq!(status(event).await, 200, "{field}");
    }
    for (field, value) in [
        ("headers", Value::Null),
        ("body", Value::Null),
        ("cookies", json!(["a=b", "\n", "c; d"])),
        ("cookies", json!("a=b")),
        ("cookies", json!({"a": [1]})),
        ("queryStringParameters", json!({"a": 1})),
        ("queryStringParameters", json!("a=b")),
        ("pathParameters", json!([])),
        ("stageVariables", json!({"a": {}})),
        ("path", json!("/elsewhere")),
        ("httpMethod", json!("a b")),
    ] {
        let event = playback(|event| event[field] = value.clone());
        assert_eq!(status(event).await, 200, "{field}: {value}");
    }
    for (field, value) in [
        ("authorizer", json!(7)),
        ("authentication", json!({"clientCert": {}})),
        ("timeEpoch", json!("soon")),
        ("stage", json!("prod")),
        ("domainName", Value::Null),
    ] {
        let event = playback(|event| event["requestContext"][field] = value.clone());
        assert_eq!(status(event).await, 200, "{field}: {value}");
    }
}

#[tokio::test]
async fn an_event_that_is_no_request_is_refused_as_one() {
    for (field, value) in [
        ("rawPath", json!(7)),
        ("rawQueryString", json!(["a"])),
        ("headers", json!("range: bytes=0-")),
        ("headers", json!({"range": 7})),
        ("isBase64Encoded", json!("yes")),
        ("requestContext", Value::Null),
        ("requestContext", json!({})),
        ("requestContext", json!({"http": null})),
        ("requestContext", json!({"http": {"path": "/"}})),
        ("requestContext", json!({"http": {"method": ""}})),
        ("requestContext", json!({"http": {"method": "G ET"}})),
        ("requestContext", json!({"http": {"method": "GET\n"}})),
        (
            "requestContext",
            json!({"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing"}}),
        ),
    ] {
        let event = playback(|event| event[field] = value.clone());
        assert_eq!(status(event).await, 400, "{field}: {value}");
    }
    for other in [
        json!(null),
        json!([]),
        json!("GET /"),
        json!({}),
        json!({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}),
        json!({"verify": {"all": true}}),
        json!({"source": "aws.scheduler"}),
        json!({"resource": "/", "path": "/", "httpMethod": "GET", "requestContext": {"resourcePath": "/"}}),
    ] {
        assert_eq!(status(other.clone()).await, 400, "{other}");
    }
}

/// JSON that serde_json cannot read as a value.
#[tokio::test]
async fn an_event_that_is_json_to_the_letter_only_is_answered() {
    let good = playback(|_| ()).to_string();
    let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    for (odd, expected) in [
        (
            good.replacen(r#""rawPath":"/recordings"#, r#""rawPath":"\ud83d"#, 1),
            400,
        ),
        (
            good.replacen('{', r#"{"queryStringParameters":{"a\udc00":"\ud83d"},"#, 1),
            200,
        ),
        (good.replacen('{', &format!(r#"{{"stageVariables":{deep},"#), 1), 200),
        (good.replacen('{', r#"{"requestContext":{},"#, 1), 400),
        (deep, 400),
        ("1e999".to_owned(), 400),
    ] {
        let answer = world().send_text(&odd).await;
        assert_eq!(answer.status, expected, "{odd}");
    }
}

#[tokio::test]
async fn other_http_methods_are_answered_with_the_allowed_ones() {
    for method in ["BREW", "get", "POST", "M-SEARCH", "A".repeat(5000).as_str()] {
        let event = playback(|event| event["requestContext"]["http"]["method"] = json!(method));
        assert_eq!(status(event).await, 405, "{method}");
    }
}

/// AWS delivers a `+` as a space.
#[tokio::test]
async fn a_link_plays_whichever_way_a_plus_beside_it_arrives() {
    for note in ["a+b", "a b", "a%20b", "a%2Bb"] {
        let link = link().query;
        assert!(!link.contains(['+', '/', '%', ' ']), "a link needs no escapes");
        let query = format!("{link}&note={note}");
        let event = playback(|event| event["rawQueryString"] = json!(query));
        assert_eq!(status(event).await, 200, "{note}");
    }
}
