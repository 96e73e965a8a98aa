//! Response bodies, made from references to bytes in memory.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// Large enough that the copy into the socket is the only cost.
const CHUNK_LEN: usize = 256 * 1024;

/// One channel of 16 bits at 8 kHz. The data chunk has no size, as from a writer that cannot seek back, because some
/// recordings here exceed its 32 bits.
const WAV_HEADER: &[u8; 44] =
    b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0";

/// The rate of [`WAV_HEADER`].
const BYTES_PER_SECOND: u64 = 16_000;

/// The duration of a recording with this many bytes.
pub(crate) const fn seconds(len: u64) -> u64 {
    len.saturating_sub(WAV_HEADER.len() as u64) / BYTES_PER_SECOND
}

/// The content of every recording after its header.
static CONSTANT: [u8; CHUNK_LEN] = [7; CHUNK_LEN];

/// Buffers to send, in order.
#[derive(Debug)]
pub(crate) struct Body {
    chunks: VecDeque<Bytes>,
    /// The number of constant bytes to send after the buffers.
    constant: u64,
    len: u64,
    pace: Option<Pace>,
}

/// The rate of a body. Each chunk is sent when the chunks before it are due.
#[derive(Debug)]
struct Pace {
    bytes_per_s: u64,
    next: Pin<Box<Sleep>>,
}

impl Pace {
    /// Also sets when the next chunk may follow.
    fn sent(&mut self, len: usize) {
        let takes = Duration::from_secs_f64(len as f64 / self.bytes_per_s as f64);
        let next = self.next.deadline() + takes;
        self.next.as_mut().reset(next);
    }
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
            pace: None,
        }
    }

    /// A WAV file of this length, which must be at least the header's.
    pub(crate) fn wav(len: u64) -> Self {
        Self {
            chunks: VecDeque::from([Bytes::from_static(WAV_HEADER)]),
            constant: len.saturating_sub(WAV_HEADER.len() as u64),
            len: len.max(WAV_HEADER.len() as u64),
            pace: None,
        }
    }

    /// The same body, sent at a rate. Zero is no limit.
    pub(crate) fn at_rate(self, bytes_per_s: u64) -> Self {
        let pace = (bytes_per_s > 0).then(|| Pace {
            bytes_per_s,
            next: Box::pin(sleep_until(Instant::now())),
        });
        Self { pace, ..self }
    }

    /// The number of bytes that are still to be sent.
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

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(pace) = &mut self.pace {
            ready!(pace.next.as_mut().poll(context));
        }
        let chunk = self.next();
        if let (Some(pace), Some(chunk)) = (&mut self.pace, &chunk) {
            pace.sent(chunk.len());
        }
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

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_chunk_is_due_when_those_before_it_have_been_sent_at_the_rate() {
        let mut pace = Body::wav(1).at_rate(500_000).pace.unwrap();
        let begun = pace.next.deadline();
        pace.sent(500_000);
        pace.sent(250_000);
        assert_eq!(pace.next.deadline() - begun, Duration::from_millis(1_500));
        assert!(Body::wav(1).at_rate(0).pace.is_none());
    }

    #[tokio::test]
    async fn a_limited_body_is_whole() {
        let body = Body::wav(1_000_000).at_rate(1_000_000_000).collect().await;
        assert_eq!(body.unwrap().to_bytes().len(), 1_000_000);
    }
}
