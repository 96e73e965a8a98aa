//! The positions of the header, the regular frames and the final frame in an object. Arithmetic only.
//!
//! With header length H, frame length F, k regular frames and f plaintext bytes in the final frame, frame i begins at
//! `H + i (F + 32)`, the plaintext has `k F + f` bytes and the object `H + k (F + 32) + f + 40`.

use std::ops::Range;

use crate::{
    error::LayoutError,
    frame::{FrameIndex, FrameKind},
    profile::{FrameLength, MAX_REGULAR_FRAMES},
};

/// Offset of a byte in the recording (decrypted).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlaintextOffset(pub u64);

/// Offset of a byte in the stored object (encrypted).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectOffset(pub u64);

/// The layout of one message: the header, k regular frames and one final frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    header_len: u64,
    frame_length: FrameLength,
    regular_frames: u32,
    final_len: u32,
    /// Follows from the other fields. It is stored so that its overflow is checked only once.
    object_len: u64,
}

impl Layout {
    /// The layout that our writer uses for `plaintext_len` bytes. A plaintext of whole frames ends in a full final frame, and
    /// an empty plaintext is a single empty final frame.
    ///
    /// # Errors
    ///
    /// [`LayoutError::PlaintextLength`] if it needs more frames than there are sequence numbers.
    pub fn of_plaintext(header_len: u64, frame_length: FrameLength, plaintext_len: u64) -> Result<Self, LayoutError> {
        let frame = u64::from(frame_length.bytes());
        let regular_frames = plaintext_len.saturating_sub(1) / frame;
        Self::new(
            header_len,
            frame_length,
            regular_frames,
            plaintext_len - regular_frames * frame,
        )
        .ok_or(LayoutError::PlaintextLength { plaintext_len })
    }

    /// The layout of an object of `object_len` bytes, under both conventions. A plaintext of whole frames ends in a full
    /// final frame (our writer, and the SDKs for Rust, .NET and Go) or in an empty one (the SDKs for Python, Java, C and
    /// Node.js).
    ///
    /// The result is unique, because a final frame holds at most F bytes and a regular one takes F + 32. Do not trust it
    /// before the final frame has verified, or an authenticated context has confirmed the length. An object that was
    /// truncated at a frame boundary still has a layout.
    ///
    /// # Errors
    ///
    /// [`LayoutError::ObjectLength`] if no message has this length.
    pub fn of_object(header_len: u64, frame_length: FrameLength, object_len: u64) -> Result<Self, LayoutError> {
        let refused = LayoutError::ObjectLength { object_len };
        let frame = u64::from(frame_length.bytes());
        let stored_frame = frame + FrameKind::Regular.overhead() as u64;
        let body = object_len
            .checked_sub(header_len)
            .and_then(|frames| frames.checked_sub(FrameKind::Final.overhead() as u64))
            .ok_or(refused)?;
        let final_len = body % stored_frame;
        if final_len > frame {
            return Err(refused);
        }
        Self::new(header_len, frame_length, body / stored_frame, final_len).ok_or(refused)
    }

    /// `None` if a number does not fit its type.
    fn new(header_len: u64, frame_length: FrameLength, regular_frames: u64, final_len: u64) -> Option<Self> {
        let regular_frames = u32::try_from(regular_frames)
            .ok()
            .filter(|frames| *frames <= MAX_REGULAR_FRAMES)?;
        let final_len = u32::try_from(final_len).ok()?;
        let stored_frame = u64::from(frame_length.bytes()) + FrameKind::Regular.overhead() as u64;
        let object_len = stored_frame
            .checked_mul(u64::from(regular_frames))?
            .checked_add(header_len)?
            .checked_add(u64::from(final_len) + FrameKind::Final.overhead() as u64)?;
        Some(Self {
            header_len,
            frame_length,
            regular_frames,
            final_len,
            object_len,
        })
    }

    /// Length of the plaintext in bytes.
    #[must_use]
    pub fn plaintext_len(&self) -> u64 {
        u64::from(self.regular_frames) * u64::from(self.frame_length.bytes()) + u64::from(self.final_len)
    }

    /// Length of the whole object in bytes.
    #[must_use]
    pub fn object_len(&self) -> u64 {
        self.object_len
    }

    /// Number of frames, including the final one. At least 1.
    #[must_use]
    pub fn frames(&self) -> u32 {
        self.regular_frames + 1
    }

    /// The last frame.
    #[must_use]
    pub fn final_frame(&self) -> FrameIndex {
        FrameIndex::new(self.regular_frames)
    }

    /// All frames, from the first to the final one.
    #[must_use]
    pub fn all_frames(&self) -> Range<FrameIndex> {
        FrameIndex::FIRST..self.final_frame().next()
    }

    /// The kind of `frame`.
    #[must_use]
    pub fn kind(&self, frame: FrameIndex) -> FrameKind {
        if frame < self.final_frame() {
            FrameKind::Regular
        } else {
            FrameKind::Final
        }
    }

    /// The frames that hold `range`.
    ///
    /// # Errors
    ///
    /// [`LayoutError::Range`] if `range` is empty or reaches past the plaintext.
    pub fn frames_of(&self, range: Range<PlaintextOffset>) -> Result<Range<FrameIndex>, LayoutError> {
        let (start, end) = (range.start.0, range.end.0);
        if start >= end || end > self.plaintext_len() {
            return Err(LayoutError::Range {
                start,
                end,
                plaintext_len: self.plaintext_len(),
            });
        }
        Ok(self.frame_at(start)..self.frame_at(end - 1).next())
    }

    /// The bytes of the object that `frames` occupy. Frames past the final one occupy none.
    #[must_use]
    pub fn object_range(&self, frames: Range<FrameIndex>) -> Range<ObjectOffset> {
        self.stored_at(frames.start)..self.stored_at(frames.end)
    }

    /// The bytes of the plaintext that `frame` holds. Frames past the final one hold none.
    #[must_use]
    pub fn plaintext_range(&self, frame: FrameIndex) -> Range<PlaintextOffset> {
        let frame_length = u64::from(self.frame_length.bytes());
        let start = (u64::from(frame.get()) * frame_length).min(self.plaintext_len());
        let end = if frame < self.final_frame() {
            start + frame_length
        } else {
            self.plaintext_len()
        };
        PlaintextOffset(start)..PlaintextOffset(end)
    }

    /// The frame that holds the plaintext byte at `offset`, which is less than the plaintext's length. The last byte of a full
    /// final frame is at k F + F - 1, so that the division never yields k + 1.
    fn frame_at(&self, offset: u64) -> FrameIndex {
        let frame = offset / u64::from(self.frame_length.bytes());
        FrameIndex::new(
            u32::try_from(frame).expect("an offset within the plaintext is in one of its at most 2^32 - 1 frames"),
        )
    }

    /// The offset of `frame`, or the end of the object if there is no such frame.
    fn stored_at(&self, frame: FrameIndex) -> ObjectOffset {
        if frame > self.final_frame() {
            return ObjectOffset(self.object_len);
        }
        let stored_frame = u64::from(self.frame_length.bytes()) + FrameKind::Regular.overhead() as u64;
        ObjectOffset(self.header_len + u64::from(frame.get()) * stored_frame)
    }
}

#[cfg(test)]
mod tests;
