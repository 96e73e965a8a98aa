//! The server for the measured programs: S3, KMS, SQS, Secrets Manager, and Twilio's media and tasks in one process, in
//! memory, at the speed of loopback. Existing local S3 servers reach only 100 to 300 MB/s and would dominate the
//! measurements.
//!
//! The server ignores signatures and checksums, and stores the buffers that it received from the socket. A recording's
//! SID contains its length at Twilio ([`sid()`]), so that the source needs no state.

mod reply;
mod requests;
mod store;
mod tls;

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Collected};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

pub(crate) use self::requests::{Answered, Api, Requests, sequential};
use self::{reply::Body, store::Store, tls::Certificate};
use crate::{Failure, names};

/// The server, which runs on its own runtime until this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    port: u16,
    tls_port: u16,
    certificate: Certificate,
    state: Arc<State>,
    _runtime: tokio::runtime::Runtime,
}

#[derive(Debug, Default)]
struct State {
    store: Mutex<Store>,
    requests: Requests,
    delay_us: AtomicU64,
}

/// The way in which a measured program connects to the server.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    /// The value of `AWS_ENDPOINT_URL` and the base of Twilio's URLs.
    pub(crate) url: String,
    /// Additional settings.
    pub(crate) settings: Vec<(String, String)>,
}

impl Server {
    /// Listens on loopback with one thread per core.
    pub(crate) fn start() -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let listen = || runtime.block_on(TcpListener::bind(("127.0.0.1", 0)));
        let (listener, tls_listener) = (listen()?, listen()?);
        let (port, tls_port) = (listener.local_addr()?.port(), tls_listener.local_addr()?.port());
        let state = Arc::new(State::default());
        let (certificate, acceptor) = Certificate::new()?;
        runtime.spawn(accept(listener, None, Arc::clone(&state)));
        runtime.spawn(accept(tls_listener, Some(acceptor), Arc::clone(&state)));
        Ok(Self {
            port,
            tls_port,
            certificate,
            state,
            _runtime: runtime,
        })
    }

    /// HTTP without TLS, the default of the measurements.
    pub(crate) fn plain(&self) -> Way {
        Way {
            url: format!("http://127.0.0.1:{}", self.port),
            settings: Vec::new(),
        }
    }

    /// HTTPS, as in production.
    pub(crate) fn tls(&self) -> Way {
        Way {
            url: format!("https://127.0.0.1:{}", self.tls_port),
            settings: self.certificate.settings(),
        }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Delays every further answer of S3 and KMS.
    pub(crate) fn delay(&self, delay: Duration) {
        self.state.delay_us.store(delay.as_micros() as u64, Ordering::Relaxed);
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> &Requests {
        &self.state.requests
    }

    /// The length of the object, if it exists.
    pub(crate) fn object_len(&self, key: &str) -> Option<u64> {
        self.store().get(key).map(|object| object.len())
    }

    /// Drops an object to free its memory.
    pub(crate) fn forget(&self, key: &str) {
        self.store().remove(key);
    }

    /// Whether further uploads are stored. Otherwise, their bytes are counted and dropped, because a recording of 4 GB
    /// may not fit in memory.
    pub(crate) fn keep_uploads(&self, keep: bool) {
        self.store().keep_bytes(keep);
    }

    fn store(&self) -> std::sync::MutexGuard<'_, Store> {
        self.state.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The SID of recording number `serial` with a length of `len` bytes.
pub(crate) fn sid(len: u64, serial: u64) -> String {
    format!("RE{serial:016x}{len:016x}")
}

/// The duration of the recording.
pub(crate) fn seconds_of(sid: &str) -> Option<u64> {
    len_of(sid).map(reply::seconds)
}

fn len_of(sid: &str) -> Option<u64> {
    u64::from_str_radix(sid.get(18..34)?, 16).ok()
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, state: Arc<State>) {
    while let Ok((connection, _)) = listener.accept().await {
        tokio::spawn(greet(connection, tls.clone(), Arc::clone(&state)));
    }
}

async fn greet(connection: TcpStream, tls: Option<TlsAcceptor>, state: Arc<State>) {
    // A client that goes away ends its connection, and the result does not matter.
    let _ = connection.set_nodelay(true);
    match tls {
        None => serve(connection, state).await,
        Some(tls) => match tls.accept(connection).await {
            Ok(connection) => serve(connection, state).await,
            Err(error) => eprintln!("no TLS with the server: {error}"),
        },
    }
}

async fn serve(connection: impl AsyncRead + AsyncWrite + Unpin + 'static, state: Arc<State>) {
    let answer = service_fn(move |request| answer(Arc::clone(&state), request));
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(connection), answer)
        .await;
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let begun = Instant::now();
    let api = Api::of(&request);
    if matches!(api, Api::S3 | Api::Kms) {
        let delay = Duration::from_micros(state.delay_us.load(Ordering::Relaxed));
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
    }
    let response = match api {
        Api::Media => media(request.uri().path()),
        Api::Kms => data_key(),
        Api::Secrets => secret(request).await,
        Api::Sqs => Response::new(Body::full(json!({"MessageId": "1"}).to_string())),
        Api::TaskRouter => task(request).await,
        Api::S3 => s3(&state, request).await,
    };
    let len = response.body().len();
    state.requests.push(api, begun, len);
    Ok(response)
}

/// A recording with the length that its SID contains.
fn media(path: &str) -> Response<Body> {
    let file = path.rsplit('/').next().unwrap_or_default();
    match file.split('.').next().and_then(len_of) {
        Some(len) => Response::new(Body::wav(len)),
        None => status(StatusCode::NOT_FOUND),
    }
}

/// A data key of 32 zero bytes. Its wrapped form has 184 bytes, as for a multi-Region key, because a reader's first
/// request depends on this length.
fn data_key() -> Response<Body> {
    let plaintext = format!("{}=", "A".repeat(43));
    let wrapped = format!("{}==", "A".repeat(184 / 3 * 4 + 2));
    let answer = json!({"KeyId": names::KMS_KEY, "Plaintext": plaintext, "CiphertextBlob": wrapped});
    Response::new(Body::full(answer.to_string()))
}

async fn secret(request: Request<Incoming>) -> Response<Body> {
    let parameters = request.into_body().collect().await.map(Collected::to_bytes);
    let parameters: Value = parameters
        .ok()
        .and_then(|body| serde_json::from_slice(&body).ok())
        .unwrap_or_default();
    let secret = match parameters["SecretId"].as_str() {
        Some(names::API_KEY_SECRET) => names::API_KEY,
        Some(names::AUTH_TOKEN_SECRET) => names::AUTH_TOKEN,
        Some(names::LINK_KEYS_SECRET) => names::LINK_KEYS,
        _ => return status(StatusCode::BAD_REQUEST),
    };
    Response::new(Body::full(json!({"ARN": "arn", "SecretString": secret}).to_string()))
}

/// A task that a worker has accepted. The answer to an update contains its values, which are not stored, so that the
/// next job updates the task again.
async fn task(request: Request<Incoming>) -> Response<Body> {
    let sid = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    let body = request.into_body().collect().await.map(Collected::to_bytes);
    let written = form_urlencoded::parse(&body.unwrap_or_default())
        .find(|(name, _)| name == "Attributes")
        .map_or_else(|| "{}".to_owned(), |(_, attributes)| attributes.into_owned());
    let task = json!({"sid": sid, "assignment_status": "assigned", "attributes": written});
    let mut response = Response::new(Body::full(task.to_string()));
    response.headers_mut().insert(header::ETAG, store::ETAG);
    response
}

async fn s3(state: &State, request: Request<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let key = parts.uri.path().splitn(3, '/').nth(2).unwrap_or_default().to_owned();
    let query = parts.uri.query().unwrap_or_default();
    let Ok(received) = store::receive(body).await else {
        // The sender disconnected.
        return status(StatusCode::BAD_REQUEST);
    };
    let mut store = state.store.lock().unwrap_or_else(PoisonError::into_inner);
    match parts.method {
        Method::HEAD | Method::GET if query.starts_with("uploads") => {
            Response::new(Body::full(xml("ListMultipartUploads", "")))
        }
        Method::HEAD | Method::GET => match store.get(&key) {
            Some(object) => ranged(&object, parts.headers.get(header::RANGE)),
            None => status(StatusCode::NOT_FOUND),
        },
        Method::POST if query.starts_with("uploads") => {
            let id = store.open();
            Response::new(Body::full(xml(
                "InitiateMultipartUpload",
                &format!("<UploadId>{id}</UploadId>"),
            )))
        }
        Method::POST => {
            store.complete(&key, parameter(query, "uploadId"));
            Response::new(Body::full(xml("CompleteMultipartUpload", "<ETag>\"e\"</ETag>")))
        }
        Method::PUT => {
            match parameter(query, "partNumber") {
                Some(number) => store.part(parameter(query, "uploadId"), number, received),
                None => store.put(&key, received),
            }
            let mut response = status(StatusCode::OK);
            response.headers_mut().insert(header::ETAG, store::ETAG);
            response
        }
        Method::DELETE => status(StatusCode::NO_CONTENT),
        _ => status(StatusCode::METHOD_NOT_ALLOWED),
    }
}

/// The object, or the requested range of it.
fn ranged(object: &store::Object, range: Option<&HeaderValue>) -> Response<Body> {
    let total = object.len();
    let part = range.and_then(|range| store::parse_range(range.to_str().ok()?, total));
    let mut response = match &part {
        Some(range) => Response::new(Body::chunks(object.slice(range.clone()))),
        None => Response::new(Body::chunks(object.slice(0..total))),
    };
    if let Some(range) = part {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let content_range = format!("bytes {}-{}/{total}", range.start, range.end - 1);
        let content_range = HeaderValue::try_from(content_range).expect("digits and a slash are a header value");
        response.headers_mut().insert(header::CONTENT_RANGE, content_range);
    }
    let headers = response.headers_mut();
    headers.insert(header::ETAG, store::ETAG);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("audio/x-wav"));
    response
}

fn parameter<T: std::str::FromStr>(query: &str, name: &str) -> Option<T> {
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .and_then(|(_, value)| value.parse().ok())
}

fn xml(operation: &str, content: &str) -> String {
    format!("<{operation}Result>{content}</{operation}Result>")
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::full(Bytes::new()));
    *response.status_mut() = status;
    response
}
