//! Open multipart uploads.

use std::time::SystemTime;

use crate::{Bucket, ServiceError};

/// An open upload. Its parts are stored and billed until it is committed or aborted.
#[derive(Debug)]
pub(crate) struct OpenUpload {
    pub(crate) id: String,
    pub(crate) initiated: Option<SystemTime>,
}

/// The open uploads of the object `key`.
pub(crate) async fn list(bucket: &Bucket, key: &str) -> Result<Vec<OpenUpload>, ServiceError> {
    let mut uploads = Vec::new();
    let (mut key_marker, mut id_marker) = (None, None);
    loop {
        let page = bucket.list_multipart_uploads(key, key_marker, id_marker).await?;
        let of_this_object = page.uploads().iter().filter(|upload| upload.key() == Some(key));
        uploads.extend(of_this_object.filter_map(|upload| {
            Some(OpenUpload {
                id: upload.upload_id()?.to_owned(),
                initiated: upload.initiated().and_then(|time| SystemTime::try_from(*time).ok()),
            })
        }));
        if page.is_truncated() != Some(true) {
            return Ok(uploads);
        }
        (key_marker, id_marker) = (page.next_key_marker, page.next_upload_id_marker);
    }
}

/// Aborts an upload. Returns `false` if it was not open any more.
pub(crate) async fn abort(bucket: &Bucket, key: &str, id: &str) -> Result<bool, ServiceError> {
    match bucket.abort_multipart_upload(key, id).await {
        Ok(()) => Ok(true),
        Err(error) if error.code() == Some("NoSuchUpload") => Ok(false),
        Err(error) => Err(error),
    }
}
