//! Whether an object is there, and what S3 says of it.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;

use crate::{Bucket, ServiceError, VersionSelector};

/// What stands under a key.
#[derive(Debug)]
pub(crate) enum Found {
    Object(Box<HeadObjectOutput>),
    /// There was an object. Somebody deleted it, or the bucket's lifecycle did.
    DeleteMarker,
    Nothing,
}

/// The current version of the object under `key`; `None` where there's none, or a delete marker.
pub(crate) async fn head(bucket: &Bucket, key: &str) -> Result<Option<HeadObjectOutput>, ServiceError> {
    Ok(find(bucket, key).await?.object())
}

/// The same, where it matters whether there was an object before.
pub(crate) async fn find(bucket: &Bucket, key: &str) -> Result<Found, ServiceError> {
    match bucket.head_object(key, VersionSelector::Current).await {
        // S3 gives every object an ETag; an answer without one is somebody else's, and would pass for an object or a mark.
        Ok(object) if object.e_tag().is_none_or(str::is_empty) => Err(ServiceError::incomplete("HeadObject")),
        Ok(object) => Ok(Found::Object(Box::new(object))),
        Err(error) if error.status() != Some(404) => Err(error),
        Err(error) if error.is_delete_marker() => Ok(Found::DeleteMarker),
        Err(_) => Ok(Found::Nothing),
    }
}

/// Whether an answer to a write proves it: S3 gives every object an ETag. An answer without one, cut or somebody else's,
/// settles nothing.
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
