//! The contents of the bucket: the state of one recording, or a list of all in order.

use sid::RecordingSid;

use crate::{
    Bucket, Facts, ObjectKeys, ServiceError, SuspicionKind,
    head::{Found, find, head},
    listing::list,
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

/// A recording's state, and what the metadata of its object says. Without an object, it says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The state.
    pub presence: Presence,
    /// Whether its object is there. That of an erased recording is, until its erasure has removed it.
    pub has_object: bool,
    /// The facts in the metadata.
    pub facts: Facts,
    /// The suspicion in the metadata.
    pub suspect: Option<SuspicionKind>,
}

impl Sighting {
    fn of(presence: Presence, has_object: bool) -> Self {
        Self {
            presence,
            has_object,
            facts: Facts::default(),
            suspect: None,
        }
    }
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
        Ok(self.look(recording).await?.presence)
    }

    /// Returns the state of `recording`, and what the metadata of its object says.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached.
    pub async fn look(&self, recording: &RecordingSid) -> Result<Sighting, ServiceError> {
        let (mark, object) = (recording.erasure_mark_key(), recording.object_key());
        let (mark, object) = tokio::try_join!(head(&self.bucket, &mark), find(&self.bucket, &object))?;
        Ok(match (mark, object) {
            (Some(_), object) => Sighting::of(Presence::Erased, matches!(object, Found::Object(_))),
            (None, Found::DeleteMarker) => Sighting::of(Presence::Expired, false),
            (None, Found::Nothing) => Sighting::of(Presence::Absent, false),
            (None, Found::Object(object)) => {
                let metadata = object.metadata.unwrap_or_default();
                Sighting {
                    presence: Presence::Stored,
                    has_object: true,
                    facts: Facts::from_metadata(&metadata),
                    suspect: SuspicionKind::from_metadata(&metadata),
                }
            }
        })
    }

    /// Whether `recording` was erased on request.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached.
    pub async fn is_erased(&self, recording: &RecordingSid) -> Result<bool, ServiceError> {
        let mark = head(&self.bucket, &recording.erasure_mark_key()).await?;
        Ok(mark.is_some())
    }

    /// Returns at most `max` stored recordings that follow `after` in the order of their keys. There are fewer only at
    /// the end of the bucket. Other objects are skipped.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached.
    pub async fn list(&self, after: Option<&RecordingSid>, max: u16) -> Result<Vec<RecordingSid>, ServiceError> {
        let after = after.map(RecordingSid::object_key);
        list(&self.bucket, OBJECTS_PREFIX, after, max, recording_of_object_key).await
    }
}
