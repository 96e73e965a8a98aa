//! The fields that writer and reader share.

use crate::keys::IV_LEN;

pub(super) const VERSION: u8 = 0x02;
/// AES-256-GCM, HKDF-SHA512, key commitment, no signature.
pub(super) const SUITE: u16 = 0x0478;
pub(super) const FRAMED: u8 = 0x02;
/// The header is sealed under IV 0. The IVs of frames start at 1.
pub(super) const HEADER_IV: [u8; IV_LEN] = [0; IV_LEN];

/// A data key, encrypted by a key provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptedDataKey {
    /// The provider that can decrypt it: `aws-kms`.
    pub provider_id: String,
    /// The full ARN of the key that encrypted it. Other providers than KMS store arbitrary bytes here. Bytes that are not
    /// UTF-8 are read as U+FFFD, which no ARN contains.
    pub provider_info: String,
    /// The `CiphertextBlob` that KMS returned.
    pub ciphertext: Vec<u8>,
}
