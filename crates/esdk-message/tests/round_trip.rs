//! What is sealed opens again: whole, by any range, and with its frames sealed in any order.

mod support;

use esdk_message::{FrameIndex, FrameKind, Layout, Profile, open_message};
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

/// As the SDKs for Python, Java, C and Node.js write it.
#[test]
fn an_empty_final_frame_after_whole_frames_is_read() {
    let sealer = sealer(F as u32);
    let recording = plaintext(F);
    let mut regular = [&[0; 16], recording.as_slice(), &[0; 16]].concat();
    sealer
        .seal_frame(FrameIndex(0), FrameKind::Regular, &mut regular)
        .unwrap();
    let mut last = [0; 40];
    sealer.seal_frame(FrameIndex(1), FrameKind::Final, &mut last).unwrap();
    let object = [sealer.header(), &regular, &last].concat();
    assert!(open_message(&object, &data_key(), Profile::VAULT).unwrap().plaintext == recording);
    assert!(read_range(&object, F as u64 - 1..F as u64).unwrap() == recording[F - 1..]);
}

/// Multipart uploads seal their parts at the same time.
#[test]
fn frames_may_be_sealed_in_any_order() {
    let recording = plaintext(3 * F + 17);
    let sealer = sealer(F as u32);
    let header_len = sealer.header().len();
    let layout = Layout::of_plaintext(header_len as u64, sealer.frame_length(), recording.len() as u64).unwrap();
    let mut object = vec![0; layout.object_len() as usize];
    object[..header_len].copy_from_slice(sealer.header());
    for index in [2, 0, 3, 1] {
        let frame = FrameIndex(index);
        let kind = layout.kind(frame);
        let stored = layout.object_range(frame..FrameIndex(index + 1));
        let held = layout.plaintext_range(frame);
        let text = &recording[held.start.0 as usize..held.end.0 as usize];
        let sealed = &mut object[stored.start.0 as usize..stored.end.0 as usize];
        sealed[kind.plaintext_at()..][..text.len()].copy_from_slice(text);
        sealer.seal_frame(frame, kind, sealed).unwrap();
    }
    assert!(open_message(&object, &data_key(), Profile::VAULT).unwrap().plaintext == recording);
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
