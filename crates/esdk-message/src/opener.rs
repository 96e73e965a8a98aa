//! Opening: an authenticated message's frames, alone or in runs, in place.

use std::{fmt, ops::Range};

use crate::{
    context::EncryptionContext,
    error::FrameError,
    frame::{Frame, FrameIndex, FrameKind},
    keys::{FrameKey, MessageId},
    layout::Layout,
    profile::FrameLength,
};

/// An authenticated message: opens frames. Send and Sync; its key is wiped on drop.
///
/// Made by [`UnverifiedHeader::authenticate`](crate::UnverifiedHeader::authenticate). What it opens is proved to be those
/// bytes of that message; that the message is as long as its object suggests is proved by opening the final frame.
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

    /// Bytes of the header, tag included: where the first frame begins.
    #[must_use]
    pub fn header_len(&self) -> u64 {
        self.header_len
    }

    /// Plaintext bytes in a regular frame.
    #[must_use]
    pub fn frame_length(&self) -> FrameLength {
        self.frame_length
    }

    /// The context, authenticated. Whether it's the one that was expected is the caller's to compare.
    #[must_use]
    pub fn encryption_context(&self) -> &EncryptionContext {
        &self.context
    }

    /// Opens one sealed frame in place (the whole of its bytes in the object) and returns its plaintext within `sealed`.
    ///
    /// # Errors
    ///
    /// [`FrameError`] says which field or the tag was wrong. No plaintext is in `sealed` then.
    pub fn open_frame<'a>(
        &self,
        frame: FrameIndex,
        kind: FrameKind,
        sealed: &'a mut [u8],
    ) -> Result<&'a mut [u8], FrameError> {
        let frame = Frame::new(frame, kind, self.frame_length, sealed.len())?;
        let parts = frame.split(sealed);
        frame.check_fields(parts.fields)?;
        let aad = frame.aad(&self.message_id);
        if !self.frame_key.open(frame.iv(), aad.as_slice(), parts.text, parts.tag) {
            return Err(FrameError::Tag { frame: frame.index() });
        }
        Ok(parts.text)
    }

    /// Opens a run of frames in place, one at each step of the iterator, which ends after the first failure.
    ///
    /// `sealed` is what [`Layout::object_range`] says of `frames`, and `layout` is this message's.
    ///
    /// # Errors
    ///
    /// [`FrameError::RunLength`] when `sealed` has another length.
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
                frame: frames.start.0,
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

/// Iterator over the verified plaintext of a run of frames; made by [`Opener::open_run`].
#[derive(Debug)]
pub struct OpenedFrames<'a> {
    opener: &'a Opener,
    layout: &'a Layout,
    next: FrameIndex,
    /// The frames not yet opened; nothing after a failure.
    rest: &'a mut [u8],
}

impl<'a> Iterator for OpenedFrames<'a> {
    type Item = Result<&'a mut [u8], FrameError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let frame = self.next;
        self.next = FrameIndex(frame.0 + 1);
        let stored = self.layout.object_range(frame..self.next);
        // Within `rest`, because `open_run` compared the whole run's length with the layout.
        let stored_len = usize::try_from(stored.end.0 - stored.start.0).expect("a frame is part of a slice in memory");
        let (sealed, rest) = std::mem::take(&mut self.rest).split_at_mut(stored_len);
        let opened = self.opener.open_frame(frame, self.layout.kind(frame), sealed);
        if opened.is_ok() {
            self.rest = rest;
        }
        Some(opened)
    }
}
