//! Notices of deletions: the original of a recording is about to be deleted at its source.
//!
//! A deletion writes its notice and then checks for the erasure mark. An erasure writes its mark and then checks for a
//! notice. Each checks after it has written, so that at least one of them detects the other. Either the deletion leaves
//! the original alone, or the erasure reports that the original may be deleted.

use std::time::{Duration, SystemTime};

use sid::RecordingSid;

use crate::{
    Bucket, NewObject, ObjectKeys, ServiceError,
    head::{head, proof},
};

/// The time for which a deletion may still happen after its notice. Lambda ends an invocation after 15 minutes. The
/// rest allows for a request in transit, and for the difference between S3's clock and the local one.
const LONGEST_DELETION: Duration = Duration::from_secs(20 * 60);

/// Writes and finds notices. Writing needs `s3:PutObject` on `deleting/*` and `s3:GetObject` on `erased/*`. Finding
/// needs `s3:GetObject` on `deleting/*`. Both need `s3:ListBucket`.
#[derive(Clone, Debug)]
pub struct DeletionNotices {
    bucket: Bucket,
}

/// Whether an original may be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum GoAhead {
    /// The original may be deleted. Any later erasure finds the notice.
    Yes,
    /// The recording was erased. The erasure has already decided about the original.
    Erased,
}

impl DeletionNotices {
    /// Returns the notices in `bucket`.
    #[must_use]
    pub fn new(bucket: Bucket) -> Self {
        Self { bucket }
    }

    /// Writes a notice that the original of `recording` is about to be deleted. The deletion must follow in the same
    /// invocation.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached. The original must then not be deleted.
    pub async fn give(&self, recording: &RecordingSid) -> Result<GoAhead, ServiceError> {
        let notice = recording.deletion_notice_key();
        let put = self.bucket.put_object(&notice, NewObject::default()).await?;
        proof("PutObject", put.e_tag)?;
        Ok(match head(&self.bucket, &recording.erasure_mark_key()).await? {
            Some(_) => GoAhead::Erased,
            None => GoAhead::Yes,
        })
    }

    /// Whether a deletion of the original of `recording` may have started before its erasure mark was written, and may
    /// still be in progress at `now`. If the mark was written before this check, the result `false` stays valid.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached.
    pub async fn is_deletion_under_way(&self, recording: &RecordingSid, now: SystemTime) -> Result<bool, ServiceError> {
        let notice = head(&self.bucket, &recording.deletion_notice_key()).await?;
        Ok(notice.is_some_and(|notice| {
            let given = notice.last_modified.and_then(|time| SystemTime::try_from(time).ok());
            // A notice without a time, or with a time in the future, counts as new.
            let age = given.and_then(|given| now.duration_since(given).ok());
            age.is_none_or(|age| age < LONGEST_DELETION)
        }))
    }
}
