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
    (width().min..=width().max, 0_u64..40, -2_i64..=2, any::<bool>()).prop_map(|(header, frames, off, empty_final)| {
        let len = (frames * frame_length()).saturating_add_signed(off);
        let ours = Layout::of_plaintext(header, FrameLength::DEFAULT, len).unwrap();
        if empty_final && len > 0 && len.is_multiple_of(frame_length()) {
            return Layout::of_object(header, FrameLength::DEFAULT, ours.object_len() + 32).unwrap();
        }
        ours
    })
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
fn without_an_expectation_only_the_header_is_requested() {
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
    fn a_cold_open_requests_the_frames_of_the_expected_bytes(
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
    fn fewer_than_four_hundred_bytes_are_requested_in_vain(layout in layouts(), offset in 65_536..3_000_000_u64) {
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
        prop_assert_eq!(seen(Expectation::Facts), [0_u64; 0]);
    }
}
