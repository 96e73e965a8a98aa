//! Why there's no stack.

use std::io;

use toolbox::{MinistackError, ProcessError};

use crate::{Role, binaries::BuildError, emulator::EmulatorError};

/// Why there's no stack.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StackError {
    /// No AWS emulator.
    #[error(transparent)]
    Aws(#[from] MinistackError),
    /// No Lambda emulator.
    #[error(transparent)]
    Lambda(#[from] EmulatorError),
    /// No binaries.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A function's process couldn't be started.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The emulated AWS account couldn't be furnished.
    #[error("cannot furnish the AWS account: {0}")]
    Resources(String),
    /// A function's process ended, or didn't ask for work, when it should have come up.
    #[error("the {role} function did not come up; the end of its log:\n{log}")]
    NotReady {
        /// The function.
        role: Role,
        /// The end of its log.
        log: String,
    },
    /// No port, no folder, no thread.
    #[error("cannot start the stack: {0}")]
    Io(#[from] io::Error),
    /// The stack's thread panicked; it said why on stderr.
    #[error("the stack's thread panicked")]
    Panicked,
}
