//! CONTRACT STUB: signatures are what the other crates are written against.
#![allow(missing_docs, clippy::todo, unused_variables, dead_code, missing_debug_implementations)]

use std::ops::Range;

/// Where a byte stands in the recording (decrypted).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlaintextOffset(pub u64);
/// Where a byte stands in the stored object (encrypted).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectOffset(pub u64);
/// 0-based number of a frame; on the wire frame `i` carries sequence number `i + 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameIndex(pub u32);
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLength(u32);
impl FrameLength {
    pub const DEFAULT: Self = Self(65_536);
    pub fn new(bytes: u32) -> Option<Self> { todo!() }
    pub fn bytes(self) -> u32 { self.0 }
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind { Regular, Final }

/// 32 bytes from KMS; zeroed on drop; no Debug of the bytes.
pub struct DataKey([u8; 32]);
impl DataKey { pub fn from_slice(bytes: &[u8]) -> Result<Self, HeaderError> { todo!() } }
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MessageId([u8; 32]);
impl MessageId { pub fn random() -> Self { todo!() } pub fn from_bytes(bytes: [u8; 32]) -> Self { todo!() } }

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptionContext(std::collections::BTreeMap<String, String>);
impl EncryptionContext {
    /// Refuses reserved (`aws-crypto-…`), empty, duplicate and over-long entries.
    pub fn new<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Result<Self, HeaderError> { todo!() }
    pub fn get(&self, key: &str) -> Option<&str> { todo!() }
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> { self.0.iter().map(|(k, v)| (k.as_str(), v.as_str())) }
}
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptedDataKey { pub provider_id: String, pub provider_info: String, pub ciphertext: Vec<u8> }

/// Header read from an object's first bytes; nothing in it is to be believed yet.
#[derive(Debug)]
pub struct UnverifiedHeader;
impl UnverifiedHeader {
    /// `Err(HeaderError::Incomplete { needed })` when `prefix` ends before the header does (`needed` ≤ 16 KiB: bytes of prefix to come back with).
    pub fn parse(prefix: &[u8]) -> Result<Self, HeaderError> { todo!() }
    /// Bytes of the whole header, tag included.
    pub fn len(&self) -> u64 { todo!() }
    pub fn encryption_context(&self) -> &EncryptionContext { todo!() }
    pub fn encrypted_data_keys(&self) -> &[EncryptedDataKey] { todo!() }
    /// Commit key first (constant time), then the header tag.
    pub fn authenticate(self, data_key: &DataKey) -> Result<Opener, HeaderError> { todo!() }
}

/// An authenticated message: opens frames. Send + Sync; key zeroed on drop.
pub struct Opener;
impl Opener {
    pub fn header_len(&self) -> u64 { todo!() }
    pub fn frame_length(&self) -> FrameLength { todo!() }
    pub fn encryption_context(&self) -> &EncryptionContext { todo!() }
    /// Opens one sealed frame in place (the whole of its bytes in the object) and returns its plaintext within `sealed`.
    pub fn open_frame<'a>(&self, frame: FrameIndex, kind: FrameKind, sealed: &'a mut [u8]) -> Result<&'a mut [u8], FrameError> { todo!() }
}

/// Seals one message. One (data key, message id) pair seals one plaintext once.
pub struct Sealer;
impl Sealer {
    pub fn new(data_key: &DataKey, message_id: MessageId, frame_length: FrameLength, context: &EncryptionContext, keys: &[EncryptedDataKey]) -> Result<Self, HeaderError> { todo!() }
    /// The header as it's stored, tag included.
    pub fn header(&self) -> &[u8] { todo!() }
    /// `frame` is the frame as it will be stored, its plaintext already in place (at `kind.plaintext_at()`), the rest to be filled in. Takes `&self`, so that parts can be sealed in parallel.
    pub fn seal_frame(&self, frame: FrameIndex, kind: FrameKind, sealed: &mut [u8]) -> Result<(), FrameError> { todo!() }
}
impl FrameKind {
    /// Where the plaintext starts within a stored frame: 16 (regular: seq, IV) or 24 (final: marker, seq, IV, length).
    pub const fn plaintext_at(self) -> usize { match self { Self::Regular => 16, Self::Final => 24 } }
    /// Bytes that a stored frame has beyond its plaintext: 32 or 40.
    pub const fn overhead(self) -> usize { match self { Self::Regular => 32, Self::Final => 40 } }
}

/// Where everything is: header, k regular frames, one final frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout { header_len: u64, frame_length: FrameLength, regular_frames: u32, final_len: u32 }
impl Layout {
    /// As our writer lays out `plaintext_len` bytes (full final frame).
    pub fn of_plaintext(header_len: u64, frame_length: FrameLength, plaintext_len: u64) -> Result<Self, LayoutError> { todo!() }
    /// From an object's length; both final-frame conventions. To be believed only once the final frame has verified (or the context carries the length).
    pub fn of_object(header_len: u64, frame_length: FrameLength, object_len: u64) -> Result<Self, LayoutError> { todo!() }
    pub fn plaintext_len(&self) -> u64 { todo!() }
    pub fn object_len(&self) -> u64 { todo!() }
    pub fn frames(&self) -> u32 { todo!() }
    pub fn final_frame(&self) -> FrameIndex { todo!() }
    pub fn kind(&self, frame: FrameIndex) -> FrameKind { todo!() }
    /// Frames that hold `range` (half-open, non-empty, within the plaintext).
    pub fn frames_of(&self, range: Range<PlaintextOffset>) -> Result<Range<FrameIndex>, LayoutError> { todo!() }
    /// Bytes of the object that `frames` occupy.
    pub fn object_range(&self, frames: Range<FrameIndex>) -> Range<ObjectOffset> { todo!() }
    pub fn plaintext_range(&self, frame: FrameIndex) -> Range<PlaintextOffset> { todo!() }
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError { #[error("header needs {needed} bytes")] Incomplete { needed: usize } }
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError { #[error("frame {frame} does not verify")] Tag { frame: u32 } }
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError { #[error("an object of {object_len} bytes is no whole message")] ObjectLength { object_len: u64 } }
