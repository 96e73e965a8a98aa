//! What a playback request is owed: a value, made of the request and the recording's facts. Pure.

use std::ops::Range;

use http::{HeaderMap, HeaderValue, Method};
use vault::{ContentType, Expectation};

use crate::{
    listener,
    range::{IfRange, Outcome, Preconditions, RangeSpec, Resolved},
};

/// The most that one reply carries, in bytes. Lambda ends a streamed reply at 200 MB ("Response streaming for Lambda
/// functions", AWS Lambda Developer Guide); 10 MB are left for doubt about what counts.
pub const REPLY_LIMIT: u64 = 190_000_000;

/// The frame length that recordings are written with. A shortened 206 ends where a frame does, so that the next request
/// doesn't fetch the same frame again. For a recording with other frames only that economy is lost.
const FRAME_LEN: u64 = 65_536;

/// No object in S3 is as long as this, 256 TiB (its limit is 50 TB): positions beyond it exist in no recording, and
/// leaving them out keeps the arithmetic on frames away from the end of `u64`.
const BEYOND_ANY_OBJECT: u64 = 1 << 48;

/// What HTTP needs to know of an opened recording; all of it is authenticated but the tag, which names the S3 object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Length in bytes of plaintext.
    pub len: u64,
    /// Strong entity tag with its quotes, of the object version that is read.
    pub etag: HeaderValue,
    /// WAV or MP3.
    pub content_type: ContentType,
}

/// What a request for a recording asks.
#[derive(Clone, Debug)]
pub struct PlaybackRequest {
    is_head: bool,
    /// Whether the listener asks for the rest of a shortened reply.
    comes_back: bool,
    range: Option<RangeSpec>,
    if_range: Option<IfRange>,
    preconditions: Preconditions,
}

/// What it is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// 200: the whole recording.
    Whole,
    /// 206: these bytes, half-open; never empty.
    Partial(Range<u64>),
    /// 304: the client has it.
    NotModified,
    /// 400: too long for one reply; a request with a range will do.
    RangeRequired,
    /// 412: the client asked for another version.
    PreconditionFailed,
    /// 416: none of the bytes exist.
    Unsatisfiable,
}

impl PlaybackRequest {
    /// Reads the method (GET or HEAD) and the headers.
    pub fn new(method: &Method, headers: &HeaderMap) -> Self {
        Self {
            is_head: method == Method::HEAD,
            comes_back: listener::comes_back(headers),
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

    /// What will be read once the recording is open, as far as can be said before.
    pub fn expectation(&self, max_range_bytes: u64) -> Expectation {
        if self.is_head || !self.preconditions.is_empty() {
            return Expectation::Facts;
        }
        match self.range {
            // One GET for the whole. Of a recording too long for one reply it's dropped at the first byte.
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
            // Past any end, or a suffix whose beginning is sent while only its length from the end is known.
            Some(_) => Expectation::Facts,
        }
    }

    /// Decides, by RFC 9110 section 13.2.2, what the request is owed of a recording with these facts.
    pub fn decide(&self, facts: &Facts, max_range_bytes: u64) -> Decision {
        //= https://www.rfc-editor.org/rfc/rfc9110#section-13.2.1
        //# A server MUST ignore all received preconditions if its response to the
        //# same request without those conditions, prior to processing the request
        //# content, would have been a status code other than a 2xx (Successful) or
        //# 412 (Precondition Failed).
        if self.range.is_none() && self.whole(facts) == Decision::RangeRequired {
            return Decision::RangeRequired;
        }
        match self.preconditions.check(&facts.etag) {
            Outcome::Failed => return Decision::PreconditionFailed,
            Outcome::NotModified => return Decision::NotModified,
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
                    Resolved::Part(part) => Decision::Partial(shortened(part, self.limit(range, max_range_bytes))),
                    Resolved::Whole => self.whole(facts),
                    Resolved::Unsatisfiable => Decision::Unsatisfiable,
                }
            }
            //= https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5
            //# A recipient of an If-Range header field MUST ignore the Range header
            //# field if the If-Range condition evaluates to false.
            _ => self.whole(facts),
        }
    }

    /// The plaintext that a reply by this decision carries, half-open; `None` where that is none.
    pub fn content(&self, decision: &Decision, facts: &Facts) -> Option<Range<u64>> {
        match decision {
            Decision::Whole if !self.is_head && facts.len > 0 => Some(0..facts.len),
            Decision::Partial(part) => Some(part.clone()),
            _ => None,
        }
    }

    /// The most that a 206 carries. An open range of a listener who comes back gets `max_range_bytes`: such a listener
    /// opens a range to the end, plays or skips, and leaves, while Lambda bills the reply to its end.
    fn limit(&self, range: RangeSpec, max_range_bytes: u64) -> u64 {
        match range {
            RangeSpec::Int { last: None, .. } if self.comes_back => max_range_bytes.min(REPLY_LIMIT),
            _ => REPLY_LIMIT,
        }
    }

    const fn whole(&self, facts: &Facts) -> Decision {
        if facts.len > REPLY_LIMIT && !self.is_head {
            Decision::RangeRequired
        } else {
            Decision::Whole
        }
    }
}

/// At most the first `max` bytes of `part`; where something is left out, up to the end of a frame if there is one.
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
