//! Notices of deletions: a recording's original is about to be deleted where it came from.
//!
//! A deletion writes its notice and then looks for the erasure mark. An erasure writes its mark and then looks for a
//! notice. Both look after they have written, so at least one of them sees the other: either the deletion leaves the
//! original alone, or the erasure knows that the original may go.

use std::time::{Duration, SystemTime};

use sid::RecordingSid;

use crate::{
    Bucket, NewObject, ObjectKeys, ServiceError,
    head::{head, proof},
};

/// How long after its notice a deletion may still happen. Lambda ends an invocation after 15 minutes; the rest allows for
/// a request that is still on its way, and for the difference between S3's clock and this one.
const LONGEST_DELETION: Duration = Duration::from_secs(20 * 60);

/// Writes and finds notices. Writing needs `s3:PutObject` on `deleting/*` and `s3:GetObject` on `erased/*`; finding needs
/// `s3:GetObject` on `deleting/*`; both need `s3:ListBucket`.
#[derive(Clone, Debug)]
pub struct DeletionNotices {
    bucket: Bucket,
}

/// Whether an original may be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum GoAhead {
    /// An erasure from now on sees the notice.
    Yes,
    /// The recording was erased: whoever did that has said what becomes of the original.
    Erased,
}

impl DeletionNotices {
    /// The notices in `bucket`.
    #[must_use]
    pub fn new(bucket: Bucket) -> Self {
        Self { bucket }
    }

    /// Gives notice that the original of `recording` is about to be deleted. The deletion must follow in the same
    /// invocation.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] when S3 refuses or can't be reached: then nothing may be deleted.
    pub async fn give(&self, recording: &RecordingSid) -> Result<GoAhead, ServiceError> {
        let notice = recording.deletion_notice_key();
        let put = self.bucket.put_object(&notice, NewObject::default()).await?;
        proof("PutObject", put.e_tag)?;
        Ok(match head(&self.bucket, &recording.erasure_mark_key()).await? {
            Some(_) => GoAhead::Erased,
            None => GoAhead::Yes,
        })
    }

    /// Whether a deletion of the original of `recording` may have begun before its erasure mark was written, and not have
    /// ended at `now`. Asked after the mark was written, `false` stays true.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] when S3 refuses or can't be reached.
    pub async fn is_deletion_under_way(&self, recording: &RecordingSid, now: SystemTime) -> Result<bool, ServiceError> {
        let notice = head(&self.bucket, &recording.deletion_notice_key()).await?;
        Ok(notice.is_some_and(|notice| {
            let given = notice.last_modified.and_then(|time| SystemTime::try_from(time).ok());
            // A notice without a time, or from the future, counts as new.
            let age = given.and_then(|given| now.duration_since(given).ok());
            age.is_none_or(|age| age < LONGEST_DELETION)
        }))
    }
}
