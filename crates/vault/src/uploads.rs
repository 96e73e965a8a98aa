//! Multipart uploads that are open.

use std::time::SystemTime;

use aws_sdk_s3::Client;

use crate::ServiceError;

/// One of them. It holds parts that are stored and paid for, and that a commit may make an object of.
#[derive(Debug)]
pub(crate) struct OpenUpload {
    pub(crate) id: String,
    pub(crate) initiated: Option<SystemTime>,
}

/// The open uploads of the object `key`.
pub(crate) async fn list(s3: &Client, bucket: &str, key: &str) -> Result<Vec<OpenUpload>, ServiceError> {
    let mut uploads = Vec::new();
    let (mut key_marker, mut id_marker) = (None, None);
    loop {
        let page = s3
            .list_multipart_uploads()
            .bucket(bucket)
            .prefix(key)
            .set_key_marker(key_marker)
            .set_upload_id_marker(id_marker)
            .send()
            .await
            .map_err(|error| ServiceError::new("ListMultipartUploads", &error))?;
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

/// Aborts an upload; `false` where it wasn't open any more.
pub(crate) async fn abort(s3: &Client, bucket: &str, key: &str, id: &str) -> Result<bool, ServiceError> {
    let request = s3.abort_multipart_upload().bucket(bucket).key(key).upload_id(id);
    let aborted = request.send().await;
    match aborted.map_err(|error| ServiceError::new("AbortMultipartUpload", &error)) {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some("NoSuchUpload") => Ok(false),
        Err(error) => Err(error),
    }
}
