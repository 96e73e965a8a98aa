//! Whether an object is there, and what S3 says of it.

use aws_sdk_s3::{Client, error::SdkError, operation::head_object::HeadObjectOutput};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::ServiceError;

/// What stands under a key.
#[derive(Debug)]
pub(crate) enum Found {
    Object(Box<HeadObjectOutput>),
    /// There was an object. Somebody deleted it, or the bucket's lifecycle did.
    DeleteMarker,
    Nothing,
}

/// The current version of the object under `key`; `None` where there's none, or a delete marker.
pub(crate) async fn head(s3: &Client, bucket: &str, key: &str) -> Result<Option<HeadObjectOutput>, ServiceError> {
    Ok(find(s3, bucket, key).await?.object())
}

/// The same, where it matters whether there was an object before.
pub(crate) async fn find(s3: &Client, bucket: &str, key: &str) -> Result<Found, ServiceError> {
    let error = match s3.head_object().bucket(bucket).key(key).send().await {
        // S3 gives every object an ETag; an answer without one is somebody else's, and would pass for an object or a mark.
        Ok(object) if object.e_tag().is_none_or(str::is_empty) => return Err(ServiceError::incomplete("HeadObject")),
        Ok(object) => return Ok(Found::Object(Box::new(object))),
        Err(error) => error,
    };
    let is_marker = is_delete_marker(&error);
    let error = ServiceError::new("HeadObject", &error);
    match error.status() {
        Some(404) if is_marker => Ok(Found::DeleteMarker),
        Some(404) => Ok(Found::Nothing),
        _ => Err(error),
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

/// S3 tells it in a header of the refusal (API Reference, "HeadObject"), which the SDK keeps in the raw response alone.
fn is_delete_marker<E>(error: &SdkError<E, HttpResponse>) -> bool {
    let marker = |response: &HttpResponse| response.headers().get("x-amz-delete-marker") == Some("true");
    error.raw_response().is_some_and(marker)
}
