//! Why a job, or the message that holds it, is not done.

use super::{copy_recording::CopyError, delete_original::DeleteError, link_task::LinkError};
use crate::job::MessageError;

/// Why a job is not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JobError {
    #[error("this role runs no {0} jobs")]
    OtherRole(&'static str),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    Delete(#[from] DeleteError),
}

/// Why a message is not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Message(#[from] MessageError),
    #[error(transparent)]
    Job(#[from] JobError),
}

impl JobError {
    /// Whether the same job may succeed later.
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::OtherRole(_) => false,
            Self::Link(error) => error.is_retryable(),
            Self::Copy(error) => error.is_retryable(),
            Self::Delete(error) => error.is_retryable(),
        }
    }
}
