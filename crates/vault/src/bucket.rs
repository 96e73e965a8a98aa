//! The S3 requests of this product, each built and sent in one place.
//!
//! A method sends one request and returns S3's answer or a [`ServiceError`]. It decides nothing: paging, preconditions and
//! the meaning of a refusal are the callers' concern.

mod request;

use std::sync::Arc;

use aws_sdk_s3::{
    Client,
    operation::{
        complete_multipart_upload::CompleteMultipartUploadOutput, create_multipart_upload::CreateMultipartUploadOutput,
        get_object::GetObjectOutput, head_object::HeadObjectOutput, list_multipart_uploads::ListMultipartUploadsOutput,
        list_object_versions::ListObjectVersionsOutput, list_objects_v2::ListObjectsV2Output,
        put_object::PutObjectOutput, upload_part::UploadPartOutput,
    },
    primitives::ByteStream,
    types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart},
};
use bytes::Bytes;

pub use self::request::{Condition, Metadata, NewObject, VersionSelector};
use crate::ServiceError;

/// S3 verifies a CRC32 of each body, which the SDK computes. It detects a part that was damaged on the way while the part
/// can still be sent again. The tags of the frames protect the recording itself. Every local S3 server supports CRC32.
const CHECKSUM: ChecksumAlgorithm = ChecksumAlgorithm::Crc32;

/// A bucket: an S3 client and the bucket's name. Clones share the client.
#[derive(Clone, Debug)]
pub struct Bucket {
    s3: Client,
    name: Arc<str>,
}

impl Bucket {
    /// The bucket `name`. Retries and timeouts of single requests are configured in the client.
    #[must_use]
    pub fn new(s3: Client, name: &str) -> Self {
        Self { s3, name: name.into() }
    }

    /// Sends HeadObject.
    pub(crate) async fn head_object(
        &self,
        key: &str,
        version: VersionSelector<'_>,
    ) -> Result<HeadObjectOutput, ServiceError> {
        self.s3
            .head_object()
            .bucket(&*self.name)
            .key(key)
            .set_version_id(version.id())
            .set_if_match(version.if_match())
            .send()
            .await
            .map_err(|error| ServiceError::new("HeadObject", &error))
    }

    /// Sends GetObject. `range` is the value of the Range header.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses the request or cannot be reached.
    pub async fn get_object(
        &self,
        key: &str,
        range: Option<String>,
        version: VersionSelector<'_>,
    ) -> Result<GetObjectOutput, ServiceError> {
        let request = self
            .s3
            .get_object()
            .bucket(&*self.name)
            .key(key)
            .set_range(range)
            .set_version_id(version.id())
            .set_if_match(version.if_match())
            .send();
        // The SDK's future is nested so deeply that without the box the futures around it exceed the compiler's depth limit.
        Box::pin(request)
            .await
            .map_err(|error| ServiceError::new("GetObject", &error))
    }

    /// Sends PutObject.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if S3 refuses the request or cannot be reached.
    pub async fn put_object(&self, key: &str, object: NewObject) -> Result<PutObjectOutput, ServiceError> {
        let mut request = self
            .s3
            .put_object()
            .bucket(&*self.name)
            .key(key)
            .set_content_type(object.content_type.map(ToOwned::to_owned))
            .set_metadata(object.metadata)
            .set_if_none_match(object.condition.if_none_match())
            .set_if_match(object.condition.if_match())
            .checksum_algorithm(CHECKSUM)
            .body(ByteStream::from(object.body))
            .customize();
        if object.is_payload_unsigned {
            request = request.disable_payload_signing();
        }
        request
            .send()
            .await
            .map_err(|error| ServiceError::new("PutObject", &error))
    }

    /// Sends DeleteObject. With a `version_id`, S3 deletes this version permanently. Without one, S3 puts a delete marker,
    /// or deletes the object if the bucket keeps no versions.
    pub(crate) async fn delete_object(&self, key: &str, version_id: Option<String>) -> Result<(), ServiceError> {
        self.s3
            .delete_object()
            .bucket(&*self.name)
            .key(key)
            .set_version_id(version_id)
            .send()
            .await
            .map(drop)
            .map_err(|error| ServiceError::new("DeleteObject", &error))
    }

    /// Sends ListObjectsV2 for one page. S3 returns at most 1,000 keys a page, even if `max_keys` is more.
    pub(crate) async fn list_objects(
        &self,
        prefix: &str,
        start_after: Option<String>,
        continuation_token: Option<String>,
        max_keys: i32,
    ) -> Result<ListObjectsV2Output, ServiceError> {
        self.s3
            .list_objects_v2()
            .bucket(&*self.name)
            .prefix(prefix)
            .set_start_after(start_after)
            .set_continuation_token(continuation_token)
            .max_keys(max_keys)
            .send()
            .await
            .map_err(|error| ServiceError::new("ListObjectsV2", &error))
    }

    /// Sends ListObjectVersions for one page.
    pub(crate) async fn list_object_versions(
        &self,
        prefix: &str,
        key_marker: Option<String>,
        version_id_marker: Option<String>,
    ) -> Result<ListObjectVersionsOutput, ServiceError> {
        self.s3
            .list_object_versions()
            .bucket(&*self.name)
            .prefix(prefix)
            .set_key_marker(key_marker)
            .set_version_id_marker(version_id_marker)
            .send()
            .await
            .map_err(|error| ServiceError::new("ListObjectVersions", &error))
    }

    /// Sends CreateMultipartUpload.
    pub(crate) async fn create_multipart_upload(
        &self,
        key: &str,
        metadata: Metadata,
    ) -> Result<CreateMultipartUploadOutput, ServiceError> {
        self.s3
            .create_multipart_upload()
            .bucket(&*self.name)
            .key(key)
            .set_metadata(Some(metadata))
            .checksum_algorithm(CHECKSUM)
            .send()
            .await
            .map_err(|error| ServiceError::new("CreateMultipartUpload", &error))
    }

    /// Sends UploadPart. The signature leaves out the body's SHA-256, as in
    /// [`NewObject::is_payload_unsigned`].
    pub(crate) async fn upload_part(
        &self,
        key: &str,
        upload_id: &str,
        number: u32,
        body: Bytes,
    ) -> Result<UploadPartOutput, ServiceError> {
        self.s3
            .upload_part()
            .bucket(&*self.name)
            .key(key)
            .upload_id(upload_id)
            .part_number(number.cast_signed())
            .checksum_algorithm(CHECKSUM)
            .body(ByteStream::from(body))
            .customize()
            .disable_payload_signing()
            .send()
            .await
            .map_err(|error| ServiceError::new("UploadPart", &error))
    }

    /// Sends CompleteMultipartUpload, on the condition that there is no current version of the object. S3 compares
    /// `object_len` with the sum of the parts.
    pub(crate) async fn complete_multipart_upload(
        &self,
        key: &str,
        upload_id: &str,
        parts: Vec<CompletedPart>,
        object_len: u64,
    ) -> Result<CompleteMultipartUploadOutput, ServiceError> {
        self.s3
            .complete_multipart_upload()
            .bucket(&*self.name)
            .key(key)
            .upload_id(upload_id)
            .if_none_match("*")
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
            .mpu_object_size(object_len.cast_signed())
            .send()
            .await
            .map_err(|error| ServiceError::new("CompleteMultipartUpload", &error))
    }

    /// Sends AbortMultipartUpload.
    pub(crate) async fn abort_multipart_upload(&self, key: &str, upload_id: &str) -> Result<(), ServiceError> {
        self.s3
            .abort_multipart_upload()
            .bucket(&*self.name)
            .key(key)
            .upload_id(upload_id)
            .send()
            .await
            .map(drop)
            .map_err(|error| ServiceError::new("AbortMultipartUpload", &error))
    }

    /// Sends ListMultipartUploads for one page.
    pub(crate) async fn list_multipart_uploads(
        &self,
        prefix: &str,
        key_marker: Option<String>,
        upload_id_marker: Option<String>,
    ) -> Result<ListMultipartUploadsOutput, ServiceError> {
        self.s3
            .list_multipart_uploads()
            .bucket(&*self.name)
            .prefix(prefix)
            .set_key_marker(key_marker)
            .set_upload_id_marker(upload_id_marker)
            .send()
            .await
            .map_err(|error| ServiceError::new("ListMultipartUploads", &error))
    }
}
