//! Seals a new message: its header and its frames.

use std::fmt;

use crate::{
    context::EncryptionContext,
    error::{FrameError, HeaderError},
    frame::{Frame, FrameIndex, FrameKind},
    header::{self, EncryptedDataKey},
    keys::{DataKey, FrameKey, MessageId},
    profile::FrameLength,
};

/// Seals one message, frame by frame, from the first frame to the final one.
///
/// The IV of a frame is its number. Two plaintexts that are sealed as the same frame of the same message reveal each other. The
/// sealer therefore counts its frames itself, and [`Sealer::seal_final`] consumes it. Neither of the following compiles: no
/// method takes a frame number,
///
/// ```compile_fail,E0599
/// # use esdk_message::{FrameError, FrameIndex, FrameKind, Sealer};
/// fn seal_one_frame_twice(sealer: &mut Sealer, frame: &mut [u8], other: &mut [u8]) -> Result<(), FrameError> {
///     sealer.seal_frame(FrameIndex::FIRST, FrameKind::Regular, frame)?;
///     sealer.seal_frame(FrameIndex::FIRST, FrameKind::Regular, other)
/// }
/// ```
///
/// no sealer can be copied,
///
/// ```compile_fail,E0599
/// # use esdk_message::{FrameError, Sealer};
/// fn seal_with_a_copy(sealer: &mut Sealer, frame: &mut [u8], other: &mut [u8]) -> Result<(), FrameError> {
///     let mut copy = sealer.clone();
///     sealer.seal_next(frame)?;
///     copy.seal_next(other)
/// }
/// ```
///
/// and no frame follows the final one.
///
/// ```compile_fail,E0382
/// # use esdk_message::{FrameError, Sealer};
/// fn seal_after_the_final_frame(mut sealer: Sealer, last: &mut [u8], more: &mut [u8]) -> Result<(), FrameError> {
///     sealer.seal_final(last)?;
///     sealer.seal_next(more)
/// }
/// ```
///
/// ```compile_fail,E0382
/// # use esdk_message::{FrameError, Sealer};
/// fn seal_two_final_frames(sealer: Sealer, last: &mut [u8], more: &mut [u8]) -> Result<(), FrameError> {
///     sealer.seal_final(last)?;
///     sealer.seal_final(more)
/// }
/// ```
///
/// The correct order compiles:
///
/// ```
/// # // The same imports as above, so that a renamed type cannot be the reason why the others do not compile.
/// # #[allow(unused_imports)]
/// # use esdk_message::{FrameError, FrameIndex, FrameKind, Sealer};
/// fn seal(mut sealer: Sealer, frame: &mut [u8], last: &mut [u8]) -> Result<(), FrameError> {
///     sealer.seal_next(frame)?;
///     sealer.seal_final(last)
/// }
/// ```
///
/// The type cannot prevent a second sealer with the same data key and message id. A retry must use a new data key and a new
/// message id.
pub struct Sealer {
    frame_length: FrameLength,
    message_id: MessageId,
    frame_key: FrameKey,
    header: Vec<u8>,
    next: FrameIndex,
}

impl Sealer {
    /// Starts a message and writes its header. `keys` hold `data_key`, encrypted by KMS under exactly `context`.
    ///
    /// # Errors
    ///
    /// [`HeaderError::KeyCount`] unless there are 1 to [`MAX_ENCRYPTED_DATA_KEYS`](crate::MAX_ENCRYPTED_DATA_KEYS) keys.
    /// [`HeaderError::TooLong`] if the header would be longer than [`MAX_HEADER_LEN`](crate::MAX_HEADER_LEN).
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
            next: FrameIndex::FIRST,
        })
    }

    /// The header as it is stored, including the tag.
    #[must_use]
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// Plaintext bytes in a regular frame.
    #[must_use]
    pub fn frame_length(&self) -> FrameLength {
        self.frame_length
    }

    /// The frame that the next call seals. Its index is the number of frames that are sealed already.
    #[must_use]
    pub fn next_frame(&self) -> FrameIndex {
        self.next
    }

    /// Seals the next regular frame in place.
    ///
    /// `sealed` has the size of the stored frame, F + 32 bytes. Its plaintext is already at
    /// [`FrameKind::Regular.plaintext_at()`](FrameKind::plaintext_at). This method writes the bytes around it.
    ///
    /// # Errors
    ///
    /// [`FrameError::Length`] if `sealed` has another size, [`FrameError::TooMany`] if the message can have no further regular
    /// frame. The frame is then not sealed, and the next call seals it.
    pub fn seal_next(&mut self, sealed: &mut [u8]) -> Result<(), FrameError> {
        self.seal(FrameKind::Regular, sealed)?;
        self.next = self.next.next();
        Ok(())
    }

    /// Seals the final frame in place and ends the message.
    ///
    /// `sealed` has the size of the stored frame, 40 to F + 40 bytes. Its plaintext is already at
    /// [`FrameKind::Final.plaintext_at()`](FrameKind::plaintext_at).
    ///
    /// # Errors
    ///
    /// [`FrameError::Length`] if `sealed` has another size.
    pub fn seal_final(self, sealed: &mut [u8]) -> Result<(), FrameError> {
        self.seal(FrameKind::Final, sealed)
    }

    /// Each caller seals a frame at most once.
    fn seal(&self, kind: FrameKind, sealed: &mut [u8]) -> Result<(), FrameError> {
        let frame = Frame::new(self.next, kind, self.frame_length, sealed.len())?;
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
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}
