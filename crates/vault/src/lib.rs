//! Recordings in S3 under KMS: written once as a stream, read by ranges.
//!
//! A recording is one object in the AWS Encryption SDK's message format (crate `esdk-message`), sealed under a data key
//! of its own that KMS has wrapped. Nothing here knows of HTTP routes or of where recordings come from.
//!
//! - **Write**: a [`Writer`] copies a [`Source`] into the bucket; memory stays flat whatever the length, and a
//!   recording is either committed whole or not there at all.
//! - **Read**: a [`Reader`] opens a recording and streams verified plaintext of any range of it.
//! - **Keep**: a [`Catalog`] says what is there, an [`Eraser`] removes a recording for good, [`DeletionNotices`] keep the
//!   deletion of an original from crossing an erasure unseen.
//! - **Names**: [`ObjectKeys`] gives the keys of a recording's objects, [`KeyArn`] names a KMS key.
//!
//! What binds the two sides is the encryption context, the same four fixed-width values on either side.

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
