//! A reverse proxy on loopback that records every S3 and KMS operation and injects faults.

use std::{
    convert::Infallible,
    error::Error,
    ops::Range,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{StreamExt, future::BoxFuture, stream};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode, Uri,
    body::{Body, Frame, Incoming, SizeHint},
    header,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

type BoxError = Box<dyn Error + Send + Sync>;
type Reply = Response<UnsyncBoxBody<Bytes, BoxError>>;
type Hook = BoxFuture<'static, ()>;

/// A received request, answered or not.
#[derive(Clone, Debug)]
pub struct Call {
    /// AWS's name, for example `UploadPart`, `GetObject` or `GenerateDataKey`. A GET of an object's last bytes is
    /// `GetObjectSuffix`, because the requests that a cold open sends at once arrive in any order.
    pub operation: String,
    pub uri: Uri,
    pub headers: HeaderMap,
}

impl Call {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// What happens to a request instead of being forwarded and answered.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// The request is not forwarded, but answered with this status and AWS error code.
    Answer(u16, &'static str),
    /// The request is not forwarded. The connection is closed without an answer.
    Reset,
    /// The request is forwarded. The connection is closed without an answer.
    LoseAnswer,
    /// The request is forwarded. The connection is closed after this many bytes of the answer's body.
    CutAnswer(usize),
    /// The request is forwarded. Nothing is sent after this many bytes of the answer's body, and the connection stays open.
    StallAnswer(usize),
    /// The request is forwarded. The answer's body is replaced.
    EditAnswer(fn(&str) -> String),
    /// The request is forwarded without its If-Match.
    IgnoreIfMatch,
    /// The request is not forwarded and never answered.
    Hang,
    /// The request is not forwarded, but answered with a 200 and a page of HTML, as by a proxy.
    Imposter,
    /// The request is forwarded. The ETag is removed from the answer's header and body.
    WithoutEtag,
    /// The request is forwarded. The answer ends without an error after this many bytes of its body.
    ShortenAnswer(usize),
}

/// The proxy. It ends with its owner.
pub struct Proxy {
    address: std::net::SocketAddr,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

struct State {
    upstream: String,
    client: Client<HttpConnector, Full<Bytes>>,
    calls: Mutex<Vec<Call>>,
    rules: Mutex<Vec<Rule>>,
    hooks: Mutex<Vec<Awaited>>,
    /// The number of answers whose connection the client closed.
    abandoned: watch::Sender<usize>,
}

/// A future that the proxy awaits before it forwards a request or its answer.
struct Awaited {
    operation: &'static str,
    moment: Moment,
    /// Matching requests still to come before this one's.
    skip: usize,
    hook: Option<Hook>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    Request,
    Answer,
}

struct Rule {
    operation: &'static str,
    /// Matching requests seen so far.
    seen: usize,
    /// Which of the matching requests are hit.
    nth: Range<usize>,
    fault: Fault,
}

impl Proxy {
    pub async fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let state = Arc::new(State {
            upstream: upstream.to_owned(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            calls: Mutex::default(),
            rules: Mutex::default(),
            hooks: Mutex::default(),
            abandoned: watch::Sender::default(),
        });
        Self {
            address: listener.local_addr().unwrap(),
            accepting: tokio::spawn(accept(listener, state.clone())),
            state,
        }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on, the `nth` (0-based) requests of `operation` meet `fault`. `0..usize::MAX` means all of them.
    pub fn inject(&self, operation: &'static str, nth: Range<usize>, fault: Fault) {
        self.state.rules.lock().unwrap().push(Rule {
            operation,
            seen: 0,
            nth,
            fault,
        });
    }

    /// Awaits `hook` before the `nth` (0-based, from now) request of `operation` is forwarded.
    pub fn before(&self, operation: &'static str, nth: usize, hook: impl Future<Output = ()> + Send + 'static) {
        self.state.hook(operation, Moment::Request, nth, Box::pin(hook));
    }

    /// Awaits `hook` before the answer to the `nth` (0-based, from now) request of `operation` is passed on.
    pub fn after(&self, operation: &'static str, nth: usize, hook: impl Future<Output = ()> + Send + 'static) {
        self.state.hook(operation, Moment::Answer, nth, Box::pin(hook));
    }

    /// Waits until the client has closed the connection of an answer that was not sent completely.
    pub async fn abandoned(&self) {
        let mut abandoned = self.state.abandoned.subscribe();
        abandoned.wait_for(|answers| *answers > 0).await.unwrap();
    }

    /// Removes all faults.
    pub fn heal(&self) {
        self.state.rules.lock().unwrap().clear();
    }

    /// All requests in the order of their arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.state.calls.lock().unwrap().clone()
    }

    /// The number of requests of `operation`, including faults and retries.
    pub fn count(&self, operation: &str) -> usize {
        self.calls().iter().filter(|call| call.operation == operation).count()
    }

    /// Forgets the calls so far.
    pub fn forget_calls(&self) {
        self.state.calls.lock().unwrap().clear();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((connection, _)) = listener.accept().await {
        let state = state.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(state.clone(), request));
            // An `Err` means that the client or a fault has closed the connection.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(connection), service)
                .await;
        });
    }
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Reply, BoxError> {
    let (head, body) = request.into_parts();
    let operation = operation(&head.method, &head.uri, &head.headers);
    let fault = state.meet(&operation);
    state.calls.lock().unwrap().push(Call {
        operation: operation.clone(),
        uri: head.uri.clone(),
        headers: head.headers.clone(),
    });
    let body = body.collect().await?.to_bytes();
    state.pause(&operation, Moment::Request).await;
    match fault {
        Some(Fault::Answer(status, code)) => return Ok(error_reply(status, code, &head.headers)),
        Some(Fault::Reset) => return Err("reset".into()),
        Some(Fault::Hang) => std::future::pending::<()>().await,
        Some(Fault::Imposter) => {
            let page = Full::from("<html><body>It works!</body></html>");
            return Ok(Response::new(page.map_err(Into::into).boxed_unsync()));
        }
        _ => {}
    }

    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut forwarded = Request::builder()
        .method(head.method)
        .uri(format!("{}{path}", state.upstream));
    let ignore_if_match = matches!(fault, Some(Fault::IgnoreIfMatch));
    for (name, value) in &head.headers {
        let ignored = ignore_if_match && *name == header::IF_MATCH;
        if !ignored && *name != header::EXPECT && *name != header::TRANSFER_ENCODING {
            forwarded = forwarded.header(name, value);
        }
    }
    let reply = state.client.request(forwarded.body(Full::new(body))?).await?;
    state.pause(&operation, Moment::Answer).await;
    match fault {
        Some(Fault::LoseAnswer) => Err("the answer is lost".into()),
        Some(Fault::CutAnswer(after)) => {
            let (head, body) = reply.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(Response::from_parts(head, cut(body.slice(..after.min(body.len())))))
        }
        Some(Fault::WithoutEtag) => {
            let (mut head, body) = reply.into_parts();
            let text = String::from_utf8(body.collect().await?.to_bytes().to_vec())?;
            head.headers.remove(header::ETAG);
            head.headers.remove(header::CONTENT_LENGTH);
            let edited = match (text.find("<ETag>"), text.find("</ETag>")) {
                (Some(start), Some(end)) => text[..start].to_owned() + &text[end + "</ETag>".len()..],
                _ => text,
            };
            Ok(Response::from_parts(
                head,
                Full::from(edited).map_err(Into::into).boxed_unsync(),
            ))
        }
        Some(Fault::ShortenAnswer(after)) => {
            let (mut head, body) = reply.into_parts();
            let body = body.collect().await?.to_bytes();
            head.headers.remove(header::CONTENT_LENGTH);
            let short = Full::new(body.slice(..after.min(body.len())));
            Ok(Response::from_parts(head, short.map_err(Into::into).boxed_unsync()))
        }
        Some(Fault::EditAnswer(edit)) => {
            let (mut head, body) = reply.into_parts();
            let body = body.collect().await?.to_bytes();
            head.headers.remove(header::CONTENT_LENGTH);
            let edited = Full::from(edit(std::str::from_utf8(&body)?));
            Ok(Response::from_parts(head, edited.map_err(Into::into).boxed_unsync()))
        }
        Some(Fault::StallAnswer(after)) => {
            let (head, body) = reply.into_parts();
            let body = body.collect().await?.to_bytes();
            let sent = stream::iter([Ok(Frame::data(body.slice(..after.min(body.len()))))]);
            let stalled = StreamBody::new(sent.chain(stream::pending::<Result<Frame<Bytes>, BoxError>>()));
            let watched = Watched {
                body: stalled,
                ended: false,
                state,
            };
            Ok(Response::from_parts(head, BodyExt::boxed_unsync(watched)))
        }
        _ => Ok(reply.map(|body| {
            let watched = Watched {
                body,
                ended: false,
                state,
            };
            watched.map_err(Into::into).boxed_unsync()
        })),
    }
}

/// An answer's body that reports when it is dropped before its end.
struct Watched<B: Body> {
    body: B,
    ended: bool,
    state: Arc<State>,
}

impl<B: Body + Unpin> Body for Watched<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        self.ended |= matches!(frame, Poll::Ready(None));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B: Body> Drop for Watched<B> {
    fn drop(&mut self) {
        if !self.ended && !self.body.is_end_stream() {
            self.state.abandoned.send_modify(|answers| *answers += 1);
        }
    }
}

impl State {
    fn hook(&self, operation: &'static str, moment: Moment, skip: usize, hook: Hook) {
        self.hooks.lock().unwrap().push(Awaited {
            operation,
            moment,
            skip,
            hook: Some(hook),
        });
    }

    async fn pause(&self, operation: &str, moment: Moment) {
        let mut due = Vec::new();
        self.hooks.lock().unwrap().retain_mut(|awaited| {
            if awaited.operation != operation || awaited.moment != moment {
                return true;
            }
            if awaited.skip > 0 {
                awaited.skip -= 1;
                return true;
            }
            due.extend(awaited.hook.take());
            false
        });
        for hook in due {
            hook.await;
        }
    }

    fn meet(&self, operation: &str) -> Option<Fault> {
        let mut met = None;
        for rule in &mut *self.rules.lock().unwrap() {
            if rule.operation == operation {
                if rule.nth.contains(&rule.seen) {
                    met = met.or(Some(rule.fault));
                }
                rule.seen += 1;
            }
        }
        met
    }
}

/// `sent`, then a broken connection. During the pause, hyper flushes its buffer before it sees the error.
fn cut(sent: Bytes) -> UnsyncBoxBody<Bytes, BoxError> {
    let frames = stream::unfold(Some(sent), |sent| async move {
        match sent {
            Some(sent) => Some((Ok(Frame::data(sent)), None)),
            None => {
                tokio::task::yield_now().await;
                Some((Err("cut".into()), None))
            }
        }
    });
    BodyExt::boxed_unsync(StreamBody::new(frames))
}

/// The error in the form of the service: JSON for KMS, XML for S3.
fn error_reply(status: u16, code: &str, request: &HeaderMap) -> Reply {
    let body = if request.contains_key("x-amz-target") {
        format!(r#"{{"__type":"{code}","message":"injected"}}"#)
    } else {
        format!("<Error><Code>{code}</Code><Message>injected</Message></Error>")
    };
    let mut reply = Response::new(
        Full::from(body)
            .map_err(|never: Infallible| match never {})
            .boxed_unsync(),
    );
    *reply.status_mut() = StatusCode::from_u16(status).unwrap();
    reply
}

fn operation(method: &Method, uri: &Uri, headers: &HeaderMap) -> String {
    if let Some(target) = headers.get("x-amz-target").and_then(|value| value.to_str().ok()) {
        return target.rsplit('.').next().unwrap_or(target).to_owned();
    }
    let query = uri.query().unwrap_or_default();
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    let of_an_object = uri.path().trim_matches('/').contains('/');
    match (method.as_str(), of_an_object) {
        ("PUT", true) if has("partNumber") => "UploadPart",
        ("PUT", true) => "PutObject",
        ("POST", true) if has("uploads") => "CreateMultipartUpload",
        ("POST", true) if has("uploadId") => "CompleteMultipartUpload",
        ("DELETE", true) if has("uploadId") => "AbortMultipartUpload",
        ("DELETE", true) => "DeleteObject",
        ("HEAD", true) => "HeadObject",
        ("GET", true) if is_suffix(headers) => "GetObjectSuffix",
        ("GET", true) => "GetObject",
        ("GET", false) if has("uploads") => "ListMultipartUploads",
        ("GET", false) if has("versions") => "ListObjectVersions",
        ("GET", false) => "ListObjects",
        _ => "other",
    }
    .to_owned()
}

fn is_suffix(headers: &HeaderMap) -> bool {
    headers
        .get(header::RANGE)
        .is_some_and(|range| range.as_bytes().starts_with(b"bytes=-"))
}
