//! Work that may take longer than an invocation, done in pieces that don't.

use serde::{Deserialize, Serialize};
use vault::{NameError, ReadError, ServiceError};

use super::{Operator, copies_queue::QueueError, verification::Verification, walk::Walk};
use crate::{originals::OriginalsError, schedules::ScheduleError};

/// What is done, and how far it has got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Work {
    Backfill(Walk),
    Reconcile(Walk),
    Verify(Verification),
}

/// The work as it is after a piece of it.
pub(super) enum Advance<W> {
    More(W),
    Done(W),
}

/// Why a piece of work isn't done. It's as if it hadn't been begun.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkError {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    Originals(#[from] OriginalsError),
    #[error("the vault: {0}")]
    Catalog(#[from] ServiceError),
    #[error("the vault: {0}")]
    Read(#[from] ReadError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    #[error("the invocation's time was over first")]
    Deadline,
}

impl Work {
    /// The operation's name; `run` is told from others by it where there may be others.
    pub(super) fn name(&self, run: i64) -> String {
        match self {
            Self::Backfill(walk) | Self::Reconcile(walk) => walk.name(),
            Self::Verify(verification) => verification.name(run),
        }
    }

    /// Does the next piece: a small one where the last one failed.
    pub(super) async fn advance(&self, operator: &Operator, carefully: bool) -> Result<Advance<Self>, WorkError> {
        Ok(match self {
            Self::Backfill(walk) => walk.advance(operator).await?.map(Self::Backfill),
            Self::Reconcile(walk) => walk.advance(operator).await?.map(Self::Reconcile),
            Self::Verify(verification) => verification.advance(operator, carefully).await?.map(Self::Verify),
        })
    }
}

impl<W> Advance<W> {
    fn map<V>(self, f: impl FnOnce(W) -> V) -> Advance<V> {
        match self {
            Self::More(work) => Advance::More(f(work)),
            Self::Done(work) => Advance::Done(f(work)),
        }
    }
}

impl WorkError {
    /// Whether the same piece may be done later.
    pub(super) fn is_retryable(&self) -> bool {
        match self {
            Self::Name(_) => false,
            Self::Originals(error) => error.is_retryable(),
            Self::Catalog(error) => error.is_retryable(),
            Self::Read(_) | Self::Queue(_) | Self::Schedule(_) | Self::Deadline => true,
        }
    }
}
