//! One invocation of a function, from the request to the last byte of its answer.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyDataStream, BodyExt, StreamBody};
use loopback::{Body, Error, Upstream};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use crate::instances::{Instances, InvocationError, Lease};

/// Lambda ends a streamed answer at 200 MB:
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html>.
const MAX_ANSWER_BYTES: u64 = 200 * 1024 * 1024;

/// Sends a request to the emulator on a leased instance and returns the head of the answer. The body follows as it is
/// made.
///
/// As on Lambda, the invocation continues if the client leaves, and the instance is busy until its end. An answer that
/// is incomplete or too long ends with an error, so that it never looks complete.
pub(crate) async fn invoke(
    emulator: Upstream,
    lease: Lease,
    request: Request<Body>,
) -> Result<Response<Body>, InvocationError> {
    let (answered, answer) = oneshot::channel();
    tokio::spawn(run(emulator, lease, request, answered));
    // If the other end is dropped without an answer, it has panicked, and the state of the instance is unknown.
    answer.await.unwrap_or(Err(InvocationError::Crashed))
}

/// Invokes a function with an event, on the first instance that is idle within `bound`, and waits for the end. Any
/// status other than 200 means that the function failed. With a trace header, the invocation belongs to that chain.
pub(crate) async fn invoke_with(
    emulator: &Upstream,
    instances: &Arc<Instances>,
    event: Bytes,
    trace: Option<String>,
    bound: Duration,
) -> Result<(StatusCode, Bytes), InvocationError> {
    let lease = Arc::clone(instances).lease(bound).await?;
    lease.begin(trace);
    let path = format!("/2015-03-31/functions/{}/invocations", lease.name());
    let request = Request::post(path).body(loopback::full(event));
    let request = request.map_err(|error| InvocationError::Broken(error.into()))?;
    let (parts, body) = invoke(emulator.clone(), lease, request).await?.into_parts();
    let answer = body.collect().await.map_err(InvocationError::Broken)?.to_bytes();
    Ok((parts.status, answer))
}

type Answer = Result<Response<Body>, InvocationError>;

async fn run(emulator: Upstream, mut lease: Lease, request: Request<Body>, answered: oneshot::Sender<Answer>) {
    let deadline = Instant::now() + lease.function().timeout;
    let head = lease.until(deadline, emulator.send(request)).await;
    let head = head.and_then(|answer| answer.map_err(InvocationError::Broken));
    let response = match head {
        Ok(response) => response,
        Err(error) => {
            replace(&mut lease);
            // The instance is returned before the caller receives the end of the answer.
            let _ = answered.send(Err(error));
            return;
        }
    };

    let (parts, body) = response.into_parts();
    // One chunk is in transit at a time, so a slow client delays the function.
    let (chunks, passed_on) = mpsc::channel(1);
    let _ = answered.send(Ok(Response::from_parts(parts, receive(passed_on))));
    if let Err(error) = pump(&lease, deadline, body, &chunks).await {
        replace(&mut lease);
        let _ = chunks.send(Err(error.into())).await;
    }
}

async fn pump(
    lease: &Lease,
    deadline: Instant,
    body: Body,
    chunks: &mpsc::Sender<Result<Bytes, Error>>,
) -> Result<(), InvocationError> {
    let mut body = BodyDataStream::new(body);
    let mut sent = 0;
    while let Some(chunk) = lease.until(deadline, body.next()).await? {
        let chunk = chunk.map_err(InvocationError::Broken)?;
        sent += chunk.len() as u64;
        if sent > MAX_ANSWER_BYTES {
            return Err(InvocationError::Broken("the answer is longer than 200 MB".into()));
        }
        // The invocation does not end if the client leaves.
        let _ = lease.until(deadline, chunks.send(Ok(chunk))).await?;
    }
    Ok(())
}

fn receive(chunks: mpsc::Receiver<Result<Bytes, Error>>) -> Body {
    let frames = futures_util::stream::unfold(chunks, |mut chunks| async {
        let chunk = chunks.recv().await?;
        if chunk.is_err() {
            // The data before the error is sent before the connection breaks.
            tokio::task::yield_now().await;
        }
        Some((chunk.map(Frame::data), chunks))
    });
    StreamBody::new(frames).boxed_unsync()
}

fn replace(lease: &mut Lease) {
    if let Err(error) = lease.restart() {
        eprintln!("stack: {error}");
    }
}
