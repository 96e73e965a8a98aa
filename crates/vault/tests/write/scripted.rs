//! A source that fails according to a script.

use std::{collections::VecDeque, sync::Mutex};

use bytes::Bytes;
use futures_util::{StreamExt, future::BoxFuture, stream};
use vault::{Source, SourceError, SourceReply};

/// Pieces of an odd size, as from a network, so that they end at no boundary of frames or parts.
const CHUNK: usize = 9_973;

/// The end of a reply. Positions are bytes of the recording, not of the reply.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    /// The reply is complete.
    Whole,
    /// The connection breaks at this byte.
    Cut(usize),
    /// The body ends at this byte as if it were complete.
    Short(usize),
    /// No data follows this byte, and the connection stays open.
    Stall(usize),
    /// There is no body.
    Refused { retryable: bool },
    /// A complete reply with other content.
    Other(&'static [u8]),
}

/// A recording, and the end of each reply in turn. After the script, replies end with [`Ending::Whole`].
pub(crate) struct Scripted {
    pub(crate) bytes: Bytes,
    /// `None` if no length is announced.
    pub(crate) announced: Option<u64>,
    /// Whether ranges are supported. Otherwise, every reply starts at byte 0.
    pub(crate) ranges: bool,
    /// The validator of the replies.
    pub(crate) validator: Option<&'static str>,
    script: Mutex<VecDeque<Ending>>,
    opened: Mutex<Vec<u64>>,
}

impl Scripted {
    pub(crate) fn new(bytes: Vec<u8>, script: impl IntoIterator<Item = Ending>) -> Self {
        Self {
            announced: Some(bytes.len() as u64),
            bytes: bytes.into(),
            ranges: true,
            validator: Some("\"1\""),
            script: Mutex::new(script.into_iter().collect()),
            opened: Mutex::default(),
        }
    }

    pub(crate) fn whole(bytes: Vec<u8>) -> Self {
        Self::new(bytes, [])
    }

    /// The bytes at which the source was opened.
    pub(crate) fn opened(&self) -> Vec<u64> {
        self.opened.lock().unwrap().clone()
    }
}

impl Source for Scripted {
    fn open<'a>(&'a self, from: u64, validator: Option<&'a str>) -> BoxFuture<'a, Result<SourceReply, SourceError>> {
        self.opened.lock().unwrap().push(from);
        assert_eq!(validator.is_some(), from > 0, "a resume is conditional");
        let ending = self.script.lock().unwrap().pop_front().unwrap_or(Ending::Whole);
        if let Ending::Other(bytes) = ending {
            let reply = SourceReply {
                start: 0,
                total_len: Some(bytes.len() as u64),
                validator: None,
                body: stream::iter([Ok(Bytes::from_static(bytes))]).boxed(),
            };
            return Box::pin(std::future::ready(Ok(reply)));
        }
        let start = if self.ranges { from } else { 0 };
        let end = match ending {
            Ending::Whole | Ending::Refused { .. } | Ending::Other(_) => self.bytes.len(),
            Ending::Cut(at) | Ending::Short(at) | Ending::Stall(at) => at,
        };
        let sent = self.bytes.slice((start as usize).min(end)..end);
        let pieces = (0..sent.len()).step_by(CHUNK);
        let chunks: Vec<_> = pieces
            .map(|at| Ok(sent.slice(at..(at + CHUNK).min(sent.len()))))
            .collect();
        let body = stream::iter(chunks);
        let body = match ending {
            Ending::Cut(_) => body.chain(stream::iter([Err(broken(true))])).boxed(),
            Ending::Stall(_) => body.chain(stream::pending()).boxed(),
            _ => body.boxed(),
        };
        Box::pin(std::future::ready(match ending {
            Ending::Refused { retryable } => Err(broken(retryable)),
            _ => Ok(SourceReply {
                start,
                total_len: self.announced,
                validator: self.validator.map(Into::into),
                body,
            }),
        }))
    }
}

fn broken(retryable: bool) -> SourceError {
    SourceError {
        retryable,
        message: "scripted".into(),
    }
}
