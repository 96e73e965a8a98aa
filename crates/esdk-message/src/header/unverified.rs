//! A header that was parsed but not yet authenticated.

use super::fields::{EncryptedDataKey, HEADER_IV};
use crate::{
    context::EncryptionContext,
    error::HeaderError,
    keys::{COMMIT_KEY_LEN, DataKey, MessageId, TAG_LEN},
    opener::Opener,
    profile::FrameLength,
};

/// A header read from an object's first bytes. Do not trust its contents before [`UnverifiedHeader::authenticate`] succeeds.
#[derive(Debug)]
pub struct UnverifiedHeader {
    /// The header as stored, without its tag. The tag is checked over these bytes, never over a second encoding of the
    /// parsed fields.
    pub(super) body: Vec<u8>,
    pub(super) tag: [u8; TAG_LEN],
    pub(super) message_id: MessageId,
    pub(super) context: EncryptionContext,
    pub(super) keys: Vec<EncryptedDataKey>,
    pub(super) frame_length: FrameLength,
    pub(super) commit_key: [u8; COMMIT_KEY_LEN],
}

impl UnverifiedHeader {
    /// Length of the whole header in bytes, including the tag.
    // A header is never empty.
    #[allow(clippy::len_without_is_empty)]
    #[must_use]
    pub fn len(&self) -> u64 {
        (self.body.len() + TAG_LEN) as u64
    }

    /// The stored encryption context. Compare it with the expected context before you request a key.
    #[must_use]
    pub fn encryption_context(&self) -> &EncryptionContext {
        &self.context
    }

    /// The encrypted data keys: 1 to [`MAX_ENCRYPTED_DATA_KEYS`](crate::MAX_ENCRYPTED_DATA_KEYS).
    #[must_use]
    pub fn encrypted_data_keys(&self) -> &[EncryptedDataKey] {
        &self.keys
    }

    /// The length of the frames.
    #[must_use]
    pub const fn frame_length(&self) -> FrameLength {
        self.frame_length
    }

    /// Checks the commit key in constant time, then the header tag.
    ///
    /// # Errors
    ///
    /// [`HeaderError::Commitment`] if the message was sealed with another data key, [`HeaderError::Tag`] if the header was
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
