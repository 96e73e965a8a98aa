//! Recordings in S3 under KMS: written once as a stream, read by ranges.
//!
//! A recording is one object in the AWS Encryption SDK's message format (crate `esdk-message`). It is sealed under its own data
//! key, which KMS has wrapped. This crate knows nothing about HTTP routes or the origin of recordings.
//!
//! - **Write**: a [`Writer`] copies a [`Source`] into the bucket. Memory use does not depend on the length. A recording is
//!   committed whole or not at all.
//! - **Read**: a [`Reader`] opens a recording and streams verified plaintext of any range of it.
//! - **Keep**: a [`Catalog`] lists what is stored. An [`Eraser`] removes a recording permanently. [`DeletionNotices`] let the
//!   deletion of an original and an erasure see each other.
//! - **Requests**: a [`Bucket`] sends every S3 request. `kms.rs` sends every KMS request.
//! - **Names**: [`ObjectKeys`] returns the keys of a recording's objects, and [`KeyArn`] names a KMS key.
//!
//! The encryption context binds the stored bytes to the recording. The writer and the reader build it from the same four
//! values of fixed width.

mod bucket;
mod catalog;
mod content_type;
mod context;
mod deletion_notice;
mod erase;
mod head;
mod key_arn;
mod kms;
mod object_keys;
mod pending_deletions;
mod plaintext;
mod read;
mod service_error;
mod suspicion;
mod uploads;
mod write;

pub use audio::{Audio, Difference, Format, NotAudio, Reported, Verdict};

pub use self::{
    bucket::{Bucket, Condition, Metadata, NewObject, VersionSelector},
    catalog::{Catalog, Presence},
    content_type::ContentType,
    context::ContextError,
    deletion_notice::{DeletionNotices, GoAhead},
    erase::{EraseError, Eraser, Erasure, Marked},
    key_arn::{InvalidKeyArn, KeyArn},
    kms::{DataKeyError, DecryptError, decrypt_rsa},
    object_keys::ObjectKeys,
    pending_deletions::{PendingDeletion, PendingDeletions},
    read::{Damage, Expectation, Outage, PlaintextStream, ReadError, Reader, ReaderConfig, Recording, Verified},
    service_error::ServiceError,
    suspicion::Suspicion,
    write::{
        Attributes, Doubts, Incoming, Outcome, Receipt, Source, SourceBody, SourceError, SourceReply, StoreError,
        Writer, WriterConfig,
    },
};
