//! Objects that were truncated, changed, reordered or combined from others. The reader never releases a byte that does not
//! belong to the plaintext at that position, and never confirms a wrong length.

mod support;

use std::{ops::Range, sync::LazyLock};

use esdk_message::{
    DataKey, FrameError, FrameIndex, FrameKind, HeaderError, Layout, MessageError, Profile, TAG_LEN, UnverifiedHeader,
    open_message,
};
use proptest::{prelude::*, test_runner::FileFailurePersistence};

use self::support::{data_key, opener, plaintext, sealer};

const F: usize = 4096;
const STORED_FRAME: usize = F + 32;
/// Two regular frames and a final one of 100 bytes.
const LEN: usize = 2 * F + 100;

struct Sample {
    object: Vec<u8>,
    plaintext: Vec<u8>,
    header_len: usize,
}

impl Sample {
    fn of(len: usize) -> Self {
        let plaintext = plaintext(len);
        let sealer = sealer(F as u32);
        let header_len = sealer.header().len();
        Self {
            object: sealer.seal_message(&plaintext).expect("a few frames"),
            plaintext,
            header_len,
        }
    }

    fn frame(&self, index: usize) -> Range<usize> {
        let start = self.header_len + index * STORED_FRAME;
        start..(start + STORED_FRAME).min(self.object.len())
    }

    /// Reads the `damaged` object whole, and each frame alone. A frame that opens must contain its own plaintext, and a final
    /// frame that opens must end where the plaintext ends.
    ///
    /// Returns the refusal of the whole object.
    fn refusal(&self, damaged: &[u8]) -> MessageError {
        let refusal = open_message(damaged, &data_key(), Profile::VAULT).expect_err("a damaged object opened whole");
        let Ok(header) = UnverifiedHeader::parse(damaged) else {
            return refusal;
        };
        let Ok(opener) = header.authenticate(&data_key()) else {
            return refusal;
        };
        let Ok(layout) = Layout::of_object(opener.header_len(), opener.frame_length(), damaged.len() as u64) else {
            return refusal;
        };
        for frame in (0..layout.frames()).map(FrameIndex::new) {
            let stored = layout.object_range(frame..frame.next());
            let mut sealed = damaged[stored.start.0 as usize..stored.end.0 as usize].to_vec();
            let Ok(opened) = opener.open_frame(frame, layout.kind(frame), &mut sealed) else {
                continue;
            };
            let held = layout.plaintext_range(frame);
            let own = self.plaintext.get(held.start.0 as usize..held.end.0 as usize);
            assert_eq!(Some(&*opened), own, "frame {} released foreign bytes", frame.get());
            if layout.kind(frame) == FrameKind::Final {
                assert_eq!(
                    layout.plaintext_len(),
                    self.plaintext.len() as u64,
                    "a wrong length was confirmed"
                );
            }
        }
        refusal
    }
}

static SAMPLE: LazyLock<Sample> = LazyLock::new(|| Sample::of(LEN));

fn frame_error(error: MessageError) -> FrameError {
    match error {
        MessageError::Frame(error) => error,
        other => panic!("not refused by a frame: {other}"),
    }
}

#[test]
fn the_undamaged_sample_opens() {
    let message = open_message(&SAMPLE.object, &data_key(), Profile::VAULT).unwrap();
    assert_eq!(message.plaintext, SAMPLE.plaintext);
    assert_eq!(&message.context, opener(&SAMPLE.object).encryption_context());
}

#[test]
fn every_truncation_is_refused() {
    for len in 0..SAMPLE.object.len() {
        SAMPLE.refusal(&SAMPLE.object[..len]);
    }
}

/// A complete message could have these sizes. The final frame refuses them, not the arithmetic.
#[test]
fn a_cut_that_leaves_a_plausible_size_is_refused_by_the_final_frame() {
    for regular_frames in 1..=2 {
        let cut = SAMPLE.frame(regular_frames).start;
        let layout = Layout::of_object(
            SAMPLE.header_len as u64,
            opener(&SAMPLE.object).frame_length(),
            cut as u64,
        );
        assert_eq!(
            layout.unwrap().final_frame(),
            FrameIndex::new(regular_frames as u32 - 1)
        );
        let marker_missing = FrameError::Marker {
            frame: regular_frames as u32 - 1,
        };
        assert_eq!(frame_error(SAMPLE.refusal(&SAMPLE.object[..cut])), marker_missing);
    }
}

#[test]
fn every_single_bit_flip_of_the_header_is_refused() {
    for bit in 0..SAMPLE.header_len * 8 {
        let mut damaged = SAMPLE.object.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let refusal = SAMPLE.refusal(&damaged);
        assert!(matches!(refusal, MessageError::Header(_)), "bit {bit}: {refusal}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 10_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_bit_flip_of_the_body_is_refused(bit in SAMPLE.header_len * 8..SAMPLE.object.len() * 8) {
        let mut damaged = SAMPLE.object.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let refusal = SAMPLE.refusal(&damaged);
        prop_assert!(matches!(refusal, MessageError::Frame(_)), "{}", refusal);
    }
}

#[test]
fn each_field_of_a_frame_is_checked_before_its_tag() {
    let flipped = |at: usize| {
        let mut damaged = SAMPLE.object.clone();
        damaged[at] ^= 1;
        frame_error(SAMPLE.refusal(&damaged))
    };
    let regular = SAMPLE.frame(1).start;
    assert_eq!(flipped(regular + 3), FrameError::Sequence { frame: 1, found: 3 });
    assert_eq!(flipped(regular + 4), FrameError::Iv { frame: 1 });
    assert_eq!(flipped(regular + 15), FrameError::Iv { frame: 1 });
    assert_eq!(flipped(regular + 16), FrameError::Tag { frame: 1 });
    assert_eq!(flipped(regular + STORED_FRAME - 1), FrameError::Tag { frame: 1 });
    let last = SAMPLE.frame(2).start;
    assert_eq!(flipped(last + 3), FrameError::Marker { frame: 2 });
    assert_eq!(flipped(last + 7), FrameError::Sequence { frame: 2, found: 2 });
    assert_eq!(flipped(last + 19), FrameError::Iv { frame: 2 });
    assert_eq!(
        flipped(last + 23),
        FrameError::FinalLength {
            frame: 2,
            declared: 101,
            held: 100
        }
    );
    assert_eq!(flipped(last + 24), FrameError::Tag { frame: 2 });
}

/// Overwrites frame `index` with `from`. If `relabelled`, the fields are changed to match the new position.
fn put(damaged: &mut [u8], sample: &Sample, index: usize, from: &[u8], relabelled: bool) {
    let place = sample.frame(index);
    damaged[place.clone()].copy_from_slice(from);
    if relabelled {
        let sequence = (index as u32 + 1).to_be_bytes();
        damaged[place.start..place.start + 4].copy_from_slice(&sequence);
        damaged[place.start + 12..place.start + 16].copy_from_slice(&sequence);
    }
}

#[test]
fn swapped_frames_are_refused_by_their_fields_and_by_their_tags() {
    for (relabelled, expected) in [
        (false, FrameError::Sequence { frame: 0, found: 2 }),
        (true, FrameError::Tag { frame: 0 }),
    ] {
        let mut damaged = SAMPLE.object.clone();
        put(&mut damaged, &SAMPLE, 0, &SAMPLE.object[SAMPLE.frame(1)], relabelled);
        put(&mut damaged, &SAMPLE, 1, &SAMPLE.object[SAMPLE.frame(0)], relabelled);
        assert_eq!(frame_error(SAMPLE.refusal(&damaged)), expected);
    }
}

#[test]
fn a_duplicated_frame_is_refused() {
    let mut damaged = SAMPLE.object[..SAMPLE.frame(1).start].to_vec();
    damaged.extend_from_slice(&SAMPLE.object[SAMPLE.frame(0).start..]);
    assert_eq!(
        frame_error(SAMPLE.refusal(&damaged)),
        FrameError::Sequence { frame: 1, found: 1 }
    );
}

#[test]
fn a_dropped_frame_is_refused() {
    let mut damaged = SAMPLE.object.clone();
    damaged.drain(SAMPLE.frame(1));
    assert_eq!(
        frame_error(SAMPLE.refusal(&damaged)),
        FrameError::Sequence { frame: 1, found: 3 }
    );
}

#[test]
fn a_frame_of_another_message_under_the_same_data_key_is_refused() {
    let other = Sample::of(LEN);
    assert_eq!(other.header_len, SAMPLE.header_len);
    let mut damaged = SAMPLE.object.clone();
    put(&mut damaged, &SAMPLE, 1, &other.object[other.frame(1)], false);
    assert_eq!(frame_error(SAMPLE.refusal(&damaged)), FrameError::Tag { frame: 1 });
}

#[test]
fn a_header_of_another_message_under_the_same_data_key_is_refused() {
    let other = Sample::of(LEN);
    let mut damaged = other.object[..other.header_len].to_vec();
    damaged.extend_from_slice(&SAMPLE.object[SAMPLE.header_len..]);
    assert_eq!(frame_error(SAMPLE.refusal(&damaged)), FrameError::Tag { frame: 0 });
}

/// Truncates the message after a frame and gives that frame the final frame's fields. The size and every field are correct.
#[test]
fn a_regular_frame_dressed_as_final_is_refused() {
    let frame = SAMPLE.frame(1);
    let mut damaged = SAMPLE.object[..frame.start].to_vec();
    damaged.extend_from_slice(&u32::MAX.to_be_bytes());
    damaged.extend_from_slice(&SAMPLE.object[frame.start..frame.start + 16]);
    damaged.extend_from_slice(&(F as u32).to_be_bytes());
    damaged.extend_from_slice(&SAMPLE.object[frame.start + 16..frame.end]);
    assert_eq!(frame_error(SAMPLE.refusal(&damaged)), FrameError::Tag { frame: 1 });
}

/// The reverse: a full final frame as a regular one, so that the message could be longer.
#[test]
fn a_final_frame_dressed_as_regular_is_refused() {
    let sample = Sample::of(2 * F);
    let start = sample.frame(1).start;
    let mut damaged = sample.object[..start].to_vec();
    damaged.extend_from_slice(&sample.object[start + 4..start + 20]);
    damaged.extend_from_slice(&sample.object[start + 24..]);
    let mut dressed = damaged[start..].to_vec();
    let opened = opener(&sample.object).open_frame(FrameIndex::new(1), FrameKind::Regular, &mut dressed);
    assert_eq!(opened, Err(FrameError::Tag { frame: 1 }));
    // Followed by any final frame, here the original one.
    damaged.extend_from_slice(&sample.object[start..]);
    assert_eq!(frame_error(sample.refusal(&damaged)), FrameError::Tag { frame: 1 });
}

#[test]
fn bytes_after_the_message_are_refused() {
    for extra in (1..=100).chain([STORED_FRAME, 2 * STORED_FRAME, SAMPLE.object.len()]) {
        let mut damaged = SAMPLE.object.clone();
        damaged.resize(damaged.len() + extra, 0);
        SAMPLE.refusal(&damaged);
    }
}

#[test]
fn a_second_message_after_the_first_is_refused() {
    for other in [SAMPLE.object.clone(), Sample::of(LEN).object, Sample::of(0).object] {
        let damaged = [SAMPLE.object.as_slice(), &other].concat();
        SAMPLE.refusal(&damaged);
    }
}

#[test]
fn a_changed_context_is_refused_by_the_header_tag() {
    let at = SAMPLE.object.windows(3).position(|bytes| bytes == b"wav").unwrap();
    let mut damaged = SAMPLE.object.clone();
    damaged[at..at + 3].copy_from_slice(b"mp3");
    let tag = HeaderError::Tag {
        offset: SAMPLE.header_len - 16,
    };
    assert_eq!(SAMPLE.refusal(&damaged), MessageError::Header(tag));
}

#[test]
fn another_data_key_is_refused_by_the_commitment() {
    let other = DataKey::from_slice(&[0xa5; 32]).unwrap();
    let refused = open_message(&SAMPLE.object, &other, Profile::VAULT);
    let commitment = HeaderError::Commitment {
        offset: SAMPLE.header_len - 48,
    };
    assert_eq!(refused, Err(MessageError::Header(commitment)));
}

#[test]
fn a_changed_commit_key_is_refused() {
    let mut damaged = SAMPLE.object.clone();
    damaged[SAMPLE.header_len - 17] ^= 1;
    let commitment = HeaderError::Commitment {
        offset: SAMPLE.header_len - 48,
    };
    assert_eq!(SAMPLE.refusal(&damaged), MessageError::Header(commitment));
}

#[test]
fn a_forged_frame_length_is_refused() {
    let at = SAMPLE.header_len - 16 - 32 - 4;
    let forged = |frame_length: u32| {
        let mut damaged = SAMPLE.object.clone();
        damaged[at..at + 4].copy_from_slice(&frame_length.to_be_bytes());
        SAMPLE.refusal(&damaged)
    };
    let outside = |found| MessageError::Header(HeaderError::FrameLength { offset: at, found });
    assert_eq!(forged(u32::MAX), outside(u32::MAX));
    assert_eq!(forged(0), outside(0));
    // Within the profile, but another length than the sealed one.
    let tag = HeaderError::Tag {
        offset: SAMPLE.header_len - 16,
    };
    assert_eq!(forged(1 << 20), MessageError::Header(tag));
}

/// The caller owns the buffer and may read it after the refusal by mistake.
#[test]
fn a_refused_frame_leaves_no_plaintext_behind() {
    let mut sealed = SAMPLE.object[SAMPLE.frame(0)].to_vec();
    let tag = sealed.len() - 1;
    sealed[tag] ^= 1;
    let refused = opener(&SAMPLE.object).open_frame(FrameIndex::new(0), FrameKind::Regular, &mut sealed);
    assert_eq!(refused, Err(FrameError::Tag { frame: 0 }));
    assert_eq!(sealed[16..16 + F], [0; F]);
}

#[test]
fn a_run_ends_at_its_first_bad_frame() {
    let mut body = SAMPLE.object[SAMPLE.header_len..].to_vec();
    body[STORED_FRAME + 100] ^= 1;
    let opener = opener(&SAMPLE.object);
    let layout = Layout::of_object(opener.header_len(), opener.frame_length(), SAMPLE.object.len() as u64).unwrap();
    let mut run = opener.open_run(&layout, layout.all_frames(), &mut body).unwrap();
    assert_eq!(run.next().unwrap().unwrap(), &SAMPLE.plaintext[..F]);
    assert_eq!(run.next().unwrap(), Err(FrameError::Tag { frame: 1 }));
    assert!(run.next().is_none(), "a frame after the bad one was opened");
}

#[test]
fn a_run_of_the_wrong_length_is_refused() {
    let opener = opener(&SAMPLE.object);
    let layout = Layout::of_object(opener.header_len(), opener.frame_length(), SAMPLE.object.len() as u64).unwrap();
    for len in [0, STORED_FRAME - 1, STORED_FRAME + 1] {
        let refused = opener
            .open_run(&layout, FrameIndex::new(1)..FrameIndex::new(2), &mut vec![0; len])
            .unwrap_err();
        assert_eq!(
            refused,
            FrameError::RunLength {
                frame: 1,
                len,
                expected: STORED_FRAME as u64
            }
        );
    }
}

/// Playback opens frames whose parts are in different buffers.
#[test]
fn a_frame_in_parts_opens_like_a_whole_one_and_no_other_parts_do() {
    let sample = Sample::of(LEN);
    let opener = opener(&sample.object);
    for (index, kind) in [(1, FrameKind::Regular), (2, FrameKind::Final)] {
        let frame = FrameIndex::new(index as u32);
        let stored = &sample.object[sample.frame(index)];
        let (fields, rest) = stored.split_at(kind.plaintext_at());
        let (sealed, tag) = rest.split_last_chunk::<TAG_LEN>().expect("a frame has a tag");
        let plaintext = &sample.plaintext[index * F..index * F + sealed.len()];

        let mut text = sealed.to_vec();
        opener
            .open_parts(frame, kind, fields, &mut text, tag)
            .expect("it is intact");
        assert!(text == plaintext);

        for at in 0..fields.len() {
            let (mut changed, mut text) = (fields.to_vec(), sealed.to_vec());
            changed[at] ^= 1;
            assert!(
                opener.open_parts(frame, kind, &changed, &mut text, tag).is_err(),
                "field byte {at}"
            );
            assert!(text != plaintext);
        }
        for at in [0, TAG_LEN - 1] {
            let (mut changed, mut text) = (*tag, sealed.to_vec());
            changed[at] ^= 1;
            assert!(
                opener.open_parts(frame, kind, fields, &mut text, &changed).is_err(),
                "tag byte {at}"
            );
            assert!(text != plaintext);
        }
        // A byte that moves from one part to another leaves the frame's length as it is.
        let (mut longer, mut shorter) = ([fields, &sealed[..1]].concat(), sealed[1..].to_vec());
        assert!(opener.open_parts(frame, kind, &longer, &mut shorter, tag).is_err());
        longer.truncate(fields.len() - 1);
        let mut with_field = [&fields[fields.len() - 1..], sealed].concat();
        assert!(opener.open_parts(frame, kind, &longer, &mut with_field, tag).is_err());
    }
}
