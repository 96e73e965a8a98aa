//! Answers that the client did not read to the end.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use loopback::{Body, Error};
use tokio::sync::watch;

/// Counts `body` in `abandoned` if it is dropped before its end.
pub(crate) fn watch(body: Body, abandoned: watch::Sender<usize>) -> Body {
    Watched {
        body,
        has_ended: false,
        abandoned,
    }
    .boxed_unsync()
}

struct Watched {
    body: Body,
    has_ended: bool,
    abandoned: watch::Sender<usize>,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        self.has_ended |= matches!(frame, Poll::Ready(None));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.has_ended && !self.body.is_end_stream() {
            self.abandoned.send_modify(|answers| *answers += 1);
        }
    }
}
