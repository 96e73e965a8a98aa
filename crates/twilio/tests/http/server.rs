//! Servers with scripted responses. They record the requests.

use std::{
    future::pending,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    response::Response,
};
use http::{HeaderMap, Method, StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket},
};
use url::Url;

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    /// The path and query, not decoded.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A server on a free loopback port. It ends with the test's runtime.
pub(crate) struct Server {
    pub(crate) url: Url,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Answers each request with the result of `answer` for the request and its number, counted from 0.
    pub(crate) async fn start(answer: impl Fn(usize, &Seen) -> Response + Clone + Send + Sync + 'static) -> Self {
        let (listener, url) = listen().await;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let handler = move |request: Request| {
            let (log, answer) = (Arc::clone(&log), answer.clone());
            async move {
                let (head, body) = request.into_parts();
                let body = to_bytes(body, 1 << 20).await.unwrap();
                let request = Seen {
                    method: head.method,
                    target: head.uri.to_string(),
                    headers: head.headers,
                    body: String::from_utf8(body.to_vec()).unwrap(),
                };
                let number = {
                    let mut log = log.lock().unwrap();
                    log.push(request.clone());
                    log.len() - 1
                };
                answer(number, &request)
            }
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(handler)).await.unwrap() });
        Self { url, seen }
    }

    /// Answers every request alike.
    pub(crate) async fn answering(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let headers: Vec<_> = headers
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let body = body.to_owned();
        Self::start(move |_, _| {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
            answer(status, &headers, &body)
        })
        .await
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The only request.
    pub(crate) fn only(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen[0].clone()
    }
}

pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let mut response = Response::new(Body::from(body.to_owned()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for &(name, value) in headers {
        let name = name.parse::<http::HeaderName>().unwrap();
        response.headers_mut().append(name, value.parse().unwrap());
    }
    response
}

/// Answers every connection with exactly these bytes, and closes it.
pub(crate) async fn raw(bytes: &'static [u8]) -> Url {
    let (listener, url) = listen().await;
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(connection.read_u8().await.unwrap());
            }
            connection.write_all(bytes).await.unwrap();
        }
    });
    url
}

/// Accepts connections and never answers.
pub(crate) async fn silent() -> Url {
    let (listener, url) = listen().await;
    tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            open.push(listener.accept().await.unwrap());
        }
    });
    url
}

/// An address where nothing listens.
pub(crate) async fn absent() -> Url {
    // The port is bound, so that no other test's server can get it, but nothing listens.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    tokio::spawn(async move {
        let _bound = socket;
        pending::<()>().await;
    });
    Url::parse(&url).unwrap()
}

async fn listen() -> (TcpListener, Url) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, Url::parse(&url).unwrap())
}
