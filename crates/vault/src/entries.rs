//! The upkeep of the index: which entries a receipt lacks, every version of every entry, and the removal of a version.

use std::time::SystemTime;

use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use sid::RecordingSid;

use crate::{Place, Receipt, Records, ServiceError, head::head, place::INDEX_PREFIX, versions};

/// One version of an entry of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where the entry is.
    pub place: Place,
    /// The recording that it leads to.
    pub recording: RecordingSid,
    /// When it was written, by S3's clock. `None` if S3 does not report it.
    pub written_at: Option<SystemTime>,
    version_id: String,
}

/// A page of the versions of all entries, in the order of their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryPage {
    /// The versions. There may be none even if more pages follow.
    pub entries: Vec<Entry>,
    /// Where the next page begins. `None` on the last page.
    pub next: Option<EntryMarker>,
}

/// A place between two pages: the last key and the last version of the page before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryMarker {
    key: Option<String>,
    version_id: Option<String>,
}

/// The result of removing a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Removed,
    /// Object Lock keeps it. A delete marker hides it.
    Held,
}

impl Records {
    /// Returns the places of `receipt` at which there is no entry.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached.
    pub async fn missing_entries(&self, receipt: &Receipt) -> Result<Vec<Place>, ServiceError> {
        let checks = receipt.places().into_iter().map(|place| async {
            let key = place.entry_key(&receipt.recording_sid);
            let entry = head(&self.bucket, &key).await?;
            Ok(entry.is_none().then_some(place))
        });
        Ok(try_join_all(checks).await?.into_iter().flatten().collect())
    }

    /// Returns a page of the versions of all entries. Objects that are not entries, and delete markers, are skipped.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses the request or cannot be reached.
    pub async fn all_entries(&self, after: Option<&EntryMarker>) -> Result<EntryPage, ServiceError> {
        let (key, version_id) = after.map_or((None, None), |after| (after.key.clone(), after.version_id.clone()));
        let page = self.bucket.list_object_versions(INDEX_PREFIX, key, version_id).await?;
        let entries = page.versions().iter().filter_map(|version| {
            let (place, recording) = Place::of_entry_key(version.key()?)?;
            Some(Entry {
                place,
                recording,
                written_at: version
                    .last_modified()
                    .and_then(|time| SystemTime::try_from(*time).ok()),
                version_id: version.version_id()?.to_owned(),
            })
        });
        let entries = entries.collect();
        let next = (page.is_truncated() == Some(true)).then_some(EntryMarker {
            key: page.next_key_marker,
            version_id: page.next_version_id_marker,
        });
        Ok(EntryPage { entries, next })
    }

    /// Removes this version of an entry permanently, or hides it if Object Lock keeps it. Other versions stay.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses a request or cannot be reached.
    pub async fn remove_entry(&self, entry: &Entry) -> Result<Removal, ServiceError> {
        let key = entry.place.entry_key(&entry.recording);
        let version_id = Some(entry.version_id.clone());
        match self.bucket.delete_object(&key, version_id.clone()).await {
            Ok(()) => Ok(Removal::Removed),
            Err(error) if error.status() == Some(403) => {
                if versions::lock(&self.bucket, &key, &entry.version_id).await?.is_none() {
                    return Err(error);
                }
                let current = head(&self.bucket, &key).await?;
                if current.is_some_and(|current| current.version_id == version_id) {
                    self.bucket.delete_object(&key, None).await?;
                }
                Ok(Removal::Held)
            }
            Err(error) => Err(error),
        }
    }
}
