//! Any bytes as any frame of a real message. Only the message's own frames open, each at its own position.

#![no_main]

use std::sync::LazyLock;

use arbitrary::Arbitrary;
use esdk_message::{DataKey, FrameIndex, FrameKind, Layout, Opener, UnverifiedHeader};
use libfuzzer_sys::fuzz_target;

const OBJECT: &[u8] = include_bytes!("../../crates/esdk-message/tests/fixtures/three-frames-and-17.esdk");

static MESSAGE: LazyLock<(Opener, Layout)> = LazyLock::new(|| {
    let data_key = DataKey::from_slice(b"fixtures only: a known data key!").unwrap();
    let opener = UnverifiedHeader::parse(OBJECT)
        .unwrap()
        .authenticate(&data_key)
        .unwrap();
    let layout = Layout::of_object(opener.header_len(), opener.frame_length(), OBJECT.len() as u64).unwrap();
    (opener, layout)
});

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    index: u32,
    is_final: bool,
    sealed: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let (opener, layout) = &*MESSAGE;
    let frame = FrameIndex::new(input.index);
    let kind = if input.is_final {
        FrameKind::Final
    } else {
        FrameKind::Regular
    };
    let mut sealed = input.sealed.to_vec();
    if opener.open_frame(frame, kind, &mut sealed).is_ok() {
        let own = layout.object_range(frame..frame.next());
        assert_eq!(kind, layout.kind(frame));
        assert_eq!(input.sealed, &OBJECT[own.start.0 as usize..own.end.0 as usize]);
    }
});
