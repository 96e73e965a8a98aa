//! Whether an object exists, and its metadata in S3.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;

use crate::{Bucket, ServiceError, VersionSelector};

/// The current version of a key.
#[derive(Debug)]
pub(crate) enum Found {
    Object(Box<HeadObjectOutput>),
    /// The object was deleted by a user or by the bucket's lifecycle.
    DeleteMarker,
    Nothing,
}

/// Returns the current version of the object under `key`. `None` if there is none, or if it is a delete marker.
pub(crate) async fn head(bucket: &Bucket, key: &str) -> Result<Option<HeadObjectOutput>, ServiceError> {
    Ok(find(bucket, key).await?.object())
}

/// Like [`head`], but distinguishes a deleted object from a missing one.
pub(crate) async fn find(bucket: &Bucket, key: &str) -> Result<Found, ServiceError> {
    match bucket.head_object(key, VersionSelector::Current).await {
        // S3 gives every object an ETag. An answer without one comes from another server, and must not count as an
        // object or a mark.
        Ok(object) if object.e_tag().is_none_or(str::is_empty) => Err(ServiceError::incomplete("HeadObject")),
        Ok(object) => Ok(Found::Object(Box::new(object))),
        Err(error) if error.status() != Some(404) => Err(error),
        Err(error) if error.is_delete_marker() => Ok(Found::DeleteMarker),
        Err(_) => Ok(Found::Nothing),
    }
}

/// Returns the ETag in the answer to a write, which proves the write. An answer without an ETag was cut off or comes
/// from another server, and proves nothing.
pub(crate) fn proof(operation: &'static str, etag: Option<String>) -> Result<String, ServiceError> {
    let etag = etag.filter(|etag| !etag.is_empty());
    etag.ok_or_else(|| ServiceError::incomplete(operation))
}

impl Found {
    pub(crate) fn object(self) -> Option<HeadObjectOutput> {
        match self {
            Self::Object(object) => Some(*object),
            Self::DeleteMarker | Self::Nothing => None,
        }
    }
}
