//! One frame: the fields around its ciphertext, and the data that its tag authenticates.

use crate::{
    error::FrameError,
    keys::{IV_LEN, MESSAGE_ID_LEN, MessageId, TAG_LEN},
    profile::{FrameLength, MAX_REGULAR_FRAMES},
};

/// The first field of a final frame. A regular frame has its sequence number there.
const FINAL_MARKER: [u8; 4] = u32::MAX.to_be_bytes();

const REGULAR_AAD: &[u8] = b"AWSKMSEncryptionClient Frame";
const FINAL_AAD: &[u8] = b"AWSKMSEncryptionClient Final Frame";
/// The message id, the longer of the two texts, the u32 sequence number and the u64 plaintext length.
const MAX_AAD_LEN: usize = MESSAGE_ID_LEN + FINAL_AAD.len() + 4 + 8;

/// The number of a frame, counted from 0. Frame `i` is stored with sequence number `i + 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameIndex(u32);

impl FrameIndex {
    /// The first frame of a message.
    pub const FIRST: Self = Self(0);

    /// The frame with this number, counted from 0.
    #[must_use]
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The number of the frame, counted from 0.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The frame after this one.
    ///
    /// The largest index is its own successor. No message has a frame there, because its sequence number would not fit.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// The kind of a frame. A message has any number of regular frames, all of them full, and then one final frame of 0 to F bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// u32 sequence number, 12-byte IV, F bytes of ciphertext, 16-byte tag.
    Regular,
    /// u32 marker 0xFFFFFFFF, u32 sequence number, 12-byte IV, u32 length, that many bytes of ciphertext, 16-byte tag.
    Final,
}

impl FrameKind {
    /// Offset of the plaintext within a stored frame: 16 (regular: sequence number, IV) or 24 (final: marker, sequence
    /// number, IV, length).
    #[must_use]
    pub const fn plaintext_at(self) -> usize {
        match self {
            Self::Regular => 4 + IV_LEN,
            Self::Final => 4 + 4 + IV_LEN + 4,
        }
    }

    /// Bytes of a stored frame besides its plaintext: 32 (regular) or 40 (final).
    #[must_use]
    pub const fn overhead(self) -> usize {
        self.plaintext_at() + TAG_LEN
    }
}

/// A frame with its index, kind and size. [`Frame::new`] checks the size, so that slicing the frame cannot fail later.
pub(crate) struct Frame {
    index: u32,
    kind: FrameKind,
    plaintext_len: u32,
}

/// The parts of a stored frame.
pub(crate) struct FrameParts<'a> {
    pub(crate) fields: &'a mut [u8],
    pub(crate) text: &'a mut [u8],
    pub(crate) tag: &'a mut [u8],
}

impl Frame {
    /// The frame at `index`, of `kind`, with `stored_len` stored bytes.
    pub(crate) fn new(
        index: FrameIndex,
        kind: FrameKind,
        frame_length: FrameLength,
        stored_len: usize,
    ) -> Result<Self, FrameError> {
        let frame = index.0;
        // A regular frame with the last sequence number would begin with the final frame's marker.
        if frame > MAX_REGULAR_FRAMES || (kind == FrameKind::Regular && frame == MAX_REGULAR_FRAMES) {
            return Err(FrameError::TooMany { frame });
        }
        let max = frame_length.bytes() as usize + kind.overhead();
        let min = match kind {
            FrameKind::Regular => max,
            FrameKind::Final => kind.overhead(),
        };
        if !(min..=max).contains(&stored_len) {
            return Err(FrameError::Length {
                frame,
                len: stored_len,
                min,
                max,
            });
        }
        let plaintext_len =
            u32::try_from(stored_len - kind.overhead()).expect("a frame length is a u32, and this is at most one");
        Ok(Self {
            index: frame,
            kind,
            plaintext_len,
        })
    }

    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// The frame's 12-byte IV: its sequence number, with leading zeros.
    pub(crate) fn iv(&self) -> [u8; IV_LEN] {
        let mut iv = [0; IV_LEN];
        iv[IV_LEN - 4..].copy_from_slice(&self.sequence().to_be_bytes());
        iv
    }

    pub(crate) fn aad(&self, message_id: &MessageId) -> Aad {
        let text = match self.kind {
            FrameKind::Regular => REGULAR_AAD,
            FrameKind::Final => FINAL_AAD,
        };
        let mut aad = Aad {
            bytes: [0; MAX_AAD_LEN],
            len: 0,
        };
        aad.push(message_id.as_bytes());
        aad.push(text);
        aad.push(&self.sequence().to_be_bytes());
        aad.push(&u64::from(self.plaintext_len).to_be_bytes());
        aad
    }

    /// Splits `stored` into fields, text and tag. `stored` has the length that was passed to [`Frame::new`].
    pub(crate) fn split<'a>(&self, stored: &'a mut [u8]) -> FrameParts<'a> {
        let (fields, rest) = stored.split_at_mut(self.kind.plaintext_at());
        let (text, tag) = rest.split_at_mut(self.plaintext_len as usize);
        FrameParts { fields, text, tag }
    }

    /// Writes the fields before the ciphertext. `fields` comes from [`Frame::split`].
    pub(crate) fn write_fields(&self, fields: &mut [u8]) {
        match self.kind {
            FrameKind::Regular => {
                fields[..4].copy_from_slice(&self.sequence().to_be_bytes());
                fields[4..].copy_from_slice(&self.iv());
            }
            FrameKind::Final => {
                fields[..4].copy_from_slice(&FINAL_MARKER);
                fields[4..8].copy_from_slice(&self.sequence().to_be_bytes());
                fields[8..20].copy_from_slice(&self.iv());
                fields[20..].copy_from_slice(&self.plaintext_len.to_be_bytes());
            }
        }
    }

    /// Checks that the fields before the ciphertext are exactly those that [`Frame::write_fields`] writes. `fields` comes from
    /// [`Frame::split`].
    ///
    /// The tag covers the expected values, not these stored bytes. Without this check, two different objects could open to
    /// the same plaintext.
    pub(crate) fn check_fields(&self, fields: &[u8]) -> Result<(), FrameError> {
        let frame = self.index;
        let rest = match self.kind {
            FrameKind::Regular => fields,
            FrameKind::Final => fields.strip_prefix(&FINAL_MARKER).ok_or(FrameError::Marker { frame })?,
        };
        let found = be_u32(&rest[..4]);
        if found != self.sequence() {
            return Err(FrameError::Sequence { frame, found });
        }
        if rest[4..4 + IV_LEN] != self.iv() {
            return Err(FrameError::Iv { frame });
        }
        if self.kind == FrameKind::Final {
            let declared = be_u32(&rest[4 + IV_LEN..]);
            if declared != self.plaintext_len {
                return Err(FrameError::FinalLength {
                    frame,
                    declared,
                    held: self.plaintext_len,
                });
            }
        }
        Ok(())
    }

    /// Counts from 1, because the header is sealed under IV 0.
    fn sequence(&self) -> u32 {
        self.index + 1
    }
}

/// A frame's authenticated data. It is on the stack, because it is built for every frame.
pub(crate) struct Aad {
    bytes: [u8; MAX_AAD_LEN],
    len: usize,
}

impl Aad {
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn push(&mut self, part: &[u8]) {
        self.bytes[self.len..self.len + part.len()].copy_from_slice(part);
        self.len += part.len();
    }
}

fn be_u32(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.try_into().expect("callers pass four bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const F: FrameLength = FrameLength::DEFAULT;

    fn frame(index: u32, kind: FrameKind, plaintext_len: usize) -> Frame {
        Frame::new(FrameIndex(index), kind, F, plaintext_len + kind.overhead()).unwrap()
    }

    #[test]
    fn authenticated_data_is_byte_exact() {
        let id = MessageId::from_bytes([0xaa; 32]);
        let mut expected = [0xaa; 32].to_vec();
        expected.extend_from_slice(b"AWSKMSEncryptionClient Frame\x00\x00\x00\x03\x00\x00\x00\x00\x00\x01\x00\x00");
        assert_eq!(frame(2, FrameKind::Regular, 65_536).aad(&id).as_slice(), expected);
        assert_eq!(expected.len(), 72);

        let mut expected = [0xaa; 32].to_vec();
        expected
            .extend_from_slice(b"AWSKMSEncryptionClient Final Frame\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x07");
        assert_eq!(frame(2, FrameKind::Final, 7).aad(&id).as_slice(), expected);
        assert_eq!(expected.len(), 78);
    }

    #[test]
    fn fields_are_byte_exact() {
        let mut fields = [0xcc; 16];
        frame(0x0102_0303, FrameKind::Regular, 65_536).write_fields(&mut fields);
        assert_eq!(&fields, b"\x01\x02\x03\x04\0\0\0\0\0\0\0\0\x01\x02\x03\x04");

        let mut fields = [0xcc; 24];
        frame(4, FrameKind::Final, 9).write_fields(&mut fields);
        assert_eq!(
            &fields,
            b"\xff\xff\xff\xff\0\0\0\x05\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\0\x09"
        );
    }

    #[test]
    fn a_frame_of_the_wrong_size_is_refused() {
        let len = |kind, len| Frame::new(FrameIndex(0), kind, F, len).err();
        for wrong in [0, 31, 65_567, 65_569] {
            let expected = FrameError::Length {
                frame: 0,
                len: wrong,
                min: 65_568,
                max: 65_568,
            };
            assert_eq!(len(FrameKind::Regular, wrong), Some(expected));
        }
        for wrong in [0, 39, 65_577] {
            let expected = FrameError::Length {
                frame: 0,
                len: wrong,
                min: 40,
                max: 65_576,
            };
            assert_eq!(len(FrameKind::Final, wrong), Some(expected));
        }
        assert_eq!(len(FrameKind::Final, 40), None);
        assert_eq!(len(FrameKind::Final, 65_576), None);
    }

    #[test]
    fn the_last_sequence_number_is_a_final_frames() {
        let new = |index, kind| Frame::new(FrameIndex(index), kind, F, 65_536 + kind.overhead()).err();
        assert_eq!(new(u32::MAX - 2, FrameKind::Regular), None);
        assert_eq!(
            new(u32::MAX - 1, FrameKind::Regular),
            Some(FrameError::TooMany { frame: u32::MAX - 1 })
        );
        assert_eq!(new(u32::MAX - 1, FrameKind::Final), None);
        assert_eq!(
            new(u32::MAX, FrameKind::Final),
            Some(FrameError::TooMany { frame: u32::MAX })
        );
    }
}
