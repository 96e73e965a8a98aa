//! The records of stored recordings: their receipts, and the index that leads to them.
//!
//! A process may be killed between any two steps, and an erasure may cross a copy. So the entries of the index are written
//! before the receipt: a receipt means that all entries exist. After both, the writer looks for the mark of an erasure and takes
//! its record back. An erasure writes its mark before it looks for records. So one of them detects the other.

use aws_sdk_s3::{operation::head_object::HeadObjectOutput, primitives::DateTime};
use futures_util::future::try_join_all;
use sid::RecordingSid;
use time::Date;

use crate::{
    Bucket, Condition, NewObject, ObjectKeys, Place, Receipt, ReceiptError, RecordedFrom, ServiceError,
    VersionSelector,
    head::{Found, find, head, proof},
    listing::list,
    object_keys::{RECEIPTS_PREFIX, recording_of_receipt_key},
    place::DAYS_PREFIX,
    versions,
};

/// Writes, reads and lists receipts and index entries. To write, it needs `s3:PutObject` and `s3:GetObject` on `receipts/*` and
/// `index/*`, `s3:GetObject` on `erased/*` and `s3:ListBucket`. To take a record back, it needs `s3:DeleteObjectVersion` on both,
/// and under Object Lock `s3:DeleteObject`.
#[derive(Clone, Debug)]
pub struct Records {
    pub(crate) bucket: Bucket,
}

/// The result of writing a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The receipt is new.
    New,
    /// The recording had a receipt, which stays as it was.
    Existing,
    /// The recording was erased meanwhile, and the record was taken back.
    Erased,
}

/// Why a receipt cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// S3 refused the request or could not be reached.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The object is not a receipt that this version can read.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
}

impl RecordError {
    /// Whether the receipt may be readable later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Service(error) => error.is_retryable(),
            Self::Receipt(_) => false,
        }
    }
}

/// An entry of the index by day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DayEntry {
    /// The day on which the recording began, in UTC.
    pub day: Date,
    /// The recording.
    pub recording: RecordingSid,
}

impl Records {
    /// Returns the records in `bucket`.
    #[must_use]
    pub fn new(bucket: Bucket) -> Self {
        Self { bucket }
    }

    /// Writes the index entries of a stored recording and then its receipt, unless it has one.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached. The record may be incomplete then. Writing it again
    /// completes it.
    pub async fn write(&self, receipt: &Receipt) -> Result<Written, ServiceError> {
        let recording = &receipt.recording_sid;
        let places = receipt.places();
        let existing = self.put_entries(recording, &places).await?;
        let written = self.write_receipt(receipt).await?;
        // A rebuild of the index may have removed an entry that was older than this receipt. It looks for the receipt after that,
        // and this looks for the entry after the receipt, so that one of them notices.
        if existing {
            self.write_entries(recording, &places).await?;
        }
        if written == Written::New && receipt.recorded_from == RecordedFrom::Reading {
            // The copy may have been killed after it had written its entries, with the day of its own clock.
            for place in receipt.possible_places() {
                if !places.contains(&place) {
                    self.remove_current(&place.entry_key(recording)).await?;
                }
            }
        }
        if head(&self.bucket, &recording.erasure_mark_key()).await?.is_some() {
            // The existing receipt of another process may have another day.
            self.take_back(recording, &receipt.possible_places()).await?;
            return Ok(Written::Erased);
        }
        Ok(written)
    }

    /// Writes the entries of a recording at these places. Existing entries stay as they are.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached.
    pub async fn write_entries(&self, recording: &RecordingSid, places: &[Place]) -> Result<(), ServiceError> {
        self.put_entries(recording, places).await.map(drop)
    }

    /// Returns whether one of the entries existed.
    async fn put_entries(&self, recording: &RecordingSid, places: &[Place]) -> Result<bool, ServiceError> {
        let entries = places.iter().map(async |place| {
            let key = place.entry_key(recording);
            self.put_once(&key, NewObject::default()).await
        });
        Ok(try_join_all(entries).await?.contains(&true))
    }

    /// Whether `recording` has a receipt.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses the request or cannot be reached.
    pub async fn exists(&self, recording: &RecordingSid) -> Result<bool, ServiceError> {
        let found = head(&self.bucket, &recording.receipt_key()).await?;
        Ok(found.is_some())
    }

    /// Returns the receipt of `recording`. `None` if it has none.
    ///
    /// # Errors
    ///
    /// [`RecordError`].
    pub async fn read(&self, recording: &RecordingSid) -> Result<Option<Receipt>, RecordError> {
        self.read_version(recording, VersionSelector::Current).await
    }

    pub(crate) async fn read_version(
        &self,
        recording: &RecordingSid,
        version: VersionSelector<'_>,
    ) -> Result<Option<Receipt>, RecordError> {
        let key = recording.receipt_key();
        let object = match self.bucket.get_object(&key, None, version).await {
            Ok(object) => object,
            Err(error) if matches!(error.code(), Some("NoSuchKey" | "NoSuchVersion")) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let body = object.body.collect().await;
        let body = body.map_err(|_| ServiceError::incomplete("GetObject"))?;
        Ok(Some(Receipt::parse(&body.into_bytes(), recording)?))
    }

    /// Removes the receipt and these entries of a recording, because it was erased while they were written.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached.
    pub async fn take_back(&self, recording: &RecordingSid, places: &[Place]) -> Result<(), ServiceError> {
        let mut is_removed = self.take_back_entries(recording, places).await?;
        is_removed |= self.remove_current(&recording.receipt_key()).await?;
        if is_removed {
            tracing::warn!(recordingSid = %recording, "record taken back: the recording is erased");
        }
        Ok(())
    }

    /// Whether the receipt of `recording` is older than the mark of its erasure. The erasure has seen it then, and removes it when
    /// everything else is done.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached.
    pub async fn is_older_than_its_mark(&self, recording: &RecordingSid) -> Result<bool, ServiceError> {
        let (receipt, mark) = (recording.receipt_key(), recording.erasure_mark_key());
        let (receipt, mark) = tokio::try_join!(head(&self.bucket, &receipt), head(&self.bucket, &mark))?;
        let written = |object: &HeadObjectOutput| object.last_modified().map(DateTime::secs);
        Ok(match (receipt, mark) {
            (Some(receipt), Some(mark)) => written(&receipt) < written(&mark),
            _ => false,
        })
    }

    /// Removes these entries of a recording. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached.
    pub async fn take_back_entries(&self, recording: &RecordingSid, places: &[Place]) -> Result<bool, ServiceError> {
        let mut is_removed = false;
        for place in places {
            is_removed |= self.remove_current(&place.entry_key(recording)).await?;
        }
        Ok(is_removed)
    }

    /// Returns at most `max` recordings with a receipt that follow `after` in the order of their keys. There are fewer only
    /// at the end.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached.
    pub async fn list(&self, after: Option<&RecordingSid>, max: u16) -> Result<Vec<RecordingSid>, ServiceError> {
        let after = after.map(RecordingSid::receipt_key);
        list(&self.bucket, RECEIPTS_PREFIX, after, max, recording_of_receipt_key).await
    }

    /// Returns at most `max` recordings at `place` that follow `after` in the order of their keys. There are fewer only at the
    /// end.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached.
    pub async fn entries(
        &self,
        place: &Place,
        after: Option<&RecordingSid>,
        max: u16,
    ) -> Result<Vec<RecordingSid>, ServiceError> {
        let after = after.map(|recording| place.entry_key(recording));
        let recording = |key: &str| Some(Place::of_entry_key(key)?.1);
        list(&self.bucket, &place.prefix(), after, max, recording).await
    }

    /// Returns at most `max` entries of the days from `first` to `last`, which follow `after`. There are fewer only at the end.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached.
    pub async fn days(
        &self,
        first: Date,
        last: Date,
        after: Option<&DayEntry>,
        max: u16,
    ) -> Result<Vec<DayEntry>, ServiceError> {
        let after = after.map_or_else(
            || Place::Day(first).prefix(),
            |entry| Place::Day(entry.day).entry_key(&entry.recording),
        );
        let mut entries = list(&self.bucket, DAYS_PREFIX, Some(after), max, day_entry).await?;
        entries.retain(|entry| entry.day <= last);
        Ok(entries)
    }

    async fn write_receipt(&self, receipt: &Receipt) -> Result<Written, ServiceError> {
        let key = receipt.recording_sid.receipt_key();
        let object = NewObject {
            body: receipt.to_json().into(),
            content_type: Some("application/json"),
            ..NewObject::default()
        };
        let existed = self.put_once(&key, object).await?;
        Ok(if existed { Written::Existing } else { Written::New })
    }

    /// Writes the object unless it exists. Returns whether it existed.
    async fn put_once(&self, key: &str, object: NewObject) -> Result<bool, ServiceError> {
        let object = NewObject {
            condition: Condition::IfAbsent,
            ..object
        };
        match self.bucket.put_object(key, object).await {
            Ok(put) => proof("PutObject", put.e_tag).map(|_| false),
            Err(error) if self.exists_after(&error, key).await? => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Whether a conditional write failed because the object exists. After a 409, another write or a deletion was in
    /// progress, so the object is looked for.
    async fn exists_after(&self, error: &ServiceError, key: &str) -> Result<bool, ServiceError> {
        match error.status() {
            Some(412) => Ok(true),
            Some(409) => Ok(head(&self.bucket, key).await?.is_some()),
            _ => Ok(false),
        }
    }

    /// Deletes the current version permanently, and those that were hidden by it. A delete marker hides what Object Lock keeps.
    /// Returns whether there was one.
    async fn remove_current(&self, key: &str) -> Result<bool, ServiceError> {
        let mut is_removed = false;
        while let Found::Object(object) = find(&self.bucket, key).await? {
            versions::remove_or_hide(&self.bucket, key, object.version_id).await?;
            is_removed = true;
        }
        Ok(is_removed)
    }
}

fn day_entry(key: &str) -> Option<DayEntry> {
    match Place::of_entry_key(key)? {
        (Place::Day(day), recording) => Some(DayEntry { day, recording }),
        _ => None,
    }
}
