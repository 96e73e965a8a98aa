use std::{future::Future, pin::Pin, time::Instant};
use crate::{AccountId, ContentType, KeyArn, RecordingId};
use bytes::Bytes;
use futures_util::stream::Stream;

#[derive(Clone, Debug)]
pub struct WriterConfig { pub bucket: String, pub account: AccountId, pub kms_key: KeyArn }
pub struct Writer;
/// What Twilio said of the recording, stored as object metadata; informative only. Keys lower-case ASCII.
pub type Attributes = std::collections::BTreeMap<String, String>;

/// Where a recording's bytes come from; the function adapts Twilio's media download to it.
pub trait Source: Send + Sync {
    /// Opens the body at byte `from`. With `from > 0`, `validator` is what the first reply gave (for If-Range).
    fn open<'a>(&'a self, from: u64, validator: Option<&'a str>) -> Pin<Box<dyn Future<Output = Result<SourceReply, SourceError>> + Send + 'a>>;
}
pub type SourceBody = Pin<Box<dyn Stream<Item = Result<Bytes, SourceError>> + Send>>;
pub struct SourceReply {
    /// Byte the body starts at: `from`, or 0 where the source ignored the range.
    pub start: u64,
    /// Length of the whole recording where the source announced it.
    pub total_len: Option<u64>,
    /// Strong validator (ETag) for a later resume.
    pub validator: Option<String>,
    pub body: SourceBody,
}
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SourceError { pub retryable: bool, pub message: String }

#[derive(Debug)]
pub enum Outcome { Stored(Receipt), AlreadyStored, Erased }
#[derive(Clone, Debug)]
pub struct Receipt { pub plaintext_len: u64, pub sha256: [u8; 32], pub etag: Option<String>, pub version_id: Option<String>, pub parts: u32 }
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    #[error("source: {0}")]
    Source(#[from] SourceError),
    #[error("the source announced {announced} bytes and sent {received}")]
    LengthMismatch { announced: u64, received: u64 },
    #[error("deadline reached")]
    Deadline,
}
impl StoreError { pub fn is_retryable(&self) -> bool { todo!() } }
impl Writer {
    pub fn new(s3: aws_sdk_s3::Client, kms: aws_sdk_kms::Client, config: WriterConfig) -> Self { todo!() }
    /// Copies the source into the vault; ends before `deadline`, with every upload it opened committed or aborted.
    pub async fn store(&self, recording: &RecordingId, content_type: ContentType, attributes: &Attributes, source: &dyn Source, deadline: Instant) -> Result<Outcome, StoreError> { todo!() }
}
