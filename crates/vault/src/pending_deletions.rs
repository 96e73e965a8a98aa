//! Deletions of originals that are still to be done: a mark for each, from when it is scheduled until it is done.
//!
//! A schedule can be lost (deleted by hand, given up by the service, its message dropped), and nobody would notice an
//! original that stays. What is marked for longer than a deletion takes was lost, and can be asked for again.

use std::time::SystemTime;

use aws_sdk_s3::Client;
use sid::RecordingSid;

use crate::{ObjectKeys, ServiceError, head::proof, object_keys::PENDING_DELETIONS_PREFIX};

/// Writes, removes and lists the marks, which needs `s3:PutObject`, `s3:DeleteObject` on `deletions/*`, and
/// `s3:ListBucket`.
#[derive(Clone, Debug)]
pub struct PendingDeletions {
    s3: Client,
    bucket: String,
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
    pub fn new(s3: Client, bucket: String) -> Self {
        Self { s3, bucket }
    }

    /// Marks the original of `recording` as one to be deleted. One that is marked already keeps its time.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] when S3 refuses or can't be reached.
    pub async fn mark(&self, recording: &RecordingSid) -> Result<(), ServiceError> {
        let put = self
            .s3
            .put_object()
            .bucket(&self.bucket)
            .key(recording.pending_deletion_key())
            .if_none_match("*")
            .send()
            .await
            .map_err(|error| ServiceError::new("PutObject", &error));
        match put {
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
        self.s3
            .delete_object()
            .bucket(&self.bucket)
            .key(recording.pending_deletion_key())
            .send()
            .await
            .map(drop)
            .map_err(|error| ServiceError::new("DeleteObject", &error))
    }

    /// At most `max` of the marks, those after `after` in the order of their keys. Empty only where there are no more.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] when S3 refuses or can't be reached.
    pub async fn list(&self, after: Option<&RecordingSid>, max: u16) -> Result<Vec<PendingDeletion>, ServiceError> {
        let page = self
            .s3
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(PENDING_DELETIONS_PREFIX)
            .set_start_after(after.map(RecordingSid::pending_deletion_key))
            .max_keys(i32::from(max))
            .send()
            .await
            .map_err(|error| ServiceError::new("ListObjectsV2", &error))?;
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
