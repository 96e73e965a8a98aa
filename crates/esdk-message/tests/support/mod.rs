//! Messages for the tests, and a ranged reader that works like the vault's.

// Each test binary uses only some of these helpers, and a helper fails like a test.
#![allow(dead_code, clippy::unwrap_used)]

use std::ops::Range;

use esdk_message::{
    DataKey, EncryptedDataKey, EncryptionContext, FrameLength, Layout, MessageError, MessageId, Opener,
    PlaintextOffset, Sealer, UnverifiedHeader,
};

pub(crate) const KEY_ARN: &str = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-4000-8000-000000000000";

pub(crate) const DATA_KEY: [u8; 32] = [0x5a; 32];

pub(crate) fn data_key() -> DataKey {
    DataKey::from_slice(&DATA_KEY).unwrap()
}

/// Bytes that differ in any two frames.
pub(crate) fn plaintext(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at ^ (at >> 7) ^ (at >> 13)) as u8).collect()
}

pub(crate) fn context() -> EncryptionContext {
    EncryptionContext::new([
        ("recordingsid", "RE0123456789abcdef0123456789abcdef"),
        ("contenttype", "wav"),
    ])
    .unwrap()
}

pub(crate) fn sealer(frame_length: u32) -> Sealer {
    let wrapped = EncryptedDataKey {
        provider_id: "aws-kms".into(),
        provider_info: KEY_ARN.into(),
        ciphertext: b"wrapped".to_vec(),
    };
    let frame_length = FrameLength::new(frame_length).unwrap();
    Sealer::new(&data_key(), MessageId::random(), frame_length, &context(), &[wrapped]).unwrap()
}

pub(crate) fn opener(object: &[u8]) -> Opener {
    UnverifiedHeader::parse(object)
        .unwrap()
        .authenticate(&data_key())
        .unwrap()
}

/// Reads `range` from the frames that hold it, without the rest of the object.
pub(crate) fn read_range(object: &[u8], range: Range<u64>) -> Result<Vec<u8>, MessageError> {
    let opener = UnverifiedHeader::parse(object)?.authenticate(&data_key())?;
    let layout = Layout::of_object(opener.header_len(), opener.frame_length(), object.len() as u64)?;
    let frames = layout.frames_of(PlaintextOffset(range.start)..PlaintextOffset(range.end))?;
    let first = layout.plaintext_range(frames.start).start.0;
    let stored = layout.object_range(frames.clone());
    let mut sealed = object[stored.start.0 as usize..stored.end.0 as usize].to_vec();
    let mut opened = Vec::new();
    for frame in opener.open_run(&layout, frames, &mut sealed)? {
        opened.extend_from_slice(frame?);
    }
    Ok(opened[(range.start - first) as usize..(range.end - first) as usize].to_vec())
}
