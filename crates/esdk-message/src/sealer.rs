//! Sealing: a new message's header and frames.

use std::fmt;

use crate::{
    context::EncryptionContext,
    error::{FrameError, HeaderError},
    frame::{Frame, FrameIndex, FrameKind},
    header::{self, EncryptedDataKey},
    keys::{DataKey, FrameKey, MessageId},
    profile::FrameLength,
};

/// Seals one message. One (data key, message id) pair seals one plaintext **once**: IVs are frame numbers, so that sealing
/// other bytes as the same frame of the same message gives both away. A retry takes a new data key and a new message id.
pub struct Sealer {
    frame_length: FrameLength,
    message_id: MessageId,
    frame_key: FrameKey,
    header: Vec<u8>,
}

impl Sealer {
    /// Makes the message's header. `keys` are `data_key` as wrapped by KMS under exactly `context`.
    ///
    /// # Errors
    ///
    /// [`HeaderError::KeyCount`] unless there are 1 to [`MAX_ENCRYPTED_DATA_KEYS`](crate::MAX_ENCRYPTED_DATA_KEYS) keys,
    /// [`HeaderError::TooLong`] when the header would pass [`MAX_HEADER_LEN`](crate::MAX_HEADER_LEN).
    pub fn new(
        data_key: &DataKey,
        message_id: MessageId,
        frame_length: FrameLength,
        context: &EncryptionContext,
        keys: &[EncryptedDataKey],
    ) -> Result<Self, HeaderError> {
        let (frame_key, commit_key) = data_key.derive(&message_id);
        let header = header::encode(message_id, frame_length, context, keys, &frame_key, &commit_key)?;
        Ok(Self {
            frame_length,
            message_id,
            frame_key,
            header,
        })
    }

    /// The header as it's stored, tag included.
    #[must_use]
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// Plaintext bytes in a regular frame.
    #[must_use]
    pub fn frame_length(&self) -> FrameLength {
        self.frame_length
    }

    /// Seals one frame in place.
    ///
    /// `sealed` is the frame as it will be stored, its plaintext already in place (at [`FrameKind::plaintext_at`]), the
    /// rest to be filled in: F + 32 bytes for a regular frame, 40 to F + 40 for the final one. Takes `&self`, so that parts
    /// can be sealed in parallel.
    ///
    /// # Errors
    ///
    /// [`FrameError::Length`] when `sealed` has another size, [`FrameError::TooMany`] past the last sequence number.
    pub fn seal_frame(&self, frame: FrameIndex, kind: FrameKind, sealed: &mut [u8]) -> Result<(), FrameError> {
        let frame = Frame::new(frame, kind, self.frame_length, sealed.len())?;
        let parts = frame.split(sealed);
        frame.write_fields(parts.fields);
        let aad = frame.aad(&self.message_id);
        let tag = self.frame_key.seal(frame.iv(), aad.as_slice(), parts.text);
        parts.tag.copy_from_slice(tag.as_ref());
        Ok(())
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("frame_length", &self.frame_length)
            .field("message_id", &self.message_id)
            .finish_non_exhaustive()
    }
}
