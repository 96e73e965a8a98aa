//! The commit: one conditional request, and finding out what became of it.

use std::collections::HashMap;

use aws_sdk_s3::{operation::head_object::HeadObjectOutput, primitives::ByteStream};
use bytes::Bytes;

use super::{
    Outcome, Receipt,
    attributes::HEADER_DIGEST,
    upload::{CHECKSUM, Target},
};
use crate::ServiceError;

/// Object metadata, the vault's own entry included.
pub(super) type Metadata = HashMap<String, String>;

/// Nothing is ever overwritten: S3 refuses with 412 where there's an object, and with 409 where one is being written.
pub(super) const IF_ABSENT: &str = "*";

/// What S3 says of an object that it has.
#[derive(Clone, Debug, Default)]
pub(super) struct Committed {
    pub(super) etag: Option<String>,
    pub(super) version_id: Option<String>,
}

/// The commits that were asked for, by the digest of their header: one of them may have been carried out although its
/// answer said otherwise, or got lost.
#[derive(Debug, Default)]
pub(super) struct Attempted(Vec<(String, Receipt)>);

impl Attempted {
    pub(super) fn push(&mut self, header_digest: String, receipt: Receipt) {
        self.0.push((header_digest, receipt));
    }

    fn find(&self, object: &HeadObjectOutput) -> Option<Receipt> {
        let stored = object.metadata()?.get(HEADER_DIGEST)?;
        let (_, receipt) = self.0.iter().find(|(digest, _)| digest == stored)?;
        Some(Receipt {
            etag: object.e_tag().map(ToOwned::to_owned),
            version_id: object.version_id().map(ToOwned::to_owned),
            ..receipt.clone()
        })
    }
}

/// Looks for the object and for its erasure mark: `None` where there's neither, and the recording is to be copied.
pub(super) async fn settled(target: &Target, attempted: &Attempted) -> Result<Option<Outcome>, ServiceError> {
    let recording = &target.recording;
    let mark = recording.erasure_mark_key();
    let (mark, object) = tokio::try_join!(head(target, &mark), head(target, &target.key))?;
    if mark.is_some() {
        tracing::info!(recordingSid = %recording, "not copied: the recording was erased");
        return Ok(Some(Outcome::Erased));
    }
    let Some(object) = object else {
        return Ok(None);
    };
    if let Some(receipt) = attempted.find(&object) {
        return Ok(Some(Outcome::Stored(receipt)));
    }
    tracing::info!(recordingSid = %recording, "not copied: the recording is stored already");
    Ok(Some(Outcome::AlreadyStored))
}

/// Stores a message of one part.
pub(super) async fn put(target: &Target, message: Bytes, metadata: Metadata) -> Result<Committed, ServiceError> {
    let answer = target
        .s3
        .put_object()
        .bucket(&target.bucket)
        .key(&target.key)
        .if_none_match(IF_ABSENT)
        .set_metadata(Some(metadata))
        .checksum_algorithm(CHECKSUM)
        .body(ByteStream::from(message))
        .send()
        .await
        .map_err(|error| ServiceError::new("PutObject", &error))?;
    Ok(Committed {
        etag: answer.e_tag,
        version_id: answer.version_id,
    })
}

/// Whether S3 refused the commit because of what others did: the object or another commit is there, or the upload isn't
/// any more.
pub(super) fn is_conflict(error: &ServiceError) -> bool {
    matches!(error.status(), Some(409 | 412)) || is_upload_gone(error)
}

/// Whether the upload was aborted by somebody else, an erasure for example; or committed by an earlier try of the SDK.
pub(super) fn is_upload_gone(error: &ServiceError) -> bool {
    error.code() == Some("NoSuchUpload")
}

async fn head(target: &Target, key: &str) -> Result<Option<HeadObjectOutput>, ServiceError> {
    let answer = target.s3.head_object().bucket(&target.bucket).key(key).send().await;
    match answer.map_err(|error| ServiceError::new("HeadObject", &error)) {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.status() == Some(404) => Ok(None),
        Err(error) => Err(error),
    }
}
