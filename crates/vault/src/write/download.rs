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
        // A four-hour recording comes in minutes; a network that breaks more often is an outage, and the queue's matter.
        opens: 8,
        // Longer than the read timeout that the HTTP client itself is advised to have (15 s), so that its error is seen.
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
            let opening = self.source.open(self.at, self.validator.as_deref());
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
        tracing::warn!(recordingSid = %self.recording, byte = self.at, opened = self.opened, reason = %error, "download resumes");
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
