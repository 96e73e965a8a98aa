//! What to ask S3 for, before and after a recording's layout is known. Arithmetic only.

use std::ops::Range;

use esdk_message::{FrameKind, FrameLength, Layout, ObjectOffset, PlaintextOffset};

use super::Expectation;
use crate::KeyArn;

/// Bytes asked for where only the header is wanted. A header of one data key is about 450 bytes and one of four (the
/// most that is accepted) under 2 KiB; 4 KiB hold both, and still fit the first round trip of a TCP connection.
const HEAD_LEN: u64 = 4 * 1024;

/// A recording's encryption context as the header stores it: a count, and for each of the four pairs two lengths, key
/// and value: `2 + (4 + 10 + 34) + (4 + 12 + 34) + (4 + 11 + 3) + (4 + 15 + 20)`.
const CONTEXT_LEN: u64 = 157;

/// What the header has beside context and data key: 75 bytes of fixed fields, 16 of tag, the content type's one byte.
const FIXED_LEN: u64 = 92;

/// What an encrypted data key has beside ARN and ciphertext: three lengths and `aws-kms`.
const DATA_KEY_FIXED_LEN: u64 = 6 + 7;

/// Ciphertext of a 32-byte data key: 167 bytes from a single-Region key, 184 from a multi-Region one, 96 and more from
/// emulators. Asking for frames as if it were anything in between costs less than 200 bytes a cold read, and spares the
/// first one of every process a second round trip. Other widths are read too, with that round trip.
const WRAPPED_KEY_LEN: Range<u64> = 64..256;

/// S3's largest object is 50 TB; nothing can be there to ask for past it.
const MAX_OBJECT_LEN: u64 = 1 << 46;

/// A byte range of an object, as a GET asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// These bytes, or as many of them as there are.
    Range(Range<ObjectOffset>),
    /// The last bytes, or all of a shorter object.
    Suffix(u64),
}

impl Ask {
    /// Value of the Range header (RFC 9110, 14.1.2).
    pub(super) fn header_value(&self) -> String {
        match self {
            Self::Range(range) => format!("bytes={}-{}", range.start.0, range.end.0.saturating_sub(1)),
            Self::Suffix(len) => format!("bytes=-{len}"),
        }
    }

    /// What an object of `object_len` bytes has to answer with.
    pub(super) fn answer_of(&self, object_len: u64) -> Range<u64> {
        match self {
            Self::Range(range) => range.start.0..range.end.0.min(object_len),
            Self::Suffix(len) => object_len.saturating_sub(*len)..object_len,
        }
    }
}

/// How long a header may be in this deployment, tag included.
///
/// The encryption context is equally wide for every recording; what varies is the key's ARN and its ciphertext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeaderWidth {
    min: u64,
    max: u64,
}

/// What a cold open asks for, all at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ColdPlan {
    /// Begins with the header.
    pub(super) head: Ask,
    /// The expected bytes, where `head` doesn't hold them already.
    pub(super) wanted: Option<Ask>,
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

    /// Places the expected bytes as if the header had any of its widths and frames were of the default length.
    pub(super) fn cold_plan(self, expectation: Expectation) -> ColdPlan {
        let head = Ask::Range(ObjectOffset(0)..ObjectOffset(HEAD_LEN));
        match expectation {
            Expectation::Bytes { offset, len } => match self.frames_around(offset, len) {
                Some(frames) if offset < frame_length() => ColdPlan {
                    head: Ask::Range(ObjectOffset(0)..ObjectOffset(frames.end.0.max(HEAD_LEN))),
                    wanted: None,
                },
                frames => ColdPlan {
                    head,
                    wanted: frames.map(Ask::Range),
                },
            },
            Expectation::Tail { len } if len > 0 => ColdPlan {
                head,
                wanted: Some(Ask::Suffix(tail_len(len))),
            },
            Expectation::Facts | Expectation::Tail { .. } => ColdPlan { head, wanted: None },
        }
    }

    /// Object bytes that hold the frames of `len` plaintext bytes at `offset`, wherever the header ends. `None` where
    /// there can be none.
    fn frames_around(self, offset: u64, len: u64) -> Option<Range<ObjectOffset>> {
        let last = offset.saturating_add(len).min(MAX_OBJECT_LEN).checked_sub(1)?;
        let stored = |frames: u64| frames * stored_frame();
        // The last of them may be the final frame, which is 8 bytes longer.
        let final_extra = (FrameKind::Final.overhead() - FrameKind::Regular.overhead()) as u64;
        (len > 0 && offset <= last).then(|| {
            ObjectOffset(self.min + stored(offset / frame_length()))
                ..ObjectOffset(self.max + stored(last / frame_length() + 1) + final_extra)
        })
    }
}

/// Plaintext bytes that `expectation` means in a recording of `plaintext_len`; `None` where there are none.
pub(super) fn expected_bytes(expectation: Expectation, plaintext_len: u64) -> Option<Range<u64>> {
    let range = match expectation {
        Expectation::Facts => return None,
        Expectation::Bytes { offset, len } => offset..offset.saturating_add(len).min(plaintext_len),
        Expectation::Tail { len } => plaintext_len.saturating_sub(len)..plaintext_len,
    };
    (!range.is_empty()).then_some(range)
}

/// Bytes of the object that hold the frames of `range`; `None` when it's empty or not within the plaintext.
pub(super) fn object_bytes(layout: &Layout, range: &Range<u64>) -> Option<Range<ObjectOffset>> {
    let frames = layout
        .frames_of(PlaintextOffset(range.start)..PlaintextOffset(range.end))
        .ok()?;
    Some(layout.object_range(frames))
}

/// The longest final frame at the default frame length.
pub(super) fn final_frame() -> Ask {
    Ask::Suffix(frame_length() + FrameKind::Final.overhead() as u64)
}

/// Bytes at an object's end that surely hold the frames of its last `len` plaintext bytes, and the final frame: as many
/// whole frames as the bytes fill, and one more in part, which may be the final one (40 bytes over its plaintext).
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
