//! The at-rest format of a recording: [AWS Encryption SDK message format version 2][format], algorithm suite 0x0478
//! (AES-256-GCM, HKDF-SHA512, key commitment, no signature), framed, with ranged reads.
//!
//! No I/O, no AWS client, no async: bytes in, bytes out. `docs/FORMAT.md` tells the profile of the format that is written
//! and accepted here, and which test guards each of its rules.
//!
//! # Write a message
//!
//! [`Sealer::new`] makes the header, [`Sealer::seal_frame`] seals one frame in place, in any order and from any thread;
//! [`Layout::of_plaintext`] says where each frame goes. [`Sealer::seal_message`] does all of it for bytes in memory.
//!
//! # Read a range
//!
//! 1. [`UnverifiedHeader::parse`] the object's first bytes; nothing it says is to be believed yet.
//! 2. Have the encrypted data key decrypted under the *expected* encryption context and key, then
//!    [`UnverifiedHeader::authenticate`].
//! 3. [`Layout::of_object`] finds the frames of a range; [`Opener::open_frame`] or [`Opener::open_run`] opens them.
//! 4. The message's *length* is proved by opening the final frame, or by an authenticated context that carries it. A cut
//!    object can look whole by its size alone.
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
    keys::{DataKey, MessageId},
    layout::{Layout, ObjectOffset, PlaintextOffset},
    message::{Message, open_message},
    opener::{OpenedFrames, Opener},
    profile::{FrameLength, MAX_ENCRYPTED_DATA_KEYS, MAX_HEADER_LEN, Profile},
    sealer::Sealer,
};
