//! Writing: a recording is copied into the bucket as a stream, sealed on the way, and committed whole or not at all.
//!
//! One copy runs in one task, with no queue between its stages: [`Download`] gives chunks, `SealedParts` seals them frame
//! by frame in the buffer that is then uploaded, and a bounded number of uploads runs while the next part fills. Whoever
//! drops the future drops every stage with it; [`MultipartUpload`] sees to it that nothing stays behind in S3.
//!
//! A data key and a message id seal one plaintext once. Whenever a copy has to begin again (the source ignored a range,
//! somebody else was faster, the upload is gone) it begins with a new key, a new message and a new upload.

mod attributes;
mod commit;
mod copy;
mod download;
mod error;
mod part;
mod part_uploads;
mod seal;
mod source;
mod stale;
mod upload;

use std::time::{Duration, Instant, SystemTime};

use sid::{AccountSid, RecordingSid};
use tokio::time::timeout_at;

pub use self::{
    attributes::Attributes,
    error::StoreError,
    source::{Source, SourceBody, SourceError, SourceReply},
};
use self::{
    commit::Attempted,
    copy::{Copier, CopyError},
    download::{Download, Patience},
    upload::{MultipartUpload, Target},
};
use crate::{Bucket, ContentType, KeyArn, ObjectKeys, Reported, Suspicion};

/// A copy ends so long before its deadline, so that its upload can still be aborted: one request, which has time for a
/// new connection (3 s at most) and one retry.
const ABORT_RESERVE: Duration = Duration::from_secs(5);

/// How often a recording is begun, the first time included. Each further time costs a whole download; a conflict that
/// lasts longer is better met by the job's next delivery.
const COPIES: u32 = 4;

/// Where recordings go, and under which key.
#[derive(Clone, Debug)]
pub struct WriterConfig {
    /// Name of the bucket.
    pub bucket: String,
    /// The account that every recording belongs to; part of the encryption context.
    pub account: AccountSid,
    /// The key that wraps data keys.
    pub kms_key: KeyArn,
}

/// Copies recordings into the vault. It needs `s3:PutObject`, `s3:GetObject` and `s3:ListBucket` (without the latter S3
/// answers 403 where an object is absent), `s3:ListBucketMultipartUploads`, `s3:AbortMultipartUpload`, `kms:GenerateDataKey`
/// and, to take back what crossed an erasure, `s3:DeleteObject` and `s3:DeleteObjectVersion`.
#[derive(Debug)]
pub struct Writer {
    bucket: Bucket,
    kms: aws_sdk_kms::Client,
    config: WriterConfig,
    now: fn() -> SystemTime,
}

/// What is known of a recording before its bytes come.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// What it's stored as where its bytes don't tell.
    pub content_type: ContentType,
    /// What is said of it in the object's metadata.
    pub attributes: Attributes,
    /// What its bytes are compared with.
    pub reported: Reported,
    /// What becomes of it if its bytes are something else, or unknown.
    pub doubts: Doubts,
}

/// What becomes of bytes that may be the recording, although something speaks against it. (What is certainly not the
/// recording is never stored.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubts {
    /// They're refused: a later try may bring better ones.
    Refuse,
    /// They're stored, and marked as suspect: no later try follows, and a recorder doesn't lose what it can't explain.
    Store,
}

/// How a copy ended well.
#[derive(Debug)]
pub enum Outcome {
    /// The recording was committed by this call.
    Stored(Receipt),
    /// It was there already, or another copy was faster; nothing was overwritten.
    AlreadyStored,
    /// It was erased on request and must not come back.
    Erased,
    /// It was stored once and is deleted, as the bucket's retention does; it must not come back.
    Expired,
}

/// What was committed.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// Bytes of the recording.
    pub plaintext_len: u64,
    /// SHA-256 of the recording.
    pub sha256: [u8; 32],
    /// The object's ETag, quoted as S3 gives it.
    pub etag: Option<String>,
    /// The object's version, where the bucket keeps versions.
    pub version_id: Option<String>,
    /// Parts of the upload; 1 where a single request was enough.
    pub parts: u32,
    /// What speaks against it, where it was stored all the same.
    pub suspicion: Option<Suspicion>,
}

impl Writer {
    /// A writer on these clients. Retries and timeouts of single requests are the clients' own.
    #[must_use]
    pub fn new(s3: aws_sdk_s3::Client, kms: aws_sdk_kms::Client, config: WriterConfig) -> Self {
        Self {
            bucket: Bucket::new(s3, &config.bucket),
            kms,
            config,
            now: SystemTime::now,
        }
    }

    /// Takes the time from `now`, by which the age of uploads that a killed process has left is told.
    #[must_use]
    pub fn with_clock(mut self, now: fn() -> SystemTime) -> Self {
        self.now = now;
        self
    }

    /// Copies the source into the vault; ends before `deadline`, with every upload it opened committed or aborted.
    /// Dropping the future aborts too, in the background.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; nothing is stored then, except after [`StoreError::Deadline`] and errors of the commit itself,
    /// where the next call finds out.
    pub async fn store(
        &self,
        recording: &RecordingSid,
        incoming: &Incoming,
        source: &dyn Source,
        deadline: Instant,
    ) -> Result<Outcome, StoreError> {
        let attributes = attributes::storable(&incoming.attributes);
        let copier = Copier {
            kms: &self.kms,
            config: &self.config,
            target: Target {
                bucket: self.bucket.clone(),
                key: recording.object_key(),
                recording: recording.clone(),
            },
            incoming,
            attributes: &attributes,
        };
        let mut upload = MultipartUpload::new(copier.target.clone());
        let mut others_are_open = false;
        let copying = self.copy_until_settled(&copier, source, &mut upload, &mut others_are_open);
        let stop_at = deadline.checked_sub(ABORT_RESERVE).unwrap_or(deadline);
        let result = timeout_at(stop_at.into(), copying)
            .await
            .unwrap_or(Err(StoreError::Deadline));
        let leave_nothing = async {
            upload.abort().await;
            let may_be_void = match &result {
                Ok(Outcome::Stored(_)) => others_are_open || upload.may_have_lost_one(),
                // Who comes second may come back from having been killed.
                Ok(Outcome::AlreadyStored | Outcome::Erased | Outcome::Expired) => true,
                Err(_) => false,
            };
            if may_be_void {
                stale::abort_void(&copier.target).await;
            }
        };
        // Past the deadline the upload's own drop takes over.
        let _ = timeout_at(deadline.into(), leave_nothing).await;
        result
    }

    async fn copy_until_settled(
        &self,
        copier: &Copier<'_>,
        source: &dyn Source,
        upload: &mut MultipartUpload,
        others_are_open: &mut bool,
    ) -> Result<Outcome, StoreError> {
        let recording = &copier.target.recording;
        let mut attempted = Attempted::default();
        if let Some(outcome) = commit::settled(&copier.target, &attempted).await? {
            return Ok(outcome);
        }
        *others_are_open = stale::abort_abandoned(&copier.target, (self.now)()).await;
        let mut download = Download::new(recording, source, Patience::DEFAULT);
        let mut remark = None;
        for _ in 0..COPIES {
            let unsettled = match copier.run(&mut download, upload, &mut attempted, remark).await {
                Ok(receipt) => return Ok(commit::keep(&copier.target, receipt).await?),
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
            // Before the look: a commit that's still on its way can't succeed after it.
            upload.abort().await;
            if let Some(outcome) = commit::settled(&copier.target, &attempted).await? {
                return Ok(outcome);
            }
            if let Some(error) = unsettled {
                return Err(error.into());
            }
        }
        Err(StoreError::StartedOver { copies: COPIES })
    }
}
