//! The contents of the bucket: the state of one recording, or a list of all in order.

use sid::RecordingSid;

use crate::{
    Bucket, ObjectKeys, ServiceError,
    head::{Found, find, head},
    object_keys::{OBJECTS_PREFIX, recording_of_object_key},
};

/// Looks up recordings in the bucket without reading them. It needs `s3:ListBucket` and `s3:GetObject`.
#[derive(Clone, Debug)]
pub struct Catalog {
    bucket: Bucket,
}

/// The state of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The recording is stored.
    Stored,
    /// The recording was erased on request. It must not be stored again, whatever else is in the bucket.
    Erased,
    /// The recording was stored and then deleted: its current version is a delete marker. The bucket's retention does
    /// this, and the recording must not be stored again.
    Expired,
    /// The recording was never stored, or no trace of it is left.
    Absent,
}

impl Catalog {
    /// Returns the catalog of `bucket`.
    #[must_use]
    pub fn new(bucket: Bucket) -> Self {
        Self { bucket }
    }

    /// Returns the state of `recording`.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached.
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

    /// Returns at most `max` stored recordings that follow `after` in the order of their keys. There are fewer only at
    /// the end of the bucket. Other objects are skipped.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached.
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
