//! The data key of a message, by KMS, under a key that the deployment names and no other.

use aws_sdk_kms::Client;
use esdk_message::{DataKey, UnverifiedHeader};
use zeroize::Zeroizing;

use super::ReadError;
use crate::{
    KeyArn, ServiceError,
    kms::{PROVIDER_ID, request_context},
};

/// Has KMS decrypt the header's data key. A header that names none of `keys` costs no call: whose key wraps a message is
/// the deployment's to say, never the object's.
pub(super) async fn unwrap_data_key(
    kms: &Client,
    keys: &[KeyArn],
    header: &UnverifiedHeader,
) -> Result<DataKey, ReadError> {
    let (wrapped, key) = header
        .encrypted_data_keys()
        .iter()
        .filter(|wrapped| wrapped.provider_id == PROVIDER_ID)
        .find_map(|wrapped| {
            let key = keys.iter().find(|key| key.as_str() == wrapped.provider_info)?;
            Some((wrapped, key))
        })
        .ok_or_else(|| ReadError::Damaged("data key is wrapped under no accepted key".to_owned()))?;
    let answer = kms
        .decrypt()
        .key_id(key.as_str())
        .ciphertext_blob(wrapped.ciphertext.clone().into())
        .set_encryption_context(Some(request_context(header.encryption_context())))
        .send()
        .await
        .map_err(|error| refused(&ServiceError::new("Decrypt", &error)))?;
    // KMS refuses another key by itself (IncorrectKeyException); what it says it used is compared all the same, as the
    // official keyrings do.
    if answer.key_id() != Some(key.as_str()) {
        return Err(ReadError::Damaged(
            "KMS decrypted under another key than was asked for".to_owned(),
        ));
    }
    let plaintext = answer.plaintext.map(|blob| Zeroizing::new(blob.into_inner()));
    DataKey::from_slice(plaintext.as_deref().map_or(&[], Vec::as_slice))
        .map_err(|error| ReadError::Damaged(error.to_string()))
}

/// What a refusal of KMS means to a reader (KMS API Reference, "Decrypt"): the first two are verdicts on what was stored,
/// everything else (disabled or deleted key, no permission, throttling, no connection) is no verdict at all.
fn refused(error: &ServiceError) -> ReadError {
    match error.code() {
        Some("InvalidCiphertextException" | "IncorrectKeyException") => ReadError::Damaged(error.to_string()),
        _ => ReadError::Unavailable(error.to_string()),
    }
}
