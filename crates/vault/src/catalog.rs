//! What is in the bucket: one recording, or all of them in order.

use sid::RecordingSid;

use crate::{
    Bucket, ObjectKeys, ServiceError,
    head::{Found, find, head},
    object_keys::{OBJECTS_PREFIX, recording_of_object_key},
};

/// Looks recordings up in the bucket, without reading them. It needs `s3:ListBucket` and `s3:GetObject`.
#[derive(Clone, Debug)]
pub struct Catalog {
    bucket: Bucket,
}

/// What became of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It's there.
    Stored,
    /// It was erased on request and must not come back, whatever else is there.
    Erased,
    /// It was stored and is deleted: a delete marker is its current version. The bucket's retention does this, and it must
    /// not come back.
    Expired,
    /// It was never here, or nothing tells of it any more.
    Absent,
}

impl Catalog {
    /// The catalog of `bucket`.
    #[must_use]
    pub fn new(bucket: Bucket) -> Self {
        Self { bucket }
    }

    /// Whether `recording` is stored, or was.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] when S3 refuses or can't be reached.
    pub async fn presence(&self, recording: &RecordingSid) -> Result<Presence, ServiceError> {
        let (mark, object) = (recording.erasure_mark_key(), recording.object_key());
        let (mark, object) = tokio::try_join!(head(&self.bucket, &mark), find(&self.bucket, &object))?;
        Ok(match (mark, object) {
            (Some(_), _) => Presence::Erased,
            (None, Found::Object(_)) => Presence::Stored,
            (None, Found::DeleteMarker) => Presence::Expired,
            (None, Found::Nothing) => Presence::Absent,
        })
    }

    /// The stored recordings that come after `after` in the order of their keys, at most `max` of them; fewer only where
    /// there are no more. Other objects among them are passed over.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] when S3 refuses or can't be reached.
    pub async fn list(&self, after: Option<&RecordingSid>, max: u16) -> Result<Vec<RecordingSid>, ServiceError> {
        let max = usize::from(max);
        let mut recordings = Vec::with_capacity(max);
        let mut next = None;
        while recordings.len() < max {
            let after = after.map(RecordingSid::object_key);
            let left = (max - recordings.len()) as i32;
            let page = self.bucket.list_objects(OBJECTS_PREFIX, after, next, left).await?;
            let keys = page.contents().iter().filter_map(|object| object.key());
            recordings.extend(keys.filter_map(recording_of_object_key));
            next = page.next_continuation_token;
            if next.is_none() {
                break;
            }
        }
        Ok(recordings)
    }
}
