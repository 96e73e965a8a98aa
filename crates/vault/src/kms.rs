//! The KMS requests of this product: a data key for each message, and the decryption of a wrapped key.

use std::collections::HashMap;

use aws_sdk_kms::{
    Client,
    operation::{decrypt::DecryptOutput, generate_data_key::GenerateDataKeyOutput},
    primitives::Blob,
    types::EncryptionAlgorithmSpec,
};
use esdk_message::{DataKey, EncryptedDataKey, EncryptionContext, HeaderError};
use zeroize::Zeroizing;

use crate::{KeyArn, service_error::ServiceError};

/// The provider of a KMS data key in the AWS Encryption SDKs. Readers check for it.
pub(crate) const PROVIDER_ID: &str = "aws-kms";

/// AES-256, the suite's only key length.
const DATA_KEY_BYTES: i32 = 32;

/// Returns a new data key and its wrapped form for the message's header.
pub(crate) async fn generate_data_key(
    kms: &Client,
    key: &KeyArn,
    context: &EncryptionContext,
) -> Result<(DataKey, EncryptedDataKey), DataKeyError> {
    let answer = kms
        .generate_data_key()
        .key_id(key.as_str())
        .number_of_bytes(DATA_KEY_BYTES)
        .set_encryption_context(Some(request_context(context)))
        .send()
        .await
        .map_err(|error| ServiceError::new("GenerateDataKey", &error))?;
    accept_data_key(answer, key)
}

/// Decrypts a wrapped data key under `key` and its encryption context.
pub(crate) async fn decrypt_data_key(
    kms: &Client,
    key: &KeyArn,
    ciphertext: &[u8],
    context: &EncryptionContext,
) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    let context = Some(request_context(context));
    decrypt(kms, key, ciphertext, EncryptionAlgorithmSpec::SymmetricDefault, context).await
}

/// Decrypts `ciphertext` under the RSA key `key` with RSAES-OAEP and SHA-256. This needs `kms:Decrypt`.
///
/// # Errors
///
/// [`DecryptError`]. KMS refuses a ciphertext that was encrypted under another key.
pub async fn decrypt_rsa(kms: &Client, key: &KeyArn, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    decrypt(kms, key, ciphertext, EncryptionAlgorithmSpec::RsaesOaepSha256, None).await
}

async fn decrypt(
    kms: &Client,
    key: &KeyArn,
    ciphertext: &[u8],
    algorithm: EncryptionAlgorithmSpec,
    context: Option<HashMap<String, String>>,
) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    let answer = kms
        .decrypt()
        .key_id(key.as_str())
        .encryption_algorithm(algorithm)
        .ciphertext_blob(Blob::new(ciphertext))
        .set_encryption_context(context)
        .send()
        .await
        .map_err(|error| ServiceError::new("Decrypt", &error))?;
    accept_plaintext(answer, key)
}

/// KMS refuses another key by itself (IncorrectKeyException). The key that it reports is compared nevertheless, as the
/// official keyrings do.
fn accept_plaintext(answer: DecryptOutput, key: &KeyArn) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    let (Some(used), Some(plaintext)) = (answer.key_id, answer.plaintext) else {
        return Err(DecryptError::NoPlaintext);
    };
    let plaintext = Zeroizing::new(plaintext.into_inner());
    if used != key.as_str() {
        return Err(DecryptError::OtherKey);
    }
    Ok(plaintext)
}

fn accept_data_key(answer: GenerateDataKeyOutput, key: &KeyArn) -> Result<(DataKey, EncryptedDataKey), DataKeyError> {
    let (Some(used), Some(plaintext), Some(ciphertext)) = (answer.key_id, answer.plaintext, answer.ciphertext_blob)
    else {
        return Err(DataKeyError::NoKey);
    };
    let plaintext = Zeroizing::new(plaintext.into_inner());
    // The header contains the key that KMS reports. Readers accept only the configured ARN, so that a message with any
    // other key could never be played.
    if used != key.as_str() {
        return Err(DataKeyError::OtherKey);
    }
    let stored = EncryptedDataKey {
        provider_id: PROVIDER_ID.to_owned(),
        provider_info: key.as_str().to_owned(),
        ciphertext: ciphertext.into_inner(),
    };
    Ok((DataKey::from_slice(&plaintext)?, stored))
}

/// The context in the form that KMS requests need.
fn request_context(context: &EncryptionContext) -> HashMap<String, String> {
    context
        .iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// The reason why there is no data key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataKeyError {
    /// KMS refused the request, or could not be reached.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// KMS used another key than the configured one.
    #[error("KMS answered under another key than the configured one")]
    OtherKey,
    /// KMS answered without a key. The answer was cut off, or came from another server.
    #[error("KMS answered without a data key")]
    NoKey,
    /// KMS returned bytes that are not a key of this suite.
    #[error("data key: {0}")]
    Unusable(#[from] HeaderError),
}

impl DataKeyError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Service(error) => error.is_retryable(),
            Self::NoKey => true,
            Self::OtherKey | Self::Unusable(_) => false,
        }
    }
}

/// The reason why KMS has not decrypted a ciphertext.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecryptError {
    /// KMS refused the request, or could not be reached.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// KMS used another key than the requested one.
    #[error("KMS used another key than requested")]
    OtherKey,
    /// KMS answered without a plaintext. The answer was cut off, or came from another server.
    #[error("KMS answered without a plaintext")]
    NoPlaintext,
}

impl DecryptError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Service(error) => error.is_retryable(),
            Self::NoPlaintext => true,
            Self::OtherKey => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_kms::primitives::Blob;

    use super::*;

    fn arn(last: char) -> KeyArn {
        let id = format!("1234abcd-12ab-34cd-56ef-12345678900{last}");
        KeyArn::parse(&format!("arn:aws:kms:us-east-1:111122223333:key/{id}")).unwrap()
    }

    fn answer(key: &KeyArn, plaintext: &[u8]) -> GenerateDataKeyOutput {
        GenerateDataKeyOutput::builder()
            .key_id(key.as_str())
            .plaintext(Blob::new(plaintext))
            .ciphertext_blob(Blob::new([1, 2, 3]))
            .build()
    }

    #[test]
    fn the_stored_key_names_the_configured_one() {
        let (_, stored) = accept_data_key(answer(&arn('1'), &[7; 32]), &arn('1')).unwrap();
        assert_eq!(stored.provider_id, "aws-kms");
        assert_eq!(stored.provider_info, arn('1').as_str());
        assert_eq!(stored.ciphertext, [1, 2, 3]);
    }

    #[test]
    fn another_key_no_key_and_half_a_key_are_refused() {
        let other = accept_data_key(answer(&arn('2'), &[7; 32]), &arn('1'));
        assert!(matches!(other, Err(DataKeyError::OtherKey)));
        let half = accept_data_key(answer(&arn('1'), &[7; 16]), &arn('1'));
        assert!(matches!(half, Err(DataKeyError::Unusable(_))));
        let mut none = answer(&arn('1'), &[]);
        none.plaintext = None;
        assert!(matches!(accept_data_key(none, &arn('1')), Err(DataKeyError::NoKey)));
    }

    #[test]
    fn an_answer_without_what_it_has_to_hold_is_worth_another_try() {
        let empty = accept_data_key(GenerateDataKeyOutput::builder().build(), &arn('1')).unwrap_err();
        assert!(matches!(empty, DataKeyError::NoKey) && empty.is_retryable(), "{empty}");
        let mut half = answer(&arn('1'), &[7; 32]);
        half.ciphertext_blob = None;
        assert!(accept_data_key(half, &arn('1')).unwrap_err().is_retryable());
    }
}
