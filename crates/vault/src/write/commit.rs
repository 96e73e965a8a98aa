//! The commit: one conditional request, and how its result is found out.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use bytes::Bytes;

use super::{
    attributes::HEADER_DIGEST,
    outcome::{Commit, Outcome},
    target::{Committed, Target},
};
use crate::{
    Condition, Metadata, NewObject, ObjectKeys, ServiceError,
    head::{Found, find, head},
    versions,
};

/// The commits that were requested. One of them may have succeeded although its answer was an error or was lost. The digest of
/// the header distinguishes them.
#[derive(Debug, Default)]
pub(super) struct Attempted(Vec<Commit>);

impl Attempted {
    pub(super) fn push(&mut self, commit: Commit) {
        self.0.push(commit);
    }

    fn find(&self, object: &HeadObjectOutput) -> Option<Commit> {
        let stored = object.metadata()?.get(HEADER_DIGEST)?;
        let commit = self.0.iter().find(|commit| commit.receipt.header_sha256 == *stored)?;
        let mut commit = commit.clone();
        commit.receipt.etag = object.e_tag().map(ToOwned::to_owned);
        commit.receipt.version_id = object.version_id().map(ToOwned::to_owned);
        Some(commit)
    }
}

/// Looks for the object and its erasure mark. Returns `None` if the recording is to be copied: there is no mark, no object
/// and no delete marker.
pub(super) async fn settled(target: &Target, attempted: &Attempted) -> Result<Option<Outcome>, ServiceError> {
    let (marked, found) = tokio::try_join!(is_marked(target), find(&target.bucket, &target.key))?;
    if marked {
        // A copy that crossed the erasure left this object, and was killed before it could look for the mark.
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
    if let Some(commit) = attempted.find(&object) {
        return keep(target, commit).await.map(Some);
    }
    Ok(Some(Outcome::AlreadyStored))
}

/// Keeps what has been committed unless the recording was erased meanwhile. An erasure writes its mark before it looks for
/// objects. So either the erasure finds this commit, or this function finds the mark.
pub(super) async fn keep(target: &Target, commit: Commit) -> Result<Outcome, ServiceError> {
    if is_marked(target).await? {
        take_back(target, commit.receipt.version_id).await?;
        return Ok(Outcome::Erased);
    }
    Ok(Outcome::Stored(Box::new(commit)))
}

async fn is_marked(target: &Target) -> Result<bool, ServiceError> {
    let mark = target.recording.erasure_mark_key();
    head(&target.bucket, &mark).await.map(|mark| mark.is_some())
}

/// Removes the version that crossed an erasure.
async fn take_back(target: &Target, version_id: Option<String>) -> Result<(), ServiceError> {
    tracing::warn!(recordingSid = %target.recording, "taken back: the recording was erased while it was copied");
    versions::remove_or_hide(&target.bucket, &target.key, version_id).await
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
    Committed::new("PutObject", answer.e_tag, answer.version_id)
}
