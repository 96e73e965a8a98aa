//! Compares the arithmetic with a model that lists every byte of a message.

use proptest::prelude::*;

use super::*;
use crate::profile::Profile;

/// How an SDK ends a plaintext of whole frames.
#[derive(Clone, Copy, Debug)]
enum Convention {
    FullFinalFrame,
    EmptyFinalFrame,
}

/// For each byte of the object: its plaintext offset (`None` for header, fields and tags), and its frame.
struct Model {
    bytes: Vec<Option<u64>>,
    frame_of_byte: Vec<Option<u32>>,
    frames: u32,
}

impl Model {
    fn write(header_len: u64, frame_length: u32, plaintext_len: u64, convention: Convention) -> Self {
        let mut model = Self {
            bytes: Vec::new(),
            frame_of_byte: Vec::new(),
            frames: 0,
        };
        model.push_overhead(header_len as usize, None);
        let mut next = 0;
        loop {
            let left = plaintext_len - next;
            let regular = match convention {
                Convention::FullFinalFrame => left > u64::from(frame_length),
                Convention::EmptyFinalFrame => left >= u64::from(frame_length),
            };
            let frame = model.frames;
            model.frames += 1;
            model.push_overhead(if regular { 16 } else { 24 }, Some(frame));
            let len = if regular { u64::from(frame_length) } else { left };
            for _ in 0..len {
                model.bytes.push(Some(next));
                model.frame_of_byte.push(Some(frame));
                next += 1;
            }
            model.push_overhead(16, Some(frame));
            if !regular {
                return model;
            }
        }
    }

    fn push_overhead(&mut self, len: usize, frame: Option<u32>) {
        self.bytes.extend(std::iter::repeat_n(None, len));
        self.frame_of_byte.extend(std::iter::repeat_n(frame, len));
    }

    fn object_range(&self, frames: Range<u32>) -> Range<u64> {
        let within = |frame: &Option<u32>| frame.is_some_and(|frame| frames.contains(&frame));
        let start = self.frame_of_byte.iter().position(within).expect("the frames exist");
        let end = self.frame_of_byte.iter().rposition(within).expect("the frames exist") + 1;
        start as u64..end as u64
    }

    fn plaintext_range(&self, frame: u32) -> Option<Range<u64>> {
        let held = self
            .bytes
            .iter()
            .zip(&self.frame_of_byte)
            .filter(|(_, of)| **of == Some(frame));
        let mut held = held.filter_map(|(byte, _)| *byte);
        let first = held.next()?;
        Some(first..held.next_back().unwrap_or(first) + 1)
    }

    fn frames_of(&self, range: Range<u64>) -> Range<u32> {
        let frame_of = |byte| {
            self.bytes
                .iter()
                .position(|at| *at == Some(byte))
                .and_then(|at| self.frame_of_byte[at])
        };
        let first = frame_of(range.start).expect("within the plaintext");
        let last = frame_of(range.end - 1).expect("within the plaintext");
        first..last + 1
    }
}

fn tiny(frame_length: u32) -> FrameLength {
    Profile::ANY_FRAME_LENGTH.frame_length(frame_length).unwrap()
}

fn assert_like_model(layout: &Layout, model: &Model, plaintext_len: u64, ranges: impl Iterator<Item = Range<u64>>) {
    assert_eq!(layout.plaintext_len(), plaintext_len);
    assert_eq!(layout.object_len(), model.bytes.len() as u64);
    assert_eq!(layout.frames(), model.frames);
    assert_eq!(layout.final_frame(), FrameIndex::new(model.frames - 1));
    for frame in 0..model.frames {
        let index = FrameIndex::new(frame);
        let kind = if frame + 1 == model.frames {
            FrameKind::Final
        } else {
            FrameKind::Regular
        };
        assert_eq!(layout.kind(index), kind);
        let held = model.plaintext_range(frame).unwrap_or(plaintext_len..plaintext_len);
        assert_eq!(
            layout.plaintext_range(index),
            PlaintextOffset(held.start)..PlaintextOffset(held.end)
        );
    }
    for range in ranges {
        let frames = layout
            .frames_of(PlaintextOffset(range.start)..PlaintextOffset(range.end))
            .unwrap();
        let expected = model.frames_of(range);
        assert_eq!(frames, FrameIndex::new(expected.start)..FrameIndex::new(expected.end));
        let stored = model.object_range(expected);
        assert_eq!(
            layout.object_range(frames),
            ObjectOffset(stored.start)..ObjectOffset(stored.end)
        );
    }
}

#[test]
fn every_length_and_range_of_small_messages_is_as_the_model_has_it() {
    let header_len = 3;
    for frame_length in 1..=5 {
        for plaintext_len in 0..=u64::from(frame_length) * 4 + 1 {
            let all_ranges =
                || (0..plaintext_len).flat_map(|start| (start + 1..=plaintext_len).map(move |end| start..end));
            let ours = Model::write(header_len, frame_length, plaintext_len, Convention::FullFinalFrame);
            let layout = Layout::of_plaintext(header_len, tiny(frame_length), plaintext_len).unwrap();
            assert_like_model(&layout, &ours, plaintext_len, all_ranges());

            for convention in [Convention::FullFinalFrame, Convention::EmptyFinalFrame] {
                let model = Model::write(header_len, frame_length, plaintext_len, convention);
                let layout = Layout::of_object(header_len, tiny(frame_length), model.bytes.len() as u64).unwrap();
                assert_like_model(&layout, &model, plaintext_len, all_ranges());
            }
        }
    }
}

/// Frame lengths around the 32 bytes of overhead. A wrong inverse would find two answers or none there.
#[test]
fn an_object_length_has_a_layout_exactly_when_a_message_has_it() {
    let header_len = 7;
    for frame_length in [1, 2, 31, 32, 33, 64] {
        let longest = u64::from(frame_length) * 6;
        let mut lengths = std::collections::HashMap::new();
        for plaintext_len in 0..=longest {
            for convention in [Convention::FullFinalFrame, Convention::EmptyFinalFrame] {
                let model = Model::write(header_len, frame_length, plaintext_len, convention);
                let earlier = lengths.insert(model.bytes.len() as u64, (plaintext_len, model.frames));
                assert!(
                    earlier.is_none_or(|earlier| earlier == (plaintext_len, model.frames)),
                    "two messages have the same object length"
                );
            }
        }
        let shortest_not_modeled = Layout::of_plaintext(header_len, tiny(frame_length), longest + 1)
            .unwrap()
            .object_len();
        for object_len in 0..shortest_not_modeled {
            let layout = Layout::of_object(header_len, tiny(frame_length), object_len);
            let found = layout.map(|layout| (layout.plaintext_len(), layout.frames()));
            let expected = lengths
                .get(&object_len)
                .copied()
                .ok_or(LayoutError::ObjectLength { object_len });
            assert_eq!(found, expected, "F {frame_length}, L {object_len}");
        }
    }
}

#[test]
fn ranges_that_are_empty_or_reach_past_the_plaintext_are_refused() {
    let layout = Layout::of_plaintext(600, FrameLength::DEFAULT, 100_000).unwrap();
    for (start, end) in [
        (0, 0),
        (5, 5),
        (6, 5),
        (0, 100_001),
        (100_000, 100_001),
        (u64::MAX, u64::MAX),
    ] {
        let refused = layout.frames_of(PlaintextOffset(start)..PlaintextOffset(end));
        assert_eq!(
            refused,
            Err(LayoutError::Range {
                start,
                end,
                plaintext_len: 100_000
            })
        );
    }
}

#[test]
fn frames_past_the_final_one_occupy_nothing() {
    let layout = Layout::of_plaintext(600, FrameLength::DEFAULT, 100_000).unwrap();
    let end = ObjectOffset(layout.object_len());
    assert_eq!(
        layout.object_range(FrameIndex::new(2)..FrameIndex::new(u32::MAX)),
        end..end
    );
    assert_eq!(
        layout.plaintext_range(FrameIndex::new(u32::MAX)),
        PlaintextOffset(100_000)..PlaintextOffset(100_000)
    );
}

#[test]
fn the_longest_message_has_as_many_frames_as_sequence_numbers() {
    let frame = u64::from(u32::MAX);
    assert_eq!(Layout::of_plaintext(1, tiny(1), frame).unwrap().frames(), u32::MAX);
    assert_eq!(
        Layout::of_plaintext(1, tiny(1), frame + 1),
        Err(LayoutError::PlaintextLength {
            plaintext_len: frame + 1
        })
    );
    assert_eq!(
        Layout::of_plaintext(u64::MAX - 39, FrameLength::DEFAULT, 0),
        Err(LayoutError::PlaintextLength { plaintext_len: 0 })
    );
    assert!(Layout::of_object(1, tiny(1), u64::MAX).is_err());
}

proptest! {
    #[test]
    fn real_frame_lengths_are_as_the_model_has_them(
        frame_length in 4096u32..5000,
        plaintext_len in 0u64..20_000,
        convention in prop_oneof![Just(Convention::FullFinalFrame), Just(Convention::EmptyFinalFrame)],
        (a, b) in (0u64..20_000, 0u64..20_000),
    ) {
        let model = Model::write(573, frame_length, plaintext_len, convention);
        let layout = Layout::of_object(573, tiny(frame_length), model.bytes.len() as u64).unwrap();
        let range = a.min(b)..a.max(b).min(plaintext_len);
        assert_like_model(&layout, &model, plaintext_len, std::iter::once(range).filter(|range| range.start < range.end));
    }

    #[test]
    fn a_layout_survives_the_way_through_its_object_length(
        header_len in 0u64..20_000,
        frame_length in 1u32..=1 << 20,
        plaintext_len in 0u64..1 << 32,
    ) {
        let layout = Layout::of_plaintext(header_len, tiny(frame_length), plaintext_len).unwrap();
        prop_assert_eq!(layout.plaintext_len(), plaintext_len);
        prop_assert_eq!(Layout::of_object(header_len, tiny(frame_length), layout.object_len()), Ok(layout));
    }
}
