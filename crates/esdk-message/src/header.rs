//! The header: made by a sealer, parsed and then authenticated by a reader.
//!
//! | bytes | field |
//! | --- | --- |
//! | 1 | version, 0x02 |
//! | 2 | algorithm suite, 0x0478 |
//! | 32 | message id |
//! | 2 + n | encryption context |
//! | 2 + … | encrypted data keys: count, then provider id, provider info and ciphertext of each, all length-prefixed |
//! | 1 | content type, 0x02 |
//! | 4 | frame length |
//! | 32 | commit key |
//! | 16 | tag over all of the above |

mod parse;

use crate::{
    context::EncryptionContext,
    error::HeaderError,
    keys::{COMMIT_KEY_LEN, CommitKey, DataKey, FrameKey, IV_LEN, MessageId, TAG_LEN},
    opener::Opener,
    profile::{FrameLength, MAX_ENCRYPTED_DATA_KEYS, MAX_HEADER_LEN, Profile},
};

const VERSION: u8 = 0x02;
/// AES-256-GCM, HKDF-SHA512, key commitment, unsigned.
const SUITE: u16 = 0x0478;
const FRAMED: u8 = 0x02;
/// The header is sealed under IV 0; frames start at 1.
const HEADER_IV: [u8; IV_LEN] = [0; IV_LEN];

/// The data key as a key provider wrapped it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptedDataKey {
    /// Who can unwrap it: `aws-kms`.
    pub provider_id: String,
    /// Under which key: its full ARN. Other providers than KMS store bytes here; what isn't UTF-8 of them is read as U+FFFD,
    /// which no ARN contains.
    pub provider_info: String,
    /// KMS's CiphertextBlob.
    pub ciphertext: Vec<u8>,
}

/// Header read from an object's first bytes; nothing in it is to be believed yet.
#[derive(Debug)]
pub struct UnverifiedHeader {
    /// The header as stored, without its tag. These bytes are authenticated, never a re-encoding of what was parsed.
    body: Vec<u8>,
    tag: [u8; TAG_LEN],
    message_id: MessageId,
    context: EncryptionContext,
    keys: Vec<EncryptedDataKey>,
    frame_length: FrameLength,
    commit_key: [u8; COMMIT_KEY_LEN],
}

impl UnverifiedHeader {
    /// Parses the header at the front of `prefix`, the object's first bytes, under [`Profile::VAULT`].
    ///
    /// # Errors
    ///
    /// [`HeaderError::Incomplete`] when `prefix` ends before the header does: come back with more. Any other error is final
    /// and says what the profile refuses, and where.
    pub fn parse(prefix: &[u8]) -> Result<Self, HeaderError> {
        Self::parse_with(prefix, Profile::VAULT)
    }

    /// [`UnverifiedHeader::parse`] under another profile.
    ///
    /// # Errors
    ///
    /// As [`UnverifiedHeader::parse`].
    pub fn parse_with(prefix: &[u8], profile: Profile) -> Result<Self, HeaderError> {
        parse::header(prefix, profile)
    }

    /// Bytes of the whole header, tag included.
    // A header is never empty.
    #[allow(clippy::len_without_is_empty)]
    #[must_use]
    pub fn len(&self) -> u64 {
        (self.body.len() + TAG_LEN) as u64
    }

    /// The context it claims. Compare it with what is expected of the object before a key is asked for.
    #[must_use]
    pub fn encryption_context(&self) -> &EncryptionContext {
        &self.context
    }

    /// The wrapped data keys, 1 to [`MAX_ENCRYPTED_DATA_KEYS`].
    #[must_use]
    pub fn encrypted_data_keys(&self) -> &[EncryptedDataKey] {
        &self.keys
    }

    /// Checks the commit key in constant time, then the header tag.
    ///
    /// # Errors
    ///
    /// [`HeaderError::Commitment`] when the message was made with another data key, [`HeaderError::Tag`] when the header was
    /// changed.
    pub fn authenticate(self, data_key: &DataKey) -> Result<Opener, HeaderError> {
        let (frame_key, commit_key) = data_key.derive(&self.message_id);
        if !commit_key.matches(&self.commit_key) {
            return Err(HeaderError::Commitment {
                offset: self.body.len() - COMMIT_KEY_LEN,
            });
        }
        if !frame_key.open(HEADER_IV, &self.body, &mut [], &self.tag) {
            return Err(HeaderError::Tag {
                offset: self.body.len(),
            });
        }
        Ok(Opener::new(
            self.len(),
            self.frame_length,
            self.message_id,
            self.context,
            frame_key,
        ))
    }
}

/// A new message's header, tag included.
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
