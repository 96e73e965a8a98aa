//! Decisions and refusals as HTTP answers.
//!
//! No answer has a `Content-Length`: with `RESPONSE_STREAM` Lambda sends chunks and renames the header to
//! `x-amzn-remapped-content-length` (cargo-lambda issue 862). Players read the length from `Content-Range`, whose values
//! are authenticated.

use std::ops::Range;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode,
    header::{
        ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE, ETAG, RETRY_AFTER,
        WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
    },
};
use serde_json::json;
use sid::RecordingSid;
use vault::{ContentType, ReadError};

use crate::{
    body::Body,
    decide::{Decision, Facts, Unservable},
    listener,
    refusal::Refusal,
};

const BYTES: HeaderValue = HeaderValue::from_static("bytes");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Half a minute. Most copies of a call that has just ended are done by then.
const RETRY_COPY_S: HeaderValue = HeaderValue::from_static("30");

/// Two seconds. Throttling passes that quickly, and a listener waits that long.
const RETRY_OUTAGE_S: HeaderValue = HeaderValue::from_static("2");

/// The recording, part of it, or a 304.
pub(crate) fn recording(
    decision: &Decision,
    facts: &Facts,
    download_as: Option<&RecordingSid>,
    body: Body,
) -> Response<Body> {
    let (status, content_range) = match decision {
        Decision::Whole => (StatusCode::OK, None),
        Decision::Partial(part) => (StatusCode::PARTIAL_CONTENT, Some(content_range(part, facts.len))),
        Decision::NotModified => (StatusCode::NOT_MODIFIED, None),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    // A 304 has it too: lambda_runtime would set application/octet-stream, and caches take over a 304's headers.
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(facts.content_type.mime()));
    headers.insert(ACCEPT_RANGES, BYTES);
    headers.insert(ETAG, facts.etag.clone());
    listener::vary(headers);
    //= https://www.rfc-editor.org/rfc/rfc9110#section-15.3.7.1
    //# If a single part is being transferred, the server generating the 206 response
    //# MUST generate a Content-Range header field
    headers.extend(content_range.map(|value| (CONTENT_RANGE, value)));
    headers.extend(download_as.map(|id| (CONTENT_DISPOSITION, attachment(id, facts.content_type))));
    response
}

/// The answer of `/media-url`.
pub(crate) fn media_url(url: &str) -> Response<Body> {
    json(StatusCode::OK, &json!({ "media_url": url }))
}

/// An error: its code, and the request's id by which its log line is found.
pub(crate) fn refusal(refusal: &Refusal, request_id: &str) -> Response<Body> {
    let (status, code) = refusal.status_and_code();
    let mut response = json(status, &json!({ "error": code, "requestId": request_id }));
    let headers = response.headers_mut();
    match refusal {
        //= https://www.rfc-editor.org/rfc/rfc9110#section-15.5.17
        //# A server that generates a 416 response to a byte-range request SHOULD
        //# generate a Content-Range header field specifying the current length
        //# of the selected representation
        Refusal::Unservable(Unservable::Unsatisfiable { len }) => {
            headers.insert(CONTENT_RANGE, header(format!("bytes */{len}")));
            headers.insert(ACCEPT_RANGES, BYTES);
        }
        Refusal::Unservable(Unservable::RangeRequired) => {
            headers.insert(ACCEPT_RANGES, BYTES);
        }
        //= https://www.rfc-editor.org/rfc/rfc9110#section-15.5.6
        //# The origin server MUST generate an Allow header field in a 405 response
        Refusal::MethodNotAllowed { allow } => {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        // The recording may have been erased, or its copy may not be done yet.
        Refusal::Read(ReadError::NotFound) => {
            headers.insert(RETRY_AFTER, RETRY_COPY_S);
        }
        _ if status == StatusCode::SERVICE_UNAVAILABLE => {
            headers.insert(RETRY_AFTER, RETRY_OUTAGE_S);
        }
        //= https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2
        //# The server generating a 401 response MUST send a WWW-Authenticate header field
        _ if status == StatusCode::UNAUTHORIZED => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"Flex token\""));
        }
        _ => {}
    }
    response
}

/// Applies the rules of every answer: caches do not store it, clients do not sniff its type, and an answer to a HEAD
/// request has no content.
pub(crate) fn finish(method: &Method, response: &mut Response<Body>) {
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    //= https://www.rfc-editor.org/rfc/rfc9110#section-9.3.2
    //# The HEAD method is identical to GET except that the server MUST NOT
    //# send content in the response
    if method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, value: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(Body::fixed(Bytes::from(value.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// Inclusive positions, as on the wire. `part` is never empty.
fn content_range(part: &Range<u64>, len: u64) -> HeaderValue {
    header(format!("bytes {}-{}/{len}", part.start, part.end.saturating_sub(1)))
}

fn attachment(id: &RecordingSid, content_type: ContentType) -> HeaderValue {
    header(format!(
        "attachment; filename=\"{}.{}\"",
        id.as_str(),
        content_type.as_str()
    ))
}

fn header(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("numbers and SIDs are visible ASCII")
}

#[cfg(test)]
mod tests;
