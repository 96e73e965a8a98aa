//! Parts that are being uploaded.

use futures_util::{
    StreamExt,
    future::{BoxFuture, FutureExt},
    stream::FuturesUnordered,
};

use super::{
    error::{CopyError, is_upload_gone},
    part::Part,
    upload::{MultipartUpload, UploadedPart},
};
use crate::{Metadata, ServiceError};

/// The uploads of parts, a bounded number at a time.
///
/// They run in the task of their owner whenever it waits here. If this is dropped, they are dropped too.
pub(super) struct PartUploads<'a> {
    upload: &'a mut MultipartUpload,
    metadata: &'a Metadata,
    limit: usize,
    running: FuturesUnordered<BoxFuture<'static, Result<UploadedPart, ServiceError>>>,
    uploaded: Vec<UploadedPart>,
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

    /// Starts the upload of `part` as soon as fewer than `limit` are running.
    pub(super) async fn start(&mut self, part: Part) -> Result<(), CopyError> {
        let id = self.upload.open(self.metadata).await?;
        while self.running.len() >= self.limit {
            self.next_uploaded().await?;
        }
        let target = self.upload.target().clone();
        self.running.push(UploadedPart::put(target, id, part).boxed());
        Ok(())
    }

    /// Waits for `other` while parts are uploaded. A failed part ends the wait.
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

    /// Waits for all parts and returns them in the order of their numbers.
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

/// If the upload is gone, an erasure or another copy has aborted it. The next attempt looks for the object first, and so
/// finds out which.
fn part_failed(error: ServiceError) -> CopyError {
    if is_upload_gone(&error) {
        CopyError::StartOver("the upload is gone")
    } else {
        CopyError::Failed(error.into())
    }
}
