//! All versions of one object, and their permanent removal.

use std::time::SystemTime;

use aws_sdk_s3::types::ObjectLockLegalHoldStatus;
use time::OffsetDateTime;

use crate::{Bucket, ServiceError, VersionSelector, head::head};

/// What was removed of an object, and the versions that had to stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Removed {
    pub(crate) versions: u32,
    pub(crate) delete_markers: u32,
    /// The ids of the versions that Object Lock keeps.
    pub(crate) held: Vec<String>,
}

/// The ids of an object's versions and delete markers.
#[derive(Debug, Default)]
pub(crate) struct Versions {
    pub(crate) objects: Vec<String>,
    delete_markers: Vec<String>,
}

/// How Object Lock keeps a version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lock {
    /// When the retention ends, if there is one.
    pub(crate) until: Option<OffsetDateTime>,
    pub(crate) legal_hold: bool,
}

/// Removes the versions and delete markers of `key` that exist now. Adds them to `removed`, and skips those that it holds.
pub(crate) async fn remove(bucket: &Bucket, key: &str, removed: &mut Removed) -> Result<(), ServiceError> {
    let versions = list(bucket, key).await?;
    for id in versions.objects {
        if removed.held.contains(&id) {
            continue;
        }
        match bucket.delete_object(key, Some(id.clone())).await {
            Ok(()) => removed.versions += 1,
            Err(error) if error.status() == Some(403) && lock(bucket, key, &id).await?.is_some() => {
                removed.held.push(id);
            }
            Err(error) => return Err(error),
        }
    }
    // The delete marker must stay as long as it hides a version that has to stay.
    if removed.held.is_empty() {
        for id in versions.delete_markers {
            bucket.delete_object(key, Some(id)).await?;
            removed.delete_markers += 1;
        }
    }
    Ok(())
}

/// Deletes one version permanently, or the object if the bucket keeps no versions. If S3 refuses it, which it does under Object
/// Lock, a delete marker hides the version.
pub(crate) async fn remove_or_hide(bucket: &Bucket, key: &str, version_id: Option<String>) -> Result<(), ServiceError> {
    match bucket.delete_object(key, version_id).await {
        Err(refused) if refused.status() == Some(403) => {
            // Without the right to hide it, the first refusal explains more.
            hide(bucket, key).await.map_err(|_| refused)?;
            tracing::error!(
                key,
                "a version that crossed an erasure was hidden and not removed: erase again after its lock"
            );
            Ok(())
        }
        ended => ended,
    }
}

/// Adds a delete marker above a version that has to stay, so that it is not read.
pub(crate) async fn hide(bucket: &Bucket, key: &str) -> Result<(), ServiceError> {
    match head(bucket, key).await? {
        Some(_) => bucket.delete_object(key, None).await,
        None => Ok(()),
    }
}

/// Reads all pages before the first removal, because a page starts after an entry of the previous one.
pub(crate) async fn list(bucket: &Bucket, key: &str) -> Result<Versions, ServiceError> {
    let mut versions = Versions::default();
    let (mut key_marker, mut id_marker) = (None, None);
    loop {
        let page = bucket.list_object_versions(key, key_marker, id_marker).await?;
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

/// The lock of a version that Object Lock keeps. The answer to a missing permission has the same status and code as a refused
/// removal.
pub(crate) async fn lock(bucket: &Bucket, key: &str, version_id: &str) -> Result<Option<Lock>, ServiceError> {
    let version = bucket.head_object(key, VersionSelector::Id(version_id)).await?;
    let until = version.object_lock_retain_until_date();
    let until = until.and_then(|time| SystemTime::try_from(*time).ok());
    let until = until.filter(|until| *until > SystemTime::now());
    let legal_hold = version.object_lock_legal_hold_status() == Some(&ObjectLockLegalHoldStatus::On);
    Ok((legal_hold || until.is_some()).then(|| Lock {
        until: until.map(OffsetDateTime::from),
        legal_hold,
    }))
}
