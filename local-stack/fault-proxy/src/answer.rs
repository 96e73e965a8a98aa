//! Answers that the proxy makes itself, and changes to those of the service.

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};
use http::{
    Response, StatusCode,
    header::{CONTENT_LENGTH, ETAG},
};
use http_body::Frame;
use http_body_util::{BodyDataStream, BodyExt, StreamBody};
use loopback::{Body, Error, full};

use crate::{Call, Role};

pub(crate) fn made(status: u16, body: impl Into<Bytes>) -> Result<Response<Body>, Error> {
    let mut response = Response::new(full(body));
    *response.status_mut() = StatusCode::from_u16(status)?;
    Ok(response)
}

/// An error in the format of the service: S3 answers with XML, the others with JSON.
pub(crate) fn error<R: Role>(call: &Call<R>, status: u16, code: &str) -> Result<Response<Body>, Error> {
    let body = if call.service == "s3" {
        format!("<Error><Code>{code}</Code><Message>injected</Message></Error>")
    } else {
        format!(r#"{{"__type":"{code}","message":"injected"}}"#)
    };
    made(status, body)
}

/// Breaks the connection after `len` bytes.
pub(crate) fn cut(body: Body, len: usize) -> Body {
    let frames = stream::try_unfold((BodyDataStream::new(body), len), |(mut body, left)| async move {
        if left == 0 {
            // The bytes that were passed on so far are sent before the connection breaks.
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

/// Passes on `len` bytes, and then nothing. The stream owns `body`, so that the rest is not mistaken for read.
pub(crate) fn stall(body: Body, len: usize) -> Body {
    let frames = stream::try_unfold((BodyDataStream::new(body), len), |(mut body, left)| async move {
        let chunk = if left == 0 { None } else { body.try_next().await? };
        let Some(chunk) = chunk else {
            let _unread = body;
            return std::future::pending().await;
        };
        let kept = chunk.slice(..chunk.len().min(left));
        let left = left - kept.len();
        Ok::<_, Error>(Some((Frame::data(kept), (body, left))))
    });
    StreamBody::new(frames.boxed()).boxed_unsync()
}

/// Flips the bits of the byte `at`.
pub(crate) fn flip(body: Body, at: usize) -> Body {
    let mut position = 0;
    let flipped = BodyDataStream::new(body).map_ok(move |chunk: Bytes| {
        let start = position;
        position += chunk.len();
        match at.checked_sub(start) {
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

/// Ends the answer properly after `len` bytes.
pub(crate) async fn shorten(response: Response<Body>, len: usize) -> Result<Response<Body>, Error> {
    replace_body(response, |body| Ok(body.slice(..len.min(body.len())))).await
}

/// Gives the answer another text.
pub(crate) async fn edit(response: Response<Body>, edit: fn(&str) -> String) -> Result<Response<Body>, Error> {
    replace_body(response, |body| Ok(edit(std::str::from_utf8(&body)?).into())).await
}

/// Removes the `ETag` from headers and body.
pub(crate) async fn without_etag(mut response: Response<Body>) -> Result<Response<Body>, Error> {
    response.headers_mut().remove(ETAG);
    replace_body(response, |body| {
        let text = std::str::from_utf8(&body)?;
        Ok(match (text.find("<ETag>"), text.find("</ETag>")) {
            (Some(start), Some(end)) => [&text[..start], &text[end + "</ETag>".len()..]].concat().into(),
            _ => body,
        })
    })
    .await
}

async fn replace_body(
    response: Response<Body>,
    replace: impl FnOnce(Bytes) -> Result<Bytes, Error>,
) -> Result<Response<Body>, Error> {
    let (mut head, body) = response.into_parts();
    let body = replace(body.collect().await?.to_bytes())?;
    head.headers.remove(CONTENT_LENGTH);
    Ok(Response::from_parts(head, full(body)))
}
