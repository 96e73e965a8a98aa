//! What is sent: bytes that are in memory already, by reference.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// Large enough that sending it costs nothing but the copy into the socket.
const CHUNK_LEN: usize = 256 * 1024;

/// What every byte of a recording is.
static CONSTANT: [u8; CHUNK_LEN] = [7; CHUNK_LEN];

/// Buffers to send, in order.
#[derive(Debug)]
pub(crate) struct Body {
    chunks: VecDeque<Bytes>,
    /// Constant bytes to send after them.
    constant: u64,
    len: u64,
}

impl Body {
    pub(crate) fn full(bytes: impl Into<Bytes>) -> Self {
        Self::chunks(VecDeque::from([bytes.into()]))
    }

    pub(crate) fn chunks(chunks: VecDeque<Bytes>) -> Self {
        let len = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        Self {
            chunks,
            constant: 0,
            len,
        }
    }

    pub(crate) const fn constant(len: u64) -> Self {
        Self {
            chunks: VecDeque::new(),
            constant: len,
            len,
        }
    }

    /// Bytes still to send.
    pub(crate) const fn len(&self) -> u64 {
        self.len
    }

    fn next(&mut self) -> Option<Bytes> {
        if let Some(chunk) = self.chunks.pop_front() {
            return Some(chunk);
        }
        let len = usize::try_from(self.constant).unwrap_or(usize::MAX).min(CHUNK_LEN);
        self.constant -= len as u64;
        (len > 0).then(|| Bytes::from_static(&CONSTANT[..len]))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = self.next();
        self.len -= chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.len == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len)
    }
}
