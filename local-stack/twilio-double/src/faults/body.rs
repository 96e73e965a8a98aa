//! An answer's body that differs from its announced length.

use std::{io, time::Duration};

use axum::{
    body::{Body, BodyDataStream},
    http::{HeaderValue, header},
    response::Response,
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body::Body as _;

use crate::server::Connection;

/// How a body is announced and sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyPlan {
    /// The Content-Length; None sends chunks.
    pub(super) announced: Option<u64>,
    pub(super) end: End,
    /// The pause: after this many bytes, for this long.
    pub(super) stall: Option<(u64, Duration)>,
}

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Whole,
    /// Cleanly after this many bytes.
    After(u64),
    /// With the connection broken after this many bytes.
    BrokenAfter(u64),
}

impl BodyPlan {
    pub(super) fn reshape(self, response: Response, connection: Connection) -> Response {
        let (mut parts, body) = response.into_parts();
        match self.announced {
            Some(length) => parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length)),
            None => parts.headers.remove(header::CONTENT_LENGTH),
        };
        let sending = Sending {
            plan: self,
            rest: body.into_data_stream(),
            held: Bytes::new(),
            sent: 0,
            connection,
        };
        // A stream has no size of its own, so hyper trusts the announced length.
        let body = stream::unfold(Some(sending), |sending| async { sending?.step().await });
        Response::from_parts(parts, Body::from_stream(body))
    }
}

/// The length of a response's body, if it is known.
pub(super) fn length(response: &Response) -> Option<u64> {
    let announced = response
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    announced.or_else(|| response.body().size_hint().exact())
}

/// A body that is being sent.
struct Sending {
    plan: BodyPlan,
    rest: BodyDataStream,
    /// Read but not yet sent.
    held: Bytes,
    sent: u64,
    connection: Connection,
}

impl Sending {
    async fn step(mut self) -> Option<(io::Result<Bytes>, Option<Self>)> {
        if let Some((after, pause)) = self.plan.stall
            && self.sent == after
        {
            self.plan.stall = None;
            tokio::time::sleep(pause).await;
        }
        let due = self.due();
        if due == 0 {
            return self.finish().await;
        }
        if self.held.is_empty() {
            match self.rest.next().await {
                Some(Ok(chunk)) => self.held = chunk,
                Some(Err(error)) => return Some((Err(io::Error::other(error)), None)),
                None => return self.finish().await,
            }
        }
        // No chunk is longer than `usize::MAX`, so the conversion never loses a byte.
        let take = usize::try_from(due).unwrap_or(usize::MAX).min(self.held.len());
        let chunk = self.held.split_to(take);
        self.sent += chunk.len() as u64;
        Some((Ok(chunk), Some(self)))
    }

    /// The number of bytes that may be sent before the next stall or the end.
    fn due(&self) -> u64 {
        let end = match self.plan.end {
            End::Whole => u64::MAX,
            End::After(bytes) | End::BrokenAfter(bytes) => bytes,
        };
        let stop = self.plan.stall.map_or(end, |(after, _)| after.min(end));
        stop.saturating_sub(self.sent)
    }

    async fn finish(self) -> Option<(io::Result<Bytes>, Option<Self>)> {
        let End::BrokenAfter(_) = self.plan.end else {
            return None;
        };
        self.connection.flushed().await;
        Some((Err(io::ErrorKind::ConnectionAborted.into()), None))
    }
}
