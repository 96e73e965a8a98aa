//! The object that a copy writes, and its uploads.

use std::time::SystemTime;

use sid::RecordingSid;

use crate::{Bucket, Metadata, ObjectKeys, ServiceError, head::proof, uploads};

/// The object that all copies of a recording write.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) bucket: Bucket,
    pub(super) key: String,
    pub(super) recording: RecordingSid,
}

/// The object that a commit has created.
#[derive(Clone, Debug)]
pub(super) struct Committed {
    pub(super) etag: String,
    pub(super) version_id: Option<String>,
}

impl Target {
    pub(super) fn new(bucket: Bucket, recording: &RecordingSid) -> Self {
        Self {
            bucket,
            key: recording.object_key(),
            recording: recording.clone(),
        }
    }

    /// Opens an upload and returns its id.
    pub(super) async fn create_upload(self, metadata: Metadata) -> Result<String, ServiceError> {
        let created = self.bucket.create_multipart_upload(&self.key, metadata).await?;
        created
            .upload_id
            .filter(|id| !id.is_empty())
            .ok_or_else(|| ServiceError::incomplete("CreateMultipartUpload"))
    }

    /// Aborts the open uploads of this object for which `is_due` is true. It gets the time at which an upload was opened. A
    /// failure is logged: the copy does not depend on this, and the bucket's lifecycle rule does the same a day later.
    pub(super) async fn abort_uploads(&self, is_due: impl Fn(Option<SystemTime>) -> bool) {
        let uploads = match uploads::list(&self.bucket, &self.key).await {
            Ok(uploads) => uploads,
            Err(error) => {
                tracing::warn!(recordingSid = %self.recording, %error, "open uploads not listed");
                return;
            }
        };
        for upload in uploads.iter().filter(|upload| is_due(upload.initiated)) {
            self.abort_upload(&upload.id).await;
        }
    }

    /// Aborts an upload. A failure is logged.
    pub(super) async fn abort_upload(&self, id: &str) {
        let recording = &self.recording;
        match uploads::abort(&self.bucket, &self.key, id).await {
            Ok(true) => tracing::info!(recordingSid = %recording, "upload aborted"),
            Ok(false) => {}
            Err(error) => tracing::error!(recordingSid = %recording, %error, "upload not aborted"),
        }
    }
}

impl Committed {
    /// The object that a 200 of `operation` proves.
    pub(super) fn new(
        operation: &'static str,
        etag: Option<String>,
        version_id: Option<String>,
    ) -> Result<Self, ServiceError> {
        Ok(Self {
            etag: proof(operation, etag)?,
            version_id,
        })
    }
}
