//! CONTRACT STUB.
#![allow(
    missing_docs,
    clippy::todo,
    unused_variables,
    dead_code,
    missing_debug_implementations
)]
mod name;
mod read;
mod write;

pub use name::{AccountId, ContentType, KeyArn, NameError, RecordingId};
pub use read::{Expectation, PlaintextStream, ReadError, Reader, ReaderConfig, Recording};
pub use write::{
    Attributes, Outcome, Receipt, Source, SourceBody, SourceError, SourceReply, StoreError, Writer,
    WriterConfig,
};
