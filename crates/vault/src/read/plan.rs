//! The ranges to request from S3, before and after a recording's layout is known. Arithmetic only.

use std::ops::Range;

use esdk_message::{FrameKind, FrameLength, Layout, ObjectOffset, PlaintextOffset};

use crate::KeyArn;

/// Bytes to request if only the header is needed. A recording's header has 504 to 521 bytes, and one with four data keys
/// (the most that are accepted) has less than 2 KiB. 4 KiB still fit the first round trip of a TCP connection.
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
        let head = RangeRequest::Range(ObjectOffset(0)..ObjectOffset(HEAD_LEN));
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
mod tests {
    use esdk_message::{DataKey, EncryptedDataKey, MAX_ENCRYPTED_DATA_KEYS, MessageId, Sealer};
    use proptest::prelude::*;
    use sid::{AccountSid, RecordingSid};

    use super::*;
    use crate::{
        ContentType,
        context::{self, ContextFacts},
    };

    fn key() -> KeyArn {
        KeyArn::parse("arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab").unwrap()
    }

    fn width() -> HeaderWidth {
        HeaderWidth::of(&[key()])
    }

    const FACTS: ContextFacts = ContextFacts {
        content_type: ContentType::Wav,
        plaintext_len: Some(1),
    };

    fn account() -> AccountSid {
        AccountSid::parse(&format!("AC{:032x}", 1)).unwrap()
    }

    fn recording() -> RecordingSid {
        RecordingSid::parse(&format!("RE{:032x}", 1)).unwrap()
    }

    /// Length of the header that the writer makes. There is one data key for each of these ciphertext lengths.
    fn header_len(wrapped_lens: &[usize]) -> u64 {
        let wrapped = |len: &usize| EncryptedDataKey {
            provider_id: "aws-kms".into(),
            provider_info: key().as_str().into(),
            ciphertext: vec![0; *len],
        };
        let keys: Vec<_> = wrapped_lens.iter().map(wrapped).collect();
        let context = context::build(&account(), &recording(), FACTS).unwrap();
        let data_key = DataKey::from_slice(&[0; 32]).unwrap();
        let sealer = Sealer::new(&data_key, MessageId::random(), FrameLength::DEFAULT, &context, &keys);
        sealer.unwrap().header().len() as u64
    }

    /// Layouts of recordings that end around a frame boundary, under both conventions for the final frame.
    fn layouts() -> impl Strategy<Value = Layout> {
        (width().min..=width().max, 0_u64..40, -2_i64..=2, any::<bool>()).prop_map(
            |(header, frames, off, empty_final)| {
                let len = (frames * frame_length()).saturating_add_signed(off);
                let ours = Layout::of_plaintext(header, FrameLength::DEFAULT, len).unwrap();
                if empty_final && len > 0 && len.is_multiple_of(frame_length()) {
                    return Layout::of_object(header, FrameLength::DEFAULT, ours.object_len() + 32).unwrap();
                }
                ours
            },
        )
    }

    fn covers(request: &RangeRequest, object_len: u64, needed: &Range<ObjectOffset>) -> bool {
        let reply = request.reply_range(object_len);
        reply.start <= needed.start.0 && needed.end.0 <= reply.end
    }

    #[test]
    fn the_width_of_a_header_is_known_before_it_is_read() {
        // The lengths of KMS and of the emulators.
        for wrapped_len in [96, 116, 167, 184] {
            let len = header_len(&[wrapped_len]);
            assert!(width().min <= len && len <= width().max, "{wrapped_len}");
        }
        assert_eq!(width().min, header_len(&[64]));
        assert_eq!(width().max, header_len(&[256]));
        // The ARN of a key in another Region has another length. A deployment with both keys must expect both lengths.
        let other = KeyArn::parse("arn:aws:kms:ap-southeast-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab");
        let other = other.unwrap();
        let both = HeaderWidth::of(&[key(), other.clone()]);
        assert_eq!((both.min, both.max), (width().min, HeaderWidth::of(&[other]).max));
    }

    /// The figures of `docs/FORMAT.md`, `HEAD_LEN` and `esdk_message::MAX_HEADER_LEN`, for a key in us-east-1.
    #[test]
    fn a_header_is_504_to_521_bytes_long() {
        let [single_region, multi_region] = [167, 184];
        assert_eq!(header_len(&[single_region]), 504);
        assert_eq!(header_len(&[multi_region]), 521);
        assert!(header_len(&[multi_region; MAX_ENCRYPTED_DATA_KEYS]) < 2 * 1024);
        let context = context::build(&account(), &recording(), FACTS).unwrap();
        let pairs: usize = context.iter().map(|(key, value)| 4 + key.len() + value.len()).sum();
        assert_eq!(CONTEXT_LEN, 2 + pairs as u64);
    }

    #[test]
    fn range_headers_are_inclusive() {
        let range = RangeRequest::Range(ObjectOffset(10)..ObjectOffset(20));
        assert_eq!(range.header_value(), "bytes=10-19");
        assert_eq!(RangeRequest::Suffix(5).header_value(), "bytes=-5");
    }

    #[test]
    fn where_nothing_is_expected_only_the_header_is_asked_for() {
        for expectation in [
            Expectation::Facts,
            Expectation::Tail { len: 0 },
            Expectation::Bytes { offset: 0, len: 0 },
            Expectation::Bytes { offset: 70_000, len: 0 },
            Expectation::Bytes {
                offset: u64::MAX,
                len: u64::MAX,
            },
        ] {
            let plan = width().cold_plan(expectation);
            assert_eq!(
                (plan.head.header_value().as_str(), plan.wanted),
                ("bytes=0-4095", None),
                "{expectation:?}"
            );
        }
    }

    #[test]
    fn the_first_frame_comes_with_the_header() {
        for len in [1, 65_536, 65_537, u64::MAX] {
            let plan = width().cold_plan(Expectation::Bytes { offset: 65_535, len });
            assert_eq!(plan.wanted, None);
        }
    }

    proptest! {
        #[test]
        fn a_cold_open_asks_for_the_frames_of_the_expected_bytes(
            layout in layouts(), offset in 0..3_000_000_u64, len in 1..3_000_000_u64,
        ) {
            let expectation = Expectation::Bytes { offset, len };
            let plan = width().cold_plan(expectation);
            let Some(needed) = expected_bytes(expectation, layout.plaintext_len())
                .and_then(|range| object_bytes(&layout, &range)) else { return Ok(()) };
            let request = plan.wanted.as_ref().unwrap_or(&plan.head);
            prop_assert!(covers(request, layout.object_len(), &needed), "{request:?} {needed:?}");
        }

        #[test]
        fn what_is_asked_for_in_vain_is_less_than_four_hundred_bytes(layout in layouts(), offset in 65_536..3_000_000_u64) {
            prop_assume!(offset < layout.plaintext_len());
            let plan = width().cold_plan(Expectation::Bytes { offset, len: 1 });
            let needed = object_bytes(&layout, &(offset..offset + 1)).unwrap();
            let answer = plan.wanted.unwrap().reply_range(layout.object_len());
            prop_assert!(answer.end - answer.start < needed.end.0 - needed.start.0 + 400);
        }

        #[test]
        fn a_tail_holds_its_frames_and_the_final_one(layout in layouts(), len in 1..3_000_000_u64) {
            let request = width().cold_plan(Expectation::Tail { len }).wanted.unwrap();
            let final_frame = layout.object_range(layout.final_frame()..layout.final_frame().next());
            prop_assert!(covers(&request, layout.object_len(), &final_frame));
            prop_assert!(covers(&super::final_frame(), layout.object_len(), &final_frame));
            if let Some(range) = expected_bytes(Expectation::Tail { len }, layout.plaintext_len()) {
                prop_assert!(covers(&request, layout.object_len(), &object_bytes(&layout, &range).unwrap()));
            }
        }

        #[test]
        fn expected_bytes_are_those_of_the_plaintext(plaintext_len in 0..100_u64, offset in 0..120_u64, len in 0..120_u64) {
            let plaintext: Vec<u64> = (0..plaintext_len).collect();
            let seen = |expectation| expected_bytes(expectation, plaintext_len).unwrap_or(0..0).collect::<Vec<_>>();
            let bytes: Vec<u64> = plaintext.iter().copied().skip(offset as usize).take(len as usize).collect();
            prop_assert_eq!(seen(Expectation::Bytes { offset, len }), bytes);
            let tail = &plaintext[plaintext.len() - plaintext.len().min(len as usize)..];
            prop_assert_eq!(seen(Expectation::Tail { len }), tail);
            prop_assert_eq!(seen(Expectation::Facts), []);
        }
    }
}
