//! Keys: the data key from KMS, and the frame key and the commit key that are derived from it.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, Tag, UnboundKey},
    constant_time, hkdf, rand,
};
use zeroize::{Zeroize, Zeroizing};

use crate::error::HeaderError;

/// Length of an AES-256-GCM tag in bytes.
pub const TAG_LEN: usize = 16;
/// Length of an AES-256-GCM IV.
pub(crate) const IV_LEN: usize = 12;
/// Length of a message id in format version 2.
pub(crate) const MESSAGE_ID_LEN: usize = 32;
/// Length of the commit key.
pub(crate) const COMMIT_KEY_LEN: usize = 32;

const DATA_KEY_LEN: usize = 32;
const AES_256_KEY_LEN: usize = 32;

/// The frame key's label contains the suite. The commit key's label does not, unlike in the S3 Encryption Client.
const FRAME_KEY_INFO: &[u8] = b"\x04\x78DERIVEKEY";
const COMMIT_KEY_INFO: &[u8] = b"COMMITKEY";

/// The plaintext data key of one message: 32 bytes from KMS. It is wiped on drop.
///
/// The key is boxed because a move of a plain array leaves a copy behind that drop cannot wipe.
pub struct DataKey(Box<[u8; DATA_KEY_LEN]>);

impl DataKey {
    /// Copies a data key that KMS returned. The caller must wipe its own copy.
    ///
    /// # Errors
    ///
    /// [`HeaderError::DataKeyLength`] unless `bytes` has 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, HeaderError> {
        if bytes.len() != DATA_KEY_LEN {
            return Err(HeaderError::DataKeyLength { found: bytes.len() });
        }
        let mut key = Box::new([0; DATA_KEY_LEN]);
        key.copy_from_slice(bytes);
        Ok(Self(key))
    }

    /// HKDF-SHA512 (RFC 5869) with the message id as salt.
    pub(crate) fn derive(&self, message_id: &MessageId) -> (FrameKey, CommitKey) {
        // aws-lc-rs wipes its copy of the data key when `prk` is dropped.
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA512, &message_id.0).extract(&self.0[..]);
        let mut frame_key = Zeroizing::new([0; AES_256_KEY_LEN]);
        expand(&prk, FRAME_KEY_INFO, &mut frame_key[..]);
        let mut commit_key = [0; COMMIT_KEY_LEN];
        expand(&prk, COMMIT_KEY_INFO, &mut commit_key);
        (FrameKey::new(&frame_key), CommitKey(commit_key))
    }
}

impl Drop for DataKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(redacted)")
    }
}

/// Identifies a message. It is the salt of the message's keys and a part of every frame's authenticated data. It is not secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageId([u8; MESSAGE_ID_LEN]);

impl MessageId {
    /// The id of a new message: random bytes from the operating system, through aws-lc.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0; MESSAGE_ID_LEN];
        rand::fill(&mut bytes).expect("aws-lc's RAND_bytes aborts the process instead of failing");
        Self(bytes)
    }

    /// An existing id. Two plaintexts that are sealed under one data key and one id reveal each other.
    #[must_use]
    pub fn from_bytes(bytes: [u8; MESSAGE_ID_LEN]) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; MESSAGE_ID_LEN] {
        &self.0
    }
}

/// Proves to a reader which data key sealed a message. It is stored in the header in the clear.
pub(crate) struct CommitKey([u8; COMMIT_KEY_LEN]);

impl CommitKey {
    pub(crate) fn as_bytes(&self) -> &[u8; COMMIT_KEY_LEN] {
        &self.0
    }

    /// Compares in constant time, as the specification requires.
    pub(crate) fn matches(&self, stored: &[u8; COMMIT_KEY_LEN]) -> bool {
        constant_time::verify_slices_are_equal(&self.0, stored).is_ok()
    }
}

/// The AES-256-GCM key of one message: seals and opens its frames and its header.
///
/// The key schedule is in a block that aws-lc allocates and that no code outside aws-lc can reach. `OPENSSL_free` overwrites
/// the block before it frees it.
pub(crate) struct FrameKey(LessSafeKey);

impl FrameKey {
    fn new(key: &[u8; AES_256_KEY_LEN]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key).expect("the key has AES-256's 32 bytes");
        Self(LessSafeKey::new(key))
    }

    /// Encrypts in place. The caller must use each `iv` only once.
    pub(crate) fn seal(&self, iv: [u8; IV_LEN], aad: &[u8], plaintext: &mut [u8]) -> Tag {
        self.0
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(iv), Aad::from(aad), plaintext)
            .expect("AES-GCM seals up to 2^36 - 32 bytes, and a frame has at most 2^20")
    }

    /// Decrypts in place. Returns false and overwrites `ciphertext` if the tag does not verify.
    #[must_use]
    pub(crate) fn open(&self, iv: [u8; IV_LEN], aad: &[u8], ciphertext: &mut [u8], tag: &[u8]) -> bool {
        // With a separate tag, aws-lc-rs does not move the plaintext, as its `open_in_place` would.
        let opened = self
            .0
            .open_in_place_separate_tag(Nonce::assume_unique_for_key(iv), Aad::from(aad), tag, ciphertext)
            .is_ok();
        if !opened {
            // aws-lc leaves the contents of the buffer unspecified. It must not keep unverified plaintext.
            ciphertext.fill(0);
        }
        opened
    }
}

fn expand(prk: &hkdf::Prk, info: &[u8], out: &mut [u8]) {
    struct Len(usize);
    impl hkdf::KeyType for Len {
        fn len(&self) -> usize {
            self.0
        }
    }
    prk.expand(&[info], Len(out.len()))
        .and_then(|okm| okm.fill(out))
        .expect("32 bytes are within the limit of HKDF-SHA512, 255 x 64 bytes");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_key_is_never_printed() {
        let key = DataKey::from_slice(&[0xab; 32]).unwrap();
        assert_eq!(format!("{key:?}"), "DataKey(redacted)");
    }

    #[test]
    fn a_data_key_has_32_bytes() {
        for len in [0, 16, 31, 33] {
            assert_eq!(
                DataKey::from_slice(&vec![0; len]).unwrap_err(),
                HeaderError::DataKeyLength { found: len }
            );
        }
    }

    /// Official commitment vector 4: data key and message id all zero.
    #[test]
    fn the_commit_key_is_that_of_the_published_vector() {
        let (_, commit_key) = DataKey::from_slice(&[0; 32])
            .unwrap()
            .derive(&MessageId::from_bytes([0; 32]));
        let published = "433d837f59cb7e9bc6334d154aff831109c6372d98f8b5ac8588bff7efaba651";
        assert_eq!(hex::encode(commit_key.as_bytes()), published);
    }

    #[test]
    fn message_ids_are_random() {
        assert_ne!(MessageId::random(), MessageId::random());
    }
}
