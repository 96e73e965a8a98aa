//! The source of a recording's bytes.

use bytes::Bytes;
use futures_util::{future::BoxFuture, stream::BoxStream};

/// A recording in another place, which can be read more than once. The caller implements it for its download.
pub trait Source: Send + Sync {
    /// Opens the body at byte `from`. With `from > 0`, `validator` is the validator of the first reply (for If-Range).
    fn open<'a>(&'a self, from: u64, validator: Option<&'a str>) -> BoxFuture<'a, Result<SourceReply, SourceError>>;
}

/// The bytes of a reply, in chunks of any size.
pub type SourceBody = BoxStream<'static, Result<Bytes, SourceError>>;

/// The reply of a source.
pub struct SourceReply {
    /// The first byte of the body: `from`, or 0 if the source ignored the range.
    pub start: u64,
    /// Length of the whole recording, if the source announced it.
    pub total_len: Option<u64>,
    /// Strong validator (ETag) with which a later request can resume.
    pub validator: Option<String>,
    /// The bytes from `start` on. The recording is complete when it has its announced length. Without an announced length, it
    /// is complete at the body's end. A source that verifies its bytes must therefore hold back the last one until it has.
    pub body: SourceBody,
}

impl std::fmt::Debug for SourceReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceReply")
            .field("start", &self.start)
            .field("total_len", &self.total_len)
            .field("validator", &self.validator)
            .finish_non_exhaustive()
    }
}

/// Why a source returns no bytes, or no more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// A short text without URLs and secrets, because it is logged.
    pub message: String,
}

impl SourceError {
    pub(super) fn retryable(message: &str) -> Self {
        Self {
            retryable: true,
            message: message.to_owned(),
        }
    }
}
