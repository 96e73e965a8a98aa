//! An HTTP request in Lambda: the event of a function URL or of an HTTP API, payload format 2.0.
//!
//! The client controls much of such an event. `lambda_http::Request` rebuilds a URL from it and panics if it can't. The
//! event type's own deserializer refuses the whole event because of one odd header or cookie. This module reads only
//! the fields that the functions need.

use std::collections::BTreeMap;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

/// The event is not a request, or a required field has another type. The error holds nothing of the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event is not an HTTP request of payload format 2.0")]
pub struct Malformed;

/// Whether the event is an HTTP request, malformed or not.
#[must_use]
pub fn is_http(event: &RawValue) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Shape {
        #[serde(rename = "requestContext")]
        _context: ShapeOfContext,
    }
    #[derive(Deserialize)]
    struct ShapeOfContext {
        #[serde(rename = "http")]
        _http: IgnoredAny,
    }
    serde_json::from_str::<Shape>(event.get()).is_ok()
}

/// Reads the method, raw path, raw query string, headers, body, domain name and request id of a request. All other
/// fields keep their defaults.
///
/// In header values, a character that HTTP does not allow becomes a space (RFC 9110, 5.5). A header with a name that
/// HTTP does not allow is left out.
///
/// # Errors
/// [`Malformed`]
pub fn parse(event: &RawValue) -> Result<ApiGatewayV2httpRequest, Malformed> {
    let event: Event = serde_json::from_str(event.get()).map_err(|_| Malformed)?;
    let mut request = ApiGatewayV2httpRequest::default();
    request.raw_path = event.raw_path;
    request.raw_query_string = event.raw_query_string;
    request.headers = headers(event.headers.unwrap_or_default())?;
    request.body = event.body;
    request.is_base64_encoded = event.is_base64_encoded.unwrap_or_default();
    request.request_context.request_id = event.request_context.request_id;
    request.request_context.domain_name = event.request_context.domain_name;
    let method = event.request_context.http.method;
    request.request_context.http.method = Method::from_bytes(method.as_bytes()).map_err(|_| Malformed)?;
    Ok(request)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    raw_path: Option<String>,
    raw_query_string: Option<String>,
    headers: Option<BTreeMap<String, String>>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
    request_context: Context,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    request_id: Option<String>,
    domain_name: Option<String>,
    http: Http,
}

#[derive(Deserialize)]
struct Http {
    method: String,
}

fn headers(fields: BTreeMap<String, String>) -> Result<HeaderMap, Malformed> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            continue;
        };
        let value = value.replace(|character: char| character.is_ascii_control() && character != '\t', " ");
        let value = HeaderValue::try_from(value).map_err(|_| Malformed)?;
        // `insert` panics if the map is full.
        headers.try_insert(name, value).map_err(|_| Malformed)?;
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(event: &str) -> Box<RawValue> {
        serde_json::from_str(event).unwrap()
    }

    #[test]
    fn a_request_is_read() {
        let request = parse(&raw(
            r#"{"version":"2.0","rawPath":"/a%20b","rawQueryString":"c=d e&f=%zz","cookies":["g=h"],
                "headers":{"Host":"example.com","x-note":"ü"},"body":"eA==","isBase64Encoded":true,
                "requestContext":{"domainName":"id.example.com","requestId":"r-1","http":{"method":"PATCH","path":"/"}}}"#,
        ))
        .unwrap();
        assert_eq!(request.request_context.http.method, Method::PATCH);
        assert_eq!(request.raw_path.as_deref(), Some("/a%20b"));
        assert_eq!(request.raw_query_string.as_deref(), Some("c=d e&f=%zz"));
        assert_eq!(request.headers["host"], "example.com");
        assert_eq!(request.headers["x-note"].as_bytes(), "ü".as_bytes());
        assert_eq!(
            (request.body.as_deref(), request.is_base64_encoded),
            (Some("eA=="), true)
        );
        assert_eq!(request.request_context.domain_name.as_deref(), Some("id.example.com"));
        assert_eq!(request.request_context.request_id.as_deref(), Some("r-1"));
    }

    #[test]
    fn a_request_needs_no_more_than_a_method() {
        let request = parse(&raw(r#"{"requestContext":{"http":{"method":"GET"}}}"#)).unwrap();
        assert_eq!(request.request_context.http.method, Method::GET);
        assert_eq!(request.raw_path, None);
        assert!(request.headers.is_empty());
    }

    #[test]
    fn a_control_character_in_a_header_becomes_a_space() {
        let event = r#"{"headers":{"a":"\u0000b\r\nc\td\u007f"},"requestContext":{"http":{"method":"GET"}}}"#;
        assert_eq!(parse(&raw(event)).unwrap().headers["a"], " b  c\td ");
    }

    #[test]
    fn a_header_with_an_impossible_name_is_left_out() {
        let event = r#"{"headers":{"a b":"1","":"2","ä":"3","c":"4"},"requestContext":{"http":{"method":"GET"}}}"#;
        let request = parse(&raw(event)).unwrap();
        assert_eq!(request.headers.keys().collect::<Vec<_>>(), ["c"]);
    }

    #[test]
    fn more_headers_than_the_map_holds_are_malformed() {
        let fields = (0..40_000).map(|number| (format!("x-{number}"), String::new()));
        assert_eq!(headers(fields.collect()), Err(Malformed));
    }

    #[test]
    fn http_requests_are_distinguished_from_other_events() {
        for event in [
            r#"{"requestContext":{"http":{"method":"GET"}}}"#,
            r#"{"requestContext":{"http":{}}}"#,
            r#"{"requestContext":{"http":null},"rawPath":7}"#,
            r#"{"queryStringParameters":{"a":"\ud83d"},"requestContext":{"http":{"method":"GET"}}}"#,
        ] {
            assert!(is_http(&raw(event)), "{event}");
        }
        for event in [
            "null",
            "[]",
            "{}",
            r#"{"Records":[]}"#,
            r#"{"requestContext":7}"#,
            r#"{"requestContext":{"elb":{}}}"#,
        ] {
            assert!(!is_http(&raw(event)), "{event}");
            assert_eq!(parse(&raw(event)), Err(Malformed), "{event}");
        }
    }
}
