//! Why a reply that has begun cannot be continued.

use vault::ReadError;

#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the vault ended after {sent} of {promised} bytes")]
    Short { sent: u64, promised: u64 },
    #[error("the vault sent more than the {promised} requested bytes")]
    Long { promised: u64 },
}
