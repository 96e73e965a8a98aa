//! Cross-origin access for the pages that Flex runs on ([Fetch standard], section 3.3).
//!
//! Only this code sets the headers. With CORS in the function URL's configuration too, they would be sent twice, and
//! browsers refuse that.
//!
//! [Fetch standard]: https://fetch.spec.whatwg.org/#http-cors-protocol

use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, ORIGIN, VARY,
    },
};
use serde_json::json;
use service::settings::{self, InvalidBaseUrl, list};

use crate::{body::Body, respond};

/// The origin of Flex, unless it is self-hosted.
const FLEX: HeaderValue = HeaderValue::from_static("https://flex.twilio.com");

/// The headers that a page may send. `Authorization` must be named, because a wildcard does not cover it.
const REQUEST_HEADERS: HeaderValue =
    HeaderValue::from_static("Authorization, Content-Type, Range, If-Range, If-Match, If-None-Match");

/// The headers that a page may read in addition to the safelisted ones.
const RESPONSE_HEADERS: HeaderValue = HeaderValue::from_static("Content-Range, Accept-Ranges, ETag, Content-Length");

/// Two hours, in seconds. Chromium caches a preflight for no longer.
const MAX_AGE_S: HeaderValue = HeaderValue::from_static("7200");

/// The origins whose pages may read the answers.
#[derive(Clone, Debug)]
pub struct FlexOrigins(Vec<HeaderValue>);

impl FlexOrigins {
    /// Reads origins, comma separated: `https://host` or `https://host:port`, http on a loopback address.
    ///
    /// # Errors
    /// The fault of an invalid origin, without its text.
    pub fn parse(text: &str) -> Result<Self, String> {
        list(text, origin).map(Self)
    }

    /// Whether a page of this origin may read the answers. Origins are compared as browsers write them.
    pub fn allows(&self, origin: &HeaderValue) -> bool {
        self.0.contains(origin)
    }

    /// Adds the headers that the requesting page needs. Every answer gets them, so that pages can read errors too.
    pub(crate) fn apply(&self, request: &HeaderMap, response: &mut HeaderMap) {
        // The header is needed even if the origin is absent or not allowed: a cache must not give that answer to another page.
        // An answer that depends on other headers too has set it already.
        response.entry(VARY).or_insert(HeaderValue::from_name(ORIGIN));
        if let Some(origin) = request.get(ORIGIN).filter(|origin| self.allows(origin)) {
            response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
        }
    }
}

impl Default for FlexOrigins {
    fn default() -> Self {
        Self(vec![FLEX])
    }
}

/// Answers a preflight (or any OPTIONS request) for a path with these methods. The answer has a body, because an empty
/// streamed reply hangs behind some proxies.
pub(crate) fn preflight(allow: &'static str) -> Response<Body> {
    let mut response = respond::json(StatusCode::OK, &json!({ "allow": allow }));
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static(allow));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(allow));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE_S);
    response
}

/// An origin as browsers send it.
fn origin(text: &str) -> Result<HeaderValue, InvalidBaseUrl> {
    let origin = settings::origin(text)?;
    Ok(HeaderValue::try_from(origin).expect("an origin consists of visible ASCII characters"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(origins: &FlexOrigins, origin: Option<&'static str>) -> HeaderMap {
        let request = origin
            .map(|origin| (ORIGIN, HeaderValue::from_static(origin)))
            .into_iter()
            .collect();
        let mut response = HeaderMap::new();
        origins.apply(&request, &mut response);
        response
    }

    #[test]
    fn an_allowed_origin_is_echoed() {
        let origins = FlexOrigins::parse("https://flex.example.com, http://localhost:3000").unwrap();
        for origin in ["https://flex.example.com", "http://localhost:3000"] {
            let headers = answered(&origins, Some(origin));
            assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], origin);
            assert_eq!(headers[VARY], "origin");
            assert_eq!(
                headers[ACCESS_CONTROL_EXPOSE_HEADERS],
                "Content-Range, Accept-Ranges, ETag, Content-Length"
            );
        }
    }

    #[test]
    fn other_origins_get_nothing_but_vary() {
        for origin in [
            None,
            Some("null"),
            Some("*"),
            Some("http://flex.twilio.com"),
            Some("https://flex.twilio.com.example.com"),
            Some("https://flex.twilio.com:444"),
            Some("https://flex.twilio.com/"),
        ] {
            let headers = answered(&FlexOrigins::default(), origin);
            assert!(!headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN), "{origin:?}");
            assert_eq!(headers[VARY], "origin");
        }
    }

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        for text in [
            "HTTPS://Flex.Example.com",
            "https://flex.example.com/",
            "https://flex.example.com:443",
        ] {
            let origins = FlexOrigins::parse(text).unwrap();
            assert!(
                origins.allows(&HeaderValue::from_static("https://flex.example.com")),
                "{text}"
            );
        }
        for bad in [
            "",
            "*",
            "null",
            "flex.example.com",
            "https://a.example.com/b",
            "http://a.example.com",
        ] {
            assert!(FlexOrigins::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_preflight_names_methods_and_headers() {
        let response = preflight("GET, OPTIONS");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_METHODS], "GET, OPTIONS");
        let headers = response.headers()[ACCESS_CONTROL_ALLOW_HEADERS].to_str().unwrap();
        for name in ["Authorization", "Range", "If-Range"] {
            assert!(headers.split(", ").any(|header| header == name), "{name}");
        }
    }
}
