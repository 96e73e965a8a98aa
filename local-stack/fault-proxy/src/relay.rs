//! One call on its way to AWS and back.

use std::{future::pending, time::Duration};

use bytes::Bytes;
use http::{Request, Response, header::IF_MATCH};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use loopback::{Body, Error, Upstream, full, pass_on};

use crate::{
    Call, Fault, FaultProxy, Role, answer,
    call::names_subject_in_body,
    proxy::{Inspect, Moment},
    watched::watch,
};

pub(crate) async fn relay<R: Role>(
    proxy: FaultProxy<R>,
    role: R,
    upstream: Upstream,
    inspect: Inspect<R>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Error> {
    let (mut parts, body) = request.into_parts();
    let (bytes, streamed) = if names_subject_in_body(&parts) {
        (body.collect().await?.to_bytes(), None)
    } else {
        (Bytes::new(), Some(pass_on(body)))
    };
    let call = Call::of(role, &parts, &bytes);
    let inspected = inspect(&call, &mut parts, bytes.clone())?;
    let body = streamed.unwrap_or_else(|| full(inspected));
    let fault = proxy.record(call.clone(), &bytes);
    proxy.wait(Moment::Request, &call, &bytes).await;

    if let Some(Fault::IgnoreIfMatch) = fault {
        parts.headers.remove(IF_MATCH);
    }
    let request = Request::from_parts(parts, body);
    let answered = async |request| {
        let response = upstream.send(request).await?;
        proxy.wait(Moment::Answer, &call, &bytes).await;
        Ok::<_, Error>(response)
    };
    let watched = async |request| {
        let response = answered(request).await?;
        Ok::<_, Error>(response.map(|body| watch(body, proxy.abandoned())))
    };

    match fault {
        None | Some(Fault::IgnoreIfMatch) => watched(request).await,
        Some(Fault::Answer { status, body }) => {
            receive(request).await;
            answer::made(status, body)
        }
        Some(Fault::Error(status, code)) => {
            receive(request).await;
            answer::error(&call, status, code)
        }
        Some(Fault::HtmlPage) => {
            receive(request).await;
            answer::made(200, "<html><body>It works!</body></html>")
        }
        Some(Fault::Drop) => Err("dropped on request".into()),
        Some(Fault::Hang) => {
            receive(request).await;
            pending().await
        }
        Some(Fault::Delay(time)) => {
            tokio::time::sleep(time).await;
            watched(request).await
        }
        Some(Fault::LoseAnswer) => {
            // Read to the end: the service may still be at work when its answer begins.
            answered(request).await?.into_body().collect().await?;
            Err("answer lost on request".into())
        }
        Some(Fault::CutBody(len)) => Ok(answered(request).await?.map(|body| answer::cut(body, len))),
        Some(Fault::ShortenBody(len)) => answer::shorten(answered(request).await?, len).await,
        Some(Fault::StallBody(len)) => Ok(watched(request).await?.map(|body| answer::stall(body, len))),
        Some(Fault::FlipByte(at)) => Ok(watched(request).await?.map(|body| answer::flip(body, at))),
        Some(Fault::EditBody(edit)) => answer::edit(answered(request).await?, edit).await,
        Some(Fault::WithoutEtag) => answer::without_etag(answered(request).await?).await,
    }
}

/// Reads the request, as a service does before it refuses it. A client that is still writing would otherwise see a broken
/// connection instead of the answer.
async fn receive(request: Request<Body>) {
    let reading = request.into_body().collect();
    let _ = tokio::time::timeout(Duration::from_secs(30), reading).await;
}
