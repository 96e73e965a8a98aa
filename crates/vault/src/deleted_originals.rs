//! Marks of originals that are deleted. A mark is written after the source has confirmed that the original is gone.

use sid::RecordingSid;

use crate::{Bucket, ObjectKeys, ServiceError, head::head, marks};

/// Writes and finds the marks. Writing needs `s3:PutObject` on `deleted-originals/*`. Finding needs `s3:GetObject` there and
/// `s3:ListBucket`.
#[derive(Clone, Debug)]
pub struct DeletedOriginals {
    bucket: Bucket,
}

impl DeletedOriginals {
    /// Returns the marks in `bucket`.
    #[must_use]
    pub fn new(bucket: Bucket) -> Self {
        Self { bucket }
    }

    /// Marks the original of `recording` as deleted. An existing mark keeps its time.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached.
    pub async fn mark(&self, recording: &RecordingSid) -> Result<(), ServiceError> {
        marks::write_once(&self.bucket, &recording.deleted_original_key()).await
    }

    /// Whether the original of `recording` is marked as deleted.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses the request or cannot be reached.
    pub async fn is_marked(&self, recording: &RecordingSid) -> Result<bool, ServiceError> {
        let mark = head(&self.bucket, &recording.deleted_original_key()).await?;
        Ok(mark.is_some())
    }
}
