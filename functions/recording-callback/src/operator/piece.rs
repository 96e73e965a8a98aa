//! One piece of work: the time that it gets, and its outcome.

use std::time::Instant;

use vault::ServiceError;

use crate::{
    queues::QueueError,
    schedules::{DeletionError, ScheduleError},
    twilio_account::TwilioAccountError,
};

/// The work after a piece of it was done.
pub(super) enum Advance<W> {
    More(W),
    /// The rest should be done later.
    Later(W),
    Done(W),
}

/// The share of the invocation that a piece gets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// A piece that takes longer is cancelled.
    pub(super) ends: Instant,
    /// The piece before failed. This piece is the first of the invocation and should be as small as possible.
    pub(super) after_failure: bool,
}

/// Why a piece of work is not done. The run continues as if the piece had not begun.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkError {
    #[error(transparent)]
    Twilio(#[from] TwilioAccountError),
    #[error("the vault: {0}")]
    Catalog(#[from] ServiceError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    #[error(transparent)]
    Deletion(#[from] DeletionError),
    #[error("the invocation deadline was reached")]
    Deadline,
}

impl<W> Advance<W> {
    pub(super) fn map<V>(self, f: impl FnOnce(W) -> V) -> Advance<V> {
        match self {
            Self::More(work) => Advance::More(f(work)),
            Self::Later(work) => Advance::Later(f(work)),
            Self::Done(work) => Advance::Done(f(work)),
        }
    }
}

impl WorkError {
    /// Whether the same piece may succeed later.
    pub(super) fn is_retryable(&self) -> bool {
        match self {
            Self::Twilio(error) => error.is_retryable(),
            Self::Catalog(error) => error.is_retryable(),
            Self::Queue(_) | Self::Schedule(_) | Self::Deletion(_) | Self::Deadline => true,
        }
    }
}
