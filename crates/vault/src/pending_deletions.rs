//! Deletions of originals that are still to be done: a mark for each, from when it is scheduled until it is done.
//!
//! A schedule can be lost (deleted by hand, given up by the service, its message dropped), and nobody would notice an
//! original that stays. What is marked for longer than a deletion takes was lost, and can be asked for again.

use std::time::SystemTime;

use sid::RecordingSid;

use crate::{
    Bucket, Condition, NewObject, ObjectKeys, ServiceError, head::proof, object_keys::PENDING_DELETIONS_PREFIX,
};

/// Writes, removes and lists the marks, which needs `s3:PutObject`, `s3:DeleteObject` on `deletions/*`, and
/// `s3:ListBucket`.
#[derive(Clone, Debug)]
pub struct PendingDeletions {
    bucket: Bucket,
}

/// A deletion that is still to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingDeletion {
    /// The recording whose original is to be deleted.
    pub recording: RecordingSid,
    /// When it was scheduled first, by S3's clock. `None` where S3 doesn't say.
    pub since: Option<SystemTime>,
}

impl PendingDeletions {
    /// The marks in `bucket`.
    #[must_use]
    pub fn new(bucket: Bucket) -> Self {
        Self { bucket }
    }

    /// Marks the original of `recording` as one to be deleted. One that is marked already keeps its time.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] when S3 refuses or can't be reached.
    pub async fn mark(&self, recording: &RecordingSid) -> Result<(), ServiceError> {
        let mark = NewObject {
            condition: Condition::IfAbsent,
            ..NewObject::default()
        };
        match self.bucket.put_object(&recording.pending_deletion_key(), mark).await {
            Ok(put) => proof("PutObject", put.e_tag).map(drop),
            // It's there, or another mark is being written.
            Err(error) if matches!(error.status(), Some(409 | 412)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Removes the mark of `recording`, where there is one: the original is deleted, or isn't to be deleted any more.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] when S3 refuses or can't be reached.
    pub async fn settle(&self, recording: &RecordingSid) -> Result<(), ServiceError> {
        self.bucket.delete_object(&recording.pending_deletion_key(), None).await
    }

    /// At most `max` of the marks, those after `after` in the order of their keys. Empty only where there are no more.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] when S3 refuses or can't be reached.
    pub async fn list(&self, after: Option<&RecordingSid>, max: u16) -> Result<Vec<PendingDeletion>, ServiceError> {
        let after = after.map(RecordingSid::pending_deletion_key);
        let list = self
            .bucket
            .list_objects(PENDING_DELETIONS_PREFIX, after, None, max.into());
        let page = list.await?;
        let pending = page.contents().iter().filter_map(|object| {
            let sid = object.key()?.strip_prefix(PENDING_DELETIONS_PREFIX)?;
            Some(PendingDeletion {
                recording: RecordingSid::parse(sid).ok()?,
                since: object.last_modified().and_then(|time| SystemTime::try_from(*time).ok()),
            })
        });
        Ok(pending.collect())
    }
}
