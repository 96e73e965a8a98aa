//! Parts on their way to S3.

use aws_sdk_s3::types::CompletedPart;
use futures_util::{
    StreamExt,
    future::{BoxFuture, FutureExt},
    stream::FuturesUnordered,
};

use super::{
    commit::is_upload_gone,
    copy::CopyError,
    part::Part,
    upload::{MultipartUpload, Target},
};
use crate::{Metadata, ServiceError, head::proof};

/// Part uploads on their way, a bounded number at a time.
///
/// They run in the task of their owner, whenever it waits here: dropping this drops them.
pub(super) struct PartUploads<'a> {
    upload: &'a mut MultipartUpload,
    metadata: &'a Metadata,
    limit: usize,
    running: FuturesUnordered<BoxFuture<'static, Result<UploadedPart, ServiceError>>>,
    uploaded: Vec<UploadedPart>,
}

/// A part that S3 has.
#[derive(Debug)]
pub(super) struct UploadedPart {
    pub(super) number: u32,
    pub(super) len: u64,
    etag: String,
    crc32: Option<String>,
}

impl<'a> PartUploads<'a> {
    pub(super) fn new(upload: &'a mut MultipartUpload, metadata: &'a Metadata, limit: usize) -> Self {
        Self {
            upload,
            metadata,
            limit,
            running: FuturesUnordered::new(),
            uploaded: Vec::new(),
        }
    }

    /// Begins to upload `part`, once fewer than the limit are on their way.
    pub(super) async fn start(&mut self, part: Part) -> Result<(), CopyError> {
        let id = self.upload.open(self.metadata).await?;
        while self.running.len() >= self.limit {
            self.next_uploaded().await?;
        }
        let target = self.upload.target().clone();
        self.running.push(put(target, id, part).boxed());
        Ok(())
    }

    /// Waits for `other` while parts go on being uploaded; a failed part ends the wait.
    pub(super) async fn meanwhile<T>(&mut self, other: impl Future<Output = T>) -> Result<T, CopyError> {
        let mut other = std::pin::pin!(other);
        loop {
            tokio::select! {
                biased;
                uploaded = self.running.next(), if !self.running.is_empty() => self.keep(uploaded)?,
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
        let uploaded = self.running.next().await;
        self.keep(uploaded)
    }

    fn keep(&mut self, uploaded: Option<Result<UploadedPart, ServiceError>>) -> Result<(), CopyError> {
        self.uploaded.extend(uploaded.transpose().map_err(part_failed)?);
        Ok(())
    }
}

impl UploadedPart {
    pub(super) fn completed(&self) -> CompletedPart {
        CompletedPart::builder()
            .part_number(self.number.cast_signed())
            .e_tag(&self.etag)
            .set_checksum_crc32(self.crc32.clone())
            .build()
    }
}

async fn put(target: Target, upload_id: String, part: Part) -> Result<UploadedPart, ServiceError> {
    let len = part.bytes.len() as u64;
    let upload = target
        .bucket
        .upload_part(&target.key, &upload_id, part.number, part.bytes);
    let answer = upload.await?;
    Ok(UploadedPart {
        number: part.number,
        len,
        // The commit names every part by its ETag.
        etag: proof("UploadPart", answer.e_tag)?,
        crc32: answer.checksum_crc32,
    })
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
