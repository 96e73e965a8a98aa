//! The multipart upload of one copy. It is opened when a second part is needed, and it never stays open.

use aws_sdk_s3::types::CompletedPart;
use futures_util::future::{BoxFuture, FutureExt, Shared};
use tokio::runtime::Handle;

use super::{
    part::Part,
    target::{Committed, Target},
};
use crate::{Metadata, ServiceError, head::proof};

/// At most one open upload, which its owner commits or aborts. If it is dropped, it aborts the upload in the background.
#[derive(Debug)]
pub(super) struct MultipartUpload {
    target: Target,
    id: Option<Opening>,
}

/// The id of an upload, once S3 has returned it.
type Opening = Shared<BoxFuture<'static, Result<String, ServiceError>>>;

/// A part that S3 has stored.
#[derive(Debug)]
pub(super) struct UploadedPart {
    pub(super) number: u32,
    pub(super) len: u64,
    etag: String,
    crc32: Option<String>,
}

impl MultipartUpload {
    pub(super) fn new(target: Target) -> Self {
        Self { target, id: None }
    }

    /// The id of the upload, which is opened if necessary.
    pub(super) async fn open(&mut self, metadata: &Metadata) -> Result<String, ServiceError> {
        let target = &self.target;
        let opening = self.id.get_or_insert_with(|| {
            // In a task of its own: if the copy is dropped meanwhile, the id would be lost with the answer.
            let opening = tokio::spawn(target.clone().create_upload(metadata.clone()));
            // The task ends without an answer only when the runtime does.
            let id = async { opening.await.unwrap_or_else(|_| Err(no_upload())) };
            id.boxed().shared()
        });
        opening.clone().await
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// Makes an object of the uploaded parts if there is none yet. S3 verifies `object_len`.
    pub(super) async fn complete(
        &mut self,
        parts: &[UploadedPart],
        object_len: u64,
    ) -> Result<Committed, ServiceError> {
        let id = self.id.clone().ok_or_else(no_upload)?.await?;
        let parts = parts.iter().map(UploadedPart::completed).collect();
        let Target { bucket, key, .. } = &self.target;
        let answer = bucket.complete_multipart_upload(key, &id, parts, object_len).await?;
        let committed = Committed::new("CompleteMultipartUpload", answer.e_tag, answer.version_id)?;
        self.id = None;
        Ok(committed)
    }

    /// Aborts the upload if one is open. A failure is logged. The next copy and the bucket's lifecycle rule abort it too.
    ///
    /// The futures of its parts were dropped before. S3 may still store one of them after the abort (API Reference,
    /// AbortMultipartUpload). The lifecycle rule removes it.
    pub(super) async fn abort(&mut self) {
        let Some(opening) = self.id.clone() else {
            return;
        };
        abort(&self.target, opening).await;
        // Not before: if this future is dropped while it waits, the upload's own drop must abort it.
        self.id = None;
    }
}

impl Drop for MultipartUpload {
    fn drop(&mut self) {
        // Without a runtime, nothing can be sent. The next copy aborts what it finds.
        if let Some(opening) = self.id.take()
            && let Ok(runtime) = Handle::try_current()
        {
            let target = self.target.clone();
            runtime.spawn(async move { abort(&target, opening).await });
        }
    }
}

async fn abort(target: &Target, opening: Opening) {
    if let Ok(id) = opening.await {
        target.abort_upload(&id).await;
    }
}

fn no_upload() -> ServiceError {
    ServiceError::incomplete("CreateMultipartUpload")
}

impl UploadedPart {
    /// Uploads `part`.
    pub(super) async fn put(target: Target, upload_id: String, part: Part) -> Result<Self, ServiceError> {
        let Target { bucket, key, .. } = &target;
        let len = part.bytes.len() as u64;
        let answer = bucket.upload_part(key, &upload_id, part.number, part.bytes).await?;
        Ok(Self {
            number: part.number,
            len,
            // The commit names every part by its ETag.
            etag: proof("UploadPart", answer.e_tag)?,
            crc32: answer.checksum_crc32,
        })
    }

    fn completed(&self) -> CompletedPart {
        CompletedPart::builder()
            .part_number(self.number.cast_signed())
            .e_tag(&self.etag)
            .set_checksum_crc32(self.crc32.clone())
            .build()
    }
}
