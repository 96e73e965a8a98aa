//! The ranges to request from S3, before and after a recording's layout is known. Arithmetic only.

use std::ops::Range;

use esdk_message::{FrameKind, FrameLength, Layout, ObjectOffset, PlaintextOffset};

use crate::KeyArn;

/// Bytes to request if only the header is needed. In us-east-1, a recording's header has 504 to 521 bytes. One with four
/// data keys (the most that are accepted) has less than 2 KiB. 4 KiB still fit the first round trip of a TCP connection.
const HEAD_LEN: u64 = 4 * 1024;

/// Length of a recording's encryption context in the header: a count, and two lengths, key and value for each of the four
/// pairs, `2 + (4 + 10 + 34) + (4 + 12 + 34) + (4 + 11 + 3) + (4 + 15 + 20)`.
const CONTEXT_LEN: u64 = 157;

/// The rest of the header, besides the context and the data key: version, suite, message id, two lengths or counts of 2 bytes,
/// content type, frame length, commit key and tag, `1 + 2 + 32 + 2 + 2 + 1 + 4 + 32 + 16`.
const FIXED_LEN: u64 = 92;

/// Bytes of an encrypted data key besides the ARN and the ciphertext: three lengths and `aws-kms`.
const DATA_KEY_FIXED_LEN: u64 = 6 + 7;

/// Ciphertext of a 32-byte data key: 167 bytes from a single-Region key, 184 from a multi-Region key, and 96 or more from
/// emulators. A request that allows for any length in this range transfers less than 200 bytes more, and saves the first read of
/// a process a second round trip. Other lengths are read too, with that round trip.
const WRAPPED_KEY_LEN: Range<u64> = 64..256;

/// Most bytes that are held in memory to check the final frame before the bytes in front of it: two of the largest accepted
/// frames (1 MiB). If there are more, the final frame is requested separately.
pub(super) const LOOK_AHEAD: u64 = 2 * 1024 * 1024;

/// S3's largest object has 50 TB. There is nothing to request past this offset.
const MAX_OBJECT_LEN: u64 = 1 << 46;

/// The bytes that the caller expects to read next, so that the open fetches them in the same
/// round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// Only the facts (HEAD, 304, 416). They are at most 60 s old. After that, S3 is called to confirm them.
    Facts,
    /// Plaintext from `offset`, at most `len` bytes.
    Bytes {
        /// First byte of plaintext.
        offset: u64,
        /// Bytes of plaintext. It may be more than there are.
        len: u64,
    },
    /// The last bytes.
    Tail {
        /// Bytes of plaintext. It may be more than there are.
        len: u64,
    },
}

/// A byte range of an object in a GET request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RangeRequest {
    /// These bytes, or as many of them as there are.
    Range(Range<ObjectOffset>),
    /// The last bytes, or all of a shorter object.
    Suffix(u64),
}

impl RangeRequest {
    /// Value of the Range header (RFC 9110, 14.1.2).
    pub(super) fn header_value(&self) -> String {
        match self {
            Self::Range(range) => format!("bytes={}-{}", range.start.0, range.end.0.saturating_sub(1)),
            Self::Suffix(len) => format!("bytes=-{len}"),
        }
    }

    /// The range that S3 must return for an object of `object_len` bytes.
    pub(super) fn reply_range(&self, object_len: u64) -> Range<u64> {
        match self {
            Self::Range(range) => range.start.0..range.end.0.min(object_len),
            Self::Suffix(len) => object_len.saturating_sub(*len)..object_len,
        }
    }
}

/// The possible lengths of a header in this deployment, including the tag.
///
/// The encryption context has the same length for every recording. The key's ARN and its ciphertext vary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeaderWidth {
    min: u64,
    max: u64,
}

/// The requests of a cold open. They are sent in parallel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ColdPlan {
    /// Begins with the header.
    pub(super) head: RangeRequest,
    /// The expected bytes, if `head` does not hold them.
    pub(super) wanted: Option<RangeRequest>,
    /// The final frame, unless `wanted` ends with it in any case. It proves the length of a recording whose context has none.
    pub(super) tail: Option<RangeRequest>,
}

impl HeaderWidth {
    pub(super) fn of(keys: &[KeyArn]) -> Self {
        let arns = || keys.iter().map(|key| key.as_str().len() as u64);
        let width = |arn: Option<u64>, wrapped: u64| {
            FIXED_LEN + CONTEXT_LEN + DATA_KEY_FIXED_LEN + arn.unwrap_or_default() + wrapped
        };
        Self {
            min: width(arns().min(), WRAPPED_KEY_LEN.start),
            max: width(arns().max(), WRAPPED_KEY_LEN.end),
        }
    }

    /// Plans the requests. They allow for every possible header length, and assume frames of the default length.
    pub(super) fn cold_plan(self, expectation: Expectation) -> ColdPlan {
        let head = head();
        let tail = Some(final_frame());
        match expectation {
            Expectation::Bytes { offset, len } => match self.frames_around(offset, len) {
                Some(frames) if offset < frame_length() => ColdPlan {
                    head: RangeRequest::Range(ObjectOffset(0)..ObjectOffset(frames.end.0.max(HEAD_LEN))),
                    wanted: None,
                    tail,
                },
                frames => ColdPlan {
                    head,
                    wanted: frames.map(RangeRequest::Range),
                    tail,
                },
            },
            Expectation::Tail { len } if len > 0 => {
                let wanted = tail_len(len);
                ColdPlan {
                    head,
                    wanted: Some(RangeRequest::Suffix(wanted)),
                    tail: tail.filter(|_| wanted > LOOK_AHEAD),
                }
            }
            Expectation::Facts | Expectation::Tail { .. } => ColdPlan {
                head,
                wanted: None,
                tail,
            },
        }
    }

    /// The object bytes that hold the frames of `len` plaintext bytes at `offset`, for every possible header length. `None` if
    /// there can be none.
    fn frames_around(self, offset: u64, len: u64) -> Option<Range<ObjectOffset>> {
        let last = offset.saturating_add(len).min(MAX_OBJECT_LEN).checked_sub(1)?;
        let stored = |frames: u64| frames * stored_frame();
        // The last frame may be the final one, which is 8 bytes longer.
        let final_extra = (FrameKind::Final.overhead() - FrameKind::Regular.overhead()) as u64;
        (len > 0 && offset <= last).then(|| {
            ObjectOffset(self.min + stored(offset / frame_length()))
                ..ObjectOffset(self.max + stored(last / frame_length() + 1) + final_extra)
        })
    }
}

/// The plaintext bytes that `expectation` means in a recording of `plaintext_len` bytes. `None` if there are none.
pub(super) fn expected_bytes(expectation: Expectation, plaintext_len: u64) -> Option<Range<u64>> {
    let range = match expectation {
        Expectation::Facts => return None,
        Expectation::Bytes { offset, len } => offset..offset.saturating_add(len).min(plaintext_len),
        Expectation::Tail { len } => plaintext_len.saturating_sub(len)..plaintext_len,
    };
    (!range.is_empty()).then_some(range)
}

/// The bytes of the object that hold the frames of `range`. `None` if it is empty or not within the plaintext.
pub(super) fn object_bytes(layout: &Layout, range: &Range<u64>) -> Option<Range<ObjectOffset>> {
    let frames = layout
        .frames_of(PlaintextOffset(range.start)..PlaintextOffset(range.end))
        .ok()?;
    Some(layout.object_range(frames))
}

/// The object's first bytes, if only the header is needed.
pub(super) fn head() -> RangeRequest {
    RangeRequest::Range(ObjectOffset(0)..ObjectOffset(HEAD_LEN))
}

/// The longest final frame at the default frame length.
pub(super) fn final_frame() -> RangeRequest {
    RangeRequest::Suffix(frame_length() + FrameKind::Final.overhead() as u64)
}

/// Number of bytes at an object's end that hold the final frame and the frames of its last `len` plaintext bytes in any case:
/// as many whole frames as the bytes fill, and a part of one more, which may be the final one (40 bytes more than its plaintext).
fn tail_len(len: u64) -> u64 {
    let filled = len.min(MAX_OBJECT_LEN).div_ceil(frame_length());
    filled * stored_frame() + frame_length() + FrameKind::Final.overhead() as u64
}

fn frame_length() -> u64 {
    u64::from(FrameLength::DEFAULT.bytes())
}

fn stored_frame() -> u64 {
    frame_length() + FrameKind::Regular.overhead() as u64
}

#[cfg(test)]
mod tests;
