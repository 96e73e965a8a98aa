//! One error enum an operation. Messages carry offsets, lengths and field values; never key material or plaintext.

use crate::profile::{MAX_ENCRYPTED_DATA_KEYS, MAX_HEADER_LEN};

/// Why a header was not parsed, authenticated or made. Offsets count from the object's first byte.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The prefix ends before the header does. Come back with at least `needed` bytes (always more than were given, at most
    /// [`MAX_HEADER_LEN`]); later fields may ask for more. An object that ends here is cut.
    #[error("header goes on to at least byte {needed}")]
    Incomplete {
        /// Bytes of prefix that the fields read so far ask for.
        needed: usize,
    },
    /// The header is longer than the profile accepts.
    #[error("at offset {offset}: header would reach byte {needed}, over the limit of {MAX_HEADER_LEN}")]
    TooLong {
        /// Where the field begins that passes the limit.
        offset: usize,
        /// Bytes that the header would take.
        needed: usize,
    },
    /// Not message format version 2.
    #[error("at offset 0: message format version {found:#04x} is not 0x02")]
    Version {
        /// The version byte.
        found: u8,
    },
    /// Another algorithm suite; signed messages (0x0578) end here.
    #[error("at offset 1: algorithm suite {found:#06x} is not 0x0478")]
    Suite {
        /// The suite number.
        found: u16,
    },
    /// The encryption context's pairs don't fill its declared length exactly.
    #[error("at offset {offset}: encryption context of {declared} bytes doesn't hold its {pairs} pairs exactly")]
    ContextLength {
        /// Where the context begins.
        offset: usize,
        /// Its length by the length field.
        declared: usize,
        /// Its number of pairs by the count field.
        pairs: usize,
    },
    /// A stored pair of the encryption context is refused.
    #[error("at offset {offset}: encryption context entry {reason}")]
    StoredContext {
        /// Where the pair begins.
        offset: usize,
        /// What is wrong with it.
        reason: ContextError,
    },
    /// A pair handed to [`EncryptionContext::new`](crate::EncryptionContext::new) is refused.
    #[error("encryption context entry {index} {reason}")]
    Context {
        /// Which pair, from 0, in the order handed over.
        index: usize,
        /// What is wrong with it.
        reason: ContextError,
    },
    /// No encrypted data key, or more than [`MAX_ENCRYPTED_DATA_KEYS`].
    #[error("at offset {offset}: {found} encrypted data keys are not 1 to {MAX_ENCRYPTED_DATA_KEYS}")]
    KeyCount {
        /// Where the count stands.
        offset: usize,
        /// The count.
        found: usize,
    },
    /// A key provider id isn't UTF-8.
    #[error("at offset {offset}: key provider id is not UTF-8")]
    KeyProviderId {
        /// Where the text begins.
        offset: usize,
    },
    /// Not framed (0x01 is the legacy single block).
    #[error("at offset {offset}: content type {found:#04x} is not 0x02, framed")]
    ContentType {
        /// Where the field stands.
        offset: usize,
        /// The content type byte.
        found: u8,
    },
    /// A frame length that the profile refuses.
    #[error("at offset {offset}: frame length {found} is outside the profile")]
    FrameLength {
        /// Where the field stands.
        offset: usize,
        /// The frame length in bytes.
        found: u32,
    },
    /// A data key of the wrong size.
    #[error("data key of {found} bytes is not 32")]
    DataKeyLength {
        /// Its size in bytes.
        found: usize,
    },
    /// The message was made with another data key than the one offered.
    #[error("at offset {offset}: message commits to another data key")]
    Commitment {
        /// Where the commit key stands.
        offset: usize,
    },
    /// The header was changed after it was made.
    #[error("at offset {offset}: header tag does not verify")]
    Tag {
        /// Where the tag stands.
        offset: usize,
    },
}

/// What is wrong with one pair of an encryption context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// Key or value is empty.
    #[error("has an empty key or value")]
    Empty,
    /// Key or value isn't UTF-8.
    #[error("is not UTF-8")]
    NotUtf8,
    /// The key starts with `aws-crypto-`, which AWS keeps for itself.
    #[error("has a key reserved by AWS")]
    Reserved,
    /// The key was there before.
    #[error("repeats a key")]
    Duplicate,
    /// With this pair the context is longer than a header may be.
    #[error("makes the context longer than {MAX_HEADER_LEN} bytes")]
    TooLong,
}

/// Why a frame was not sealed or opened. `frame` counts from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The frame's number leaves no sequence number for it.
    #[error("frame {frame} is past the last sequence number")]
    TooMany {
        /// The frame.
        frame: u32,
    },
    /// The bytes handed over can't be this frame: a regular frame has exactly F + 32, a final one 40 to F + 40.
    #[error("frame {frame} of {len} bytes is not {min} to {max}")]
    Length {
        /// The frame.
        frame: u32,
        /// Bytes handed over.
        len: usize,
        /// Fewest bytes such a frame has.
        min: usize,
        /// Most bytes such a frame has.
        max: usize,
    },
    /// A final frame without the final frame's marker.
    #[error("frame {frame} lacks the final frame's marker")]
    Marker {
        /// The frame.
        frame: u32,
    },
    /// The sequence number is another frame's.
    #[error("frame {frame} carries sequence number {found}")]
    Sequence {
        /// The frame.
        frame: u32,
        /// The number in its sequence field.
        found: u32,
    },
    /// The IV field isn't the sequence number.
    #[error("frame {frame} carries an IV that is not its sequence number")]
    Iv {
        /// The frame.
        frame: u32,
    },
    /// The final frame's length field isn't the length it has.
    #[error("final frame {frame} declares {declared} bytes and holds {held}")]
    FinalLength {
        /// The frame.
        frame: u32,
        /// Plaintext bytes by its length field.
        declared: u32,
        /// Plaintext bytes by its size.
        held: u32,
    },
    /// The frame was changed, or belongs to another place or message.
    #[error("frame {frame} does not verify")]
    Tag {
        /// The frame.
        frame: u32,
    },
    /// The bytes handed over for a run of frames are not what the layout gives them.
    #[error("run from frame {frame} takes {expected} bytes, not {len}")]
    RunLength {
        /// The run's first frame.
        frame: u32,
        /// Bytes handed over.
        len: usize,
        /// Bytes that the frames occupy.
        expected: u64,
    },
}

/// Why there's no such layout, or no such range in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// No plaintext length gives an object of this size, under either final-frame convention.
    #[error("an object of {object_len} bytes is no whole message")]
    ObjectLength {
        /// The object's size in bytes.
        object_len: u64,
    },
    /// More frames than there are sequence numbers.
    #[error("a plaintext of {plaintext_len} bytes has too many frames")]
    PlaintextLength {
        /// The plaintext's length in bytes.
        plaintext_len: u64,
    },
    /// An empty or inverted range, or one that reaches past the plaintext.
    #[error("plaintext bytes {start}..{end} are no range within {plaintext_len}")]
    Range {
        /// First byte asked for.
        start: u64,
        /// One past the last.
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
    /// The size is no whole message's.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A frame was refused.
    #[error(transparent)]
    Frame(#[from] FrameError),
}
