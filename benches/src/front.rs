//! A function URL: HTTP for a browser, with a pool of instances behind it. Each request is an invocation, as on Lambda.

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body::Frame;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc, oneshot},
    time::sleep_until,
};

use crate::{
    Failure, names,
    runtime::{Answer, Instance},
};

/// How fast a reply is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As fast as the client reads.
    Full,
    /// As Lambda sends a streamed reply: 6 MB at full speed, then 2 MB/s ("Response streaming for Lambda functions").
    Lambda,
}

/// A listening socket that has no instances yet. Their settings need its address.
#[derive(Debug)]
pub(crate) struct Front {
    listener: TcpListener,
    address: SocketAddr,
}

/// A request and its invocation.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    pub(crate) path: String,
    pub(crate) begun: Instant,
    /// When the function's answer ended, which is the end of the billed time.
    pub(crate) ended: Instant,
    pub(crate) status: u16,
    /// The length of the answer's content.
    pub(crate) len: u64,
}

/// The invocations in the order of their ends.
#[derive(Debug, Default)]
pub(crate) struct Invocations(Mutex<Vec<Invocation>>);

#[derive(Debug)]
struct Pool {
    idle: Mutex<Vec<Instance>>,
    permits: Semaphore,
    pace: Pace,
    invocations: Arc<Invocations>,
}

impl Front {
    pub(crate) async fn bind() -> Result<Self, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers requests with these instances, as long as the runtime lives. The instance that was idle for the shortest
    /// time takes the next request.
    pub(crate) fn serve(self, instances: Vec<Instance>, pace: Pace) -> Arc<Invocations> {
        let invocations = Arc::<Invocations>::default();
        let pool = Arc::new(Pool {
            permits: Semaphore::new(instances.len()),
            idle: Mutex::new(instances),
            pace,
            invocations: Arc::clone(&invocations),
        });
        tokio::spawn(accept(self.listener, pool));
        invocations
    }
}

impl Invocations {
    fn push(&self, invocation: Invocation) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(invocation);
    }

    /// Removes and returns the invocations since the last call.
    pub(crate) fn take(&self) -> Vec<Invocation> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn accept(listener: TcpListener, pool: Arc<Pool>) {
    while let Ok((connection, _)) = listener.accept().await {
        let _ = connection.set_nodelay(true);
        let pool = Arc::clone(&pool);
        let answer = service_fn(move |request| answer(Arc::clone(&pool), request));
        // A browser leaves whenever it has heard enough.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), answer));
    }
}

async fn answer(pool: Arc<Pool>, request: Request<Incoming>) -> Result<Response<Chunks>, Failure> {
    let (answered, head) = oneshot::channel();
    // The invocation goes on to its end if the client leaves.
    tokio::spawn(async move {
        if let Err(error) = invoke(&pool, &request, answered).await {
            eprintln!("function URL: {} {}: {error}", request.method(), request.uri().path());
        }
    });
    Ok(head.await?)
}

/// Runs one invocation to its end.
async fn invoke(
    pool: &Pool,
    request: &Request<Incoming>,
    answered: oneshot::Sender<Response<Chunks>>,
) -> Result<(), Failure> {
    let _permit = pool.permits.acquire().await?;
    let instance = pool.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let mut instance = instance.ok_or("a permit without an instance")?;
    let begun = Instant::now();
    let mut answer = instance.answer(&event(request)).await?;
    let (chunks, passed_on) = mpsc::channel(1);
    let status = answer.status;
    // The client may be gone already.
    let _ = answered.send(response(&answer, passed_on)?);
    let len = pump(&mut answer, &chunks, pool.pace).await?;
    drop(answer);
    pool.invocations.push(Invocation {
        path: request.uri().path().to_owned(),
        begun,
        ended: Instant::now(),
        status,
        len,
    });
    pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(instance);
    Ok(())
}

/// Passes the answer's content on, and returns its length.
async fn pump(answer: &mut Answer, chunks: &mpsc::Sender<Bytes>, pace: Pace) -> Result<u64, Failure> {
    const BURST: u64 = 6_000_000;
    const BYTES_PER_S: f64 = 2e6;
    let begun = Instant::now();
    let mut len = 0;
    while let Some(chunk) = answer.next_chunk().await? {
        len += chunk.len() as u64;
        if pace == Pace::Lambda && len > BURST {
            let due = begun + Duration::from_secs_f64((len - BURST) as f64 / BYTES_PER_S);
            sleep_until(due.into()).await;
        }
        // A client that has left receives nothing, and the function does not notice.
        let _ = chunks.send(chunk).await;
    }
    Ok(len)
}

fn response(answer: &Answer, chunks: mpsc::Receiver<Bytes>) -> Result<Response<Chunks>, Failure> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    Ok(response.body(Chunks(chunks))?)
}

fn event(request: &Request<Incoming>) -> Value {
    let uri = request.uri();
    let mut event = names::get_event(uri.path(), uri.query().unwrap_or_default(), None);
    event["requestContext"]["http"]["method"] = request.method().as_str().into();
    for (name, value) in request.headers() {
        if name != header::CONNECTION {
            event["headers"][name.as_str()] = String::from_utf8_lossy(value.as_bytes()).into();
        }
    }
    event
}

/// The content of an answer as it arrives.
#[derive(Debug)]
struct Chunks(mpsc::Receiver<Bytes>);

impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let chunk = self.0.poll_recv(context);
        chunk.map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk))))
    }
}
