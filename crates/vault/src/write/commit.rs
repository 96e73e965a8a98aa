//! The commit: one conditional request, and finding out what became of it.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use bytes::Bytes;

use super::{Outcome, Receipt, attributes::HEADER_DIGEST, upload::Target};
use crate::{
    Condition, Metadata, NewObject, ObjectKeys, ServiceError,
    head::{Found, find, head, proof},
};

/// What S3 says of an object that it has.
#[derive(Clone, Debug)]
pub(super) struct Committed {
    pub(super) etag: String,
    pub(super) version_id: Option<String>,
}

impl Committed {
    /// What a 200 of `operation` settles.
    pub(super) fn of(
        operation: &'static str,
        etag: Option<String>,
        version_id: Option<String>,
    ) -> Result<Self, ServiceError> {
        Ok(Self {
            etag: proof(operation, etag)?,
            version_id,
        })
    }
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

/// Looks for the object and for its erasure mark: `None` where there's neither, nor a trace of them, and the recording is
/// to be copied.
pub(super) async fn settled(target: &Target, attempted: &Attempted) -> Result<Option<Outcome>, ServiceError> {
    let (marked, found) = tokio::try_join!(is_marked(target), find(&target.bucket, &target.key))?;
    if marked {
        // Left by a copy that crossed the erasure, and was killed before it could look at the mark.
        if let Some(object) = found.object() {
            take_back(target, object.version_id).await?;
        }
        return Ok(Some(Outcome::Erased));
    }
    let object = match found {
        Found::Object(object) => object,
        Found::DeleteMarker => return Ok(Some(Outcome::Expired)),
        Found::Nothing => return Ok(None),
    };
    if let Some(receipt) = attempted.find(&object) {
        return keep(target, receipt).await.map(Some);
    }
    Ok(Some(Outcome::AlreadyStored))
}

/// What has been committed stays, unless the recording was erased meanwhile. An erasure writes its mark before it looks
/// for what there is: either it finds this commit, or this look finds the mark.
pub(super) async fn keep(target: &Target, receipt: Receipt) -> Result<Outcome, ServiceError> {
    if is_marked(target).await? {
        take_back(target, receipt.version_id).await?;
        return Ok(Outcome::Erased);
    }
    Ok(Outcome::Stored(receipt))
}

async fn is_marked(target: &Target) -> Result<bool, ServiceError> {
    let mark = target.recording.erasure_mark_key();
    head(&target.bucket, &mark).await.map(|mark| mark.is_some())
}

/// Deletes one version for good; where the bucket keeps none, the object.
async fn take_back(target: &Target, version_id: Option<String>) -> Result<(), ServiceError> {
    tracing::warn!(recordingSid = %target.recording, "taken back: the recording was erased while it was copied");
    target.bucket.delete_object(&target.key, version_id).await
}

/// Stores a message of one part.
pub(super) async fn put(target: &Target, message: Bytes, metadata: Metadata) -> Result<Committed, ServiceError> {
    let object = NewObject {
        body: message,
        metadata: Some(metadata),
        condition: Condition::IfAbsent,
        is_payload_unsigned: true,
        ..NewObject::default()
    };
    let answer = target.bucket.put_object(&target.key, object).await?;
    Committed::of("PutObject", answer.e_tag, answer.version_id)
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
