//! Any numbers as an object's lengths. The arithmetic must not overflow, and its results must be consistent.

#![no_main]

use arbitrary::Arbitrary;
use esdk_message::{FrameIndex, FrameKind, Layout, PlaintextOffset, Profile};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    header_len: u64,
    frame_length: u32,
    len: u64,
    start: u64,
    end: u64,
}

fuzz_target!(|input: Input| {
    let Some(frame_length) = Profile::ANY_FRAME_LENGTH.frame_length(input.frame_length) else {
        return;
    };
    if let Ok(layout) = Layout::of_plaintext(input.header_len, frame_length, input.len) {
        assert_eq!(layout.plaintext_len(), input.len);
        assert_eq!(
            Layout::of_object(input.header_len, frame_length, layout.object_len()),
            Ok(layout)
        );
        check(&layout, &input);
    }
    if let Ok(layout) = Layout::of_object(input.header_len, frame_length, input.len) {
        assert_eq!(layout.object_len(), input.len);
        check(&layout, &input);
    }
});

fn check(layout: &Layout, input: &Input) {
    let all = layout.object_range(layout.all_frames());
    assert_eq!((all.start.0, all.end.0), (input.header_len, layout.object_len()));
    assert_eq!(
        layout.plaintext_range(layout.final_frame()).end,
        PlaintextOffset(layout.plaintext_len())
    );
    assert_eq!(layout.kind(layout.final_frame()), FrameKind::Final);

    let range = PlaintextOffset(input.start)..PlaintextOffset(input.end);
    let Ok(frames) = layout.frames_of(range.clone()) else {
        assert!(range.is_empty() || range.end.0 > layout.plaintext_len());
        return;
    };
    let (first, last) = (frames.start, FrameIndex::new(frames.end.get() - 1));
    assert!(layout.plaintext_range(first).contains(&range.start));
    assert!(layout.plaintext_range(last).contains(&PlaintextOffset(range.end.0 - 1)));
    let stored = layout.object_range(frames);
    assert!(all.start <= stored.start && stored.end <= all.end && stored.start < stored.end);
}
