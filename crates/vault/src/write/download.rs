//! One recording's bytes in order, from as many replies of the source as necessary.
//!
//! A reply is continued only if a strong validator proves that the next one has the same bytes. Otherwise, the download starts
//! over. A reply from the first byte is accepted after its head has been examined. An error page in place of the audio is one
//! more failed reply, and the bytes before it are kept.

use std::time::Duration;

use audio::{Format, HEAD_LEN, Look, look_at};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use sid::RecordingSid;
use tokio::time::{sleep, timeout};

use super::{
    error::StoreError,
    source::{Source, SourceBody, SourceError, SourceReply},
};

/// The limits of a download.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// How often the source is opened in all.
    pub(super) opens: u32,
    /// How long the source may send nothing, before a reply or within a body.
    pub(super) stall: Duration,
    /// The wait before the source is opened again. It is doubled each time.
    pub(super) pause: Duration,
}

impl Patience {
    pub(super) const DEFAULT: Self = Self {
        // A four-hour recording takes minutes. If the network breaks more often, it is an outage, which the queue handles.
        opens: 8,
        // Longer than the read timeout recommended for HTTP clients (15 s), so that the client's error is seen.
        stall: Duration::from_secs(20),
        // 0.2 s, 0.4 s … 12.8 s: 25 s in all.
        pause: Duration::from_millis(200),
    };
}

/// What is known at the first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Beginning {
    /// The length in bytes, if the source announced it.
    pub(super) announced: Option<u64>,
    /// The format that the first bytes show.
    pub(super) format: Option<Format>,
}

/// The next event of a download.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// One or more bytes.
    Chunk(Bytes),
    /// The recording is complete. If a length was announced, that many bytes were received.
    End,
    /// The source cannot continue, and starts over. The bytes so far are void.
    Restarted,
}

/// A download that resumes from the next byte.
pub(super) struct Download<'a> {
    recording: &'a RecordingSid,
    source: &'a dyn Source,
    patience: Patience,
    opened: u32,
    body: Option<SourceBody>,
    /// The next byte.
    at: u64,
    /// The length in the first reply that announced one. Later replies must agree, even after the download starts over.
    announced: Option<u64>,
    /// The validator of the reply whose bytes `at` counts.
    validator: Option<String>,
    format: Option<Format>,
}

impl<'a> Download<'a> {
    pub(super) fn new(recording: &'a RecordingSid, source: &'a dyn Source, patience: Patience) -> Self {
        Self {
            recording,
            source,
            patience,
            opened: 0,
            body: None,
            at: 0,
            announced: None,
            validator: None,
            format: None,
        }
    }

    /// Goes to byte 0, in the reply that a restart has left or in a new one.
    pub(super) async fn begin(&mut self) -> Result<Beginning, StoreError> {
        if self.at > 0 || self.body.is_none() {
            self.rewind();
            self.open().await?;
        }
        Ok(Beginning {
            announced: self.announced,
            format: self.format,
        })
    }

    /// Returns the next bytes. If the future is dropped, no received byte is lost.
    pub(super) async fn next(&mut self) -> Result<Next, StoreError> {
        loop {
            let Some(body) = &mut self.body else {
                if self.open().await? == Position::Restarted {
                    return Ok(Next::Restarted);
                }
                continue;
            };
            let lost = match timeout(self.patience.stall, body.next()).await {
                Ok(Some(Ok(chunk))) if chunk.is_empty() => continue,
                Ok(Some(Ok(chunk))) => return self.received(chunk),
                Ok(Some(Err(error))) => error,
                Ok(None) if self.announced.is_none() => {
                    self.body = None;
                    return Ok(Next::End);
                }
                Ok(None) => SourceError::retryable("the body ended early"),
                Err(_) => SourceError::retryable("the body stalled"),
            };
            self.body = None;
            // After the last byte, an error of the connection does not matter.
            if self.announced == Some(self.at) {
                return Ok(Next::End);
            }
            self.tolerate(lost)?;
        }
    }

    fn received(&mut self, chunk: Bytes) -> Result<Next, StoreError> {
        self.at += chunk.len() as u64;
        match self.announced {
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
        self.validator = None;
    }

    /// Opens the source at the next byte if a validator can prove that it is the same recording, otherwise at the first one. It
    /// tries as often as the limits allow.
    async fn open(&mut self) -> Result<Position, StoreError> {
        loop {
            if self.opened > 0 {
                sleep(self.patience.pause * 2u32.saturating_pow(self.opened - 1)).await;
            }
            self.opened += 1;
            // RFC 9110, 15.3.7.3: parts may be combined if they all share the same strong validator.
            let validator = self.validator.as_deref().filter(|_| self.at > 0);
            let from = if validator.is_some() { self.at } else { 0 };
            let reply = match timeout(self.patience.stall, self.source.open(from, validator)).await {
                Ok(reply) => reply,
                Err(_) => Err(SourceError::retryable("no answer")),
            };
            let lost = match reply {
                Ok(reply) if reply.start == 0 => match head(reply, self.patience.stall).await {
                    Ok(whole) => return self.take(whole),
                    Err(lost) => lost,
                },
                Ok(reply) if reply.start == from => {
                    if self.goes_on(&reply) {
                        self.announced = self.announced.or(reply.total_len);
                        self.body = Some(reply.body);
                        return Ok(Position::Next);
                    }
                    // The next request starts at the first byte.
                    self.validator = None;
                    SourceError::retryable("it goes on with something else")
                }
                Ok(reply) => {
                    return Err(self.failure(SourceError {
                        retryable: false,
                        message: format!("it answers from byte {}", reply.start),
                    }));
                }
                Err(error) => error,
            };
            self.tolerate(lost)?;
        }
    }

    /// Whether a reply to a range continues the same bytes.
    fn goes_on(&self, reply: &SourceReply) -> bool {
        let is_same_length = match (self.announced, reply.total_len) {
            (Some(before), Some(after)) => before == after,
            _ => true,
        };
        is_same_length && self.validator.is_some() && self.validator == reply.validator
    }

    /// Begins with this reply, or starts over with it.
    fn take(&mut self, whole: Whole) -> Result<Position, StoreError> {
        if let (Some(before), Some(after)) = (self.announced, whole.announced)
            && before != after
        {
            return Err(StoreError::LengthChanged { before, after });
        }
        let opened = if self.at > 0 {
            Position::Restarted
        } else {
            Position::Next
        };
        self.at = 0;
        self.announced = self.announced.or(whole.announced);
        self.validator = whole.validator;
        self.format = whole.format;
        self.body = Some(whole.body);
        Ok(opened)
    }

    /// Returns if another attempt is allowed after `error`. Otherwise, it returns the error of the download.
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

/// Where an opened reply begins.
#[derive(Debug, PartialEq, Eq)]
enum Position {
    /// At the next byte.
    Next,
    /// At the first byte, although bytes had been received before.
    Restarted,
}

/// A reply from the first byte, whose head may be that of a recording.
struct Whole {
    announced: Option<u64>,
    validator: Option<String>,
    format: Option<Format>,
    body: SourceBody,
}

/// Waits for the first bytes of a reply from byte 0, and examines them.
async fn head(reply: SourceReply, stall: Duration) -> Result<Whole, SourceError> {
    let mut body = reply.body.fuse();
    let (mut head, mut chunks) = (Vec::new(), Vec::new());
    while head.len() < HEAD_LEN {
        let lost = match timeout(stall, body.next()).await {
            Ok(Some(Ok(chunk))) => {
                head.extend_from_slice(&chunk[..chunk.len().min(HEAD_LEN - head.len())]);
                chunks.push(Ok(chunk));
                continue;
            }
            Ok(Some(Err(error))) => error,
            Ok(None) => SourceError::retryable("the body ended early"),
            Err(_) => SourceError::retryable("the body stalled"),
        };
        let received: usize = chunks.iter().flatten().map(Bytes::len).sum();
        let is_whole = match reply.total_len {
            Some(len) => received as u64 >= len,
            None => body.is_done(),
        };
        if is_whole {
            break;
        }
        return Err(lost);
    }
    let format = match look_at(&head) {
        Look::Audio(format) => Some(format),
        Look::Unknown => None,
        Look::NotAudio(other) => {
            return Err(SourceError {
                retryable: true,
                message: format!("it sent {other}"),
            });
        }
    };
    Ok(Whole {
        announced: reply.total_len,
        validator: reply.validator,
        format,
        body: stream::iter(chunks).chain(body).boxed(),
    })
}

#[cfg(test)]
mod tests;
