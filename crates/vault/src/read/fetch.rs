//! GETs of an object's bytes. What S3 answers is checked before a byte of it is used, and a body that breaks off is
//! asked for again from the next byte, of the same version of the object.

use std::{mem, ops::Range};

use aws_sdk_s3::{Client, operation::get_object::GetObjectOutput, primitives::ByteStream};
use bytes::{Bytes, BytesMut};
use esdk_message::ObjectOffset;
use http_content_range::ContentRange;
use tracing::warn;

use super::{ReadError, plan::Ask};
use crate::{Bucket, ServiceError, VersionSelector, suspicion::SUSPECT};

/// A body that breaks off this often without a byte in between isn't going to get anywhere. Each time the SDK has
/// retried the request itself, with its own backoff.
const MAX_BREAKS: u32 = 3;

/// Bytes that are read and dropped to get to those that are wanted. A tail that was asked for before the layout was known
/// begins up to two stored frames early; that much arrives in less time than S3 takes to answer another GET.
const MAX_SKIP: u64 = 192 * 1024;

/// The bucket.
#[derive(Clone, Debug)]
pub(super) struct Objects {
    bucket: Bucket,
}

/// What all reads of one reply have to agree in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    /// Strong and quoted.
    pub(super) etag: String,
    pub(super) object_len: u64,
    /// S3's own name for it, where the bucket keeps versions.
    pub(super) version_id: Option<String>,
    /// Whether its metadata says that it was stored under a suspicion.
    pub(super) is_suspect: bool,
}

impl Objects {
    pub(super) fn new(s3: Client, bucket: &str) -> Self {
        Self {
            bucket: Bucket::new(s3, bucket),
        }
    }

    /// Asks for bytes of the object at `key`: of `version` where it's given, else of the current one. `None` when the
    /// object ends before them (416).
    pub(super) async fn get(
        &self,
        key: &str,
        ask: &Ask,
        version: Option<&Version>,
    ) -> Result<Option<ObjectBody>, ReadError> {
        let selector = version.map_or(VersionSelector::Current, |version| {
            VersionSelector::CurrentIf(&version.etag)
        });
        let answer = match self.bucket.get_object(key, Some(ask.header_value()), selector).await {
            Ok(answer) => answer,
            Err(error) if error.status() == Some(416) => return Ok(None),
            Err(error) => return Err(refused(&error)),
        };
        let (range, answered) = check_answer(ask, &answer)?;
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

    /// Asks whether `version` is still the current one. `Err(Changed)` when it isn't.
    pub(super) async fn confirm(&self, key: &str, version: &Version) -> Result<(), ReadError> {
        let head = self
            .bucket
            .head_object(key, VersionSelector::CurrentIf(&version.etag))
            .await
            .map_err(|error| refused(&error))?;
        match head.e_tag() {
            Some(etag) if etag == version.etag => Ok(()),
            Some(etag) if !etag.is_empty() => Err(ReadError::Changed),
            _ => Err(ReadError::Unavailable(
                ServiceError::incomplete("HeadObject").to_string(),
            )),
        }
    }
}

/// Bytes of one version of an object, in order, as they arrive. Dropping it cancels the GET.
#[derive(Debug)]
pub(super) struct ObjectBody {
    objects: Objects,
    key: String,
    version: Version,
    /// Taken from the response and not used yet.
    given_back: Bytes,
    response: ByteStream,
    /// Where the response's next byte stands in the object, and where its last one does (exclusive).
    next: u64,
    answered: u64,
    /// Where this body ends (exclusive): `answered`, or past it after [`Self::reach`].
    end: u64,
    /// Times the response broke off since the last byte.
    breaks: u32,
}

impl ObjectBody {
    pub(super) fn version(&self) -> &Version {
        &self.version
    }

    /// What the next chunk begins with.
    pub(super) fn position(&self) -> ObjectOffset {
        ObjectOffset(self.next - self.given_back.len() as u64)
    }

    /// Whether the byte at `offset` is among those still to come.
    pub(super) fn holds(&self, offset: ObjectOffset) -> bool {
        self.position() <= offset && offset.0 < self.end
    }

    /// Whether reading on to the byte at `offset` is cheaper than another GET.
    pub(super) fn leads_to(&self, offset: ObjectOffset) -> bool {
        self.holds(offset) && offset.0 - self.position().0 <= MAX_SKIP
    }

    /// Whether this body goes on to `end` (exclusive).
    pub(super) fn reaches(&self, end: ObjectOffset) -> bool {
        self.end >= end.0
    }

    /// Goes on to `end` (exclusive), where it would stop earlier.
    pub(super) fn reach(&mut self, end: ObjectOffset) {
        self.end = self.end.max(end.0.min(self.version.object_len));
    }

    /// Puts back what the last chunk had too much.
    pub(super) fn give_back(&mut self, rest: Bytes) {
        self.given_back = rest;
    }

    /// The next bytes, never none; `None` at the end.
    pub(super) async fn next_chunk(&mut self) -> Result<Option<Bytes>, ReadError> {
        if !self.given_back.is_empty() {
            return Ok(Some(mem::take(&mut self.given_back)));
        }
        while self.next < self.end {
            if self.next == self.answered {
                self.ask_on().await?;
            }
            match self.response.try_next().await {
                Ok(Some(mut chunk)) => {
                    // A reply without Content-Length may run on past what its Content-Range says.
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
                        return Err(ReadError::Unavailable(format!(
                            "GetObject: body broke off {breaks} times at byte {at}"
                        )));
                    }
                    warn!(at, breaks, "S3 body broke off; going on from the next byte");
                    self.ask_on().await?;
                }
            }
        }
        Ok(None)
    }

    /// Drops what comes before `offset`.
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

    /// Copies out `range`, which is still to come, and leaves the body as it is. Holds in memory what comes before.
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

    /// Asks for what's left, of the same version.
    async fn ask_on(&mut self) -> Result<(), ReadError> {
        let left = Ask::Range(ObjectOffset(self.next)..ObjectOffset(self.end));
        let again = self.objects.get(&self.key, &left, Some(&self.version)).await?;
        // The version has these bytes; its own S3 says that it doesn't.
        let again = again.ok_or_else(|| ReadError::Unavailable("GetObject: 416 within the object".to_owned()))?;
        self.response = again.response;
        self.answered = again.answered;
        Ok(())
    }
}

/// What S3 says that it sends: the bytes, and which version they're of. A Content-Range stands for the status: only a
/// 206 has one (RFC 9110, 14.4).
fn check_answer(ask: &Ask, answer: &GetObjectOutput) -> Result<(Range<u64>, Version), ReadError> {
    let contrary = |what: &str| ReadError::Unavailable(format!("GetObject: {what}"));
    let (range, object_len) = answer
        .content_range()
        .and_then(parse_content_range)
        .ok_or_else(|| contrary("a reply without a Content-Range"))?;
    if range != ask.answer_of(object_len) {
        return Err(contrary("a reply with other bytes than were asked for"));
    }
    let etag = answer
        .e_tag()
        .filter(|etag| etag.len() > 2 && etag.starts_with('"') && etag.ends_with('"'))
        .ok_or_else(|| contrary("a reply without a strong ETag"))?
        .to_owned();
    let version = Version {
        etag,
        object_len,
        version_id: answer.version_id().map(ToOwned::to_owned),
        is_suspect: answer.metadata().is_some_and(|metadata| metadata.contains_key(SUSPECT)),
    };
    Ok((range, version))
}

/// Parses `bytes {first}-{last}/{length}` (RFC 9110, 14.4) into a half-open range and the length of the object.
fn parse_content_range(text: &str) -> Option<(Range<u64>, u64)> {
    match ContentRange::parse(text)? {
        // The last byte is before the length, so that the sum can't overflow.
        ContentRange::Bytes(range) => Some((range.first_byte..range.last_byte + 1, range.complete_length)),
        ContentRange::UnboundBytes(_) | ContentRange::Unsatisfied(_) => None,
    }
}

/// What a refusal of S3 means to a reader (S3 API Reference, "Error responses").
fn refused(error: &ServiceError) -> ReadError {
    match (error.status(), error.code()) {
        (_, Some("NoSuchBucket")) => ReadError::Unavailable(error.to_string()),
        (Some(404), _) => ReadError::NotFound,
        (Some(412), _) => ReadError::Changed,
        (_, Some("InvalidObjectState")) => ReadError::Archived,
        _ => ReadError::Unavailable(error.to_string()),
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

    fn ask(range: Range<u64>) -> Ask {
        Ask::Range(ObjectOffset(range.start)..ObjectOffset(range.end))
    }

    #[test]
    fn an_answer_with_the_bytes_that_were_asked_for_is_taken() {
        for (ask, content_range, range) in [
            (ask(0..4), "bytes 0-3/10", 0..4),
            (ask(9..10), "bytes 9-9/10", 9..10),
            (ask(8..20), "bytes 8-9/10", 8..10),
            (Ask::Suffix(3), "bytes 7-9/10", 7..10),
            (Ask::Suffix(30), "bytes 0-9/10", 0..10),
            (ask(2..6), "bytes 2-5/10 ", 2..6),
        ] {
            let (answered, version) = check_answer(&ask, &answer(Some(content_range), ETAG)).unwrap();
            assert_eq!((answered, version.object_len), (range, 10), "{content_range}");
            assert_eq!(version.version_id.as_deref(), Some("v"));
        }
    }

    #[test]
    fn any_other_answer_is_refused() {
        let asked = ask(2..6);
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
            Some("items 2-5/10"),
            Some("bytes 2-18446744073709551615/18446744073709551615"),
        ] {
            let checked = check_answer(&asked, &answer(content_range, ETAG));
            assert!(matches!(checked, Err(ReadError::Unavailable(_))), "{content_range:?}");
        }
        for etag in [None, Some(""), Some("e"), Some("W/\"e\""), Some("\"\"")] {
            let checked = check_answer(&asked, &answer(Some("bytes 2-5/10"), etag));
            assert!(matches!(checked, Err(ReadError::Unavailable(_))), "{etag:?}");
        }
    }
}
