//! Whether an object is there, and what S3 says of it.

use aws_sdk_s3::{Client, operation::head_object::HeadObjectOutput};

use crate::ServiceError;

/// The current version of the object under `key`; `None` where there's none, or a delete marker.
pub(crate) async fn head(s3: &Client, bucket: &str, key: &str) -> Result<Option<HeadObjectOutput>, ServiceError> {
    let answer = s3.head_object().bucket(bucket).key(key).send().await;
    match answer.map_err(|error| ServiceError::new("HeadObject", &error)) {
        // S3 gives every object an ETag; an answer without one is somebody else's, and would pass for an object or a mark.
        Ok(object) if object.e_tag().is_none_or(str::is_empty) => Err(ServiceError::incomplete("HeadObject")),
        Ok(object) => Ok(Some(object)),
        Err(error) if error.status() == Some(404) => Ok(None),
        Err(error) => Err(error),
    }
}
