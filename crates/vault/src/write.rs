//! Writes recordings: each is copied into the bucket as a stream, sealed on the way, and committed whole or not at all.
//!
//! One copy runs in one task, without queues between its stages. [`Download`] returns chunks. `SealedParts` seals them frame by
//! frame in the buffer that is then uploaded. A bounded number of uploads runs while the next part fills. If the future is
//! dropped, every stage is dropped with it, and [`MultipartUpload`] aborts its upload.
//!
//! A data key and a message id seal one plaintext, once. A copy may have to start over, because the source ignored a range,
//! another copy was faster, or the upload is gone. It then uses a new key, a new message and a new upload.

mod attributes;
mod clean_up;
mod commit;
mod copy;
mod download;
mod error;
mod incoming;
mod outcome;
mod part;
mod part_uploads;
mod seal;
mod source;
mod target;
mod upload;

use std::time::{Duration, Instant, SystemTime};

use sid::{AccountSid, RecordingSid};
use tokio::time::timeout_at;

pub use self::{
    attributes::Attributes,
    error::StoreError,
    incoming::{Doubts, Incoming},
    outcome::{Commit, Outcome},
    source::{Source, SourceBody, SourceError, SourceReply},
};
use self::{
    commit::Attempted,
    copy::Copying,
    download::{Download, DownloadLimits},
    error::CopyError,
    target::Target,
    upload::MultipartUpload,
};
use crate::{Bucket, KeyArn};

/// A copy ends this long before its deadline, so that its upload can still be aborted. The abort is one request, and the
/// reserve has time for a new connection (3 s at most) and one retry.
const ABORT_RESERVE: Duration = Duration::from_secs(5);

/// How often a recording is begun, including the first time. Each further time costs a whole download. A conflict that lasts
/// longer is left to the job's next delivery.
const COPIES: u32 = 4;

/// Where recordings are written, and under which key.
#[derive(Clone, Debug)]
pub struct WriterConfig {
    /// Name of the bucket.
    pub bucket: String,
    /// The account that every recording belongs to. It is part of the encryption context.
    pub account: AccountSid,
    /// The key that wraps data keys.
    pub kms_key: KeyArn,
}

/// Copies recordings into the vault. It needs `s3:PutObject`, `s3:GetObject`, `s3:ListBucket` (without it, S3 answers 403 if
/// an object is absent), `s3:ListBucketMultipartUploads`, `s3:AbortMultipartUpload` and `kms:GenerateDataKey`. To take back a
/// copy that crossed an erasure, it needs `s3:DeleteObject` and `s3:DeleteObjectVersion`.
#[derive(Debug)]
pub struct Writer {
    bucket: Bucket,
    kms: aws_sdk_kms::Client,
    config: WriterConfig,
    now: fn() -> SystemTime,
}

impl Writer {
    /// A writer on these clients. Retries and timeouts of single requests are configured in the clients.
    #[must_use]
    pub fn new(s3: aws_sdk_s3::Client, kms: aws_sdk_kms::Client, config: WriterConfig) -> Self {
        Self {
            bucket: Bucket::new(s3, &config.bucket),
            kms,
            config,
            now: SystemTime::now,
        }
    }

    /// Uses `now` as the clock that shows the age of open uploads.
    #[must_use]
    pub fn with_clock(mut self, now: fn() -> SystemTime) -> Self {
        self.now = now;
        self
    }

    /// Copies the source into the vault. The call ends before `deadline`, with every upload that it opened committed or
    /// aborted. If the future is dropped, the upload is aborted in the background.
    ///
    /// # Errors
    ///
    /// [`StoreError`]. Nothing is stored then, except after [`StoreError::Deadline`] and errors of the commit itself. In these
    /// cases, the next call finds out.
    pub async fn store(
        &self,
        recording: &RecordingSid,
        incoming: &Incoming,
        source: &dyn Source,
        deadline: Instant,
    ) -> Result<Outcome, StoreError> {
        let attributes = attributes::storable(&incoming.attributes);
        let copying = Copying {
            kms: &self.kms,
            kms_key: &self.config.kms_key,
            account: &self.config.account,
            target: Target::new(self.bucket.clone(), recording),
            incoming,
            attributes: &attributes,
        };
        let mut upload = MultipartUpload::new(copying.target.clone());
        let stop_at = deadline.checked_sub(ABORT_RESERVE).unwrap_or(deadline);
        let result = timeout_at(stop_at.into(), copy_until_settled(&copying, source, &mut upload))
            .await
            .unwrap_or(Err(StoreError::Deadline));
        let leave_nothing = async {
            upload.abort().await;
            clean_up::clean_up(&copying.target, result.is_ok(), (self.now)()).await;
        };
        // Past the deadline, the upload's own drop aborts it.
        let _ = timeout_at(deadline.into(), leave_nothing).await;
        result
    }
}

async fn copy_until_settled(
    copying: &Copying<'_>,
    source: &dyn Source,
    upload: &mut MultipartUpload,
) -> Result<Outcome, StoreError> {
    let target = &copying.target;
    let recording = &target.recording;
    let mut attempted = Attempted::default();
    if let Some(outcome) = commit::settled(target, &attempted).await? {
        return Ok(outcome);
    }
    let mut download = Download::new(recording, source, DownloadLimits::DEFAULT);
    let mut remark = None;
    for _ in 0..COPIES {
        let unsettled = match copying.run(&mut download, upload, &mut attempted, remark).await {
            Ok(commit) => return Ok(commit::keep(target, commit).await?),
            Err(CopyError::Failed(error)) => return Err(error),
            Err(CopyError::Unsettled(error)) => {
                tracing::warn!(recordingSid = %recording, %error, "commit unsettled");
                Some(error)
            }
            Err(CopyError::StartOver(reason)) => {
                tracing::warn!(recordingSid = %recording, reason, "copy starts over");
                None
            }
            Err(CopyError::Remark(suspicion)) => {
                let reason = "the upload does not say whether the recording is suspect";
                tracing::warn!(recordingSid = %recording, reason, "copy starts over");
                remark = suspicion;
                None
            }
        };
        // Before the object is looked for: after this, a commit that is still on its way cannot succeed.
        upload.abort().await;
        if let Some(outcome) = commit::settled(target, &attempted).await? {
            return Ok(outcome);
        }
        if let Some(error) = unsettled {
            return Err(error.into());
        }
    }
    Err(StoreError::StartedOver { copies: COPIES })
}
