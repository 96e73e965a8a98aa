//! GETs of an object's bytes. The reply of S3 is checked before a byte of it is used. If a body breaks off, it is requested
//! again from the next byte, of the same version of the object.

use std::{mem, ops::Range, sync::Arc, time::SystemTime};

use aws_sdk_s3::{Client, operation::get_object::GetObjectOutput, primitives::ByteStream};
use bytes::{Bytes, BytesMut};
use esdk_message::ObjectOffset;
use http_content_range::ContentRange;
use tracing::warn;

use super::{
    error::{Outage, ReadError},
    plan::RangeRequest,
};
use crate::{Bucket, Metadata, ServiceError, VersionSelector};

/// The read fails if the body breaks off more often than this without a byte in between. Each time, the SDK has retried the
/// request itself, with its own backoff.
const MAX_BREAKS: u32 = 3;

/// Most bytes that are read and dropped before the wanted bytes. A tail that was requested before the layout was known begins
/// up to two stored frames early. They arrive in less time than S3 takes to answer another GET.
const MAX_SKIP: u64 = 192 * 1024;

/// The objects of a bucket.
#[derive(Clone, Debug)]
pub(super) struct Objects {
    bucket: Bucket,
}

/// One version of an object. All replies that make up one read must have the same version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    /// Strong and quoted.
    pub(super) etag: String,
    pub(super) object_len: u64,
    /// S3's id of the version, if the bucket keeps versions.
    pub(super) version_id: Option<String>,
    pub(super) description: Arc<Description>,
}

/// What S3 says about a version beside its bytes. It is not authenticated.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Description {
    pub(super) metadata: Metadata,
    /// When S3 stored it.
    pub(super) stored_at: Option<SystemTime>,
}

impl Objects {
    pub(super) fn new(s3: Client, bucket: &str) -> Self {
        Self {
            bucket: Bucket::new(s3, bucket),
        }
    }

    /// Requests bytes of the object at `key`: of `version` if it is given, and otherwise of the current one. `None` if the
    /// object ends before them (416).
    pub(super) async fn get(
        &self,
        key: &str,
        request: &RangeRequest,
        version: Option<&Version>,
    ) -> Result<Option<ObjectBody>, ReadError> {
        let selector = version.map_or(VersionSelector::Current, |version| {
            VersionSelector::CurrentIf(&version.etag)
        });
        let answer = match self
            .bucket
            .get_object(key, Some(request.header_value()), selector)
            .await
        {
            Ok(answer) => answer,
            Err(error) if error.status() == Some(416) => return Ok(None),
            Err(error) => return Err(refused(error)),
        };
        let (range, answered) = check_reply(request, &answer)?;
        if version.is_some_and(|version| *version != answered) {
            return Err(ReadError::Changed);
        }
        Ok(Some(ObjectBody {
            objects: self.clone(),
            key: key.to_owned(),
            version: answered,
            given_back: Bytes::new(),
            response: answer.body,
            next: range.start,
            answered: range.end,
            end: range.end,
            breaks: 0,
        }))
    }

    /// Checks that `version` is still the current one. [`ReadError::Changed`] if it is not.
    pub(super) async fn confirm(&self, key: &str, version: &Version) -> Result<(), ReadError> {
        let head = self
            .bucket
            .head_object(key, VersionSelector::CurrentIf(&version.etag))
            .await
            .map_err(refused)?;
        match head.e_tag() {
            Some(etag) if etag == version.etag => Ok(()),
            Some(etag) if !etag.is_empty() => Err(ReadError::Changed),
            _ => Err(Outage::S3(ServiceError::incomplete("HeadObject")).into()),
        }
    }
}

/// Bytes of one version of an object, in order, as they arrive. A drop cancels the GET.
#[derive(Debug)]
pub(super) struct ObjectBody {
    objects: Objects,
    key: String,
    version: Version,
    /// Bytes that were taken from the response and not used yet.
    given_back: Bytes,
    response: ByteStream,
    /// Offset in the object of the response's next byte.
    next: u64,
    /// Offset in the object of the response's end (exclusive).
    answered: u64,
    /// Offset of this body's end (exclusive): `answered`, or more after [`Self::reach`].
    end: u64,
    /// How often the response broke off since the last byte.
    breaks: u32,
}

impl ObjectBody {
    pub(super) fn version(&self) -> &Version {
        &self.version
    }

    /// Offset of the next chunk.
    pub(super) fn position(&self) -> ObjectOffset {
        ObjectOffset(self.next - self.given_back.len() as u64)
    }

    /// Whether the byte at `offset` is still to come.
    pub(super) fn holds(&self, offset: ObjectOffset) -> bool {
        self.position() <= offset && offset.0 < self.end
    }

    /// Whether it is cheaper to read up to the byte at `offset` than to send another GET.
    pub(super) fn leads_to(&self, offset: ObjectOffset) -> bool {
        self.holds(offset) && offset.0 - self.position().0 <= MAX_SKIP
    }

    /// Whether this body extends to `end` (exclusive).
    pub(super) fn reaches(&self, end: ObjectOffset) -> bool {
        self.end >= end.0
    }

    /// Extends this body to `end` (exclusive) if it would end earlier.
    pub(super) fn reach(&mut self, end: ObjectOffset) {
        self.end = self.end.max(end.0.min(self.version.object_len));
    }

    /// Puts the unused rest of the last chunk back.
    pub(super) fn give_back(&mut self, rest: Bytes) {
        self.given_back = rest;
    }

    /// The next bytes. Never empty, and `None` at the end.
    pub(super) async fn next_chunk(&mut self) -> Result<Option<Bytes>, ReadError> {
        if !self.given_back.is_empty() {
            return Ok(Some(mem::take(&mut self.given_back)));
        }
        while self.next < self.end {
            if self.next == self.answered {
                self.request_rest().await?;
            }
            match self.response.try_next().await {
                Ok(Some(mut chunk)) => {
                    // A reply without Content-Length may be longer than its Content-Range.
                    let left = usize::try_from(self.answered - self.next).unwrap_or(usize::MAX);
                    chunk.truncate(left);
                    if !chunk.is_empty() {
                        self.next += chunk.len() as u64;
                        self.breaks = 0;
                        return Ok(Some(chunk));
                    }
                }
                Ok(None) | Err(_) => {
                    self.breaks += 1;
                    let (at, breaks) = (self.next, self.breaks);
                    if breaks > MAX_BREAKS {
                        return Err(Outage::Interrupted { breaks, at }.into());
                    }
                    warn!(
                        at,
                        breaks, "the S3 body broke off; the read continues from the next byte"
                    );
                    self.request_rest().await?;
                }
            }
        }
        Ok(None)
    }

    /// Drops the bytes before `offset`.
    pub(super) async fn skip_to(&mut self, offset: ObjectOffset) -> Result<(), ReadError> {
        while self.position() < offset {
            let ahead = offset.0 - self.position().0;
            let Some(mut chunk) = self.next_chunk().await? else {
                break;
            };
            let dropped = usize::try_from(ahead).map_or(chunk.len(), |ahead| ahead.min(chunk.len()));
            self.given_back = chunk.split_off(dropped);
        }
        Ok(())
    }

    /// Copies `range`, which is still to come, and leaves the body unchanged. The bytes before it are held in memory.
    pub(super) async fn peek(&mut self, range: Range<ObjectOffset>) -> Result<BytesMut, ReadError> {
        let start = self.position().0;
        let within = |offset: ObjectOffset| offset.0.checked_sub(start).and_then(|at| usize::try_from(at).ok());
        let (Some(from), Some(to)) = (within(range.start), within(range.end)) else {
            return Ok(BytesMut::new());
        };
        self.reach(range.end);
        let mut ahead = BytesMut::with_capacity(to);
        while ahead.len() < to {
            let Some(chunk) = self.next_chunk().await? else {
                break;
            };
            ahead.extend_from_slice(&chunk);
        }
        let copy = ahead.get(from..to).map(BytesMut::from).unwrap_or_default();
        self.given_back = ahead.freeze();
        Ok(copy)
    }

    /// Requests the rest, of the same version.
    async fn request_rest(&mut self) -> Result<(), ReadError> {
        let left = RangeRequest::Range(ObjectOffset(self.next)..ObjectOffset(self.end));
        let again = self.objects.get(&self.key, &left, Some(&self.version)).await?;
        // S3 itself has said that this version has these bytes.
        let again = again.ok_or(Outage::RangeRefused)?;
        self.response = again.response;
        self.answered = again.answered;
        Ok(())
    }
}

/// The range and the version of the bytes in a reply. The status need not be checked, because only a 206 has a Content-Range
/// (RFC 9110, 14.4).
fn check_reply(request: &RangeRequest, reply: &GetObjectOutput) -> Result<(Range<u64>, Version), Outage> {
    let (range, object_len) = reply
        .content_range()
        .and_then(parse_content_range)
        .ok_or(Outage::NoContentRange)?;
    if range != request.reply_range(object_len) {
        return Err(Outage::OtherBytes);
    }
    let etag = reply
        .e_tag()
        .filter(|etag| etag.len() > 2 && etag.starts_with('"') && etag.ends_with('"'))
        .ok_or(Outage::NoEntityTag)?
        .to_owned();
    let version = Version {
        etag,
        object_len,
        version_id: reply.version_id().map(ToOwned::to_owned),
        description: Arc::new(Description {
            metadata: reply.metadata().cloned().unwrap_or_default(),
            stored_at: reply.last_modified().and_then(|time| SystemTime::try_from(*time).ok()),
        }),
    };
    Ok((range, version))
}

/// Parses `bytes {first}-{last}/{length}` (RFC 9110, 14.4) into a half-open range and the length of the object.
fn parse_content_range(text: &str) -> Option<(Range<u64>, u64)> {
    // The library skips white space that the grammar does not have.
    if text.strip_prefix("bytes ")?.contains(char::is_whitespace) {
        return None;
    }
    match ContentRange::parse(text)? {
        // The last byte is before the end, so that the sum cannot overflow.
        ContentRange::Bytes(range) => Some((range.first_byte..range.last_byte + 1, range.complete_length)),
        ContentRange::UnboundBytes(_) | ContentRange::Unsatisfied(_) => None,
    }
}

/// Classifies a refusal of S3 (S3 API Reference, "Error responses").
fn refused(error: ServiceError) -> ReadError {
    match (error.status(), error.code()) {
        (_, Some("NoSuchBucket")) => Outage::S3(error).into(),
        (Some(404), _) => ReadError::NotFound,
        (Some(412), _) => ReadError::Changed,
        (_, Some("InvalidObjectState")) => ReadError::Archived,
        _ => Outage::S3(error).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ETAG: Option<&str> = Some("\"e\"");

    fn answer(content_range: Option<&str>, etag: Option<&str>) -> GetObjectOutput {
        GetObjectOutput::builder()
            .set_content_range(content_range.map(ToOwned::to_owned))
            .set_e_tag(etag.map(ToOwned::to_owned))
            .version_id("v")
            .build()
    }

    fn request(range: Range<u64>) -> RangeRequest {
        RangeRequest::Range(ObjectOffset(range.start)..ObjectOffset(range.end))
    }

    #[test]
    fn an_answer_with_the_requested_bytes_is_accepted() {
        for (request, content_range, range) in [
            (request(0..4), "bytes 0-3/10", 0..4),
            (request(9..10), "bytes 9-9/10", 9..10),
            (request(8..20), "bytes 8-9/10", 8..10),
            (RangeRequest::Suffix(3), "bytes 7-9/10", 7..10),
            (RangeRequest::Suffix(30), "bytes 0-9/10", 0..10),
        ] {
            let (answered, version) = check_reply(&request, &answer(Some(content_range), ETAG)).unwrap();
            assert_eq!((answered, version.object_len), (range, 10), "{content_range}");
            assert_eq!(version.version_id.as_deref(), Some("v"));
        }
    }

    #[test]
    fn any_other_answer_is_refused() {
        let requested = request(2..6);
        for content_range in [
            None,
            Some(""),
            Some("bytes 2-5/*"),
            Some("bytes */10"),
            Some("bytes 2-6/10"),
            Some("bytes 1-5/10"),
            Some("bytes 2-4/10"),
            Some("bytes 5-2/10"),
            Some("bytes 2-5/5"),
            Some("bytes +2-5/10"),
            Some("bytes 2-5/10 "),
            Some("bytes  2-5/10"),
            Some("items 2-5/10"),
            Some("bytes 2-18446744073709551615/18446744073709551615"),
        ] {
            let checked = check_reply(&requested, &answer(content_range, ETAG));
            assert!(
                matches!(checked, Err(Outage::NoContentRange | Outage::OtherBytes)),
                "{content_range:?}"
            );
        }
        for etag in [None, Some(""), Some("e"), Some("W/\"e\""), Some("\"\"")] {
            let checked = check_reply(&requested, &answer(Some("bytes 2-5/10"), etag));
            assert!(matches!(checked, Err(Outage::NoEntityTag)), "{etag:?}");
        }
    }
}
