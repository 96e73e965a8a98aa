//! The reply's body: infallible, fused, and never a byte more or less than the status promised.
//!
//! The body has no error type, because lambda_runtime 1.5.0 (`src/requests.rs`, the arm of `StreamingResponse`) writes an
//! error of the body *into the body*, as text after the audio, and goes on polling. The body does not end early either:
//! Lambda's replies are chunked, so an early end looks complete, and so does the end after a panic of the streaming task.
//! Every HTTP client recognizes a broken transfer only if the process ends.

mod fault;
mod trail;

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    process,
    task::{Context, Poll, ready},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http_body::Frame;
use tokio::{
    task::AbortHandle,
    time::{Sleep, sleep},
};
use tracing::{Instrument, Span};
use vault::PlaintextStream;

use self::{fault::Fault, trail::Trail};
use crate::audit::{Ending, Playback};

/// Bytes that verified before the fault may still be in the runtime's channel and socket. They are sent during this pause,
/// so that the client receives all of them and requests the rest from there. Lambda sends 2 MB/s after the first 6 MB. The
/// channel holds one piece of half a megabyte at most, and the HTTP client's buffer two.
const GRACE: Duration = Duration::from_millis(800);

/// How long before Lambda's deadline a reply ends. Lambda itself would end the process without a log line, a metric or the
/// end of the audit trail.
const MARGIN: Duration = Duration::from_secs(2);

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

    /// Verified plaintext of exactly the range in `playback`. A reply that cannot be continued ends the process. So does a
    /// reply that has not ended shortly before `deadline`, which counts from the Unix epoch.
    pub(crate) fn audio(stream: PlaintextStream, playback: Playback, deadline: Option<Duration>) -> Self {
        Self::audio_or(process::abort, stream, playback, deadline)
    }

    fn audio_or(abort: fn() -> !, stream: PlaintextStream, playback: Playback, deadline: Option<Duration>) -> Self {
        let trail = Trail::new(playback);
        let watch = deadline.map(|deadline| watch(trail.clone(), deadline, abort));
        Self(Content::Audio(Box::new(Audio {
            state: State::Sending(stream),
            trail,
            watch,
            span: Span::current(),
            abort,
        })))
    }
}

/// Ends the process if the reply has not ended shortly before the deadline. It is a task of its own, because the runtime
/// does not poll the body while the client accepts nothing.
fn watch(trail: Trail, deadline: Duration, abort: fn() -> !) -> AbortHandle {
    let ending = async move {
        sleep(left_until(deadline, now())).await;
        if trail.end(Ending::OutOfTime) {
            trail.report_out_of_time();
            sleep(GRACE).await;
            abort();
        }
    };
    tokio::spawn(ending.instrument(Span::current())).abort_handle()
}

/// Reads the wall clock, because Lambda sets its deadline by it. A timer then keeps pace with that clock, because an
/// instance is not frozen during its invocation.
const fn left_until(deadline: Duration, now: Duration) -> Duration {
    deadline.saturating_sub(MARGIN).saturating_sub(now)
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
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
    trail: Trail,
    /// The task that waits for the deadline.
    watch: Option<AbortHandle>,
    /// The invocation's span, with its trace. The runtime polls the body outside of it.
    span: Span,
    abort: fn() -> !,
}

enum State {
    Sending(PlaintextStream),
    /// The stream cannot be continued. Waits until the verified bytes have left, then aborts.
    Breaking(Pin<Box<Sleep>>),
    Ended,
}

impl Audio {
    fn in_span<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        self.span.clone().in_scope(|| act(self))
    }

    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            match &mut self.state {
                // The trail has ended, and the process is about to end.
                State::Sending(_) if self.trail.has_ended() => return Poll::Pending,
                State::Sending(stream) => match ready!(stream.as_mut().poll_next(context)) {
                    Some(Ok(chunk)) => match self.trail.count(&chunk) {
                        Ok(()) => return Poll::Ready(Some(chunk)),
                        Err(fault) => self.break_off(&fault),
                    },
                    Some(Err(error)) => self.break_off(&error.into()),
                    None => match self.trail.check_whole() {
                        Ok(()) => self.end(Ending::Complete),
                        Err(fault) => self.break_off(&fault),
                    },
                },
                State::Breaking(grace) => {
                    ready!(grace.as_mut().poll(context));
                    (self.abort)();
                }
                State::Ended => return Poll::Ready(None),
            }
        }
    }

    fn break_off(&mut self, fault: &Fault) {
        self.trail.report(fault);
        self.end(Ending::Broken);
        self.state = State::Breaking(Box::pin(sleep(GRACE)));
    }

    fn end(&mut self, ending: Ending) {
        self.trail.end(ending);
        self.watch.take().inspect(AbortHandle::abort);
        self.state = State::Ended;
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
            .field("trail", &self.trail)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
