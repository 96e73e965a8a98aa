//! Erases a recording: writes the mark that it must not be stored again, then removes everything that is stored of it.
//!
//! A copy may overlap with the erasure. The erasure finds and removes everything that the copy stored before the mark.
//! If the copy commits after the mark, the [`Writer`](crate::Writer) finds the mark after its commit and deletes its
//! own version. Each checks after it has written, so that at least one of them detects the other. Receipts and index entries
//! are written and taken back in the same way ([`Records`](crate::Records)).
//!
//! The recording goes first. Its record goes last, when nothing else is left to do: the index entries lead to an erasure that
//! broke off, and the receipt tells which entries there are. No search names the recording meanwhile, because of the mark.

mod traces;

use std::time::SystemTime;

use sid::RecordingSid;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

pub use self::traces::{LockedVersion, Traces};
use crate::{
    Bucket, Facts, NewObject, ObjectKeys, Place, Receipt, RecordError, Records, ServiceError, VersionSelector,
    catalog_file_key,
    head::proof,
    uploads,
    versions::{self, Removed},
};

/// How many versions of a receipt and of an object are searched for places in the index. The vault writes one of each, and one
/// more whenever an operator has removed it.
const NEWEST: usize = 8;

/// Erases recordings. It needs `s3:PutObject`, `s3:ListBucket`, `s3:ListBucketVersions`, `s3:DeleteObject`,
/// `s3:DeleteObjectVersion`, `s3:ListBucketMultipartUploads` and `s3:AbortMultipartUpload`. To distinguish a version
/// under Object Lock from a missing permission, it also needs `s3:GetObjectVersion`, `s3:GetObjectRetention` and
/// `s3:GetObjectLegalHold`.
#[derive(Clone, Debug)]
pub struct Eraser {
    bucket: Bucket,
    records: Records,
}

/// A recording whose erasure mark is written. Its versions and uploads can now be removed.
#[derive(Debug)]
pub struct Marked<'a> {
    eraser: &'a Eraser,
    recording: &'a RecordingSid,
}

/// The removed parts of a recording, and the versions that had to stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erasure {
    /// The number of deleted versions.
    pub versions: u32,
    /// The number of removed delete markers.
    pub delete_markers: u32,
    /// The number of aborted multipart uploads.
    pub uploads: u32,
    /// The number of removed versions of files of the catalog. The next compaction writes them again, without the recording.
    pub catalog_files: u32,
    /// The ids of the versions that Object Lock keeps, by retention or by a legal hold. A delete marker hides them. To
    /// remove them, repeat the erasure after the lock has ended.
    pub held: Vec<String>,
}

/// What was removed of the record of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErasedRecord {
    /// The number of removed versions of receipts.
    pub receipts: u32,
    /// The number of removed versions of index entries.
    pub index_entries: u32,
    /// The ids of versions that Object Lock keeps. To remove the record, repeat the erasure after the lock has ended.
    pub held: Vec<String>,
}

/// The reason why an erasure is not complete. A repeated erasure continues where it stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EraseError {
    /// The mark could not be written, and nothing was removed.
    #[error("the erasure mark was not written: {0}")]
    Mark(ServiceError),
    /// The mark is written and prevents further copies, but a part of the recording is left.
    #[error("not everything was removed: {0}")]
    Unfinished(#[from] ServiceError),
}

impl EraseError {
    /// Whether the same erasure may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        let (Self::Mark(error) | Self::Unfinished(error)) = self;
        error.is_retryable()
    }
}

impl Marked<'_> {
    /// Removes every version, delete marker and open upload of the recording, and the file of the catalog with its receipt.
    ///
    /// # Errors
    ///
    /// [`EraseError::Unfinished`].
    pub async fn remove(&self) -> Result<Erasure, EraseError> {
        Ok(self.eraser.remove(self.recording).await?)
    }

    /// Removes the index entries and then the receipt, after everything else is done. If Object Lock keeps one of them, the
    /// receipt and an entry stay visible, so that they lead to the recording when the lock has ended.
    ///
    /// # Errors
    ///
    /// [`EraseError::Unfinished`].
    pub async fn remove_record(&self) -> Result<ErasedRecord, EraseError> {
        Ok(self.eraser.remove_record(self.recording).await?)
    }
}

impl Eraser {
    /// Returns an eraser for `bucket`.
    #[must_use]
    pub fn new(bucket: Bucket) -> Self {
        Self {
            records: Records::new(bucket.clone()),
            bucket,
        }
    }

    /// Marks `recording` as erased. From now on it is not copied, and no job deletes its original. A recording that is
    /// absent or already erased is also marked.
    ///
    /// # Errors
    ///
    /// [`EraseError::Mark`].
    pub async fn mark<'a>(&'a self, recording: &'a RecordingSid) -> Result<Marked<'a>, EraseError> {
        self.put_mark(recording).await.map_err(EraseError::Mark)?;
        Ok(Marked {
            eraser: self,
            recording,
        })
    }

    async fn put_mark(&self, recording: &RecordingSid) -> Result<(), ServiceError> {
        let now = OffsetDateTime::now_utc().format(&Rfc3339);
        let now = now.expect("RFC 3339 can write every year up to 9999");
        let mark = NewObject {
            body: format!(r#"{{"erasedAt":"{now}"}}"#).into(),
            content_type: Some("application/json"),
            ..NewObject::default()
        };
        let put = self.bucket.put_object(&recording.erasure_mark_key(), mark).await?;
        proof("PutObject", put.e_tag).map(drop)
    }

    async fn remove(&self, recording: &RecordingSid) -> Result<Erasure, ServiceError> {
        let mut erasure = Erasure::default();
        let receipts = self.newest_versions(&recording.receipt_key()).await?;
        let of_receipt = self.places_of_receipts(recording, &receipts).await?;
        let of_object = self.places_of_object(recording).await?;
        for place in of_receipt.iter().chain(&of_object) {
            if let Place::Day(day) = place {
                erasure.catalog_files += self.remove_object(&catalog_file_key(*day)).await?.versions;
            }
        }
        // Only the object leads to these. A process may have been killed before it had written the receipt.
        for place in of_object.iter().filter(|place| !of_receipt.contains(place)) {
            self.remove_object(&place.entry_key(recording)).await?;
        }
        self.remove_recording(&recording.object_key(), &mut erasure).await?;
        Ok(erasure)
    }

    async fn remove_record(&self, recording: &RecordingSid) -> Result<ErasedRecord, ServiceError> {
        let (key, mut erased) = (recording.receipt_key(), ErasedRecord::default());
        let receipts = self.newest_versions(&key).await?;
        for id in &receipts {
            match versions::lock(&self.bucket, &key, id).await {
                Ok(None) => {}
                Ok(Some(_)) => erased.held.push(id.clone()),
                // Another erasure has removed it.
                Err(error) if error.status() == Some(404) => {}
                Err(error) => return Err(error),
            }
        }
        if !erased.held.is_empty() {
            return Ok(erased);
        }
        for place in self.places_of_receipts(recording, &receipts).await? {
            let mut removed = Removed::default();
            versions::remove(&self.bucket, &place.entry_key(recording), &mut removed).await?;
            erased.index_entries += removed.versions;
            erased.held.extend(removed.held);
        }
        if erased.held.is_empty() {
            erased.receipts = self.remove_object(&key).await?.versions;
        }
        Ok(erased)
    }

    /// The places at which these versions of the receipt say that there are entries. Retention may have hidden it, and an operator
    /// may have let the recording be copied again.
    async fn places_of_receipts(&self, recording: &RecordingSid, ids: &[String]) -> Result<Vec<Place>, ServiceError> {
        let mut places = Vec::new();
        for id in ids {
            let receipt = self.records.read_version(recording, VersionSelector::Id(id)).await;
            match receipt {
                Ok(receipt) => add(&mut places, receipt.iter().flat_map(Receipt::possible_places)),
                Err(RecordError::Service(error)) => return Err(error),
                Err(RecordError::Receipt(error)) => {
                    tracing::warn!(recordingSid = %recording, %error, "a receipt does not tell its places in the index");
                }
            }
        }
        Ok(places)
    }

    /// The places at which there are entries by the metadata of the object.
    async fn places_of_object(&self, recording: &RecordingSid) -> Result<Vec<Place>, ServiceError> {
        let (key, mut places) = (recording.object_key(), Vec::new());
        for id in self.newest_versions(&key).await? {
            let object = match self.bucket.head_object(&key, VersionSelector::Id(&id)).await {
                Ok(object) => object,
                // Another erasure has removed it.
                Err(error) if error.status() == Some(404) => continue,
                Err(error) => return Err(error),
            };
            let facts = object.metadata().map(Facts::from_metadata).unwrap_or_default();
            let stored_at = object.last_modified().and_then(|time| SystemTime::try_from(*time).ok());
            let stored_at = stored_at.map_or_else(OffsetDateTime::now_utc, OffsetDateTime::from);
            add(&mut places, Place::possible(&facts, stored_at));
        }
        Ok(places)
    }

    /// The ids of the newest versions of an object. Delete markers are not counted.
    async fn newest_versions(&self, key: &str) -> Result<Vec<String>, ServiceError> {
        let mut versions = versions::list(&self.bucket, key).await?.objects;
        versions.truncate(NEWEST);
        Ok(versions)
    }

    /// Removes every version of an object. Object Lock may keep some, which a delete marker then hides.
    async fn remove_object(&self, key: &str) -> Result<Removed, ServiceError> {
        let mut removed = Removed::default();
        versions::remove(&self.bucket, key, &mut removed).await?;
        if !removed.held.is_empty() {
            versions::hide(&self.bucket, key).await?;
        }
        Ok(removed)
    }

    async fn remove_recording(&self, key: &str, erasure: &mut Erasure) -> Result<(), ServiceError> {
        let mut removed = Removed::default();
        // The check repeats after each removal, because a copy that was killed between its commit and its check of the
        // mark does not delete its version.
        loop {
            let before = removed.clone();
            // Uploads come first. An upload that is committed meanwhile is found among the versions.
            let aborted = self.abort_uploads(key).await?;
            erasure.uploads += aborted;
            versions::remove(&self.bucket, key, &mut removed).await?;
            if aborted == 0 && removed == before {
                break;
            }
        }
        if !removed.held.is_empty() {
            versions::hide(&self.bucket, key).await?;
        }
        erasure.versions = removed.versions;
        erasure.delete_markers = removed.delete_markers;
        erasure.held = removed.held;
        Ok(())
    }

    async fn abort_uploads(&self, key: &str) -> Result<u32, ServiceError> {
        let mut aborted = 0;
        for upload in uploads::list(&self.bucket, key).await? {
            aborted += u32::from(uploads::abort(&self.bucket, key, &upload.id).await?);
        }
        Ok(aborted)
    }
}

fn add(places: &mut Vec<Place>, more: impl IntoIterator<Item = Place>) {
    for place in more {
        if !places.contains(&place) {
            places.push(place);
        }
    }
}
