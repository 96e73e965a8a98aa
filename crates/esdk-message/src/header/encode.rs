//! Writes a new message's header.

use super::fields::{EncryptedDataKey, FRAMED, HEADER_IV, SUITE, VERSION};
use crate::{
    context::EncryptionContext,
    error::HeaderError,
    keys::{CommitKey, FrameKey, MessageId, TAG_LEN},
    profile::{FrameLength, MAX_ENCRYPTED_DATA_KEYS, MAX_HEADER_LEN},
};

/// A new message's header, including the tag.
pub(crate) fn encode(
    message_id: MessageId,
    frame_length: FrameLength,
    context: &EncryptionContext,
    keys: &[EncryptedDataKey],
    frame_key: &FrameKey,
    commit_key: &CommitKey,
) -> Result<Vec<u8>, HeaderError> {
    let mut header = vec![VERSION];
    header.extend_from_slice(&SUITE.to_be_bytes());
    header.extend_from_slice(message_id.as_bytes());
    context.encode_into(&mut header);
    encode_keys(keys, &mut header)?;
    header.push(FRAMED);
    header.extend_from_slice(&frame_length.bytes().to_be_bytes());
    header.extend_from_slice(commit_key.as_bytes());
    let needed = header.len() + TAG_LEN;
    if needed > MAX_HEADER_LEN {
        return Err(HeaderError::TooLong {
            offset: header.len(),
            needed,
        });
    }
    let tag = frame_key.seal(HEADER_IV, &header, &mut []);
    header.extend_from_slice(tag.as_ref());
    Ok(header)
}

fn encode_keys(keys: &[EncryptedDataKey], header: &mut Vec<u8>) -> Result<(), HeaderError> {
    let count = u16::try_from(keys.len())
        .ok()
        .filter(|count| (1..=MAX_ENCRYPTED_DATA_KEYS).contains(&usize::from(*count)));
    let count = count.ok_or(HeaderError::KeyCount {
        offset: header.len(),
        found: keys.len(),
    })?;
    header.extend_from_slice(&count.to_be_bytes());
    for key in keys {
        for field in [
            key.provider_id.as_bytes(),
            key.provider_info.as_bytes(),
            &key.ciphertext,
        ] {
            let offset = header.len();
            let len = u16::try_from(field.len());
            let len = len.map_err(|_| HeaderError::TooLong {
                offset,
                needed: offset + field.len(),
            })?;
            header.extend_from_slice(&len.to_be_bytes());
            header.extend_from_slice(field);
        }
    }
    Ok(())
}
