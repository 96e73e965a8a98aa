//! The division of a message into the parts of an upload. Arithmetic only.

use std::{iter, ops::Range};

use esdk_message::{FrameIndex, FrameLength, Layout};

use super::error::StoreError;

/// 128 frames of 64 KiB are 8 MiB of recording. That is above S3's minimum part of 5 MiB, and takes few requests (58 for a
/// four-hour stereo WAV of 460 MB).
const DEFAULT_FRAMES: u32 = 128;

/// S3 User Guide, "Amazon S3 multipart upload limits".
const MAX_PARTS: u32 = 10_000;

/// Buffers of the default size that a copy may hold: one that fills and four that are uploaded. A copy may take 64 MiB more
/// than an idle process. 5 × 8 MiB = 40 MiB leave 24 MiB for the connections and the allocator (docs/BENCHMARKS.md: 43 to
/// 51 MiB in all when every buffer is full).
const BUFFERS: u64 = 5;

/// The most frames of a part, so that one part can fill while another is uploaded. 10,000 such parts hold 210 GB. A day of
/// two channels is 2.8 GB, so a source that announces more does not send a recording.
const MAX_FRAMES: u32 = (BUFFERS * DEFAULT_FRAMES as u64 / 2) as u32;

/// A part of the message that is ready to be uploaded.
#[derive(Debug)]
pub(super) struct Part {
    /// From 1, as S3 counts.
    pub(super) number: u32,
    pub(super) bytes: bytes::Bytes,
}

/// The number of frames in each part. The first part also has the header, and the last part has the remaining frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PartPlan {
    header_len: u64,
    frame_length: FrameLength,
    frames_per_part: u32,
}

impl PartPlan {
    /// Parts of the default size, or larger ones if a recording of the announced length would need more than 10,000.
    pub(super) fn new(header_len: u64, frame_length: FrameLength, announced: Option<u64>) -> Result<Self, StoreError> {
        let limit = most(MAX_FRAMES, frame_length);
        if let Some(announced) = announced.filter(|len| *len > limit) {
            return Err(StoreError::AnnouncedTooLong { announced, limit });
        }
        let frames = match announced {
            Some(len) => Layout::of_plaintext(header_len, frame_length, len)?.frames(),
            None => 0,
        };
        Ok(Self {
            header_len,
            frame_length,
            frames_per_part: frames.div_ceil(MAX_PARTS).max(DEFAULT_FRAMES),
        })
    }

    pub(super) fn frames_per_part(&self) -> u32 {
        self.frames_per_part
    }

    /// The number of uploads that may run while the next part fills. With larger parts there are fewer, so that they take no
    /// more memory.
    pub(super) fn uploads_in_flight(&self) -> usize {
        let buffers = BUFFERS * u64::from(DEFAULT_FRAMES) / u64::from(self.frames_per_part);
        buffers.saturating_sub(1) as usize
    }

    /// Whether a part may follow number `last`.
    pub(super) fn admit_after(&self, last: u32) -> Result<(), StoreError> {
        if last < MAX_PARTS {
            return Ok(());
        }
        Err(StoreError::TooLong {
            limit: most(self.frames_per_part, self.frame_length),
        })
    }

    /// Compares the uploaded parts (lengths by part number) with those that the whole message requires.
    pub(super) fn review(&self, layout: &Layout, uploaded: &[(u32, u64)]) -> Result<(), StoreError> {
        let expected = (1..).zip(self.lengths(layout)).map(Some);
        let found = uploaded.iter().copied().map(Some);
        let count = layout
            .frames()
            .div_ceil(self.frames_per_part)
            .max(uploaded.len() as u32);
        let pairs = expected.chain(iter::repeat(None)).zip(found.chain(iter::repeat(None)));
        for (expected, found) in pairs.take(count as usize) {
            if expected != found {
                return Err(StoreError::PartMismatch {
                    number: expected.or(found).map_or(0, |(number, _)| number),
                    expected: expected.map_or(0, |(_, len)| len),
                    found: found.map_or(0, |(_, len)| len),
                });
            }
        }
        Ok(())
    }

    /// Lengths of all parts of a message, in order.
    fn lengths(&self, layout: &Layout) -> impl Iterator<Item = u64> {
        let frames = layout.frames();
        let part = self.frames_per_part;
        let starts = (0..frames).step_by(part as usize);
        let of_frames =
            move |frames: Range<u32>| layout.object_range(FrameIndex::new(frames.start)..FrameIndex::new(frames.end));
        starts.map(move |start| {
            let stored = of_frames(start..start.saturating_add(part).min(frames));
            let header = if start == 0 { self.header_len } else { 0 };
            header + (stored.end.0 - stored.start.0)
        })
    }
}

/// The bytes of recording in 10,000 parts of this many frames.
fn most(frames_per_part: u32, frame_length: FrameLength) -> u64 {
    u64::from(MAX_PARTS) * u64::from(frames_per_part) * u64::from(frame_length.bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: u64 = 347;
    const F: u64 = 65_536;
    const MIN_PART: u64 = 5 << 20;

    fn plan(announced: Option<u64>) -> PartPlan {
        PartPlan::new(HEADER, FrameLength::DEFAULT, announced).unwrap()
    }

    fn layout(len: u64) -> Layout {
        Layout::of_plaintext(HEADER, FrameLength::DEFAULT, len).unwrap()
    }

    #[test]
    fn a_recording_of_one_part_or_less_has_one() {
        for len in [0, 1, F, 128 * F - 1, 128 * F] {
            let lengths: Vec<_> = plan(Some(len)).lengths(&layout(len)).collect();
            assert_eq!(lengths, [layout(len).object_len()], "{len}");
        }
        assert_eq!(plan(None).lengths(&layout(128 * F + 1)).count(), 2);
    }

    #[test]
    fn parts_grow_where_ten_thousand_would_not_do() {
        let most = u64::from(MAX_PARTS) * 128 * F;
        assert_eq!(plan(Some(most)).frames_per_part(), 128);
        assert_eq!(plan(Some(most)).uploads_in_flight(), 4);
        assert_eq!(plan(Some(most + 1)).frames_per_part(), 129);
        assert_eq!(plan(Some(2 * most)).uploads_in_flight(), 1);
    }

    #[test]
    fn an_absurd_length_has_no_plan() {
        let limit = 10_000 * 320 * F;
        assert_eq!(plan(Some(limit)).frames_per_part(), 320);
        for announced in [limit + 1, 5 << 40, 1 << 50, 1 << 63, u64::MAX] {
            let refused = PartPlan::new(HEADER, FrameLength::DEFAULT, Some(announced)).unwrap_err();
            assert!(
                matches!(refused, StoreError::AnnouncedTooLong { limit: l, .. } if l == limit)
                    && refused.is_retryable()
            );
        }
    }

    #[test]
    fn an_unknown_length_ends_at_the_last_part() {
        assert!(plan(None).admit_after(9_999).is_ok());
        let limit = 10_000 * 128 * F;
        assert!(matches!(plan(None).admit_after(10_000), Err(StoreError::TooLong { limit: l }) if l == limit));
    }

    #[test]
    fn the_review_sees_a_missing_a_surplus_a_swapped_and_a_short_part() {
        let len = 300 * F + 5;
        let plan = plan(Some(len));
        let right: Vec<(u32, u64)> = (1..).zip(plan.lengths(&layout(len))).collect();
        assert_eq!(right.len(), 3);
        assert!(plan.review(&layout(len), &right).is_ok());

        let mut surplus = right.clone();
        surplus.push((4, 1));
        let mut short = right.clone();
        short[1].1 -= 1;
        let mut swapped = right.clone();
        swapped.swap(0, 1);
        for (wrong, at) in [
            (right[..2].to_vec(), 3),
            (surplus, 4),
            (short, 2),
            (swapped, 1),
            (vec![], 1),
        ] {
            let error = plan.review(&layout(len), &wrong).unwrap_err();
            assert!(
                matches!(error, StoreError::PartMismatch { number, .. } if number == at),
                "{error}"
            );
        }
    }

    proptest! {
        #[test]
        fn parts_add_up_and_stay_within_s3s_limits(len in 0u64..(1 << 37), known: bool) {
            let plan = plan(known.then_some(len));
            let lengths: Vec<u64> = plan.lengths(&layout(len)).collect();
            prop_assert_eq!(lengths.iter().sum::<u64>(), layout(len).object_len());
            prop_assert!(lengths[..lengths.len() - 1].iter().all(|part| *part >= MIN_PART));
            if known {
                prop_assert!(lengths.len() <= 10_000);
            }
        }

        #[test]
        fn buffers_take_no_more_than_forty_mebibytes(len in 0u64..=(10_000 * 320 * F)) {
            let plan = plan(Some(len));
            let buffers = plan.uploads_in_flight() as u64 + 1;
            prop_assert!(buffers * u64::from(plan.frames_per_part()) * F <= 40 << 20);
        }
    }
}
