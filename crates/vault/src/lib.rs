//! Recordings in S3 under KMS: written once as a stream, read by ranges.
//!
//! A recording is one object in the AWS Encryption SDK's message format (crate `esdk-message`). It is sealed under its own data
//! key, which KMS has wrapped. This crate knows nothing about HTTP routes or the origin of recordings.
//!
//! - **Write**: a [`Writer`] copies a [`Source`] into the bucket. Memory use does not depend on the length. A recording is
//!   committed whole or not at all.
//! - **Read**: a [`Reader`] opens a recording and streams verified plaintext of any range of it.
//! - **Keep**: a [`Catalog`] lists what is stored. [`Records`] hold the receipt of each recording and the index that leads to it.
//!   An [`Eraser`] removes a recording permanently. [`DeletionNotices`] let the deletion of an original and an erasure see each
//!   other.
//! - **Catalog**: a [`Compactor`] writes the receipts of each day into one file, which SQL engines read.
//! - **Requests**: a [`Bucket`] sends every S3 request. `kms.rs` sends every KMS request.
//! - **Names**: [`ObjectKeys`] returns the keys of a recording's objects, and [`KeyArn`] names a KMS key.
//!
//! The encryption context binds the stored bytes to the recording. The writer and the reader build it from the same four
//! values of fixed width.

mod bucket;
mod catalog;
mod compaction;
mod content_type;
mod context;
mod deleted_originals;
mod deletion_notice;
mod entries;
mod erase;
mod facts;
mod head;
mod key_arn;
mod kms;
mod listing;
mod marks;
mod object_keys;
mod pending_deletions;
mod place;
mod plaintext;
mod read;
mod receipt;
mod records;
mod service_error;
mod suspicion;
mod uploads;
mod versions;
mod write;

pub use audio::{Audio, Difference, Format, NotAudio, Reported, Verdict};

pub use self::{
    bucket::{Bucket, Condition, Metadata, NewObject, VersionSelector},
    catalog::{Catalog, Presence, Sighting},
    compaction::{Compacted, Compactor, DayFile, Days, Limits, Marks},
    content_type::ContentType,
    context::ContextError,
    deleted_originals::DeletedOriginals,
    deletion_notice::{DeletionNotices, GoAhead},
    entries::{Entry, EntryMarker, EntryPage, Removal},
    erase::{EraseError, ErasedRecord, Eraser, Erasure, LockedVersion, Marked, Traces},
    facts::Facts,
    key_arn::{InvalidKeyArn, KeyArn},
    kms::{DataKeyError, DecryptError, decrypt_rsa},
    object_keys::{ObjectKeys, catalog_file_key},
    pending_deletions::{PendingDeletion, PendingDeletions},
    place::Place,
    read::{Damage, Expectation, Outage, PlaintextStream, ReadError, Reader, ReaderConfig, Recording, Verified},
    receipt::{Receipt, ReceiptError, RecordedFrom},
    records::{DayEntry, RecordError, Records, Written},
    service_error::ServiceError,
    suspicion::{Suspicion, SuspicionKind},
    write::{
        Attributes, Commit, Doubts, Incoming, Outcome, Source, SourceBody, SourceError, SourceReply, StoreError,
        Writer, WriterConfig,
    },
};
