//! Stored recordings that are made without the vault's writer.

use std::ops::Range;

use esdk_message::{DataKey, EncryptedDataKey, EncryptionContext, FrameKind, FrameLength, MessageId, Sealer};
use futures_util::StreamExt;
use sid::RecordingSid;
use vault::{Expectation, ObjectKeys, PlaintextStream, ReadError, Reader, ReaderConfig};

use crate::support::{World, account};

/// The vault's frame length.
pub(crate) const F: usize = 65_536;

/// The choices that the format leaves to a writer.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) frame_length: usize,
    /// Whether a plaintext of whole frames ends in an empty final frame (Python, Java) or in a full one (our writer).
    pub(crate) empty_final_frame: bool,
    /// Whether the encryption context contains the length.
    pub(crate) length_known: bool,
    /// Encrypted data keys before the valid one.
    pub(crate) other_keys: Vec<EncryptedDataKey>,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            frame_length: F,
            empty_final_frame: false,
            length_known: true,
            other_keys: Vec::new(),
        }
    }
}

impl Shape {
    pub(crate) fn length_unknown() -> Self {
        Self {
            length_known: false,
            ..Self::default()
        }
    }
}

/// The encryption context that the vault writes for a recording.
pub(crate) fn context(recording: &RecordingSid, plaintext_len: Option<usize>) -> EncryptionContext {
    EncryptionContext::new([
        ("accountsid", account().as_str().to_owned()),
        ("recordingsid", recording.as_str().to_owned()),
        ("contenttype", "wav".to_owned()),
        (
            "plaintextlength",
            plaintext_len.map_or_else(|| "unknown-------------".to_owned(), |len| format!("{len:020}")),
        ),
    ])
    .unwrap()
}

/// A data key, and the same key encrypted under `key_arn`.
pub(crate) async fn data_key(world: &World, key_arn: &str, context: &EncryptionContext) -> (DataKey, EncryptedDataKey) {
    let answer = world
        .direct_kms()
        .generate_data_key()
        .key_id(key_arn)
        .number_of_bytes(32)
        .set_encryption_context(Some(
            context.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        ))
        .send()
        .await
        .unwrap();
    let stored = EncryptedDataKey {
        provider_id: "aws-kms".to_owned(),
        provider_info: answer.key_id.unwrap(),
        ciphertext: answer.ciphertext_blob.unwrap().into_inner(),
    };
    (DataKey::from_slice(answer.plaintext.unwrap().as_ref()).unwrap(), stored)
}

/// Seals `plaintext` under the world's key and returns the object.
pub(crate) async fn seal(world: &World, recording: &RecordingSid, plaintext: &[u8], shape: &Shape) -> Vec<u8> {
    let context = context(recording, shape.length_known.then_some(plaintext.len()));
    let (data_key, stored) = data_key(world, world.key.as_str(), &context).await;
    let keys: Vec<_> = shape.other_keys.iter().cloned().chain([stored]).collect();
    seal_with(&data_key, &keys, &context, plaintext, shape)
}

pub(crate) fn seal_with(
    data_key: &DataKey,
    keys: &[EncryptedDataKey],
    context: &EncryptionContext,
    plaintext: &[u8],
    shape: &Shape,
) -> Vec<u8> {
    let frame_length = FrameLength::new(shape.frame_length.try_into().unwrap()).unwrap();
    let mut sealer = Sealer::new(data_key, MessageId::random(), frame_length, context, keys).unwrap();
    let mut frames: Vec<&[u8]> = plaintext.chunks(shape.frame_length).collect();
    if frames.is_empty() || (shape.empty_final_frame && plaintext.len().is_multiple_of(shape.frame_length)) {
        frames.push(&[]);
    }
    let mut object = sealer.header().to_vec();
    let last = frames.pop().unwrap_or_default();
    for text in frames {
        let mut frame = unsealed(FrameKind::Regular, text);
        sealer.seal_next(&mut frame).unwrap();
        object.extend_from_slice(&frame);
    }
    let mut frame = unsealed(FrameKind::Final, last);
    sealer.seal_final(&mut frame).unwrap();
    object.extend_from_slice(&frame);
    object
}

/// A frame with its plaintext in place.
fn unsealed(kind: FrameKind, text: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; kind.overhead() + text.len()];
    frame[kind.plaintext_at()..][..text.len()].copy_from_slice(text);
    frame
}

/// Seals `plaintext`, stores the object and returns it.
pub(crate) async fn store(world: &World, recording: &RecordingSid, plaintext: &[u8], shape: &Shape) -> Vec<u8> {
    let object = seal(world, recording, plaintext, shape).await;
    world.put_object(&recording.object_key(), object.clone()).await;
    object
}

/// A reader with an empty cache, through the proxy.
pub(crate) fn reader(world: &World) -> Reader {
    let config = ReaderConfig {
        bucket: world.bucket.clone(),
        account: account(),
        kms_keys: vec![world.key.clone()],
    };
    Reader::new(world.s3(), world.kms(), config)
}

pub(crate) fn bytes(range: Range<usize>) -> Expectation {
    Expectation::Bytes {
        offset: range.start as u64,
        len: range.len() as u64,
    }
}

/// Opens the recording and reads `range` until its end or the first error.
pub(crate) async fn read(
    reader: &Reader,
    recording: &RecordingSid,
    range: Range<usize>,
) -> (Vec<u8>, Option<ReadError>) {
    let opened = match reader.open(recording, bytes(range.clone())).await {
        Ok(opened) => opened,
        Err(error) => return (Vec::new(), Some(error)),
    };
    match reader.read(&opened, range.start as u64..range.end as u64).await {
        Ok(stream) => drain(stream).await,
        Err(error) => (Vec::new(), Some(error)),
    }
}

/// All bytes of the stream, and its error. An error must be the last item.
pub(crate) async fn drain(mut stream: PlaintextStream) -> (Vec<u8>, Option<ReadError>) {
    let mut seen = Vec::new();
    while let Some(item) = stream.next().await {
        match item {
            Ok(bytes) => {
                assert!(!bytes.is_empty());
                seen.extend_from_slice(&bytes);
            }
            Err(error) => {
                assert!(stream.next().await.is_none());
                return (seen, Some(error));
            }
        }
    }
    assert!(stream.next().await.is_none());
    (seen, None)
}
