//! Why a recording wasn't stored.

use audio::NotAudio;
use esdk_message::{FrameError, HeaderError, LayoutError};

use super::source::SourceError;
use crate::{DataKeyError, ServiceError, Suspicion};

/// Why a recording wasn't stored. Nothing in it names a URL, a secret or a number of a caller.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The source refused before it gave a byte.
    #[error("source: {0}")]
    Source(#[from] SourceError),
    /// The source broke, and couldn't be resumed as often as a copy allows.
    #[error("source broke at byte {at}: {source}")]
    Interrupted {
        /// The byte it got to.
        at: u64,
        /// What was wrong the last time.
        source: SourceError,
    },
    /// The source sent more than it had announced. (Less is resumed, and ends in [`Self::Interrupted`].)
    #[error("the source announced {announced} bytes and sent {received}")]
    LengthMismatch {
        /// What the reply said.
        announced: u64,
        /// What came.
        received: u64,
    },
    /// The source announced another length when it was resumed.
    #[error("the source announced {before} bytes, then {after}")]
    LengthChanged {
        /// What the first reply said.
        before: u64,
        /// What a later one said.
        after: u64,
    },
    /// What came is certainly not the recording, or not all of it.
    #[error("the source sent {0}")]
    NotTheRecording(NotAudio),
    /// What came may be the recording, but something speaks against it, and it was not to be stored yet.
    #[error("the recording is suspect: {0}")]
    Suspect(Suspicion),
    /// The source announced more than any recording has, and more than a copy's memory can cut into parts.
    #[error("the source announced {announced} bytes, more than {limit}")]
    AnnouncedTooLong {
        /// What the reply said.
        announced: u64,
        /// What one upload can hold.
        limit: u64,
    },
    /// The source announced no length, and there's more of it than one upload can hold.
    #[error("the source announced no length and has more than {limit} bytes")]
    TooLong {
        /// What one upload can hold.
        limit: u64,
    },
    /// No data key.
    #[error(transparent)]
    DataKey(#[from] DataKeyError),
    /// The message's header couldn't be made.
    #[error("header: {0}")]
    Header(#[from] HeaderError),
    /// A frame couldn't be sealed.
    #[error("frame: {0}")]
    Frame(#[from] FrameError),
    /// The recording doesn't fit the format.
    #[error("layout: {0}")]
    Layout(#[from] LayoutError),
    /// What was uploaded isn't what was computed; it wasn't committed.
    #[error("part {number} has {found} bytes instead of {expected}")]
    PartMismatch {
        /// 1-based.
        number: u32,
        /// What the layout asks for; 0 where there should be no such part.
        expected: u64,
        /// What was uploaded; 0 where there was no such part.
        found: u64,
    },
    /// S3 refused, or couldn't be reached.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The copy had to begin again too often.
    #[error("started over {copies} times")]
    StartedOver {
        /// How often it was begun.
        copies: u32,
    },
    /// The copy would have gone on past its deadline.
    #[error("deadline reached")]
    Deadline,
}

impl StoreError {
    /// Whether the same copy may succeed later. `false` means that it's for a person to look at.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Source(error) | Self::Interrupted { source: error, .. } => error.retryable,
            Self::DataKey(error) => error.is_retryable(),
            Self::Service(error) => error.is_retryable(),
            // The source may still be writing: what it says of itself can settle.
            Self::LengthMismatch { .. } | Self::LengthChanged { .. } | Self::AnnouncedTooLong { .. } => true,
            Self::NotTheRecording(_) | Self::Suspect(_) => true,
            Self::StartedOver { .. } | Self::Deadline | Self::PartMismatch { .. } => true,
            Self::TooLong { .. } | Self::Header(_) | Self::Frame(_) | Self::Layout(_) => false,
        }
    }
}

/// Why one attempt to copy ended without a known commit.
#[derive(Debug)]
pub(super) enum CopyError {
    /// The copy cannot succeed, or not now.
    Failed(StoreError),
    /// The attempt is void. A new one may succeed.
    StartOver(&'static str),
    /// The metadata of an upload is fixed when it is opened. The recording must be stored with this suspicion in it instead.
    Remark(Option<Suspicion>),
    /// The commit was requested, and its result is unknown.
    Unsettled(ServiceError),
}

impl<E: Into<StoreError>> From<E> for CopyError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Whether S3 refused the commit because of another request: the object or another commit exists, or the upload does not exist
/// any more.
pub(super) fn is_conflict(error: &ServiceError) -> bool {
    matches!(error.status(), Some(409 | 412)) || is_upload_gone(error)
}

/// Whether the upload does not exist any more. Another process aborted it (an erasure, for example), or an earlier attempt of
/// the SDK committed it.
pub(super) fn is_upload_gone(error: &ServiceError) -> bool {
    error.code() == Some("NoSuchUpload")
}
