//! Marks of deletions of originals that are still to be done. A mark exists from the time when the deletion is
//! scheduled until it is done.
//!
//! A schedule can be lost: it may be deleted by hand, the service may give it up, or its message may be dropped. The
//! original would then stay without notice. If a mark is older than a deletion takes, its deletion was lost and can be
//! queued again.

use std::time::SystemTime;

use sid::RecordingSid;

use crate::{Bucket, ObjectKeys, ServiceError, marks, object_keys::PENDING_DELETIONS_PREFIX};

/// Writes, removes and lists the marks. This needs `s3:PutObject` and `s3:DeleteObject` on `deletions/*`, and
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
    /// The time when it was first scheduled, by S3's clock. `None` if S3 does not report it.
    pub since: Option<SystemTime>,
}

impl PendingDeletions {
    /// Returns the marks in `bucket`.
    #[must_use]
    pub fn new(bucket: Bucket) -> Self {
        Self { bucket }
    }

    /// Marks the original of `recording` for deletion. An existing mark keeps its time.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached.
    pub async fn mark(&self, recording: &RecordingSid) -> Result<(), ServiceError> {
        marks::write_once(&self.bucket, &recording.pending_deletion_key()).await
    }

    /// Removes the mark of `recording`, if there is one, because the original is deleted or is no longer to be deleted.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached.
    pub async fn settle(&self, recording: &RecordingSid) -> Result<(), ServiceError> {
        self.bucket.delete_object(&recording.pending_deletion_key(), None).await
    }

    /// Returns at most `max` of the marks that follow `after` in the order of their keys. The list is empty only if
    /// there are no more.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached.
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
