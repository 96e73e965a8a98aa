//! The removal of what a new version of a file has replaced.

use crate::{Bucket, ServiceError};

/// Deletes the versions and delete markers under `key` that are not the current one. The bucket's lifecycle would remove them
/// a day or two later. It also removes those that Object Lock keeps now.
pub(super) async fn remove_replaced(bucket: &Bucket, key: &str) -> Result<(), ServiceError> {
    let (mut key_marker, mut id_marker) = (None, None);
    let mut replaced = Vec::new();
    loop {
        let page = bucket.list_object_versions(key, key_marker, id_marker).await?;
        let versions = page.versions().iter();
        let versions = versions.map(|version| (version.key(), version.version_id(), version.is_latest()));
        let markers = page.delete_markers().iter();
        let markers = markers.map(|marker| (marker.key(), marker.version_id(), marker.is_latest()));
        let others = versions
            .chain(markers)
            .filter(|(of, _, is_latest)| *of == Some(key) && *is_latest == Some(false));
        replaced.extend(others.filter_map(|(_, id, _)| id.map(ToOwned::to_owned)));
        if page.is_truncated() != Some(true) {
            break;
        }
        (key_marker, id_marker) = (page.next_key_marker, page.next_version_id_marker);
    }
    for id in replaced {
        match bucket.delete_object(key, Some(id)).await {
            Ok(()) => {}
            // Object Lock keeps it.
            Err(error) if error.status() == Some(403) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
