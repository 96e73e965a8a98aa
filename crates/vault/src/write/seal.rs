//! Plaintext in, sealed parts out. No I/O.
//!
//! A frame is sealed in the buffer from which it is sent. The plaintext is copied once, from the downloaded chunk to its place
//! in the part. With frames of 64 KiB, aws-lc-rs seals about 10 GiB/s, which is a part in a millisecond. Receiving a part takes
//! at least tens of milliseconds. Sealing therefore needs no thread of its own.

use bytes::{Buf, Bytes};
use esdk_message::{FrameKind, Sealer};

use super::{
    error::StoreError,
    part::{Part, PartPlan},
};

/// Seals one message, part by part.
///
/// Only the end of the source shows which frame is the final one. The current frame is therefore held back, full or not, until
/// another byte arrives. At an exact multiple of the frame length, the final frame is a full one.
#[derive(Debug)]
pub(super) struct SealedParts {
    sealer: Sealer,
    plan: PartPlan,
    /// The bytes of the current part so far, with capacity for all of them.
    buffer: Vec<u8>,
    /// The number of that part, from 1.
    number: u32,
    /// Where the sealer's next frame starts in `buffer`.
    frame_at: usize,
    /// Bytes of plaintext in that frame.
    filled: usize,
}

impl SealedParts {
    pub(super) fn new(sealer: Sealer, plan: PartPlan) -> Self {
        let header_len = sealer.header().len();
        let mut parts = Self {
            buffer: Vec::new(),
            number: 1,
            frame_at: header_len,
            filled: 0,
            plan,
            sealer,
        };
        parts.buffer = parts.empty_buffer(header_len);
        parts.buffer.extend_from_slice(parts.sealer.header());
        parts
    }

    /// Consumes bytes from the front of `chunk`, or returns a complete part. Call it until `chunk` is empty.
    pub(super) fn fill(&mut self, chunk: &mut Bytes) -> Result<Option<Part>, StoreError> {
        if self.filled == self.frame_length()
            && !chunk.is_empty()
            && let Some(part) = self.next_frame()?
        {
            return Ok(Some(part));
        }
        if self.buffer.capacity() == 0 {
            // Not earlier: while the complete part waited for its upload, this one took no memory.
            self.buffer = self.empty_buffer(0);
        }
        let taken = chunk.len().min(self.frame_length() - self.filled);
        if self.filled == 0 {
            self.buffer.resize(self.frame_at + FrameKind::Regular.plaintext_at(), 0);
        }
        self.buffer.extend_from_slice(&chunk[..taken]);
        self.filled += taken;
        chunk.advance(taken);
        Ok(None)
    }

    /// Seals the final frame and returns the last part. (A part is returned only when another byte has arrived, so the buffer
    /// has been allocated again by now.)
    pub(super) fn finish(mut self) -> Result<Part, StoreError> {
        let at = self.frame_at;
        // The plaintext is at the position that it has in a regular frame.
        let from = at + FrameKind::Regular.plaintext_at();
        let to = at + FrameKind::Final.plaintext_at();
        let end = at + self.filled + FrameKind::Final.overhead();
        self.buffer.resize(end, 0);
        self.buffer.copy_within(from..from + self.filled, to);
        self.sealer.seal_final(&mut self.buffer[at..])?;
        Ok(Part {
            number: self.number,
            bytes: self.buffer.into(),
        })
    }

    /// Seals the full frame as a regular one and begins the next frame, in a new part if this one is complete.
    fn next_frame(&mut self) -> Result<Option<Part>, StoreError> {
        let end = self.frame_at + self.regular_frame_len();
        self.buffer.resize(end, 0);
        self.sealer.seal_next(&mut self.buffer[self.frame_at..])?;
        self.frame_at = end;
        self.filled = 0;
        let sealed = self.sealer.next_frame().get();
        if !sealed.is_multiple_of(self.plan.frames_per_part()) {
            return Ok(None);
        }

        self.plan.admit_after(self.number)?;
        let part = Part {
            number: self.number,
            bytes: std::mem::take(&mut self.buffer).into(),
        };
        self.number += 1;
        self.frame_at = 0;
        Ok(Some(part))
    }

    /// A buffer for a part whose last frame may be the final one. The system allocates pages only when they are written, so a
    /// short recording takes only what it needs.
    fn empty_buffer(&self, header_len: usize) -> Vec<u8> {
        let frames = self.plan.frames_per_part() as usize * self.regular_frame_len();
        let final_surplus = FrameKind::Final.overhead() - FrameKind::Regular.overhead();
        Vec::with_capacity(header_len + frames + final_surplus)
    }

    fn regular_frame_len(&self) -> usize {
        self.frame_length() + FrameKind::Regular.overhead()
    }

    fn frame_length(&self) -> usize {
        self.sealer.frame_length().bytes() as usize
    }
}

#[cfg(test)]
mod tests {
    use esdk_message::{DataKey, EncryptedDataKey, EncryptionContext, FrameLength, Layout, MessageId, Profile};
    use proptest::prelude::*;

    use super::*;

    /// So short that three parts of 128 frames have a few kilobytes.
    const FRAME: usize = 7;
    const PART: usize = 128 * FRAME;

    fn sealer() -> Sealer {
        let data_key = DataKey::from_slice(&[7; 32]).unwrap();
        let message_id = MessageId::from_bytes([9; 32]);
        let context = EncryptionContext::new([("recordingsid", "RE1")]).unwrap();
        let stored = EncryptedDataKey {
            provider_id: "aws-kms".into(),
            provider_info: "arn".into(),
            ciphertext: vec![1; 184],
        };
        Sealer::new(&data_key, message_id, frame_length(), &context, &[stored]).unwrap()
    }

    fn frame_length() -> FrameLength {
        Profile::ANY_FRAME_LENGTH.frame_length(FRAME as u32).unwrap()
    }

    /// Seals the plaintext of these chunks.
    fn seal<'a>(announced: Option<u64>, chunks: impl Iterator<Item = &'a [u8]>) -> Vec<Part> {
        let sealer = sealer();
        let plan = PartPlan::new(sealer.header().len() as u64, frame_length(), announced).unwrap();
        let mut sealed = SealedParts::new(sealer, plan);
        let mut parts = Vec::new();
        for chunk in chunks {
            let mut chunk = Bytes::copy_from_slice(chunk);
            while !chunk.is_empty() {
                parts.extend(sealed.fill(&mut chunk).unwrap());
            }
        }
        parts.push(sealed.finish().unwrap());
        parts
    }

    fn check(plaintext: &[u8], announced: Option<u64>, step: usize) {
        let parts = seal(announced, plaintext.chunks(step));
        let message: Vec<u8> = parts.iter().flat_map(|part| part.bytes.to_vec()).collect();
        // With the same key and id, the naive writer must return the same bytes.
        assert!(
            message == sealer().seal_message(plaintext).unwrap(),
            "{} bytes",
            plaintext.len()
        );

        let header_len = sealer().header().len() as u64;
        let layout = Layout::of_plaintext(header_len, frame_length(), plaintext.len() as u64).unwrap();
        let lengths: Vec<_> = parts
            .iter()
            .map(|part| (part.number, part.bytes.len() as u64))
            .collect();
        PartPlan::new(header_len, frame_length(), announced)
            .unwrap()
            .review(&layout, &lengths)
            .unwrap();
    }

    #[test]
    fn parts_make_the_message_at_every_boundary() {
        let boundaries = [0, FRAME, 2 * FRAME, PART - FRAME, PART, PART + FRAME, 2 * PART];
        for len in boundaries.into_iter().flat_map(|at| at.saturating_sub(1)..=at + 1) {
            for step in [1, FRAME, PART, 10_000] {
                check(&vec![42; len], Some(len as u64), step);
            }
        }
    }

    proptest! {
        #[test]
        fn parts_make_the_message_however_it_comes(
            plaintext in prop::collection::vec(any::<u8>(), 0..3 * PART),
            known: bool,
            step in 1usize..2000,
        ) {
            check(&plaintext, known.then_some(plaintext.len() as u64), step);
        }
    }
}
