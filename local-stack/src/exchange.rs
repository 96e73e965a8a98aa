//! The requests to the public addresses, and the heads of their answers.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use fault_proxy::{History, Mark};
use http::{
    Method, Response, StatusCode, Uri,
    header::{CONTENT_RANGE, HeaderMap, HeaderName, RANGE},
    request::Parts,
};

const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// A request to a public address. Only the recording is kept of the query, because the rest of a link is a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicRequest {
    /// GET, HEAD, POST, …
    pub method: Method,
    /// The path, without the query.
    pub path: String,
    /// The recording that the path or the query names.
    pub recording_sid: Option<String>,
    /// The `Range` header.
    pub range: Option<String>,
    /// The destination that a browser names: `audio` for a media element, `empty` for a page's `fetch`
    /// (`Sec-Fetch-Dest`).
    pub fetch_dest: Option<String>,
}

/// A request and the head of its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The request.
    pub request: PublicRequest,
    /// The answer's status.
    pub status: StatusCode,
    /// The answer's `Content-Range`.
    pub content_range: Option<String>,
}

impl PublicRequest {
    pub(crate) fn by(request: &Parts) -> Self {
        Self {
            method: request.method.clone(),
            path: request.uri.path().to_owned(),
            recording_sid: recording_sid(&request.uri),
            range: text(&request.headers, &RANGE),
            fetch_dest: text(&request.headers, &SEC_FETCH_DEST),
        }
    }

    pub(crate) fn answered<B>(self, answer: &Response<B>) -> Exchange {
        Exchange {
            request: self,
            status: answer.status(),
            content_range: text(answer.headers(), &CONTENT_RANGE),
        }
    }
}

/// `/recordings/RE…`, or `recordingSid` in the query as in `url_provider` and in links of the first form.
fn recording_sid(uri: &Uri) -> Option<String> {
    if let Some(sid) = uri.path().strip_prefix("/recordings/") {
        return Some(sid.to_owned());
    }
    let query = uri.query().unwrap_or_default();
    let (_, sid) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "recordingSid")?;
    Some(sid.into_owned())
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

/// All exchanges in the order of their answers. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Exchanges(Arc<Mutex<History<Exchange>>>);

impl Exchanges {
    /// The current moment. [`Exchanges::since`] returns the exchanges that are answered later.
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.history().mark()
    }

    /// The exchanges answered since a mark.
    ///
    /// # Panics
    /// When some of them have been forgotten, which takes 65,536 newer ones.
    #[must_use]
    pub fn since(&self, mark: Mark) -> Vec<Exchange> {
        let (exchanges, _) = self.timed_since(mark);
        exchanges.into_iter().map(|(_, exchange)| exchange).collect()
    }

    /// The same with the time of each, and the mark of the current moment.
    pub(crate) fn timed_since(&self, mark: Mark) -> (Vec<(Instant, Exchange)>, Mark) {
        self.history().since(mark)
    }

    pub(crate) fn push(&self, exchange: Exchange) {
        self.history().push(exchange);
    }

    fn history(&self) -> MutexGuard<'_, History<Exchange>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn the_recording_is_named_by_the_path_or_the_query() {
        for uri in [
            "/recordings/RE1?expires=1",
            "/?expires=1&recordingSid=RE1",
            "/media-url?recordingSid=RE1",
        ] {
            assert_eq!(recording_sid(&Uri::from_static(uri)).as_deref(), Some("RE1"), "{uri}");
        }
        assert_eq!(recording_sid(&Uri::from_static("/recording-status-callback")), None);
    }

    #[test]
    fn the_request_and_the_answers_head_are_kept_and_no_credential() {
        let (request, ()) = Request::get("/recordings/RE1?expires=1&signature=canary")
            .header(RANGE, "bytes=0-")
            .header(SEC_FETCH_DEST, "audio")
            .body(())
            .unwrap()
            .into_parts();
        let answer = Response::builder()
            .status(206)
            .header(CONTENT_RANGE, "bytes 0-9/10")
            .body(())
            .unwrap();
        let expected = PublicRequest {
            method: Method::GET,
            path: "/recordings/RE1".to_owned(),
            recording_sid: Some("RE1".to_owned()),
            range: Some("bytes=0-".to_owned()),
            fetch_dest: Some("audio".to_owned()),
        };
        assert_eq!(
            PublicRequest::by(&request).answered(&answer),
            Exchange {
                request: expected,
                status: StatusCode::PARTIAL_CONTENT,
                content_range: Some("bytes 0-9/10".to_owned()),
            }
        );
    }
}
