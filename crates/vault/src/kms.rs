//! Data keys: one for every message, under the configured KMS key and the recording's encryption context.

use std::collections::HashMap;

use aws_sdk_kms::Client;
use esdk_message::{DataKey, EncryptedDataKey, EncryptionContext, HeaderError};
use zeroize::Zeroize;

use crate::{KeyArn, service_error::ServiceError};

/// What the AWS Encryption SDKs call the provider of a KMS data key; readers look for it.
pub(crate) const PROVIDER_ID: &str = "aws-kms";

/// AES-256, the suite's only key length.
const DATA_KEY_BYTES: i32 = 32;

/// A fresh data key, and how it's stored beside what it seals.
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

    // The header names the key that KMS says it used. A reader pins the configured ARN, so any other name would be a
    // recording that nobody can play.
    if answer.key_id() != Some(key.as_str()) {
        return Err(DataKeyError::OtherKey);
    }
    let mut plaintext = answer.plaintext.ok_or(DataKeyError::NoKey)?.into_inner();
    let data_key = DataKey::from_slice(&plaintext);
    plaintext.zeroize();
    let stored = EncryptedDataKey {
        provider_id: PROVIDER_ID.to_owned(),
        provider_info: key.as_str().to_owned(),
        ciphertext: answer.ciphertext_blob.ok_or(DataKeyError::NoKey)?.into_inner(),
    };
    Ok((data_key?, stored))
}

/// The context in the form that KMS requests take it in.
pub(crate) fn request_context(context: &EncryptionContext) -> HashMap<String, String> {
    context
        .iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Why there's no data key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataKeyError {
    /// KMS refused, or couldn't be reached.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// KMS answered under another key than the configured one.
    #[error("KMS answered under another key than the configured one")]
    OtherKey,
    /// KMS answered without a key.
    #[error("KMS answered without a data key")]
    NoKey,
    /// KMS answered with something that's no key of this suite.
    #[error("data key: {0}")]
    Unusable(#[from] HeaderError),
}

impl DataKeyError {
    /// Whether asking again later may help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Service(error) if error.is_retryable())
    }
}
