use std::{ops::Range, pin::Pin};
use crate::{AccountId, ContentType, KeyArn, RecordingId};
use bytes::Bytes;
use futures_util::stream::Stream;

#[derive(Clone, Debug)]
pub struct ReaderConfig { pub bucket: String, pub account: AccountId, /// Never empty; full ARNs.
    pub kms_keys: Vec<KeyArn> }
/// Keeps opened recordings (ETag, layout, frame key); Clone is cheap.
#[derive(Clone)]
pub struct Reader;
/// What the caller expects to read next, so that a cold open fetches it in the same round trip as the header.
#[derive(Clone, Copy, Debug)]
pub enum Expectation {
    /// Only the facts (HEAD, 304, 416). Never answered from an entry older than 60 s without asking S3.
    Facts,
    /// Plaintext from `offset`, at most `len` bytes.
    Bytes { offset: u64, len: u64 },
    /// The last `len` bytes.
    Tail { len: u64 },
}
/// An opened recording: key unwrapped, header and length authenticated.
#[derive(Clone)]
pub struct Recording;
impl Recording {
    pub fn len(&self) -> u64 { todo!() }
    pub fn content_type(&self) -> ContentType { todo!() }
    /// Strong, quoted, as HTTP wants it.
    pub fn etag(&self) -> &str { todo!() }
}
pub type PlaintextStream = Pin<Box<dyn Stream<Item = Result<Bytes, ReadError>> + Send>>;
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    #[error("no such recording")]
    NotFound,
    #[error("the object is in an archive class")]
    Archived,
    #[error("the object was replaced while it was read")]
    Changed,
    /// Damaged or forged: never a byte of it is released.
    #[error("damaged: {0}")]
    Damaged(String),
    /// S3 or KMS throttled, down or refusing; worth another try.
    #[error("unavailable: {0}")]
    Unavailable(String),
}
impl Reader {
    pub fn new(s3: aws_sdk_s3::Client, kms: aws_sdk_kms::Client, config: ReaderConfig) -> Self { todo!() }
    pub async fn open(&self, recording: &RecordingId, expectation: Expectation) -> Result<Recording, ReadError> { todo!() }
    /// Plaintext of `range` (half-open, within the recording). Returns once the first frame has verified; a broken S3 body is resumed inside.
    pub async fn read(&self, recording: &Recording, range: Range<u64>) -> Result<PlaintextStream, ReadError> { todo!() }
}
