//! The multipart upload of one copy. It's opened when a second part is needed, and never left behind.

use aws_sdk_s3::{
    Client,
    primitives::ByteStream,
    types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart},
};
use futures_util::{
    StreamExt,
    future::{BoxFuture, FutureExt},
    stream::FuturesUnordered,
};
use tokio::{runtime::Handle, task::JoinHandle};

use super::{
    commit::{Committed, IF_ABSENT, Metadata, is_upload_gone},
    copy::CopyError,
    part::Part,
};
use crate::{RecordingId, ServiceError};

/// CRC32 of each part, computed by the SDK and checked by S3. The copy's own integrity is the AEAD's matter; this one
/// catches a part that was damaged on the way while it can still be sent again. CRC32 is what every local server knows.
pub(super) const CHECKSUM: ChecksumAlgorithm = ChecksumAlgorithm::Crc32;

/// Where the message goes.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) s3: Client,
    pub(super) bucket: String,
    pub(super) key: String,
    /// For log lines.
    pub(super) recording: RecordingId,
}

/// At most one open upload, which its owner commits or aborts. Dropped, it aborts in the background.
#[derive(Debug)]
pub(super) struct MultipartUpload {
    target: Target,
    state: State,
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
        }
    }

    /// The id of the upload, which is opened if it isn't yet.
    async fn open(&mut self, metadata: &Metadata) -> Result<String, ServiceError> {
        if let State::None = self.state {
            let opening = create(self.target.clone(), metadata.clone());
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
            Ok(id) => State::Open(id.clone()),
            Err(_) => State::None,
        };
        opened
    }

    /// Makes an object of the uploaded parts, where there's none yet. `object_len` is checked by S3.
    pub(super) async fn complete(
        &mut self,
        parts: &[UploadedPart],
        object_len: u64,
    ) -> Result<Committed, ServiceError> {
        let id = self.opened().await?;
        let parts = parts.iter().map(UploadedPart::completed).collect();
        let answer = self
            .target
            .s3
            .complete_multipart_upload()
            .bucket(&self.target.bucket)
            .key(&self.target.key)
            .upload_id(id)
            .if_none_match(IF_ABSENT)
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
            .mpu_object_size(object_len.cast_signed())
            .send()
            .await
            .map_err(|error| ServiceError::new("CompleteMultipartUpload", &error))?;
        self.state = State::None;
        Ok(Committed {
            etag: answer.e_tag,
            version_id: answer.version_id,
        })
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
        // Without a runtime nothing can be sent any more; the next copy aborts what is older than 20 minutes.
        if let Ok(runtime) = Handle::try_current() {
            let mut orphan = Self {
                target: self.target.clone(),
                state,
            };
            runtime.spawn(async move { orphan.abort().await });
        }
    }
}

/// Part uploads on their way, a bounded number at a time.
///
/// They run in the task of their owner, whenever it waits here: dropping this drops them.
pub(super) struct PartUploads<'a> {
    upload: &'a mut MultipartUpload,
    limit: usize,
    running: FuturesUnordered<BoxFuture<'static, Result<UploadedPart, ServiceError>>>,
    uploaded: Vec<UploadedPart>,
}

/// A part that S3 has.
#[derive(Debug)]
pub(super) struct UploadedPart {
    pub(super) number: u32,
    pub(super) len: u64,
    etag: Option<String>,
    crc32: Option<String>,
}

impl<'a> PartUploads<'a> {
    pub(super) fn new(upload: &'a mut MultipartUpload, limit: usize) -> Self {
        Self {
            upload,
            limit,
            running: FuturesUnordered::new(),
            uploaded: Vec::new(),
        }
    }

    /// Begins to upload `part`, once fewer than the limit are on their way.
    pub(super) async fn start(&mut self, part: Part, metadata: &Metadata) -> Result<(), CopyError> {
        let id = self.upload.open(metadata).await?;
        while self.running.len() >= self.limit {
            self.next_uploaded().await?;
        }
        let target = self.upload.target.clone();
        self.running.push(put(target, id, part).boxed());
        Ok(())
    }

    /// Waits for `other` while parts go on being uploaded; a failed part ends the wait.
    pub(super) async fn meanwhile<T>(&mut self, other: impl Future<Output = T>) -> Result<T, CopyError> {
        let mut other = std::pin::pin!(other);
        loop {
            tokio::select! {
                biased;
                uploaded = self.running.next(), if !self.running.is_empty() => self.uploaded.extend(uploaded.transpose().map_err(part_failed)?),
                done = &mut other => return Ok(done),
            }
        }
    }

    /// Waits for all parts. In order of their numbers.
    pub(super) async fn finish(mut self) -> Result<Vec<UploadedPart>, CopyError> {
        while !self.running.is_empty() {
            self.next_uploaded().await?;
        }
        self.uploaded.sort_unstable_by_key(|part| part.number);
        Ok(self.uploaded)
    }

    async fn next_uploaded(&mut self) -> Result<(), CopyError> {
        let uploaded = self.running.next().await.transpose();
        self.uploaded.extend(uploaded.map_err(part_failed)?);
        Ok(())
    }
}

impl UploadedPart {
    pub(super) fn completed(&self) -> CompletedPart {
        CompletedPart::builder()
            .part_number(self.number.cast_signed())
            .set_e_tag(self.etag.clone())
            .set_checksum_crc32(self.crc32.clone())
            .build()
    }
}

async fn create(target: Target, metadata: Metadata) -> Result<String, ServiceError> {
    let created = target
        .s3
        .create_multipart_upload()
        .bucket(target.bucket)
        .key(target.key)
        .set_metadata(Some(metadata))
        .checksum_algorithm(CHECKSUM)
        .send()
        .await
        .map_err(|error| ServiceError::new("CreateMultipartUpload", &error))?;
    created
        .upload_id
        .ok_or_else(|| ServiceError::incomplete("CreateMultipartUpload"))
}

/// An upload that isn't there any more was aborted by somebody else: an erasure, or another copy that took this one for
/// dead. The look at the object that every copy begins with tells which.
fn part_failed(error: ServiceError) -> CopyError {
    if is_upload_gone(&error) {
        CopyError::StartOver("the upload is gone")
    } else {
        CopyError::Failed(error.into())
    }
}

async fn put(target: Target, upload_id: String, part: Part) -> Result<UploadedPart, ServiceError> {
    let len = part.bytes.len() as u64;
    let answer = target
        .s3
        .upload_part()
        .bucket(target.bucket)
        .key(target.key)
        .upload_id(upload_id)
        .part_number(part.number.cast_signed())
        .checksum_algorithm(CHECKSUM)
        .body(ByteStream::from(part.bytes))
        .send()
        .await
        .map_err(|error| ServiceError::new("UploadPart", &error))?;
    Ok(UploadedPart {
        number: part.number,
        len,
        etag: answer.e_tag,
        crc32: answer.checksum_crc32,
    })
}

pub(super) async fn abort(target: &Target, upload_id: &str) {
    let aborted = target
        .s3
        .abort_multipart_upload()
        .bucket(&target.bucket)
        .key(&target.key)
        .upload_id(upload_id)
        .send()
        .await
        .map_err(|error| ServiceError::new("AbortMultipartUpload", &error));
    let recording = &target.recording;
    match aborted {
        Ok(_) => tracing::info!(recordingSid = %recording, "upload aborted"),
        Err(error) if error.code() == Some("NoSuchUpload") => {}
        Err(error) => tracing::error!(recordingSid = %recording, %error, "upload not aborted"),
    }
}
