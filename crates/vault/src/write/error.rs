//! Why a recording was not stored.

use audio::NotAudio;
use esdk_message::{FrameError, HeaderError, LayoutError};

use super::source::SourceError;
use crate::{DataKeyError, ServiceError, Suspicion};

/// Why a recording was not stored. The error contains no URL, no secret and no number of a caller.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The source refused before the first byte.
    #[error("source: {0}")]
    Source(#[from] SourceError),
    /// The source broke off more often than a copy resumes it.
    #[error("source broke at byte {at}: {source}")]
    Interrupted {
        /// The next byte.
        at: u64,
        /// The last error.
        source: SourceError,
    },
    /// The source sent more bytes than it had announced. (A short body is resumed, and ends in [`Self::Interrupted`].)
    #[error("the source announced {announced} bytes and sent {received}")]
    LengthMismatch {
        /// The announced length in bytes.
        announced: u64,
        /// The bytes that arrived.
        received: u64,
    },
    /// The source announced another length when it was resumed.
    #[error("the source announced {before} bytes, then {after}")]
    LengthChanged {
        /// The length in the first reply.
        before: u64,
        /// The length in a later reply.
        after: u64,
    },
    /// The bytes are certainly not the recording, or not all of it.
    #[error("the source sent {0}")]
    NotTheRecording(NotAudio),
    /// The bytes may be the recording, but something speaks against it, and the caller did not want to store it yet.
    #[error("the recording is suspect: {0}")]
    Suspect(Suspicion),
    /// The source announced more bytes than any recording has, and more than a copy can cut into parts within its memory.
    #[error("the source announced {announced} bytes, more than {limit}")]
    AnnouncedTooLong {
        /// The announced length in bytes.
        announced: u64,
        /// The most bytes that one upload can hold.
        limit: u64,
    },
    /// The source announced no length and has more bytes than one upload can hold.
    #[error("the source announced no length and has more than {limit} bytes")]
    TooLong {
        /// The most bytes that one upload can hold.
        limit: u64,
    },
    /// KMS generated no data key.
    #[error(transparent)]
    DataKey(#[from] DataKeyError),
    /// The message's header could not be built.
    #[error("header: {0}")]
    Header(#[from] HeaderError),
    /// A frame could not be sealed.
    #[error("frame: {0}")]
    Frame(#[from] FrameError),
    /// The recording does not fit the format.
    #[error("layout: {0}")]
    Layout(#[from] LayoutError),
    /// A part has another length than computed. The upload was not committed.
    #[error("part {number} has {found} bytes instead of {expected}")]
    PartMismatch {
        /// The part's number, from 1.
        number: u32,
        /// The length that the layout requires; 0 if there should be no such part.
        expected: u64,
        /// The length that was uploaded; 0 if there was no such part.
        found: u64,
    },
    /// S3 refused a request, or could not be reached.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The copy had to start over too often.
    #[error("started over {copies} times")]
    StartedOver {
        /// The number of times that the copy was begun.
        copies: u32,
    },
    /// The copy would have continued past its deadline.
    #[error("deadline reached")]
    Deadline,
}

impl StoreError {
    /// Whether the same copy may succeed later. `false` means that a person must look at it.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Source(error) | Self::Interrupted { source: error, .. } => error.retryable,
            Self::DataKey(error) => error.is_retryable(),
            Self::Service(error) => error.is_retryable(),
            // The source may still be writing, so that its length can settle.
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
