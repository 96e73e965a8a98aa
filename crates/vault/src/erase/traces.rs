//! What there is of a recording before its erasure. Nothing is changed.

use sid::RecordingSid;
use time::OffsetDateTime;

use super::Eraser;
use crate::{ObjectKeys, ServiceError, head::head, versions};

/// What there is of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traces {
    /// Whether the recording has an erasure mark.
    pub is_marked: bool,
    /// The ids of the stored versions. Delete markers and open uploads are not counted.
    pub versions: Vec<String>,
}

/// A version that Object Lock keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedVersion {
    /// The version's id.
    pub id: String,
    /// When the retention ends. `None` if only a legal hold keeps the version.
    pub until: Option<OffsetDateTime>,
    /// Whether a legal hold keeps the version, until somebody ends it.
    pub legal_hold: bool,
}

impl Eraser {
    /// Returns what there is of `recording`. It needs `s3:GetObject`, `s3:ListBucket` and `s3:ListBucketVersions`.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached.
    pub async fn find(&self, recording: &RecordingSid) -> Result<Traces, ServiceError> {
        let (mark, object) = (recording.erasure_mark_key(), recording.object_key());
        let (mark, versions) = tokio::try_join!(head(&self.bucket, &mark), versions::list(&self.bucket, &object))?;
        Ok(Traces {
            is_marked: mark.is_some(),
            versions: versions.objects,
        })
    }

    /// Returns those of the `versions` that Object Lock keeps. It needs `s3:GetObjectVersion`, and in a bucket with
    /// Object Lock `s3:GetObjectRetention` and `s3:GetObjectLegalHold`.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached.
    pub async fn locked(
        &self,
        recording: &RecordingSid,
        versions: &[String],
    ) -> Result<Vec<LockedVersion>, ServiceError> {
        let key = recording.object_key();
        let mut locked = Vec::new();
        for id in versions {
            match versions::lock(&self.bucket, &key, id).await {
                Ok(lock) => locked.extend(lock.map(|lock| LockedVersion {
                    id: id.clone(),
                    until: lock.until,
                    legal_hold: lock.legal_hold,
                })),
                // It was removed meanwhile.
                Err(error) if error.status() == Some(404) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(locked)
    }
}
