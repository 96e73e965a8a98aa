//! One recording's bytes in order, over as many replies of the source as it takes.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::{sleep, timeout};

use super::{Source, SourceBody, SourceError, SourceReply, StoreError};
use crate::RecordingId;

/// How much a source is put up with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// How often it's opened in all, whatever for.
    pub(super) opens: u32,
    /// How long it may send nothing, as an answer or in the middle of a body.
    pub(super) stall: Duration,
    /// The wait before it's opened again; doubled each time.
    pub(super) pause: Duration,
}

impl Patience {
    pub(super) const DEFAULT: Self = Self {
        // A four-hour recording comes in minutes; a network that breaks more often is an outage: the queue's matter.
        opens: 8,
        // Longer than the read timeout that an HTTP client is advised to have (15 s), so that its error is seen.
        stall: Duration::from_secs(20),
        // 0.2 s, 0.4 s … 12.8 s: a quarter of a minute in all.
        pause: Duration::from_millis(200),
    };
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Bytes, never none.
    Chunk(Bytes),
    /// The recording is over; the announced length was received where one was announced.
    End,
    /// The source can't go on where it broke, and begins again: what came so far is void.
    Restarted,
}

/// A download that resumes from the next byte.
pub(super) struct Download<'a> {
    recording: &'a RecordingId,
    source: &'a dyn Source,
    patience: Patience,
    opened: u32,
    body: Option<SourceBody>,
    /// The next byte.
    at: u64,
    total_len: Option<u64>,
    validator: Option<String>,
}

impl<'a> Download<'a> {
    pub(super) fn new(recording: &'a RecordingId, source: &'a dyn Source, patience: Patience) -> Self {
        Self {
            recording,
            source,
            patience,
            opened: 0,
            body: None,
            at: 0,
            total_len: None,
            validator: None,
        }
    }

    /// Stands at byte 0, in the reply that a restart has left or in a new one, and says how long the recording is where
    /// the source says so.
    pub(super) async fn begin(&mut self) -> Result<Option<u64>, StoreError> {
        if self.at > 0 || self.body.is_none() {
            self.rewind();
            self.open().await?;
        }
        Ok(self.total_len)
    }

    /// The next bytes. Dropping the future loses none that were received.
    pub(super) async fn next(&mut self) -> Result<Next, StoreError> {
        loop {
            let Some(body) = &mut self.body else {
                if self.open().await? == Opened::Restarted {
                    return Ok(Next::Restarted);
                }
                continue;
            };
            let lost = match timeout(self.patience.stall, body.next()).await {
                Ok(Some(Ok(chunk))) if chunk.is_empty() => continue,
                Ok(Some(Ok(chunk))) => return self.received(chunk),
                Ok(Some(Err(error))) => error,
                Ok(None) if self.total_len.is_none() => {
                    self.body = None;
                    return Ok(Next::End);
                }
                Ok(None) => SourceError::retryable("the body ended early"),
                Err(_) => SourceError::retryable("the body stalled"),
            };
            self.body = None;
            // Whatever became of the connection after the last byte, nothing is missing.
            if self.total_len == Some(self.at) {
                return Ok(Next::End);
            }
            self.tolerate(lost)?;
        }
    }

    fn received(&mut self, chunk: Bytes) -> Result<Next, StoreError> {
        self.at += chunk.len() as u64;
        match self.total_len {
            Some(announced) if self.at > announced => Err(StoreError::LengthMismatch {
                announced,
                received: self.at,
            }),
            _ => Ok(Next::Chunk(chunk)),
        }
    }

    fn rewind(&mut self) {
        self.body = None;
        self.at = 0;
        self.total_len = None;
        self.validator = None;
    }

    /// Opens the source at the next byte, as often as patience allows.
    async fn open(&mut self) -> Result<Opened, StoreError> {
        loop {
            if self.opened > 0 {
                sleep(self.patience.pause * 2u32.saturating_pow(self.opened - 1)).await;
            }
            self.opened += 1;
            let validator = self.validator.as_deref().filter(|_| self.at > 0);
            let opening = self.source.open(self.at, validator);
            match timeout(self.patience.stall, opening).await {
                Ok(Ok(reply)) => return self.accept(reply),
                Ok(Err(error)) => self.tolerate(error)?,
                Err(_) => self.tolerate(SourceError::retryable("no answer"))?,
            }
        }
    }

    fn accept(&mut self, reply: SourceReply) -> Result<Opened, StoreError> {
        let changed = matches!((&self.validator, &reply.validator), (Some(before), Some(now)) if before != now);
        if self.at > 0 && (reply.start == 0 || changed) {
            self.rewind();
            if reply.start == 0 {
                self.take(reply);
            }
            return Ok(Opened::Restarted);
        }
        if reply.start != self.at {
            return Err(self.failure(SourceError {
                retryable: false,
                message: format!("it answers from byte {}", reply.start),
            }));
        }
        if let (Some(before), Some(after)) = (self.total_len, reply.total_len)
            && before != after
        {
            return Err(StoreError::LengthChanged { before, after });
        }
        self.take(reply);
        Ok(Opened::Here)
    }

    fn take(&mut self, reply: SourceReply) {
        self.total_len = reply.total_len.or(self.total_len);
        self.validator = reply.validator.or_else(|| self.validator.take());
        self.body = Some(reply.body);
    }

    /// Goes on after `error`, or gives up.
    fn tolerate(&self, error: SourceError) -> Result<(), StoreError> {
        if !error.retryable || self.opened >= self.patience.opens {
            return Err(self.failure(error));
        }
        let (recording, byte, opened) = (self.recording, self.at, self.opened);
        tracing::warn!(recordingSid = %recording, byte, opened, %error, "download resumes");
        Ok(())
    }

    fn failure(&self, error: SourceError) -> StoreError {
        if self.at == 0 {
            StoreError::Source(error)
        } else {
            StoreError::Interrupted {
                at: self.at,
                source: error,
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Opened {
    Here,
    Restarted,
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, future::Future, pin::Pin, sync::Mutex};

    use futures_util::stream;
    use proptest::prelude::*;

    use super::*;
    use crate::write::Source;

    const PATIENCE: Patience = Patience {
        opens: 4,
        stall: Duration::from_millis(20),
        pause: Duration::ZERO,
    };

    /// Gives these replies in turn; whoever asks for more has no bound.
    struct Replies(Mutex<VecDeque<Result<SourceReply, SourceError>>>, Mutex<Vec<u64>>);

    impl Source for Replies {
        fn open<'a>(
            &'a self,
            from: u64,
            _: Option<&'a str>,
        ) -> Pin<Box<dyn Future<Output = Result<SourceReply, SourceError>> + Send + 'a>> {
            self.1.lock().unwrap().push(from);
            let reply = self.0.lock().unwrap().pop_front().expect("opened too often");
            Box::pin(std::future::ready(reply))
        }
    }

    /// A reply that starts at `start` and ends when `bytes` are over, wherever that is.
    fn reply(start: u64, total_len: Option<u64>, bytes: &[u8]) -> SourceReply {
        SourceReply {
            start,
            total_len,
            validator: None,
            body: stream::iter([Ok(Bytes::copy_from_slice(bytes))]).boxed(),
        }
    }

    fn stalled(mut reply: SourceReply) -> SourceReply {
        reply.body = reply.body.chain(stream::pending()).boxed();
        reply
    }

    fn tagged(mut reply: SourceReply, validator: &str) -> SourceReply {
        reply.validator = Some(validator.to_owned());
        reply
    }

    /// What comes until the end or an error, restarts included; and where it was opened.
    async fn read(replies: impl IntoIterator<Item = SourceReply>) -> (Vec<u8>, Result<(), StoreError>, Vec<u64>) {
        read_all(replies.into_iter().map(Ok)).await
    }

    async fn read_all(
        replies: impl IntoIterator<Item = Result<SourceReply, SourceError>>,
    ) -> (Vec<u8>, Result<(), StoreError>, Vec<u64>) {
        let source = Replies(Mutex::new(replies.into_iter().collect()), Mutex::default());
        let recording = RecordingId::parse(&format!("RE{:032x}", 1)).unwrap();
        let mut download = Download::new(&recording, &source, PATIENCE);
        let mut bytes = Vec::new();
        let end = async {
            download.begin().await?;
            loop {
                match download.next().await? {
                    Next::Chunk(chunk) => bytes.extend_from_slice(&chunk),
                    Next::End => return Ok(()),
                    Next::Restarted => {
                        bytes.clear();
                        download.begin().await?;
                    }
                }
            }
        }
        .await;
        (bytes, end, source.1.into_inner().unwrap())
    }

    #[tokio::test]
    async fn a_stalled_body_resumes() {
        let (bytes, end, opened) = read([stalled(reply(0, Some(5), b"ab")), reply(2, Some(5), b"cde")]).await;
        assert!(end.is_ok());
        assert_eq!((&bytes[..], &opened[..]), (&b"abcde"[..], &[0, 2][..]));
    }

    #[tokio::test]
    async fn a_body_that_stalls_after_its_last_byte_is_whole() {
        let (bytes, end, opened) = read([stalled(reply(0, Some(2), b"ab"))]).await;
        assert!(end.is_ok());
        assert_eq!((&bytes[..], &opened[..]), (&b"ab"[..], &[0][..]));
    }

    #[tokio::test]
    async fn without_an_announced_length_the_end_is_where_the_body_ends() {
        let (bytes, end, _) = read([reply(0, None, b"ab")]).await;
        assert!(end.is_ok());
        assert_eq!(bytes, b"ab");
    }

    #[tokio::test]
    async fn opens_are_bounded_in_all_and_the_error_names_the_byte() {
        let short = (0..4).map(|at| reply(at, Some(9), b"x"));
        let (_, end, opened) = read(short).await;
        assert!(matches!(end, Err(StoreError::Interrupted { at: 4, .. })));
        assert_eq!(opened, [0, 1, 2, 3]);

        let restarts = (0..4).map(|_| reply(0, Some(9), b"x"));
        let (_, end, opened) = read(restarts).await;
        assert!(matches!(end, Err(StoreError::Interrupted { at: 1, .. })));
        assert_eq!(opened, [0, 1, 1, 1]);

        let refused = SourceError::retryable("down");
        let (_, end, opened) = read_all((0..4).map(|_| Err(refused.clone()))).await;
        assert!(matches!(end, Err(StoreError::Source(error)) if error == refused));
        assert_eq!(opened, [0; 4]);
    }

    #[tokio::test]
    async fn another_length_after_a_resume_is_refused() {
        for (first, second) in [(5, 6), (5, 4)] {
            let (_, end, _) = read([reply(0, Some(first), b"ab"), reply(2, Some(second), b"cd")]).await;
            assert!(
                matches!(end, Err(StoreError::LengthChanged { before, after }) if (before, after) == (first, second))
            );
        }
    }

    #[tokio::test]
    async fn a_reply_from_elsewhere_is_refused() {
        for start in [1, 3] {
            let (_, end, _) = read([reply(0, Some(5), b"ab"), reply(start, Some(5), b"x")]).await;
            assert!(matches!(end, Err(StoreError::Interrupted { at: 2, source }) if !source.retryable));
        }
        let (_, end, _) = read([reply(1, Some(5), b"x")]).await;
        assert!(matches!(end, Err(StoreError::Source(error)) if !error.retryable));
    }

    #[tokio::test]
    async fn another_version_is_read_from_its_beginning() {
        let replies = [
            tagged(reply(0, Some(4), b"ab"), "1"),
            tagged(reply(2, Some(3), b"z"), "2"),
            tagged(reply(0, Some(3), b"xyz"), "2"),
        ];
        let (bytes, end, opened) = read(replies).await;
        assert!(end.is_ok());
        assert_eq!((&bytes[..], &opened[..]), (&b"xyz"[..], &[0, 2, 0][..]));
    }

    proptest! {
        /// However the replies are cut, what comes is the recording.
        #[test]
        fn resumes_lose_and_repeat_nothing(
            bytes in prop::collection::vec(any::<u8>(), 1..40),
            cuts in prop::collection::vec(0usize..40, 0..3),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len() - 1)).collect();
            cuts.sort_unstable();
            let starts = [0].into_iter().chain(cuts.iter().copied());
            let ends = cuts.iter().copied().chain([bytes.len()]);
            let total = Some(bytes.len() as u64);
            let reply = |(start, end): (usize, usize)| reply(start as u64, total, &bytes[start..end]);
            let replies: Vec<_> = starts.zip(ends).map(reply).collect();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let (read, end, _) = runtime.block_on(read(replies));
            prop_assert!(end.is_ok());
            prop_assert_eq!(read, bytes);
        }
    }
}
