//! Why the stack cannot start.

use std::io;

use toolbox::{MinistackError, ProcessError, ToolError};

use crate::{Role, binaries::BuildError, emulator::EmulatorError};

/// Why the stack cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StackError {
    /// The AWS emulator cannot run.
    #[error(transparent)]
    Aws(#[from] MinistackError),
    /// The Lambda emulator cannot run.
    #[error(transparent)]
    Lambda(#[from] EmulatorError),
    /// The binaries cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The process of a function could not be started.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The resources in the emulated AWS account could not be created.
    #[error("cannot create the resources in the AWS account: {0}")]
    Resources(String),
    /// The process of a function ended, or did not request work in time.
    #[error("the {role} function did not start; the end of its log:\n{log}")]
    NotReady {
        /// The function.
        role: Role,
        /// The end of its log.
        log: String,
    },
    /// The deployed functions could not be read from CloudFormation.
    #[error("cannot read the deployment: {0}")]
    Deployment(String),
    /// A tool is missing.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The certificate for the deployed addresses could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(String),
    /// No port, no folder or no thread is available.
    #[error("cannot start the stack: {0}")]
    Io(#[from] io::Error),
    /// The stack's thread panicked. The message is on stderr.
    #[error("the stack's thread panicked")]
    Panicked,
}
