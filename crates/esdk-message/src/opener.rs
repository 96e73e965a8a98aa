//! Opens the frames of an authenticated message in place, one by one or in runs.

use std::{fmt, ops::Range};

use crate::{
    context::EncryptionContext,
    error::FrameError,
    frame::{Frame, FrameIndex, FrameKind},
    keys::{FrameKey, MessageId, TAG_LEN},
    layout::Layout,
    profile::FrameLength,
};

/// Opens the frames of one authenticated message. It is `Send` and `Sync`, and its key is wiped on drop.
///
/// [`UnverifiedHeader::authenticate`](crate::UnverifiedHeader::authenticate) creates it. A frame that opens is proved to be
/// that frame of that message. It does not prove the length of the message. Only the final frame does.
pub struct Opener {
    header_len: u64,
    frame_length: FrameLength,
    message_id: MessageId,
    context: EncryptionContext,
    frame_key: FrameKey,
}

impl Opener {
    pub(crate) fn new(
        header_len: u64,
        frame_length: FrameLength,
        message_id: MessageId,
        context: EncryptionContext,
        frame_key: FrameKey,
    ) -> Self {
        Self {
            header_len,
            frame_length,
            message_id,
            context,
            frame_key,
        }
    }

    /// Length of the header in bytes, including the tag. The first frame begins there.
    #[must_use]
    pub fn header_len(&self) -> u64 {
        self.header_len
    }

    /// Plaintext bytes in a regular frame.
    #[must_use]
    pub fn frame_length(&self) -> FrameLength {
        self.frame_length
    }

    /// The authenticated encryption context. The caller must compare it with the expected one.
    #[must_use]
    pub fn encryption_context(&self) -> &EncryptionContext {
        &self.context
    }

    /// Opens one frame in place and returns its plaintext within `sealed`. `sealed` holds all stored bytes of the frame.
    ///
    /// # Errors
    ///
    /// [`FrameError`] names the field that is wrong, or the tag. `sealed` then holds no plaintext.
    pub fn open_frame<'a>(
        &self,
        frame: FrameIndex,
        kind: FrameKind,
        sealed: &'a mut [u8],
    ) -> Result<&'a mut [u8], FrameError> {
        let frame = Frame::new(frame, kind, self.frame_length, sealed.len())?;
        let parts = frame.split(sealed);
        self.open(&frame, parts.fields, parts.text, parts.tag)?;
        Ok(parts.text)
    }

    /// Opens one frame whose stored parts are in buffers of their own: the [`FrameKind::plaintext_at`] bytes of fields, the
    /// ciphertext and the tag. Decrypts `text` in place, so that the plaintext of several frames can be contiguous.
    ///
    /// # Errors
    ///
    /// [`FrameError`] names the field that is wrong, or the tag. `text` then holds no plaintext.
    pub fn open_parts(
        &self,
        frame: FrameIndex,
        kind: FrameKind,
        fields: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), FrameError> {
        let fields_len = kind.plaintext_at();
        if fields.len() != fields_len {
            return Err(FrameError::Length {
                frame: frame.get(),
                len: fields.len(),
                min: fields_len,
                max: fields_len,
            });
        }
        let frame = Frame::new(frame, kind, self.frame_length, text.len() + kind.overhead())?;
        self.open(&frame, fields, text, tag)
    }

    fn open(&self, frame: &Frame, fields: &[u8], text: &mut [u8], tag: &[u8]) -> Result<(), FrameError> {
        frame.check_fields(fields)?;
        let aad = frame.aad(&self.message_id);
        if self.frame_key.open(frame.iv(), aad.as_slice(), text, tag) {
            Ok(())
        } else {
            Err(FrameError::Tag { frame: frame.index() })
        }
    }

    /// Opens a run of frames in place. Each step of the iterator opens one frame, and the iterator ends after the first
    /// failure.
    ///
    /// `layout` is the layout of this message. `sealed` holds the bytes of the [`Layout::object_range`] of `frames`.
    ///
    /// # Errors
    ///
    /// [`FrameError::RunLength`] if `sealed` has another length.
    pub fn open_run<'a>(
        &'a self,
        layout: &'a Layout,
        frames: Range<FrameIndex>,
        sealed: &'a mut [u8],
    ) -> Result<OpenedFrames<'a>, FrameError> {
        let stored = layout.object_range(frames.clone());
        let expected = stored.end.0.saturating_sub(stored.start.0);
        if sealed.len() as u64 != expected {
            return Err(FrameError::RunLength {
                frame: frames.start.get(),
                len: sealed.len(),
                expected,
            });
        }
        Ok(OpenedFrames {
            opener: self,
            layout,
            next: frames.start,
            rest: sealed,
        })
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener")
            .field("header_len", &self.header_len)
            .field("frame_length", &self.frame_length)
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

/// Iterator over the verified plaintext of a run of frames. [`Opener::open_run`] creates it.
#[derive(Debug)]
pub struct OpenedFrames<'a> {
    opener: &'a Opener,
    layout: &'a Layout,
    next: FrameIndex,
    /// The frames that are not opened yet. Empty after a failure.
    rest: &'a mut [u8],
}

impl<'a> Iterator for OpenedFrames<'a> {
    type Item = Result<&'a mut [u8], FrameError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let frame = self.next;
        self.next = frame.next();
        let stored = self.layout.object_range(frame..self.next);
        // `open_run` compared the length of the whole run with the layout. The frame is therefore within `rest`.
        let stored_len = usize::try_from(stored.end.0 - stored.start.0).expect("a frame is part of a slice in memory");
        let (sealed, rest) = std::mem::take(&mut self.rest).split_at_mut(stored_len);
        let opened = self.opener.open_frame(frame, self.layout.kind(frame), sealed);
        if opened.is_ok() {
            self.rest = rest;
        }
        Some(opened)
    }
}
