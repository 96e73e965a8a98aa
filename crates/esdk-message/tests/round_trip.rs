//! A sealed message opens again, whole and by any range.

mod support;

use esdk_message::{FrameError, FrameIndex, Layout, Profile, open_message};
use proptest::{prelude::*, test_runner::FileFailurePersistence};

use self::support::{context, data_key, opener, plaintext, read_range, sealer};

const F: usize = 4096;

#[test]
fn lengths_around_whole_frames_open_again() {
    for len in [0, 1, F - 1, F, F + 1, 2 * F, 3 * F + 17] {
        let object = sealer(F as u32).seal_message(&plaintext(len)).unwrap();
        let message = open_message(&object, &data_key(), Profile::VAULT).unwrap();
        assert!(message.plaintext == plaintext(len), "{len} bytes came back changed");
        assert_eq!(message.context, context());
    }
}

#[test]
fn a_plaintext_of_whole_frames_ends_in_a_full_final_frame() {
    let object = sealer(F as u32).seal_message(&plaintext(2 * F)).unwrap();
    let opener = opener(&object);
    let layout = Layout::of_object(opener.header_len(), opener.frame_length(), object.len() as u64).unwrap();
    assert_eq!(layout.frames(), 2);
    assert_eq!(object.len(), opener.header_len() as usize + 2 * F + 32 + 40);
}

/// The SDKs for Python, Java, C and Node.js write it this way.
#[test]
fn an_empty_final_frame_after_whole_frames_is_read() {
    let mut sealer = sealer(F as u32);
    let recording = plaintext(F);
    let mut regular = [&[0; 16], recording.as_slice(), &[0; 16]].concat();
    sealer.seal_next(&mut regular).unwrap();
    let mut last = [0; 40];
    let header = sealer.header().to_vec();
    sealer.seal_final(&mut last).unwrap();
    let object = [header.as_slice(), &regular, &last].concat();
    assert!(open_message(&object, &data_key(), Profile::VAULT).unwrap().plaintext == recording);
    assert!(read_range(&object, F as u64 - 1..F as u64).unwrap() == recording[F - 1..]);
}

/// Every frame is in the object's own buffer, where the layout has it.
#[test]
fn frames_are_sealed_where_the_layout_has_them() {
    let recording = plaintext(3 * F + 17);
    let mut sealer = sealer(F as u32);
    let header_len = sealer.header().len();
    let layout = Layout::of_plaintext(header_len as u64, sealer.frame_length(), recording.len() as u64).unwrap();
    let mut object = vec![0; layout.object_len() as usize];
    object[..header_len].copy_from_slice(sealer.header());
    let mut place = |frame: FrameIndex| {
        let stored = layout.object_range(frame..frame.next());
        let held = layout.plaintext_range(frame);
        let text = &recording[held.start.0 as usize..held.end.0 as usize];
        let stored = stored.start.0 as usize..stored.end.0 as usize;
        object[stored.clone()][layout.kind(frame).plaintext_at()..][..text.len()].copy_from_slice(text);
        stored
    };
    let ranges: Vec<_> = (0..layout.frames())
        .map(|frame| place(FrameIndex::new(frame)))
        .collect();
    let (last, regular) = ranges.split_last().unwrap();
    for (index, stored) in (0..).zip(regular) {
        assert_eq!(sealer.next_frame(), FrameIndex::new(index));
        sealer.seal_next(&mut object[stored.clone()]).unwrap();
    }
    assert_eq!(sealer.next_frame(), layout.final_frame());
    sealer.seal_final(&mut object[last.clone()]).unwrap();
    assert!(open_message(&object, &data_key(), Profile::VAULT).unwrap().plaintext == recording);
}

#[test]
fn a_refused_frame_is_not_counted() {
    let mut sealer = sealer(F as u32);
    for wrong in [0, F + 31, F + 33] {
        assert!(matches!(
            sealer.seal_next(&mut vec![0; wrong]),
            Err(FrameError::Length { frame: 0, .. })
        ));
    }
    assert_eq!(sealer.next_frame(), FrameIndex::FIRST);
    sealer.seal_next(&mut [0; F + 32]).unwrap();
    assert_eq!(sealer.next_frame(), FrameIndex::FIRST.next());
    let refused = sealer.seal_final(&mut [0; 39]);
    assert!(matches!(refused, Err(FrameError::Length { frame: 1, .. })));
}

#[test]
fn sealers_and_openers_go_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<esdk_message::Sealer>();
    shared::<esdk_message::Opener>();
}

#[test]
fn no_key_is_printed() {
    let object = sealer(F as u32).seal_message(&[]).unwrap();
    assert_eq!(format!("{:?}", data_key()), "DataKey(redacted)");
    assert!(!format!("{:?}", opener(&object)).contains("key"));
    assert!(!format!("{:?}", sealer(F as u32)).contains("key"));
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_range_opens_from_its_own_frames(
        len in 1usize..6 * F,
        start: prop::sample::Index,
        end: prop::sample::Index,
    ) {
        let recording = plaintext(len);
        let object = sealer(F as u32).seal_message(&recording).unwrap();
        let (a, b) = (start.index(len), end.index(len));
        let range = a.min(b)..a.max(b) + 1;
        let read = read_range(&object, range.start as u64..range.end as u64).unwrap();
        prop_assert!(read == recording[range]);
    }
}
