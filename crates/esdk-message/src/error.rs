//! One error enum per operation. The messages contain offsets, lengths and field values, never key material or plaintext.

use crate::profile::{MAX_ENCRYPTED_DATA_KEYS, MAX_HEADER_LEN};

/// Why a header was not parsed, authenticated or written. Offsets count from the object's first byte.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The prefix ends before the header does. Call again with at least `needed` bytes: more than before, and at most
    /// [`MAX_HEADER_LEN`]. Later fields may need more. If the object ends here, it is truncated.
    #[error("the header has at least {needed} bytes")]
    Incomplete {
        /// Length of the prefix that is needed for the fields up to here.
        needed: usize,
    },
    /// The header is longer than the profile accepts.
    #[error("at offset {offset}: the header needs {needed} bytes, more than the limit of {MAX_HEADER_LEN}")]
    TooLong {
        /// Offset of the field that exceeds the limit.
        offset: usize,
        /// Length that the header would have.
        needed: usize,
    },
    /// The message format version is not 2.
    #[error("at offset 0: the message format version is {found:#04x}, not 0x02")]
    Version {
        /// The version byte.
        found: u8,
    },
    /// Another algorithm suite. Signed messages (0x0578) are refused here.
    #[error("at offset 1: the algorithm suite is {found:#06x}, not 0x0478")]
    Suite {
        /// The suite number.
        found: u16,
    },
    /// The encryption context's pairs do not fill its declared length exactly.
    #[error("at offset {offset}: the {pairs} pairs of the encryption context do not fill its {declared} bytes exactly")]
    ContextLength {
        /// Offset of the context.
        offset: usize,
        /// Its length according to the length field.
        declared: usize,
        /// Its number of pairs according to the count field.
        pairs: usize,
    },
    /// A stored pair of the encryption context is refused.
    #[error("at offset {offset}: the encryption context entry {reason}")]
    StoredContext {
        /// Offset of the pair.
        offset: usize,
        /// The fault of the pair.
        reason: ContextError,
    },
    /// A pair that was passed to [`EncryptionContext::new`](crate::EncryptionContext::new) is refused.
    #[error("the encryption context entry {index} {reason}")]
    Context {
        /// Position of the pair, counted from 0.
        index: usize,
        /// The fault of the pair.
        reason: ContextError,
    },
    /// No encrypted data key, or more than [`MAX_ENCRYPTED_DATA_KEYS`].
    #[error("at offset {offset}: the header has {found} encrypted data keys, not 1 to {MAX_ENCRYPTED_DATA_KEYS}")]
    KeyCount {
        /// Offset of the count.
        offset: usize,
        /// The number of keys.
        found: usize,
    },
    /// A key provider id is not UTF-8.
    #[error("at offset {offset}: the key provider id is not UTF-8")]
    KeyProviderId {
        /// Offset of the text.
        offset: usize,
    },
    /// The message is not framed. 0x01 is the legacy single block.
    #[error("at offset {offset}: the content type is {found:#04x}, not 0x02 (framed)")]
    ContentType {
        /// Offset of the field.
        offset: usize,
        /// The content type byte.
        found: u8,
    },
    /// A frame length that the profile refuses.
    #[error("at offset {offset}: the frame length of {found} bytes is outside the profile")]
    FrameLength {
        /// Offset of the field.
        offset: usize,
        /// The frame length in bytes.
        found: u32,
    },
    /// The data key has the wrong size.
    #[error("the data key has {found} bytes, not 32")]
    DataKeyLength {
        /// Its size in bytes.
        found: usize,
    },
    /// The message was sealed with another data key.
    #[error("at offset {offset}: the message commits to another data key")]
    Commitment {
        /// Offset of the commit key.
        offset: usize,
    },
    /// The header was changed after it was written.
    #[error("at offset {offset}: the header tag does not verify")]
    Tag {
        /// Offset of the tag.
        offset: usize,
    },
}

/// The fault of one pair of an encryption context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// The key or the value is empty.
    #[error("has an empty key or value")]
    Empty,
    /// The key or the value is not UTF-8.
    #[error("is not UTF-8")]
    NotUtf8,
    /// The key starts with `aws-crypto-`, which AWS reserves.
    #[error("has a key that AWS reserves")]
    Reserved,
    /// An earlier pair has the same key.
    #[error("repeats a key")]
    Duplicate,
    /// This pair makes the context longer than a header may be.
    #[error("makes the context longer than {MAX_HEADER_LEN} bytes")]
    TooLong,
}

/// Why a frame was not sealed or opened. `frame` counts from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// There is no sequence number for this frame.
    #[error("frame {frame} is past the last sequence number")]
    TooMany {
        /// The frame.
        frame: u32,
    },
    /// The bytes have the wrong length for this frame. A regular frame has exactly F + 32 bytes, and a final one 40 to F + 40.
    #[error("frame {frame} has {len} bytes, not {min} to {max}")]
    Length {
        /// The frame.
        frame: u32,
        /// Length of the bytes.
        len: usize,
        /// Fewest bytes such a frame has.
        min: usize,
        /// Most bytes such a frame has.
        max: usize,
    },
    /// The final frame does not begin with the final frame's marker.
    #[error("frame {frame} does not begin with the final frame's marker")]
    Marker {
        /// The frame.
        frame: u32,
    },
    /// The frame has the sequence number of another frame.
    #[error("frame {frame} has sequence number {found}")]
    Sequence {
        /// The frame.
        frame: u32,
        /// The number in its sequence field.
        found: u32,
    },
    /// The IV field differs from the sequence number.
    #[error("frame {frame} has an IV that is not its sequence number")]
    Iv {
        /// The frame.
        frame: u32,
    },
    /// The final frame's length field differs from its length.
    #[error("final frame {frame} declares {declared} bytes but holds {held}")]
    FinalLength {
        /// The frame.
        frame: u32,
        /// Plaintext bytes according to the length field.
        declared: u32,
        /// Plaintext bytes according to the frame's size.
        held: u32,
    },
    /// The frame was changed, or belongs to another position or message.
    #[error("frame {frame} does not verify")]
    Tag {
        /// The frame.
        frame: u32,
    },
    /// The bytes for a run of frames have another length than the layout gives.
    #[error("the run from frame {frame} has {len} bytes, not {expected}")]
    RunLength {
        /// The run's first frame.
        frame: u32,
        /// Length of the bytes.
        len: usize,
        /// Bytes that the frames occupy.
        expected: u64,
    },
}

/// Why there is no such layout, or no such range in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// No plaintext length results in an object of this size, under either convention for the final frame.
    #[error("no complete message has {object_len} bytes")]
    ObjectLength {
        /// The object's size in bytes.
        object_len: u64,
    },
    /// The plaintext needs more frames than there are sequence numbers.
    #[error("a plaintext of {plaintext_len} bytes needs too many frames")]
    PlaintextLength {
        /// The plaintext's length in bytes.
        plaintext_len: u64,
    },
    /// The range is empty or inverted, or reaches past the plaintext.
    #[error("the range {start}..{end} is empty or not within the {plaintext_len} bytes of plaintext")]
    Range {
        /// First byte of the range.
        start: u64,
        /// One past the last byte of the range.
        end: u64,
        /// The plaintext's length in bytes.
        plaintext_len: u64,
    },
}

/// Why [`open_message`](crate::open_message) refused a whole message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// The header was refused.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// No complete message has this size.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A frame was refused.
    #[error(transparent)]
    Frame(#[from] FrameError),
}
