use std::collections::BTreeSet;

use aws_sdk_kms::{error::SdkError, operation::decrypt::DecryptError};
use http::HeaderName;
use http_body_util::BodyExt;
use playback_link::LinkError;
use serde_json::Value;
use service::secrets::SecretError;
use twilio::{client::ApiError, flex_token::TokenError};
use vault::{Damage, Outage, ServiceError};

use super::*;

fn facts(content_type: ContentType) -> Facts {
    Facts {
        len: 1000,
        etag: HeaderValue::from_static("\"one\""),
        content_type,
    }
}

fn id() -> RecordingSid {
    RecordingSid::parse("RE00000000000000000000000000000001").unwrap()
}

fn rendered(decision: &Decision) -> Response<Body> {
    recording(decision, &facts(ContentType::Wav), None, Body::empty())
}

fn names(response: &Response<Body>) -> Vec<&str> {
    let mut names: Vec<_> = response.headers().keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    names
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[test]
fn a_whole_recording_is_a_200() {
    let response = rendered(&Decision::Whole);
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[CONTENT_TYPE], "audio/x-wav");
    assert_eq!(response.headers()[ACCEPT_RANGES], "bytes");
    assert_eq!(response.headers()[ETAG], "\"one\"");
    assert_eq!(names(&response), ["accept-ranges", "content-type", "etag", "vary"]);
}

//= https://www.rfc-editor.org/rfc/rfc9110#section-15.3.7.1
//= type=test
//# If a single part is being transferred, the server generating the 206 response
//# MUST generate a Content-Range header field
#[test]
fn a_part_says_which_bytes_of_how_many_it_is() {
    for (part, expected) in [
        (0..1, "bytes 0-0/1000"),
        (10..20, "bytes 10-19/1000"),
        (999..1000, "bytes 999-999/1000"),
    ] {
        let response = rendered(&Decision::Partial(part));
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(response.headers()[CONTENT_RANGE], expected);
    }
}

#[test]
fn the_content_type_is_the_recordings_own() {
    let response = recording(&Decision::Whole, &facts(ContentType::Mp3), None, Body::empty());
    assert_eq!(response.headers()[CONTENT_TYPE], "audio/mpeg");
}

#[test]
fn a_download_has_a_file_name() {
    for (content_type, expected) in [
        (
            ContentType::Wav,
            "attachment; filename=\"RE00000000000000000000000000000001.wav\"",
        ),
        (
            ContentType::Mp3,
            "attachment; filename=\"RE00000000000000000000000000000001.mp3\"",
        ),
    ] {
        let response = recording(&Decision::Whole, &facts(content_type), Some(&id()), Body::empty());
        assert_eq!(response.headers()[CONTENT_DISPOSITION], expected);
    }
}

#[test]
fn a_304_has_the_headers_of_the_200() {
    let response = rendered(&Decision::NotModified);
    assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(response.headers(), rendered(&Decision::Whole).headers());
}

#[test]
fn other_decisions_are_refusals() {
    for (unservable, status) in [
        (Unservable::RangeRequired, 400),
        (Unservable::PreconditionFailed, 412),
        (Unservable::Unsatisfiable { len: 10 }, 416),
    ] {
        assert_eq!(Refusal::from(unservable).status_and_code().0, status);
    }
}

/// Programs depend on the codes.
#[tokio::test]
async fn every_refusal_has_its_status_and_code() {
    let read = Refusal::Read;
    for (refusal, status, code) in [
        (Refusal::NoSuchPath, 404, "not_found"),
        (Refusal::MethodNotAllowed { allow: "GET" }, 405, "method_not_allowed"),
        (Refusal::Link(LinkError::Malformed), 403, "link_not_valid"),
        (Refusal::Link(LinkError::Signature), 403, "link_not_valid"),
        (Refusal::Link(LinkError::UnknownKey), 403, "link_not_valid"),
        (Refusal::Link(LinkError::Expired), 403, "link_not_valid"),
        (Refusal::SegmentLink, 403, "link_not_valid"),
        (
            Refusal::LinkKeysUnavailable(SecretError::Missing),
            503,
            "not_configured",
        ),
        (
            Refusal::LinkKeysUnavailable(SecretError::Refused("canary".into())),
            503,
            "unavailable",
        ),
        (
            Refusal::LinkKeysUnavailable(SecretError::Unavailable("canary".into())),
            503,
            "unavailable",
        ),
        (Refusal::Credential(SecretError::Missing), 503, "not_configured"),
        (
            Refusal::Credential(SecretError::Unavailable("canary".into())),
            503,
            "unavailable",
        ),
        (Refusal::NoToken, 401, "token_required"),
        (Refusal::Token(TokenError::Invalid), 401, "token_not_valid"),
        (
            Refusal::Token(ApiError::RateLimited { retry_after_s: None }.into()),
            503,
            "token_not_checked",
        ),
        (
            Refusal::Token(ApiError::Transport("canary".into()).into()),
            503,
            "token_not_checked",
        ),
        (Refusal::Role, 403, "role_not_allowed"),
        (Refusal::RecordingSid, 400, "recording_sid_not_valid"),
        (Refusal::NoBaseUrl, 503, "not_configured"),
        (read(ReadError::NotFound), 404, "recording_not_found"),
        (read(ReadError::Archived), 409, "archived"),
        (read(Damage::Empty.into()), 502, "damaged"),
        (read(ReadError::KeyRefused(refused_by_kms())), 500, "key_refused"),
        (read(ReadError::Changed), 503, "unavailable"),
        (read(Outage::RangeRefused.into()), 503, "unavailable"),
        (Unservable::RangeRequired.into(), 400, "range_required"),
        (
            Unservable::Unsatisfiable { len: 10 }.into(),
            416,
            "range_not_satisfiable",
        ),
        (Unservable::PreconditionFailed.into(), 412, "precondition_failed"),
    ] {
        let response = super::refusal(&refusal, "request-1");
        assert_eq!(response.status(), status, "{code}");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json", "{code}");
        let text = text(response).await;
        let body: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(body, json!({ "error": code, "requestId": "request-1" }));
        assert!(!text.contains("canary"), "{text}");
    }
}

fn refused_by_kms() -> ServiceError {
    ServiceError::new::<DecryptError>("Decrypt", &SdkError::construction_failure("canary"))
}

/// The operations guide has a table of all outcomes of `/media-url`.
#[test]
fn the_runbook_has_every_outcome_of_media_url() {
    let read = Refusal::Read;
    let codes = [
        Refusal::RecordingSid,
        Refusal::NoToken,
        Refusal::Token(TokenError::Malformed),
        Refusal::Token(TokenError::Invalid),
        Refusal::Token(ApiError::NotFound.into()),
        Refusal::Credential(SecretError::Missing),
        Refusal::Credential(SecretError::Unavailable(String::new())),
        Refusal::Role,
        Refusal::NoBaseUrl,
        Refusal::LinkKeysUnavailable(SecretError::Missing),
        Refusal::LinkKeysUnavailable(SecretError::Refused(String::new())),
        read(ReadError::NotFound),
        read(ReadError::Archived),
        read(Damage::Empty.into()),
        read(ReadError::Changed),
        read(Outage::RangeRefused.into()),
    ];
    let codes = codes.iter().map(|refusal| refusal.status_and_code().1);
    let expected: BTreeSet<_> = codes.chain(["granted"]).collect();

    let (_, section) = include_str!("../../../../docs/OPERATIONS.md")
        .split_once("\n## When a file is unavailable\n")
        .unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `")).skip(1);
    let listed: BTreeSet<_> = rows
        .flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2))
        .collect();
    assert_eq!(listed, expected);
}

//= https://www.rfc-editor.org/rfc/rfc9110#section-15.5.17
//= type=test
//# A server that generates a 416 response to a byte-range request SHOULD
//# generate a Content-Range header field specifying the current length
//# of the selected representation
#[test]
fn a_416_reports_the_length() {
    let response = refusal(&Unservable::Unsatisfiable { len: 1000 }.into(), "");
    assert_eq!(response.headers()[CONTENT_RANGE], "bytes */1000");
    assert_eq!(response.headers()[ACCEPT_RANGES], "bytes");
}

//= https://www.rfc-editor.org/rfc/rfc9110#section-15.5.6
//= type=test
//# The origin server MUST generate an Allow header field in a 405 response
#[test]
fn a_405_lists_the_allowed_methods() {
    let response = refusal(&Refusal::MethodNotAllowed { allow: "GET, OPTIONS" }, "");
    assert_eq!(response.headers()[ALLOW], "GET, OPTIONS");
}

//= https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2
//= type=test
//# The server generating a 401 response MUST send a WWW-Authenticate header field
#[test]
fn a_401_requires_basic() {
    for unauthorized in [Refusal::NoToken, Refusal::Token(TokenError::Invalid)] {
        let response = refusal(&unauthorized, "");
        assert!(
            response.headers()[WWW_AUTHENTICATE]
                .to_str()
                .unwrap()
                .starts_with("Basic realm=")
        );
    }
}

#[test]
fn temporary_refusals_say_when_to_try_again() {
    let retry_after = |given: Refusal| refusal(&given, "").headers().get(RETRY_AFTER).cloned();
    assert_eq!(retry_after(Refusal::Read(ReadError::NotFound)).unwrap(), "30");
    assert_eq!(retry_after(Refusal::Read(Outage::RangeRefused.into())).unwrap(), "2");
    assert_eq!(
        retry_after(Refusal::LinkKeysUnavailable(SecretError::Missing)).unwrap(),
        "2"
    );
    for lasting in [
        Refusal::SegmentLink,
        Refusal::Read(ReadError::Archived),
        Refusal::NoSuchPath,
    ] {
        assert_eq!(retry_after(lasting), None);
    }
}

#[test]
fn a_range_required_answer_says_that_ranges_are_accepted() {
    assert_eq!(
        refusal(&Unservable::RangeRequired.into(), "").headers()[ACCEPT_RANGES],
        "bytes"
    );
}

#[tokio::test]
async fn a_link_is_all_that_media_url_says() {
    let response = media_url("https://a.example.com/?v=1");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(text(response).await, r#"{"media_url":"https://a.example.com/?v=1"}"#);
}

#[tokio::test]
async fn every_answer_is_kept_out_of_caches_and_taken_literally() {
    let mut response = refusal(&Refusal::SegmentLink, "");
    finish(&Method::GET, &mut response);
    assert_eq!(response.headers()[CACHE_CONTROL], "private, no-store");
    assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert!(!text(response).await.is_empty());
}

//= https://www.rfc-editor.org/rfc/rfc9110#section-9.3.2
//= type=test
//# The HEAD method is identical to GET except that the server MUST NOT
//# send content in the response
#[tokio::test]
async fn answers_to_head_have_no_content() {
    let mut response = refusal(&Refusal::SegmentLink, "");
    finish(&Method::HEAD, &mut response);
    assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    assert!(text(response).await.is_empty());
}
