//! Where a recording's bytes come from.

use bytes::Bytes;
use futures_util::{future::BoxFuture, stream::BoxStream};

/// A recording somewhere else, which can be read more than once; the caller adapts its download to it.
pub trait Source: Send + Sync {
    /// Opens the body at byte `from`. With `from > 0`, `validator` is what the first reply gave (for If-Range).
    fn open<'a>(&'a self, from: u64, validator: Option<&'a str>) -> BoxFuture<'a, Result<SourceReply, SourceError>>;
}

/// The bytes of a reply, in chunks of any size.
pub type SourceBody = BoxStream<'static, Result<Bytes, SourceError>>;

/// What a source answers.
pub struct SourceReply {
    /// Byte the body starts at: `from`, or 0 where the source ignored the range.
    pub start: u64,
    /// Length of the whole recording where the source announced it.
    pub total_len: Option<u64>,
    /// Strong validator (ETag) for a later resume.
    pub validator: Option<String>,
    /// The bytes from `start` on. The recording counts as whole once it has its announced length, or where none was
    /// announced at the body's end; so a source that verifies what it gives keeps its last byte back until it has.
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

/// Why a source gives nothing, or nothing more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    /// Whether asking again may help.
    pub retryable: bool,
    /// Short, without URLs and secrets: it's logged.
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
