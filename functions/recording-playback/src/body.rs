//! The reply's body: infallible, fused, and never a byte more or less than the status promised.
//!
//! Why it can't fail: lambda_runtime 1.5.0 (`src/requests.rs`, the arm of `StreamingResponse`) writes what a body
//! yields as `Err` *into the body*, as text after the audio, and goes on polling. Why it doesn't just end: Lambda's
//! replies are chunked, so an early end looks complete, and so does the end that a panic of the streaming task makes.
//! A process that dies is the one end that every HTTP client sees as a broken transfer.

use std::{
    convert::Infallible,
    fmt, mem,
    ops::Range,
    pin::Pin,
    process,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::Frame;
use service::metrics::{self, Unit};
use tokio::time::{Sleep, sleep};
use tracing::Span;
use vault::{PlaintextStream, ReadError};

use crate::audit::{Ending, Playback};

/// What verified before the fault is on its way through the runtime's channel and socket; it gets this long to leave,
/// so that the client has all of it and asks for the rest from there.
const GRACE: Duration = Duration::from_millis(100);

/// A reply's body.
#[derive(Debug)]
pub struct Body(Content);

#[derive(Debug)]
enum Content {
    /// Sent in one piece, if at all.
    Fixed(Option<Bytes>),
    Audio(Box<Audio>),
}

impl Body {
    /// No content.
    pub const fn empty() -> Self {
        Self(Content::Fixed(None))
    }

    /// A small text.
    pub(crate) const fn fixed(text: Bytes) -> Self {
        Self(Content::Fixed(Some(text)))
    }

    /// Verified plaintext, exactly as much as `playback` says. What can't be continued ends the process.
    pub(crate) fn audio(stream: PlaintextStream, playback: Playback) -> Self {
        Self::audio_or(process::abort, stream, playback)
    }

    fn audio_or(abort: fn() -> !, stream: PlaintextStream, playback: Playback) -> Self {
        Self(Content::Audio(Box::new(Audio {
            state: State::Sending(stream),
            sent: 0,
            playback,
            span: Span::current(),
            abort,
        })))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = match &mut self.0 {
            Content::Fixed(text) => text.take(),
            Content::Audio(audio) => ready!(audio.in_span(|audio| audio.poll_chunk(context))),
        };
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }
}

struct Audio {
    state: State,
    /// Bytes of plaintext handed to the runtime.
    sent: u64,
    playback: Playback,
    /// The invocation's, with its trace: the runtime asks for the body outside of it.
    span: Span,
    abort: fn() -> !,
}

enum State {
    Sending(PlaintextStream),
    /// Can't be continued: waits for what has verified to leave, then aborts.
    Breaking(Pin<Box<Sleep>>),
    Ended,
}

/// Why a stream can't be continued.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the vault ended after {sent} of {promised} bytes")]
    Short { sent: u64, promised: u64 },
    #[error("the vault had more than the {promised} bytes asked for")]
    Long { promised: u64 },
}

impl Audio {
    fn in_span<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        self.span.clone().in_scope(|| act(self))
    }

    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            match &mut self.state {
                State::Sending(stream) => match ready!(stream.as_mut().poll_next(context)) {
                    Some(Ok(chunk)) => match self.count(&chunk) {
                        Ok(()) => return Poll::Ready(Some(chunk)),
                        Err(fault) => self.break_off(&fault),
                    },
                    Some(Err(error)) => self.break_off(&error.into()),
                    None if self.sent < self.promised() => self.break_off(&Fault::Short {
                        sent: self.sent,
                        promised: self.promised(),
                    }),
                    None => self.end(Ending::Complete),
                },
                State::Breaking(grace) => {
                    ready!(grace.as_mut().poll(context));
                    (self.abort)();
                }
                State::Ended => return Poll::Ready(None),
            }
        }
    }

    fn promised(&self) -> u64 {
        let Range { start, end } = self.playback.range;
        end - start
    }

    fn count(&mut self, chunk: &Bytes) -> Result<(), Fault> {
        // A chunk's length fits: usize has at most 64 bits on every target of Rust's.
        let sent = self.sent.saturating_add(chunk.len() as u64);
        if sent > self.promised() {
            return Err(Fault::Long {
                promised: self.promised(),
            });
        }
        self.sent = sent;
        Ok(())
    }

    fn break_off(&mut self, fault: &Fault) {
        tracing::error!(
            recordingSid = self.playback.recording.as_str(),
            requestId = self.playback.request_id,
            %fault,
            "playback can't be continued, the process ends"
        );
        metrics::emit(&[("PlaybackAborted", 1.0, Unit::Count)]);
        if matches!(fault, Fault::Read(ReadError::Damaged(_))) {
            metrics::emit(&[("VerificationFailures", 1.0, Unit::Count)]);
        }
        self.end(Ending::Broken);
        self.state = State::Breaking(Box::pin(sleep(GRACE)));
    }

    /// Writes the end of the audit trail, once.
    fn end(&mut self, ending: Ending) {
        if let State::Sending(_) = mem::replace(&mut self.state, State::Ended) {
            self.playback.ends(self.sent, ending);
            metrics::emit(&[("BytesServed", self.sent as f64, Unit::Bytes)]);
        }
    }
}

impl Drop for Audio {
    fn drop(&mut self) {
        self.in_span(|audio| audio.end(Ending::Abandoned));
    }
}

impl fmt::Debug for Audio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audio")
            .field("sent", &self.sent)
            .field("playback", &self.playback)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body::Body as _;
    use http_body_util::BodyExt;
    use tokio::sync::mpsc;
    use vault::RecordingId;

    use super::*;

    const ABORTED: &str = "the process would have ended here";

    fn abort() -> ! {
        panic!("{ABORTED}");
    }

    fn body(promised: u64, items: Vec<Result<&'static str, ReadError>>) -> Body {
        let items = items
            .into_iter()
            .map(|item| item.map(|text| Bytes::from_static(text.as_bytes())));
        let playback = Playback {
            request_id: "request".to_owned(),
            link_id: "link".to_owned(),
            recording: RecordingId::parse("RE00000000000000000000000000000001").unwrap(),
            range: 7..7 + promised,
        };
        Body::audio_or(abort, Box::pin(stream::iter(items)), playback)
    }

    /// Drains the body in a task of its own, as lambda_runtime does: what came out, and whether the process survived.
    async fn drain(mut body: Body) -> (String, bool) {
        let (sender, mut chunks) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            while let Some(Ok(frame)) = body.frame().await {
                sender.send(frame.into_data().unwrap()).unwrap();
            }
        });
        let survived = match task.await {
            Ok(()) => true,
            Err(error) => {
                let panic = error.into_panic();
                assert_eq!(panic.downcast_ref::<String>().map(String::as_str), Some(ABORTED));
                false
            }
        };
        let mut out = String::new();
        while let Some(chunk) = chunks.recv().await {
            out.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        (out, survived)
    }

    #[tokio::test]
    async fn a_whole_stream_is_passed_on() {
        let (out, survived) = drain(body(10, vec![Ok("hello"), Ok(""), Ok("world")])).await;
        assert_eq!((out.as_str(), survived), ("helloworld", true));
    }

    #[tokio::test]
    async fn a_fault_after_the_status_ends_the_process_and_adds_nothing() {
        for fault in [
            ReadError::Damaged("frame 2: tag mismatch".to_owned()),
            ReadError::Changed,
            ReadError::Unavailable("timeout".to_owned()),
        ] {
            let (out, survived) = drain(body(10, vec![Ok("hello"), Err(fault), Ok("world")])).await;
            assert_eq!((out.as_str(), survived), ("hello", false));
        }
    }

    #[tokio::test]
    async fn an_early_end_is_no_clean_end() {
        let (out, survived) = drain(body(10, vec![Ok("hello")])).await;
        assert_eq!((out.as_str(), survived), ("hello", false));
    }

    #[tokio::test]
    async fn no_byte_more_than_promised_is_passed_on() {
        let (out, survived) = drain(body(9, vec![Ok("hello"), Ok("world")])).await;
        assert_eq!((out.as_str(), survived), ("hello", false));
    }

    #[tokio::test]
    async fn the_body_is_fused() {
        let mut body = body(5, vec![Ok("hello")]);
        assert!(body.frame().await.is_some());
        assert!(body.frame().await.is_none());
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn fixed_bodies_are_sent_once() {
        let mut body = Body::fixed(Bytes::from_static(b"{}"));
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "{}");
        assert!(body.frame().await.is_none());
        assert!(Body::empty().frame().await.is_none());
    }

    /// lambda_runtime asks for it.
    #[test]
    fn the_body_moves_freely() {
        fn moves<B: http_body::Body<Error = Infallible> + Unpin + Send + 'static>(_: &B) {}
        let body = Body::empty();
        moves(&body);
        assert!(!body.is_end_stream());
    }
}
