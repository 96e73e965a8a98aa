//! The server for the measured programs: S3, KMS, SQS, Secrets Manager, and Twilio's media and tasks in one process, in
//! memory, at the speed of loopback. Existing local S3 servers reach only 100 to 300 MB/s and would dominate the
//! measurements.
//!
//! The server ignores signatures and checksums, and stores the buffers that it received from the socket. A recording's
//! SID contains its length at Twilio ([`sid()`]), so that the source needs no state.

mod listing;
mod reply;
mod requests;
mod store;
mod tls;
mod waits;

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
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
use self::{reply::Body, store::Store, tls::Certificate, waits::Waits};
use crate::{Failure, names};

/// The data key that KMS answers. It protects nothing.
pub(crate) const DATA_KEY: [u8; 32] = [0; 32];

/// The server, which runs on its own runtime until this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    port: u16,
    tls_port: u16,
    /// More ports without TLS.
    service_ports: [u16; 3],
    certificate: Certificate,
    state: Arc<State>,
    _runtime: tokio::runtime::Runtime,
}

#[derive(Debug, Default)]
struct State {
    store: Mutex<Store>,
    requests: Requests,
    waits: Waits,
    /// What every recording at Twilio holds, in place of a constant tone.
    media: Mutex<Option<Bytes>>,
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
        let services = [listen()?, listen()?, listen()?];
        let service_ports = services
            .each_ref()
            .map(|listener| listener.local_addr().map(|address| address.port()));
        let [first, second, third] = service_ports;
        let state = Arc::new(State::default());
        let (certificate, acceptor) = Certificate::new()?;
        runtime.spawn(accept(listener, None, Arc::clone(&state)));
        runtime.spawn(accept(tls_listener, Some(acceptor), Arc::clone(&state)));
        for listener in services {
            runtime.spawn(accept(listener, None, Arc::clone(&state)));
        }
        Ok(Self {
            port,
            tls_port,
            service_ports: [first?, second?, third?],
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

    /// The same with an address of its own for each service, as on AWS. With one address for all, they share connections.
    pub(crate) fn plain_by_service(&self) -> Way {
        let mut way = self.plain();
        way.settings = names::endpoints("http", self.service_ports);
        way
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

    pub(crate) const fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// Delays every further answer of S3 and KMS.
    pub(crate) fn delay(&self, delay: Duration) {
        self.delay_of(&[Api::S3, Api::Kms], delay);
    }

    /// Delays every further answer of these APIs.
    pub(crate) fn delay_of(&self, apis: &[Api], delay: Duration) {
        for api in apis {
            self.state.waits.set(*api, delay);
        }
    }

    /// Limits the rate at which Twilio sends each further recording, in bytes a second. Zero is no limit.
    pub(crate) fn limit_media(&self, bytes_per_s: u64) {
        self.state.waits.set_media_rate(bytes_per_s);
    }

    /// Gives every recording at Twilio this content, instead of constant bytes.
    pub(crate) fn record(&self, media: Option<Bytes>) {
        *self.state.media.lock().unwrap_or_else(PoisonError::into_inner) = media;
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> &Requests {
        &self.state.requests
    }

    /// The length of the object, if it exists.
    pub(crate) fn object_len(&self, key: &str) -> Option<u64> {
        self.store().get(key).map(|object| object.len())
    }

    /// The bytes of the object, if it exists.
    pub(crate) fn object(&self, key: &str) -> Option<Vec<u8>> {
        let object = self.store().get(key)?;
        Some(object.slice(0..object.len()).iter().flatten().copied().collect())
    }

    /// Stores an object that no measured program has written.
    pub(crate) fn generate(&self, key: &str, bytes: impl Into<Bytes>, metadata: Vec<(&'static str, String)>) {
        self.store().put(key, store::Object::new(bytes, metadata));
    }

    /// Drops all objects whose keys begin with `prefix`.
    pub(crate) fn forget_below(&self, prefix: &str) {
        self.store().remove_below(prefix);
    }

    /// The number of objects whose keys begin with `prefix`.
    pub(crate) fn count_below(&self, prefix: &str) -> usize {
        let store = self.store();
        store.objects().keys().filter(|key| key.starts_with(prefix)).count()
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
    let is_read = is_read(&request);
    state.waits.elapse(api).await;
    let response = match api {
        Api::Media if request.uri().path().ends_with("/Recordings.json") => recordings(&state),
        Api::Media if request.uri().path().ends_with(".json") => resource(request.uri().path()),
        Api::Media => media(&state, request.uri().path()),
        Api::FlexTokens => listener(),
        Api::Kms => data_key(),
        Api::Secrets => secret(request).await,
        Api::Sqs => Response::new(Body::full(json!({"MessageId": "1"}).to_string())),
        Api::TaskRouter => task(request).await,
        Api::S3 => s3(&state, request).await,
    };
    let len = response.body().len();
    state.requests.push(api, is_read, begun, len);
    Ok(response)
}

/// A recording with the given content, or with the length that its SID contains.
fn media(state: &State, path: &str) -> Response<Body> {
    if let Some(media) = &*state.media.lock().unwrap_or_else(PoisonError::into_inner) {
        return Response::new(Body::full(media.clone()));
    }
    let file = path.rsplit('/').next().unwrap_or_default();
    match file.split('.').next().and_then(len_of) {
        Some(len) => Response::new(Body::wav(len).at_rate(state.waits.media_rate())),
        None => status(StatusCode::NOT_FOUND),
    }
}

/// The list of the recordings at Twilio, which are those that are stored.
fn recordings(state: &State) -> Response<Body> {
    let store = state.store.lock().unwrap_or_else(PoisonError::into_inner);
    match listing::recordings(store.objects()) {
        Ok(page) => Response::new(Body::full(page)),
        Err(_) => status(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// The metadata of a recording, which is at Twilio.
fn resource(path: &str) -> Response<Body> {
    let sid = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".json");
    Response::new(Body::full(json!({"sid": sid, "status": "completed"}).to_string()))
}

/// Twilio's answer about a supervisor's Flex token.
fn listener() -> Response<Body> {
    let info = json!({
        "account_sid": names::ACCOUNT,
        "identity": "supervisor",
        "roles": ["supervisor"],
        "expiration": "2099-12-31T23:59:59Z",
    });
    Response::new(Body::full(info.to_string()))
}

/// Whether S3 charges the request as a read of one object. It charges a list like a write.
fn is_read(request: &Request<Incoming>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    let is_list = query.starts_with("uploads") || query.contains("list-type=2") || query.contains("versions");
    matches!(*request.method(), Method::GET | Method::HEAD) && !is_list
}

/// [`DATA_KEY`]. Its wrapped form has 184 bytes, as for a multi-Region key, because a reader's first request depends on
/// this length.
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

/// A task that a worker has accepted and that names the call of the sample events, or a search that finds it. The answer
/// to an update contains its values, which are not stored, so that the next job updates the task again.
async fn task(request: Request<Incoming>) -> Response<Body> {
    let sid = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    if sid == "Tasks" {
        return Response::new(Body::full(json!({"tasks": [{"sid": names::TASK}]}).to_string()));
    }
    let body = request.into_body().collect().await.map(Collected::to_bytes);
    let written = form_urlencoded::parse(&body.unwrap_or_default())
        .find(|(name, _)| name == "Attributes")
        .map_or_else(
            || json!({"call_sid": names::CALL}).to_string(),
            |(_, attributes)| attributes.into_owned(),
        );
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
        Method::GET if query.contains("list-type=2") => {
            Response::new(Body::full(listing::objects(store.objects(), query)))
        }
        Method::GET if query.contains("versions") => {
            Response::new(Body::full(listing::versions(store.objects(), query)))
        }
        // S3 gives the reason only in a body, and a HEAD has none.
        Method::GET if store.get(&key).is_none() => {
            let mut response = Response::new(Body::full("<Error><Code>NoSuchKey</Code></Error>"));
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
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
        Method::DELETE => {
            store.remove(&key);
            status(StatusCode::NO_CONTENT)
        }
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
    for (name, value) in object.metadata() {
        let value = HeaderValue::try_from(value).expect("metadata is printable ASCII");
        headers.insert(*name, value);
    }
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
