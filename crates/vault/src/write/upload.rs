//! The multipart upload of one copy. It's opened when a second part is needed, and never left behind.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use aws_sdk_s3::{
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextRef},
    error::BoxError,
};
use sid::RecordingSid;
use tokio::{runtime::Handle, task::JoinHandle};

use super::{commit::Committed, part_uploads::UploadedPart};
use crate::{Bucket, Metadata, ServiceError, uploads};

/// Where the message goes.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) bucket: Bucket,
    pub(super) key: String,
    /// For log lines.
    pub(super) recording: RecordingSid,
}

/// At most one open upload, which its owner commits or aborts. Dropped, it aborts in the background.
#[derive(Debug)]
pub(super) struct MultipartUpload {
    target: Target,
    state: State,
    /// Requests that asked S3 for an upload, the SDK's retries included.
    asked: Arc<AtomicU32>,
    /// Uploads that S3 gave.
    given: u32,
}

#[derive(Debug)]
enum State {
    None,
    /// In a task of its own: if the copy is dropped meanwhile, the upload's id would be lost with the answer.
    Opening(JoinHandle<Result<String, ServiceError>>),
    Open(String),
}

impl MultipartUpload {
    pub(super) fn new(target: Target) -> Self {
        Self {
            target,
            state: State::None,
            asked: Arc::default(),
            given: 0,
        }
    }

    /// The id of the upload, which is opened if it isn't yet.
    pub(super) async fn open(&mut self, metadata: &Metadata) -> Result<String, ServiceError> {
        if let State::None = self.state {
            let opening = create(self.target.clone(), metadata.clone(), Requests(self.asked.clone()));
            self.state = State::Opening(tokio::spawn(opening));
        }
        self.opened().await
    }

    /// The id of the upload, once S3 has given it.
    async fn opened(&mut self) -> Result<String, ServiceError> {
        let nobody_answered = || ServiceError::incomplete("CreateMultipartUpload");
        let opened = match &mut self.state {
            State::Open(id) => return Ok(id.clone()),
            State::None => Err(nobody_answered()),
            // The task ends without an answer only when the runtime does.
            State::Opening(opening) => opening.await.unwrap_or_else(|_| Err(nobody_answered())),
        };
        self.state = match &opened {
            Ok(id) => {
                self.given += 1;
                State::Open(id.clone())
            }
            Err(_) => State::None,
        };
        opened
    }

    /// Whether S3 may have opened an upload whose id never came back: a request was made again.
    pub(super) fn may_have_lost_one(&self) -> bool {
        self.asked.load(Ordering::Relaxed) > self.given
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// Makes an object of the uploaded parts, where there's none yet. `object_len` is checked by S3.
    pub(super) async fn complete(
        &mut self,
        parts: &[UploadedPart],
        object_len: u64,
    ) -> Result<Committed, ServiceError> {
        let id = self.opened().await?;
        let parts = parts.iter().map(UploadedPart::completed).collect();
        let Target { bucket, key, .. } = &self.target;
        let answer = bucket.complete_multipart_upload(key, &id, parts, object_len).await?;
        let committed = Committed::of("CompleteMultipartUpload", answer.e_tag, answer.version_id)?;
        self.state = State::None;
        Ok(committed)
    }

    /// Aborts the upload, if there's one. A failure is logged and left to the next copy and to the bucket's lifecycle
    /// rule; it changes nothing for the copy.
    ///
    /// Parts still on their way were dropped before. S3 says that one of them may be taken after the abort all the same
    /// (API Reference, AbortMultipartUpload); the lifecycle rule removes it.
    pub(super) async fn abort(&mut self) {
        if let State::None = self.state {
            return;
        }
        if let Ok(id) = self.opened().await {
            abort(&self.target, &id).await;
            // Not before: dropped while the request ran, the upload would be nobody's.
            self.state = State::None;
        }
    }
}

impl Drop for MultipartUpload {
    fn drop(&mut self) {
        let state = std::mem::replace(&mut self.state, State::None);
        if let State::None = state {
            return;
        }
        // Without a runtime nothing can be sent any more; the next copy aborts what it finds.
        if let Ok(runtime) = Handle::try_current() {
            let mut orphan = Self::new(self.target.clone());
            orphan.state = state;
            runtime.spawn(async move { orphan.abort().await });
        }
    }
}

/// Counts the requests of an operation as the SDK sends them.
#[derive(Debug)]
struct Requests(Arc<AtomicU32>);

impl Intercept for Requests {
    fn name(&self) -> &'static str {
        "Requests"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

async fn create(target: Target, metadata: Metadata, requests: Requests) -> Result<String, ServiceError> {
    let created = target.bucket.create_multipart_upload(&target.key, metadata, requests);
    let created = created.await?;
    created
        .upload_id
        .filter(|id| !id.is_empty())
        .ok_or_else(|| ServiceError::incomplete("CreateMultipartUpload"))
}

/// Aborts one; a failure is logged.
pub(super) async fn abort(target: &Target, upload_id: &str) {
    let recording = &target.recording;
    match uploads::abort(&target.bucket, &target.key, upload_id).await {
        Ok(true) => tracing::info!(recordingSid = %recording, "upload aborted"),
        Ok(false) => {}
        Err(error) => tracing::error!(recordingSid = %recording, %error, "upload not aborted"),
    }
}
