//! Work that may take longer than an invocation. It is done in pieces that do not.

use serde::{Deserialize, Serialize};

use super::{
    backfill::BackfillRun,
    catalog::CatalogRun,
    clients::Clients,
    erase_list::EraseListRun,
    index::IndexRun,
    piece::{Advance, Turn, WorkError},
    sweep::SweepRun,
    verify::VerifyRun,
};

/// The work, and how far it has got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Work {
    Backfill(BackfillRun),
    Reconcile(BackfillRun),
    Verify(VerifyRun),
    Sweep(SweepRun),
    Index(IndexRun),
    EraseList(EraseListRun),
    Catalog(CatalogRun),
}

impl Work {
    /// The operation's name. It depends only on what is to be done, because the cursor is looked up by it first.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Backfill(run) | Self::Reconcile(run) => run.name(),
            Self::Verify(run) => run.name(),
            Self::Sweep(run) => run.name(),
            Self::Index(run) => run.name(),
            Self::EraseList(run) => run.name(),
            Self::Catalog(run) => run.name(),
        }
    }

    /// Does the next piece.
    pub(super) async fn advance(&self, clients: &Clients, turn: Turn) -> Result<Advance<Self>, WorkError> {
        Ok(match self {
            Self::Backfill(run) => run.advance(clients).await?.map(Self::Backfill),
            Self::Reconcile(run) => run.advance(clients).await?.map(Self::Reconcile),
            Self::Verify(run) => run.advance(clients, turn).await?.map(Self::Verify),
            Self::Sweep(run) => run.advance(clients).await?.map(Self::Sweep),
            Self::Index(run) => run.advance(clients).await?.map(Self::Index),
            Self::EraseList(run) => run.advance(clients, turn).await?.map(Self::EraseList),
            Self::Catalog(run) => run.advance(clients, turn).await?.map(Self::Catalog),
        })
    }
}
