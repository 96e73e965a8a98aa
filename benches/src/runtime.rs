//! A Lambda runtime API inside the harness, so that the rows measure the function and not an emulator. An invocation
//! answers the function's waiting `next` request, and the harness reads the function's answer as it arrives.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    mem,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::{Buf, Bytes, BytesMut};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc, oneshot},
};

use crate::{Failure, process::Process};

/// The end of a streamed answer's prelude (Lambda Developer Guide, "Building a custom runtime").
const PRELUDE_END: [u8; 8] = [0; 8];

/// An instance of a function: its process and its runtime API.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) process: Process,
    events: mpsc::Sender<Bytes>,
    answers: mpsc::Receiver<Answering>,
    /// The time of the function's first request for an invocation.
    first_next: Option<oneshot::Receiver<Instant>>,
    spawned: Instant,
}

/// An answer whose body comes from the function. The sender is dropped when the body has been read.
#[derive(Debug)]
struct Answering {
    body: Incoming,
    read: oneshot::Sender<Infallible>,
}

/// The measurements of a streamed answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Streamed {
    pub(crate) status: u16,
    /// Bytes of content without the prelude.
    pub(crate) len: u64,
    pub(crate) first_byte: Duration,
    pub(crate) took: Duration,
}

/// A streamed answer, as the client of a function URL receives it. The invocation ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    /// Content that arrived with the prelude.
    received: Bytes,
    answering: Answering,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Prelude {
    status_code: u16,
    headers: BTreeMap<String, String>,
}

impl Answer {
    /// The next bytes of content. Never empty, and `None` at the end.
    pub(crate) async fn next_chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        if !self.received.is_empty() {
            return Ok(Some(mem::take(&mut self.received)));
        }
        while let Some(frame) = self.answering.body.frame().await {
            match frame?.into_data() {
                Ok(chunk) if !chunk.is_empty() => return Ok(Some(chunk)),
                _ => {}
            }
        }
        Ok(None)
    }
}

impl Instance {
    /// Starts the function with these settings and returns when it waits for an invocation.
    pub(crate) async fn start(
        program: &str,
        arguments: &[&str],
        settings: &[(String, String)],
    ) -> Result<Self, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?.to_string();
        let (events, waiting) = mpsc::channel(1);
        let (answering, answers) = mpsc::channel(1);
        let (ready_at, first_next) = oneshot::channel();
        let api = Arc::new(Api {
            waiting: Mutex::new(waiting),
            answering,
            first_next: std::sync::Mutex::new(Some(ready_at)),
        });
        tokio::spawn(accept(listener, api));
        let settings: Vec<_> = settings
            .iter()
            .cloned()
            .chain([
                ("AWS_LAMBDA_RUNTIME_API".to_owned(), address),
                ("AWS_LAMBDA_FUNCTION_NAME".to_owned(), "benchmarks".to_owned()),
                ("AWS_LAMBDA_FUNCTION_VERSION".to_owned(), "1".to_owned()),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE".to_owned(), "512".to_owned()),
            ])
            .collect();
        let spawned = Instant::now();
        let process = Process::start(program, arguments, &settings)?;
        Ok(Self {
            process,
            events,
            answers,
            first_next: Some(first_next),
            spawned,
        })
    }

    /// The time from exec to the first `/invocation/next`. It can be read once.
    pub(crate) async fn until_ready(&mut self) -> Result<Duration, Failure> {
        let ready_at = self.first_next.take().ok_or("the start was already read")?;
        let ready_at = tokio::time::timeout(Duration::from_secs(30), ready_at).await;
        let ready_at = ready_at.map_err(|_| "the function requested no invocation")??;
        Ok(ready_at - self.spawned)
    }

    /// The time from exec to `moment`.
    pub(crate) fn since_exec(&self, moment: Instant) -> Duration {
        moment - self.spawned
    }

    /// Invokes the function and reads its answer, a JSON document.
    pub(crate) async fn invoke(&mut self, event: &Value) -> Result<Value, Failure> {
        let answering = self.begin(event).await?;
        let body = answering.body.collect().await?.to_bytes();
        drop(answering.read);
        Ok(serde_json::from_slice(&body)?)
    }

    /// Invokes the function and reads its streamed answer.
    pub(crate) async fn stream(&mut self, event: &Value) -> Result<Streamed, Failure> {
        let begun = Instant::now();
        let mut answer = self.answer(event).await?;
        let (mut len, mut first_byte) = (0, None);
        while let Some(chunk) = answer.next_chunk().await? {
            first_byte.get_or_insert_with(|| begun.elapsed());
            len += chunk.len() as u64;
        }
        let status = answer.status;
        drop(answer);
        let took = begun.elapsed();
        Ok(Streamed {
            status,
            len,
            first_byte: first_byte.unwrap_or(took),
            took,
        })
    }

    /// Invokes the function, and returns its streamed answer as soon as the prelude is read.
    pub(crate) async fn answer(&mut self, event: &Value) -> Result<Answer, Failure> {
        let mut answering = self.begin(event).await?;
        let mut received = BytesMut::new();
        let end = loop {
            if let Some(end) = received.windows(8).position(|window| window == PRELUDE_END) {
                break end;
            }
            let frame = answering.body.frame().await.ok_or("an answer without its prelude")??;
            if let Ok(chunk) = frame.into_data() {
                received.extend_from_slice(&chunk);
            }
        };
        let prelude: Prelude = serde_json::from_slice(&received.split_to(end))?;
        received.advance(PRELUDE_END.len());
        Ok(Answer {
            status: prelude.status_code,
            headers: prelude.headers,
            received: received.freeze(),
            answering,
        })
    }

    async fn begin(&mut self, event: &Value) -> Result<Answering, Failure> {
        self.events.send(event.to_string().into()).await?;
        let answer = tokio::time::timeout(Duration::from_secs(900), self.answers.recv()).await;
        Ok(answer
            .map_err(|_| "no answer in the time that Lambda gives")?
            .ok_or("the function's runtime API is gone")?)
    }
}

#[derive(Debug)]
struct Api {
    waiting: Mutex<mpsc::Receiver<Bytes>>,
    answering: mpsc::Sender<Answering>,
    first_next: std::sync::Mutex<Option<oneshot::Sender<Instant>>>,
}

async fn accept(listener: TcpListener, api: Arc<Api>) {
    while let Ok((connection, _)) = listener.accept().await {
        // A function that ends breaks its connections, and their results do not matter.
        let _ = connection.set_nodelay(true);
        let api = Arc::clone(&api);
        let answer = service_fn(move |request| answer(Arc::clone(&api), request));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), answer));
    }
}

async fn answer(api: Arc<Api>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Failure> {
    let path = request.uri().path();
    if path.ends_with("/invocation/next") {
        if let Some(ready_at) = api.first_next.lock().ok().and_then(|mut ready_at| ready_at.take()) {
            // The receiver may be gone.
            let _ = ready_at.send(Instant::now());
        }
        let event = api.waiting.lock().await.recv().await.ok_or("the harness is done")?;
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH)? + Duration::from_secs(900);
        return Ok(Response::builder()
            .header("lambda-runtime-aws-request-id", "1")
            .header("lambda-runtime-deadline-ms", deadline.as_millis().to_string())
            .header(
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:us-east-1:000000000000:function:benchmarks",
            )
            .body(Full::from(event))?);
    }
    if path.ends_with("/response") {
        let (read, whole) = oneshot::channel();
        let body = request.into_body();
        api.answering.send(Answering { body, read }).await?;
        // Resolves when the sender is dropped. Lambda acknowledges an answer only after it has read all of it.
        let _ = whole.await;
        return Ok(Response::builder().status(StatusCode::ACCEPTED).body(Full::default())?);
    }
    let (path, output) = (path.to_owned(), request.into_body().collect().await?.to_bytes());
    eprintln!("{path}: {}", String::from_utf8_lossy(&output));
    Ok(Response::builder().status(StatusCode::ACCEPTED).body(Full::default())?)
}
