//! The at-rest format of a recording: [AWS Encryption SDK message format version 2][format], algorithm suite 0x0478
//! (AES-256-GCM, HKDF-SHA512, key commitment, no signature), framed, with ranged reads.
//!
//! The crate does no I/O, has no AWS client and no async code. `docs/FORMAT.md` describes the profile of the format that this
//! crate writes and accepts. It also names the tests that guard each rule.
//!
//! # Write a message
//!
//! [`Sealer::new`] writes the header. [`Sealer::seal_next`] seals one frame after the other in place, and
//! [`Sealer::seal_final`] ends the message. [`Sealer::seal_message`] does all of this for bytes in memory.
//!
//! # Read a range
//!
//! 1. Parse the object's first bytes with [`UnverifiedHeader::parse`]. Do not trust the result yet.
//! 2. Have KMS decrypt the data key under the *expected* encryption context and key. Then call
//!    [`UnverifiedHeader::authenticate`].
//! 3. [`Layout::of_object`] computes where the frames of a range are. [`Opener::open_frame`] or [`Opener::open_run`] opens
//!    them.
//! 4. To prove the message's *length*, open the final frame, or use the length in an authenticated context. A truncated object
//!    can have the size of a complete one.
//!
//! ```
//! use esdk_message::{DataKey, EncryptedDataKey, EncryptionContext, FrameLength, MessageId, Sealer, UnverifiedHeader};
//! use esdk_message::{Layout, PlaintextOffset};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let data_key = DataKey::from_slice(&[7; 32])?; // from KMS GenerateDataKey
//! let wrapped = EncryptedDataKey {
//!     provider_id: "aws-kms".into(),
//!     provider_info: "arn:aws:kms:us-east-1:111122223333:key/example".into(),
//!     ciphertext: vec![1; 184],
//! };
//! let context = EncryptionContext::new([("recordingsid", "RE00000000000000000000000000000000")])?;
//! let sealer = Sealer::new(&data_key, MessageId::random(), FrameLength::DEFAULT, &context, &[wrapped])?;
//! let recording = vec![42; 200_000];
//! let mut object = sealer.seal_message(&recording)?;
//!
//! let opener = UnverifiedHeader::parse(&object)?.authenticate(&data_key)?;
//! let layout = Layout::of_object(opener.header_len(), opener.frame_length(), object.len() as u64)?;
//! let frames = layout.frames_of(PlaintextOffset(70_000)..PlaintextOffset(140_000))?;
//! let stored = layout.object_range(frames.clone());
//! let sealed = &mut object[stored.start.0 as usize..stored.end.0 as usize];
//! for plaintext in opener.open_run(&layout, frames, sealed)? {
//!     assert!(plaintext?.iter().all(|byte| *byte == 42));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [format]: https://docs.aws.amazon.com/encryption-sdk/latest/developer-guide/message-format.html

mod context;
mod error;
mod frame;
mod header;
mod keys;
mod layout;
mod message;
mod opener;
mod profile;
mod sealer;

pub use self::{
    context::EncryptionContext,
    error::{ContextError, FrameError, HeaderError, LayoutError, MessageError},
    frame::{FrameIndex, FrameKind},
    header::{EncryptedDataKey, UnverifiedHeader},
    keys::{DataKey, MessageId, TAG_LEN},
    layout::{Layout, ObjectOffset, PlaintextOffset},
    message::{Message, open_message},
    opener::{OpenedFrames, Opener},
    profile::{FrameLength, MAX_ENCRYPTED_DATA_KEYS, MAX_HEADER_LEN, Profile},
    sealer::Sealer,
};
