//! Erases a recording: writes the mark that it must not be stored again, then removes everything that is stored of it.
//!
//! A copy may overlap with the erasure. The erasure finds and removes everything that the copy stored before the mark.
//! If the copy commits after the mark, the [`Writer`](crate::Writer) finds the mark after its commit and deletes its
//! own version. Each checks after it has written, so that at least one of them detects the other.

use std::time::SystemTime;

use aws_sdk_s3::types::ObjectLockLegalHoldStatus;
use sid::RecordingSid;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    Bucket, NewObject, ObjectKeys, ServiceError, VersionSelector,
    head::{head, proof},
    uploads,
};

/// Erases recordings. It needs `s3:PutObject`, `s3:ListBucket`, `s3:ListBucketVersions`, `s3:DeleteObject`,
/// `s3:DeleteObjectVersion`, `s3:ListBucketMultipartUploads` and `s3:AbortMultipartUpload`. To distinguish a version
/// under Object Lock from a missing permission, it also needs `s3:GetObjectVersion`, `s3:GetObjectRetention` and
/// `s3:GetObjectLegalHold`.
#[derive(Clone, Debug)]
pub struct Eraser {
    bucket: Bucket,
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
    /// The ids of the versions that Object Lock keeps, by retention or by a legal hold. A delete marker hides them. To
    /// remove them, repeat the erasure after the lock has ended.
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

/// The ids of a recording's versions and delete markers.
#[derive(Debug, Default)]
struct Versions {
    objects: Vec<String>,
    delete_markers: Vec<String>,
}

impl Marked<'_> {
    /// Removes every version, delete marker and open upload of the recording.
    ///
    /// # Errors
    ///
    /// [`EraseError::Unfinished`].
    pub async fn remove(&self) -> Result<Erasure, EraseError> {
        Ok(self.eraser.remove(self.recording).await?)
    }
}

impl Eraser {
    /// Returns an eraser for `bucket`.
    #[must_use]
    pub fn new(bucket: Bucket) -> Self {
        Self { bucket }
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
        let key = recording.object_key();
        let mut erasure = Erasure::default();
        // The check repeats after each removal, because a copy that was killed between its commit and its check of the
        // mark does not delete its version.
        while self.sweep(&key, &mut erasure).await? {}
        if !erasure.held.is_empty() {
            self.hide(&key).await?;
        }
        Ok(erasure)
    }

    /// Removes the current versions and uploads. Returns `false` if there were none.
    async fn sweep(&self, key: &str, erasure: &mut Erasure) -> Result<bool, ServiceError> {
        let before = erasure.clone();
        // Uploads come first. An upload that is committed meanwhile is found among the versions.
        for upload in uploads::list(&self.bucket, key).await? {
            erasure.uploads += u32::from(uploads::abort(&self.bucket, key, &upload.id).await?);
        }
        let versions = self.versions(key).await?;
        for id in versions.objects {
            if erasure.held.contains(&id) {
                continue;
            }
            match self.bucket.delete_object(key, Some(id.clone())).await {
                Ok(()) => erasure.versions += 1,
                Err(error) if error.status() == Some(403) && self.is_locked(key, &id).await? => erasure.held.push(id),
                Err(error) => return Err(error),
            }
        }
        // The delete marker must stay as long as it hides a version that has to stay.
        if erasure.held.is_empty() {
            for id in versions.delete_markers {
                self.bucket.delete_object(key, Some(id)).await?;
                erasure.delete_markers += 1;
            }
        }
        Ok(*erasure != before)
    }

    /// Reads all pages before the first removal, because a page starts after an entry of the previous one.
    async fn versions(&self, key: &str) -> Result<Versions, ServiceError> {
        let mut versions = Versions::default();
        let (mut key_marker, mut id_marker) = (None, None);
        loop {
            let page = self.bucket.list_object_versions(key, key_marker, id_marker).await?;
            let objects = page.versions().iter().filter(|object| object.key() == Some(key));
            let markers = page.delete_markers().iter().filter(|marker| marker.key() == Some(key));
            let objects = objects.filter_map(|object| object.version_id().map(ToOwned::to_owned));
            let markers = markers.filter_map(|marker| marker.version_id().map(ToOwned::to_owned));
            versions.objects.extend(objects);
            versions.delete_markers.extend(markers);
            if page.is_truncated() != Some(true) {
                return Ok(versions);
            }
            (key_marker, id_marker) = (page.next_key_marker, page.next_version_id_marker);
        }
    }

    /// Whether Object Lock keeps a version. The answer to a missing permission has the same status and code.
    async fn is_locked(&self, key: &str, version_id: &str) -> Result<bool, ServiceError> {
        let version = self.bucket.head_object(key, VersionSelector::Id(version_id)).await?;
        let until = version.object_lock_retain_until_date();
        let until = until.and_then(|time| SystemTime::try_from(*time).ok());
        let held = version.object_lock_legal_hold_status() == Some(&ObjectLockLegalHoldStatus::On);
        Ok(held || until.is_some_and(|until| until > SystemTime::now()))
    }

    /// Adds a delete marker above a version that has to stay, so that it cannot be played.
    async fn hide(&self, key: &str) -> Result<(), ServiceError> {
        match head(&self.bucket, key).await? {
            Some(_) => self.bucket.delete_object(key, None).await,
            None => Ok(()),
        }
    }
}
