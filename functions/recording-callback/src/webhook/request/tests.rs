use http::HeaderValue;
use twilio::signature::sign;

use super::*;
use crate::testing::sample_events::{GET, POST_BASE64, POST_TEXT, http_request};

fn token() -> [SecretString; 1] {
    ["local-stack-auth-token".into()]
}

fn request(event: &str) -> CallbackRequest {
    CallbackRequest::from_event(http_request(event)).unwrap()
}

#[test]
fn sample_events_are_signed_with_the_local_stacks_token() {
    for event in [POST_BASE64, POST_TEXT, GET] {
        let request = request(event);
        assert_eq!(request.verify(None, &token()), Ok(()));
        assert_eq!(request.verify(Some("https://callback.local.test"), &token()), Ok(()));
        assert_eq!(
            request.verify(Some("https://elsewhere.local.test"), &token()),
            Err(SignatureError::Mismatch)
        );
    }
}

#[test]
fn sample_events_hold_the_same_callback_in_three_forms() {
    let by_base64 = request(POST_BASE64).parameters().unwrap();
    assert_eq!(request(POST_TEXT).parameters().unwrap(), by_base64);
    let by_get = request(GET).parameters().unwrap();
    assert!(by_base64.iter().all(|pair| by_get.contains(pair)));
}

#[test]
fn a_stage_or_mapping_before_the_path_is_part_of_the_url() {
    let mut event = http_request(POST_BASE64);
    event.raw_path = Some("/prod/recording-status-callback".to_owned());
    let request = CallbackRequest::from_event(event).unwrap();
    assert_eq!(
        request.public_url(None),
        "https://callback.local.test/prod/recording-status-callback"
    );
}

/// A custom domain's API mapping is part of the URL that Twilio signs, but not of `rawPath` (AWS, *Create AWS Lambda
/// proxy integrations for HTTP APIs in API Gateway*).
#[test]
fn a_public_base_url_may_have_a_path() {
    let base = "https://hooks.example.com/vault";
    let mut event = http_request(POST_TEXT);
    let query = event.raw_query_string.clone().unwrap();
    let url = format!("{base}{PATH}?{query}");
    let pairs = form_pairs(event.body.as_deref().unwrap().as_bytes());
    let signature = sign(&url, &SignedBody::Form(&pairs), &token()[0]);
    event.headers.insert(SIGNATURE_HEADER, signature.parse().unwrap());
    let request = CallbackRequest::from_event(event).unwrap();
    assert_eq!(request.verify(Some(base), &token()), Ok(()));
}

#[test]
fn the_host_header_is_not_believed() {
    let mut event = http_request(POST_BASE64);
    event.headers.insert("host", "elsewhere.local.test".parse().unwrap());
    let request = CallbackRequest::from_event(event).unwrap();
    assert_eq!(request.verify(None, &token()), Ok(()));
}

#[test]
fn a_json_body_is_signed_by_its_hash_and_read_like_a_form() {
    let body = r#"{"RecordingSid":"RE1","RecordingDuration":5,"CallSid":null}"#;
    // SHA-256 of the body.
    let query = "bodySHA256=a15712514c17c55fb8251582e82d29931b9551e86d18c7c97ca92d596c24f797";
    let mut event = http_request(POST_TEXT);
    event
        .headers
        .insert(CONTENT_TYPE, "Application/JSON; charset=utf-8".parse().unwrap());
    event.raw_query_string = Some(query.to_owned());
    event.body = Some(body.to_owned());
    let url = format!("https://callback.local.test{PATH}?{query}");
    let signature = sign(&url, &SignedBody::None, &token()[0]);
    event.headers.insert(SIGNATURE_HEADER, signature.parse().unwrap());

    let request = CallbackRequest::from_event(event.clone()).unwrap();
    assert_eq!(request.verify(None, &token()), Ok(()));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        request.parameters().unwrap(),
        [pair("RecordingSid", "RE1"), pair("RecordingDuration", "5")]
    );

    event.body = Some(body.replace('5', "6"));
    let changed = CallbackRequest::from_event(event).unwrap();
    assert_eq!(changed.verify(None, &token()), Err(SignatureError::BodyHash));
}

#[test]
fn a_request_that_is_no_callback_is_refused_before_its_signature_is_checked() {
    type Change = fn(&mut ApiGatewayV2httpRequest);
    let cases: [(&str, Change); 11] = [
        ("not_found", |event| event.raw_path = Some("/".to_owned())),
        ("not_found", |event| event.raw_path = None),
        ("method_not_allowed", |event| {
            event.request_context.http.method = Method::PUT;
        }),
        ("method_not_allowed", |event| {
            event.request_context.http.method = Method::HEAD;
        }),
        ("body_too_large", |event| {
            event.body = Some("a".repeat(MAX_BODY_BYTES + 1));
            event.is_base64_encoded = false;
        }),
        ("body_too_large", |event| {
            event.body = Some(STANDARD.encode(vec![b'a'; MAX_BODY_BYTES + 1]));
        }),
        ("malformed_callback", |event| event.body = Some("not base64".to_owned())),
        ("unsigned", |event| {
            event.headers.remove(SIGNATURE_HEADER);
        }),
        ("unsigned", |event| {
            let unreadable = HeaderValue::from_bytes(b"\xff").unwrap();
            event.headers.insert(SIGNATURE_HEADER, unreadable);
        }),
        ("invalid_signature", |event| {
            event
                .headers
                .insert(SETTINGS_HEADER, HeaderValue::from_static("HMAC_SHA256"));
        }),
        ("invalid_signature", |event| {
            let unreadable = HeaderValue::from_bytes(b"key=k1\xff").unwrap();
            event.headers.insert(SETTINGS_HEADER, unreadable);
        }),
    ];
    for (code, change) in cases {
        let mut event = http_request(POST_BASE64);
        change(&mut event);
        assert_eq!(CallbackRequest::from_event(event).err().unwrap().code(), code);
    }
}

#[test]
fn a_body_of_the_largest_size_is_taken() {
    let mut event = http_request(POST_BASE64);
    event.body = Some(STANDARD.encode(vec![b'a'; MAX_BODY_BYTES]));
    assert!(CallbackRequest::from_event(event).is_ok());
}

#[test]
fn a_json_body_that_is_no_object_is_malformed() {
    let mut event = http_request(POST_TEXT);
    event.headers.insert(CONTENT_TYPE, "application/json".parse().unwrap());
    for body in ["", "[]", "1", "{"] {
        event.body = Some(body.to_owned());
        let request = CallbackRequest::from_event(event.clone()).unwrap();
        assert_eq!(request.parameters().unwrap_err().code(), "malformed_callback", "{body}");
    }
}
