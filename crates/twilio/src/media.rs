use std::pin::Pin;
use bytes::Bytes;
use futures_util::Stream;
use crate::{client::{ApiError, Client, Credentials}, sid::RecordingSid};
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaFormat { Wav, Mp3 }
pub struct Media {
    /// Byte the body starts at: what was asked for, or 0 where Twilio ignored the range.
    pub start: u64,
    pub total_len: Option<u64>,
    /// Strong ETag, if any.
    pub etag: Option<String>,
    pub body: Pin<Box<dyn Stream<Item = Result<Bytes, ApiError>> + Send>>,
}
impl Client {
    /// GET …/Recordings/{RE}.wav?RequestedChannels=2, on 400 again with 1. `from > 0` asks `Range: bytes=from-` with If-Range when an ETag is given.
    pub async fn media(&self, credentials: &Credentials, recording: &RecordingSid, format: MediaFormat, from: u64, etag: Option<&str>) -> Result<Media, ApiError> { todo!() }
}
