//! Work that may take longer than an invocation, done in pieces that don't.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use vault::ServiceError;

use super::{Operator, backfill::Walk, sweep::Sweep, verify::Verification};
use crate::{
    queues::QueueError,
    schedules::{DeletionError, ScheduleError},
    twilio_account::TwilioAccountError,
};

/// What is done, and how far it has got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Work {
    Backfill(Walk),
    Reconcile(Walk),
    Verify(Verification),
    Sweep(Sweep),
}

/// The work as it is after a piece of it.
pub(super) enum Advance<W> {
    More(W),
    /// What is left had better wait a while.
    Later(W),
    Done(W),
}

/// What a piece has of the invocation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// A piece that takes longer is dropped.
    pub(super) ends: Instant,
    /// The piece before failed. This one is the invocation's first and should be as small as it can be.
    pub(super) carefully: bool,
}

/// Why a piece of work isn't done. It's as if it hadn't been begun.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkError {
    #[error(transparent)]
    TwilioAccount(#[from] TwilioAccountError),
    #[error("the vault: {0}")]
    Catalog(#[from] ServiceError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    #[error(transparent)]
    Deletion(#[from] DeletionError),
    #[error("the invocation's time was over first")]
    Deadline,
}

impl Work {
    /// The operation's name, by what is to be done: it has to be asked for before anything is.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Backfill(walk) | Self::Reconcile(walk) => walk.name(),
            Self::Verify(verification) => verification.name(),
            Self::Sweep(sweep) => sweep.name(),
        }
    }

    /// Does the next piece.
    pub(super) async fn advance(&self, operator: &Operator, turn: Turn) -> Result<Advance<Self>, WorkError> {
        Ok(match self {
            Self::Backfill(walk) => walk.advance(operator).await?.map(Self::Backfill),
            Self::Reconcile(walk) => walk.advance(operator).await?.map(Self::Reconcile),
            Self::Verify(verification) => verification.advance(operator, turn).await?.map(Self::Verify),
            Self::Sweep(sweep) => sweep.advance(operator).await?.map(Self::Sweep),
        })
    }
}

impl<W> Advance<W> {
    fn map<V>(self, f: impl FnOnce(W) -> V) -> Advance<V> {
        match self {
            Self::More(work) => Advance::More(f(work)),
            Self::Later(work) => Advance::Later(f(work)),
            Self::Done(work) => Advance::Done(f(work)),
        }
    }
}

impl WorkError {
    /// Whether the same piece may be done later.
    pub(super) fn is_retryable(&self) -> bool {
        match self {
            Self::TwilioAccount(error) => error.is_retryable(),
            Self::Catalog(error) => error.is_retryable(),
            Self::Queue(_) | Self::Schedule(_) | Self::Deletion(_) | Self::Deadline => true,
        }
    }
}
