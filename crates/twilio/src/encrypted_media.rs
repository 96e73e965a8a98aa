//! Media that Twilio encrypted with the customer's public key, opened as a stream.
//!
//! Source: Twilio, *Voice recording encryption* (`twilio.com/docs/voice/tutorials/voice-recording-encryption`). A
//! recording is one AES-256-GCM message (NIST SP 800-38D) under a data key of its own, with an IV of 12 bytes and no
//! additional data. Its tag is the last 16 bytes of the file. Twilio sends the data key wrapped by RSAES-OAEP with
//! SHA-256, and the caller unwraps it.
//!
//! The message is as long as the call, and only its last bytes show whether it is authentic. aws-lc-rs opens whole GCM
//! messages only, so this module combines its counter mode with RustCrypto's GHASH. The plaintext is returned **before
//! it is verified**. The caller must discard it if the end is an error.

use std::fmt;

use aws_lc_rs::{
    cipher::{AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey},
    iv::FixedLength,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use ghash::{GHash, universal_hash::UniversalHash};
use sid::PublicKeySid;
use zeroize::Zeroizing;

use crate::callback::EncryptionDetails;

/// The length of the tag at the end of the media, in bytes.
pub const TAG_LEN: usize = 16;

/// The block length of AES and GHASH, in bytes.
const BLOCK_LEN: usize = 16;
const IV_LEN: usize = 12;
const KEY_LEN: usize = 32;

/// The length in bytes of a data key that is wrapped by an RSA key of 2048, 3072 or 4096 bits. KMS has RSA keys of
/// these sizes only.
const WRAPPED_KEY_LENS: [usize; 3] = [256, 384, 512];

/// The first two values of the counter. The first one is for the tag, and the media begins with the second one (SP
/// 800-38D, 7.2).
const TAG_COUNTER: u32 = 1;
const FIRST_COUNTER: u32 = 2;

/// The wrapped data key and the IV of a recording's media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaEnvelope {
    public_key: Option<PublicKeySid>,
    wrapped_key: Vec<u8>,
    iv: [u8; IV_LEN],
}

/// A recording's data key. Wiped on drop.
pub struct MediaKey(Zeroizing<[u8; KEY_LEN]>);

/// Decrypts the media of one recording.
pub struct MediaOpener {
    cipher: DecryptingKey,
    iv: [u8; IV_LEN],
    /// The counter of the next block.
    counter: u32,
    ghash: GHash,
    /// The number of bytes of ciphertext in `ghash`.
    hashed_len: u64,
    /// The last bytes so far. They end with the tag if no more bytes follow.
    held: BytesMut,
}

/// Why media can't be decrypted. None of these errors goes away by a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptedMediaError {
    /// The wrapped data key doesn't have the length of a ciphertext of an RSA key in KMS.
    #[error("the wrapped data key is not the base64 of 256, 384 or 512 bytes")]
    WrappedKey,
    /// The IV doesn't have the length that AES-GCM needs.
    #[error("the IV is not the base64 of 12 bytes")]
    Iv,
    /// The unwrapped text isn't a key of AES-256.
    #[error("the data key is not of 32 bytes")]
    Key,
    /// The media is shorter than a tag.
    #[error("the encrypted media is shorter than its tag")]
    TooShort,
    /// The media is longer than 64 GiB, after which the counter of AES-GCM would repeat.
    #[error("the encrypted media is longer than AES-GCM allows")]
    TooLong,
    /// The media was changed or cut, or was encrypted under another key.
    #[error("the encrypted media's tag does not verify")]
    Forged,
}

impl MediaEnvelope {
    /// Parses the details that Twilio sends about a recording's encryption.
    ///
    /// # Errors
    /// [`EncryptedMediaError::WrappedKey`] or [`EncryptedMediaError::Iv`] for the field that is malformed.
    pub fn parse(details: &EncryptionDetails) -> Result<Self, EncryptedMediaError> {
        let wrapped_key = STANDARD.decode(&details.encrypted_cek).ok();
        let iv = STANDARD.decode(&details.iv).ok();
        Ok(Self {
            public_key: PublicKeySid::parse(&details.public_key_sid).ok(),
            wrapped_key: wrapped_key
                .filter(|key| WRAPPED_KEY_LENS.contains(&key.len()))
                .ok_or(EncryptedMediaError::WrappedKey)?,
            iv: iv.and_then(|iv| iv.try_into().ok()).ok_or(EncryptedMediaError::Iv)?,
        })
    }

    /// Twilio's SID of the public key under which the data key is wrapped. KMS doesn't know it.
    #[must_use]
    pub const fn public_key(&self) -> Option<&PublicKeySid> {
        self.public_key.as_ref()
    }

    /// The data key, wrapped by RSAES-OAEP with SHA-256.
    #[must_use]
    pub fn wrapped_key(&self) -> &[u8] {
        &self.wrapped_key
    }

    /// Begins to decrypt the media with its unwrapped `key`.
    #[must_use]
    pub fn open(&self, key: &MediaKey) -> MediaOpener {
        MediaOpener::new(key, self.iv)
    }
}

impl MediaKey {
    /// Copies an unwrapped data key. The caller wipes `bytes`.
    ///
    /// # Errors
    /// [`EncryptedMediaError::Key`] if the key doesn't have 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, EncryptedMediaError> {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        if bytes.len() != KEY_LEN {
            return Err(EncryptedMediaError::Key);
        }
        key.copy_from_slice(bytes);
        Ok(Self(key))
    }
}

impl MediaOpener {
    fn new(MediaKey(key): &MediaKey, iv: [u8; IV_LEN]) -> Self {
        let cipher = UnboundCipherKey::new(&AES_256, key.as_slice()).and_then(DecryptingKey::ctr);
        let cipher = cipher.expect("AES-256 in counter mode takes every key of 32 bytes");
        // GHASH's key is the encrypted block of zeros. Counter mode with a counter block of zeros returns it.
        let mut hash_key = Zeroizing::new([0; BLOCK_LEN]);
        apply(&cipher, [0; BLOCK_LEN], hash_key.as_mut_slice());
        Self {
            cipher,
            iv,
            counter: FIRST_COUNTER,
            ghash: GHash::new(&(*hash_key).into()),
            hashed_len: 0,
            held: BytesMut::new(),
        }
    }

    /// Takes the next bytes of the media and returns the plaintext that can be decrypted so far, in order. The tag and
    /// at least one byte before it are held back, so that only [`finish`](Self::finish) returns the last byte.
    ///
    /// # Errors
    /// [`EncryptedMediaError::TooLong`]
    pub fn update(&mut self, sealed: &[u8]) -> Result<Bytes, EncryptedMediaError> {
        self.held.extend_from_slice(sealed);
        let ready = self.held.len().saturating_sub(TAG_LEN + 1);
        let mut blocks = self.held.split_to(ready - ready % BLOCK_LEN);
        self.open(&mut blocks)?;
        Ok(blocks.freeze())
    }

    /// Verifies the tag and returns the last bytes of the plaintext. All plaintext that was returned before is
    /// authentic then.
    ///
    /// # Errors
    /// [`EncryptedMediaError::Forged`] or [`EncryptedMediaError::TooShort`]. No plaintext that was returned before may be used
    /// then.
    pub fn finish(mut self) -> Result<Bytes, EncryptedMediaError> {
        let media_len = self
            .held
            .len()
            .checked_sub(TAG_LEN)
            .ok_or(EncryptedMediaError::TooShort)?;
        let mut media = self.held.split_to(media_len);
        self.open(&mut media)?;

        let mut lengths = [0; BLOCK_LEN];
        lengths[8..].copy_from_slice(&(self.hashed_len * 8).to_be_bytes());
        self.ghash.update(&[lengths.into()]);
        // The tag is GHASH's output, encrypted with the first counter. The decrypted tag must equal GHASH's output.
        let mut hash = [0; BLOCK_LEN];
        hash.copy_from_slice(&self.held);
        apply(&self.cipher, counter_block(&self.iv, TAG_COUNTER), &mut hash);
        let verified = self.ghash.verify(&hash.into());
        verified
            .map(|()| media.freeze())
            .map_err(|_| EncryptedMediaError::Forged)
    }

    /// Decrypts whole blocks in place. Only the last block may be shorter.
    fn open(&mut self, blocks: &mut [u8]) -> Result<(), EncryptedMediaError> {
        let count = u32::try_from(blocks.len().div_ceil(BLOCK_LEN)).ok();
        let next = count.and_then(|count| self.counter.checked_add(count));
        let next = next.ok_or(EncryptedMediaError::TooLong)?;
        self.ghash.update_padded(blocks);
        self.hashed_len += blocks.len() as u64;
        apply(&self.cipher, counter_block(&self.iv, self.counter), blocks);
        self.counter = next;
        Ok(())
    }
}

/// Counter mode from `counter_block` on. Its counter has 128 bits and GCM's has 32, which makes no difference until 32
/// bits overflow.
fn apply(cipher: &DecryptingKey, counter_block: [u8; BLOCK_LEN], in_out: &mut [u8]) {
    let context = DecryptionContext::Iv128(FixedLength::from(counter_block));
    let opened = cipher.decrypt(in_out, context);
    opened.expect("counter mode takes every length, and a counter block of 16 bytes");
}

fn counter_block(iv: &[u8; IV_LEN], counter: u32) -> [u8; BLOCK_LEN] {
    let mut block = [0; BLOCK_LEN];
    block[..IV_LEN].copy_from_slice(iv);
    block[IV_LEN..].copy_from_slice(&counter.to_be_bytes());
    block
}

impl fmt::Debug for MediaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaKey").finish_non_exhaustive()
    }
}

impl fmt::Debug for MediaOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaOpener")
            .field("hashed_len", &self.hashed_len)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
