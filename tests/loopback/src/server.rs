//! A server that gives the answers of a test and records the requests.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;
use tokio::sync::watch;
use url::Url;

use crate::{
    Body, Error,
    body::full,
    serve::{listen, serve_each},
};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    /// GET, POST, …
    pub method: Method,
    /// Path and query, not decoded.
    pub target: String,
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// All headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: String,
}

impl Request {
    /// The value of a header.
    ///
    /// # Panics
    /// When the value is not ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.get(name)?;
        Some(value.to_str().expect("an ASCII header"))
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When the body is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }

    /// A body that is not UTF-8 is an error, and the connection closes without an answer.
    async fn read(request: http::Request<Incoming>) -> Result<Self, Error> {
        let (head, body) = request.into_parts();
        Ok(Self {
            method: head.method,
            target: head.uri.to_string(),
            version: head.version,
            headers: head.headers,
            body: String::from_utf8(body.collect().await?.to_bytes().into())?,
        })
    }
}

/// An answer.
pub type Response = http::Response<Body>;

/// An answer with this status, these headers and this body.
///
/// # Panics
/// When the status or a header is not one of HTTP's.
#[must_use]
pub fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let mut response = Response::new(full(body.to_owned()));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    for &(name, value) in headers {
        let name: HeaderName = name.parse().expect("a header's name");
        let value: HeaderValue = value.parse().expect("a header's value");
        response.headers_mut().append(name, value);
    }
    response
}

/// An answer with this status and a JSON body.
///
/// # Panics
/// When the status is not one of HTTP's.
#[must_use]
pub fn json(status: u16, body: &Value) -> Response {
    answer(status, &[("content-type", "application/json")], &body.to_string())
}

/// A server on a free port of 127.0.0.1. It runs until the runtime ends, even when this handle is dropped.
#[derive(Debug)]
pub struct Server {
    /// `http://127.0.0.1:PORT/`.
    pub url: Url,
    requests: watch::Sender<Vec<Request>>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Answers each request with the result of `answer` for the request and its number, counted from 0.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start(answer: impl Fn(usize, &Request) -> Response + Clone + Send + Sync + 'static) -> Self {
        Self::start_async(move |number, request| std::future::ready(answer(number, &request))).await
    }

    /// The same with an answer that may take its time.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start_async<F>(answer: impl Fn(usize, Request) -> F + Clone + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response> + Send + 'static,
    {
        let (listener, port) = listen().await.expect("a free port");
        let requests = watch::Sender::default();
        let connections = Arc::<AtomicUsize>::default();
        let (log, counter) = (requests.clone(), Arc::clone(&connections));
        let handler = move |request| {
            let (log, answer) = (log.clone(), answer.clone());
            async move {
                let request = Request::read(request).await?;
                let mut number = 0;
                log.send_modify(|requests: &mut Vec<Request>| {
                    number = requests.len();
                    requests.push(request.clone());
                });
                Ok(answer(number, request).await)
            }
        };
        serve_each(listener, move || {
            counter.fetch_add(1, Ordering::Relaxed);
            handler.clone()
        });
        Self {
            url: url_of(port),
            requests,
            connections,
        }
    }

    /// Gives every request the same answer.
    ///
    /// # Panics
    /// When no port is free, or when the status or a header is not one of HTTP's.
    pub async fn answering(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let prepared = answer(status, headers, "");
        let (status, headers, body) = (prepared.status(), prepared.headers().clone(), body.to_owned());
        Self::start(move |_, _| {
            let mut response = Response::new(full(body.clone()));
            *response.status_mut() = status;
            *response.headers_mut() = headers.clone();
            response
        })
        .await
    }

    /// The address without the slash at its end, as settings of endpoints have it.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// The requests so far, in order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.requests.borrow().clone()
    }

    /// The only request so far.
    ///
    /// # Panics
    /// When there was none, or more than one.
    #[must_use]
    pub fn only_request(&self) -> Request {
        let requests = self.requests();
        let [request] = requests.as_slice() else {
            panic!("not one request: {requests:?}");
        };
        request.clone()
    }

    /// Waits for the first request.
    pub async fn first_request(&self) -> Request {
        let mut requests = self.requests.subscribe();
        let arrived = requests.wait_for(|requests| !requests.is_empty()).await;
        arrived.expect("this handle holds the sender")[0].clone()
    }

    /// The number of connections that were accepted so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

pub(crate) fn url_of(port: u16) -> Url {
    Url::parse(&format!("http://127.0.0.1:{port}")).expect("an address and a number make a URL")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_are_numbered_and_recorded() {
        let server = Server::start(|number, request| json(200, &serde_json::json!([number, request.target]))).await;
        let client = reqwest::Client::new();
        for number in 0..2 {
            let sent = client
                .post(format!("{}/a?b=%2F", server.endpoint()))
                .body("body")
                .send();
            let text = sent.await.unwrap().text().await.unwrap();
            assert_eq!(text, format!(r#"[{number},"/a?b=%2F"]"#));
        }
        assert_eq!(server.requests().len(), 2);
        assert_eq!(server.first_request().await.body, "body");
        assert_eq!(server.connections(), 1);
    }
}
