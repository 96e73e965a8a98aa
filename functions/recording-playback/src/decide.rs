//! Decides how to answer a playback request, from the request and the recording's facts. Pure.

use std::ops::Range;

use http::{HeaderMap, HeaderValue, Method};
use vault::{ContentType, Expectation};

use crate::{
    listener,
    range::{IfRange, Outcome, Preconditions, RangeSpec, Resolved},
};

/// The most that one reply carries, in bytes. Lambda ends a streamed reply at 200 MB ("Response streaming for Lambda
/// functions", AWS Lambda Developer Guide). 10 MB are kept back, because the guide does not say what counts.
pub const REPLY_LIMIT: u64 = 190_000_000;

/// The frame length that recordings are written with. A shortened 206 ends at the end of a frame, so that the next request
/// does not fetch the same frame again. Recordings with another frame length only lose this saving.
const FRAME_LEN: u64 = 65_536;

/// 256 TiB. No object in S3 is as long (the limit is 50 TB), so no recording has positions beyond this one. Excluding them
/// keeps the arithmetic on frames from overflowing `u64`.
const BEYOND_ANY_OBJECT: u64 = 1 << 48;

/// The facts about an opened recording that an HTTP answer needs. All of it is authenticated except the tag, which S3 sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Length in bytes of plaintext.
    pub len: u64,
    /// Strong entity tag, with its quotes, of the object version that is read.
    pub etag: HeaderValue,
    /// WAV or MP3.
    pub content_type: ContentType,
}

/// A request for a recording.
#[derive(Clone, Debug)]
pub struct PlaybackRequest {
    is_head: bool,
    /// Whether the client requests the rest of a shortened reply.
    requests_the_rest: bool,
    range: Option<RangeSpec>,
    if_range: Option<IfRange>,
    preconditions: Preconditions,
}

/// The answer that a request gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// 200: the whole recording.
    Whole,
    /// 206: these bytes, half-open and never empty.
    Partial(Range<u64>),
    /// 304: the client has the recording.
    NotModified,
}

/// Why a request for a recording that exists cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unservable {
    /// 400: the recording is too long for one reply. A request with a range can be served.
    #[error("the whole recording does not fit into one reply, a range does")]
    RangeRequired,
    /// 412: the client requested another version.
    #[error("the recording is not the requested version")]
    PreconditionFailed,
    /// 416: none of the bytes exist.
    #[error("the range begins past the end")]
    Unsatisfiable {
        /// The recording's length in bytes.
        len: u64,
    },
}

impl PlaybackRequest {
    /// Reads the method (GET or HEAD) and the headers.
    #[must_use]
    pub fn new(method: &Method, headers: &HeaderMap) -> Self {
        Self {
            is_head: method == Method::HEAD,
            requests_the_rest: listener::requests_the_rest(headers),
            //= https://www.rfc-editor.org/rfc/rfc9110#section-14.2
            //# A server MUST ignore a Range header field received with a request
            //# method that is unrecognized or for which range handling is not
            //# defined.
            range: if method == Method::GET {
                RangeSpec::from_headers(headers)
            } else {
                None
            },
            if_range: IfRange::from_request(method, headers),
            preconditions: Preconditions::from_headers(headers),
        }
    }

    /// The bytes that will be read once the recording is open, as far as they are known before.
    pub fn expectation(&self, max_range_bytes: u64) -> Expectation {
        if self.is_head || !self.preconditions.is_empty() {
            return Expectation::Facts;
        }
        match self.range {
            // One GET for the whole. If the recording is too long for one reply, the GET is dropped at the first byte.
            None => Expectation::Bytes {
                offset: 0,
                len: REPLY_LIMIT,
            },
            Some(range @ RangeSpec::Int { first, last }) if first < BEYOND_ANY_OBJECT => {
                // `last` is never before `first`.
                let wanted = last.map_or(u64::MAX, |last| (last - first).saturating_add(1));
                Expectation::Bytes {
                    offset: first,
                    len: wanted.min(self.limit(range, max_range_bytes)),
                }
            }
            Some(RangeSpec::Suffix { length }) if (1..=REPLY_LIMIT).contains(&length) => {
                Expectation::Tail { len: length }
            }
            // A range past any end, or a suffix longer than a reply: its first byte is known only with the length.
            Some(_) => Expectation::Facts,
        }
    }

    /// Decides, by RFC 9110 section 13.2.2, how to answer the request for a recording with these facts.
    ///
    /// # Errors
    /// [`Unservable`] if the request gets neither bytes nor a 304.
    pub fn decide(&self, facts: &Facts, max_range_bytes: u64) -> Result<Decision, Unservable> {
        //= https://www.rfc-editor.org/rfc/rfc9110#section-13.2.1
        //# A server MUST ignore all received preconditions if its response to the
        //# same request without those conditions, prior to processing the request
        //# content, would have been a status code other than a 2xx (Successful) or
        //# 412 (Precondition Failed).
        if self.range.is_none() {
            self.whole(facts)?;
        }
        match self.preconditions.check(&facts.etag) {
            Outcome::Failed => return Err(Unservable::PreconditionFailed),
            Outcome::NotModified => return Ok(Decision::NotModified),
            Outcome::Proceed => {}
        }
        //= https://www.rfc-editor.org/rfc/rfc9110#section-14.2
        //# The Range header field is evaluated after evaluating the precondition
        //# header fields defined in Section 13.1, and only if the result in
        //# absence of the Range header field would be a 200 (OK) response.
        match self.range {
            Some(range)
                if self
                    .if_range
                    .as_ref()
                    .is_none_or(|if_range| if_range.holds(&facts.etag)) =>
            {
                match range.resolve(facts.len) {
                    Resolved::Part(part) => Ok(Decision::Partial(shortened(part, self.limit(range, max_range_bytes)))),
                    Resolved::Whole => self.whole(facts),
                    Resolved::Unsatisfiable => Err(Unservable::Unsatisfiable { len: facts.len }),
                }
            }
            //= https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5
            //# A recipient of an If-Range header field MUST ignore the Range header
            //# field if the If-Range condition evaluates to false.
            _ => self.whole(facts),
        }
    }

    /// The plaintext that a reply by this decision carries, half-open. `None` if it carries none.
    pub fn content(&self, decision: &Decision, facts: &Facts) -> Option<Range<u64>> {
        match decision {
            Decision::Whole if !self.is_head && facts.len > 0 => Some(0..facts.len),
            Decision::Partial(part) => Some(part.clone()),
            _ => None,
        }
    }

    /// The most that a 206 carries. An open range of a client that requests the rest gets `max_range_bytes`: such a
    /// client requests everything to the end, plays or skips, and leaves, while Lambda bills the reply to its end.
    fn limit(&self, range: RangeSpec, max_range_bytes: u64) -> u64 {
        match range {
            RangeSpec::Int { last: None, .. } if self.requests_the_rest => max_range_bytes.min(REPLY_LIMIT),
            _ => REPLY_LIMIT,
        }
    }

    const fn whole(&self, facts: &Facts) -> Result<Decision, Unservable> {
        if facts.len > REPLY_LIMIT && !self.is_head {
            Err(Unservable::RangeRequired)
        } else {
            Ok(Decision::Whole)
        }
    }
}

/// At most the first `max` bytes of `part`. A shortened part ends at the end of a frame if there is one.
//= https://www.rfc-editor.org/rfc/rfc9110#section-15.3.7
//# a server might want to send only a subset of the data requested for reasons of its own
fn shortened(part: Range<u64>, max: u64) -> Range<u64> {
    let end = part.start.saturating_add(max);
    if end >= part.end {
        return part;
    }
    let whole_frames = end - end % FRAME_LEN;
    part.start..if whole_frames > part.start { whole_frames } else { end }
}

#[cfg(test)]
mod tests;
