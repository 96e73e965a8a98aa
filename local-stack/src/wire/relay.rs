//! One call on its way to AWS and back.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{TryStreamExt, stream};
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyDataStream, BodyExt, StreamBody};
use hyper::body::Incoming;

use super::{Call, Fault, Wire};
use crate::{
    Role, lineage,
    proxy::{self, Body, Error, Upstream},
};

pub(super) async fn relay(
    wire: Wire,
    role: Role,
    upstream: Upstream,
    request: Request<Incoming>,
) -> Result<Response<Body>, Error> {
    let (mut parts, body) = request.into_parts();
    let (bytes, passed_on) = if Call::names_itself_in_body(&parts) {
        (body.collect().await?.to_bytes(), None)
    } else {
        (Bytes::new(), Some(proxy::pass_on(body)))
    };
    let call = Call::of(role, &parts, &bytes);
    let body = match passed_on {
        Some(body) => body,
        None if call.service == "sqs" => {
            proxy::full(lineage::kept_with_messages(&call.operation, &mut parts, bytes.clone()))
        }
        None => proxy::full(bytes.clone()),
    };
    if let Some(rights) = wire.rights() {
        rights.used(&call, &parts, &bytes)?;
    }
    let fault = wire.record(call, &bytes);
    let request = Request::from_parts(parts, body);

    match fault {
        None => upstream.send(request).await,
        Some(Fault::Answer { status, body }) => answer(request, status, body).await,
        Some(Fault::Drop) => Err("dropped on request".into()),
        Some(Fault::Delay(time)) => {
            tokio::time::sleep(time).await;
            upstream.send(request).await
        }
        Some(Fault::LoseAnswer) => {
            // Read to the end: the service may still be at work when its answer begins.
            upstream.send(request).await?.into_body().collect().await?;
            Err("answer lost on request".into())
        }
        Some(Fault::CutBody(at)) => Ok(upstream.send(request).await?.map(|body| cut(body, at))),
        Some(Fault::FlipByte(at)) => Ok(upstream.send(request).await?.map(|body| flip(body, at))),
    }
}

async fn answer(request: Request<Body>, status: u16, body: String) -> Result<Response<Body>, Error> {
    // A service reads a request before it refuses it; an SDK still writing would see a broken connection instead.
    let reading = request.into_body().collect();
    let _ = tokio::time::timeout(Duration::from_secs(30), reading).await;
    let mut response = Response::new(proxy::full(body));
    *response.status_mut() = StatusCode::from_u16(status)?;
    Ok(response)
}

fn cut(body: Body, at: u64) -> Body {
    let left = usize::try_from(at).unwrap_or(usize::MAX);
    let frames = stream::try_unfold((BodyDataStream::new(body), left), |(mut body, left)| async move {
        if left == 0 {
            // What was passed on so far goes out before the connection breaks.
            tokio::task::yield_now().await;
            return Err(Error::from("cut on request"));
        }
        let Some(chunk) = body.try_next().await? else {
            return Ok(None);
        };
        let kept = chunk.slice(..chunk.len().min(left));
        let left = left - kept.len();
        Ok(Some((Frame::data(kept), (body, left))))
    });
    StreamBody::new(frames).boxed_unsync()
}

fn flip(body: Body, at: u64) -> Body {
    let mut position = 0;
    let flipped = BodyDataStream::new(body).map_ok(move |chunk: Bytes| {
        let start = position;
        position += chunk.len() as u64;
        match at.checked_sub(start).and_then(|index| usize::try_from(index).ok()) {
            Some(index) if index < chunk.len() => {
                let mut chunk = BytesMut::from(chunk);
                chunk[index] ^= 0xff;
                Frame::data(chunk.freeze())
            }
            _ => Frame::data(chunk),
        }
    });
    StreamBody::new(flipped).boxed_unsync()
}
