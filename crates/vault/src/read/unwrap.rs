//! Decrypts the data key of a message with KMS, only under keys that the deployment names.
//!
//! The procedure is that of the official keyrings (AWS Encryption SDK Specification, "AWS KMS MRK Aware Symmetric Keyring",
//! OnDecrypt). An encrypted data key is tried if it names an accepted key, or a multi-Region key that is related to an accepted
//! key. The request names the accepted key, and the answer must name the same one. If a key fails, the next one is tried.

use aws_sdk_kms::Client;
use esdk_message::{DataKey, EncryptedDataKey, UnverifiedHeader};

use super::error::{Damage, Outage, ReadError};
use crate::{
    DecryptError, KeyArn, ServiceError,
    kms::{self, PROVIDER_ID},
};

/// Has KMS decrypt the header's data key. Also returns the ARN of the key that encrypted it, as the header has it. A header that names none of `keys` costs no call. The deployment decides which keys
/// are accepted, never the object.
pub(super) async fn unwrap_data_key(
    kms: &Client,
    keys: &[KeyArn],
    header: &UnverifiedHeader,
) -> Result<(DataKey, String), ReadError> {
    let mut worst = ReadError::from(Damage::NoAcceptedKey);
    for (wrapped, key) in candidates(keys, header.encrypted_data_keys()) {
        match decrypt(kms, key, wrapped, header).await {
            Ok(data_key) => return Ok((data_key, wrapped.provider_info.clone())),
            Err(error) if weight(&error) >= weight(&worst) => worst = error,
            Err(_) => {}
        }
    }
    Err(worst)
}

/// The encrypted data keys to try, each with the KMS key to try. Exact matches come before related keys.
fn candidates<'a>(
    keys: &'a [KeyArn],
    wrapped: &'a [EncryptedDataKey],
) -> impl Iterator<Item = (&'a EncryptedDataKey, &'a KeyArn)> {
    let named: Vec<_> = wrapped
        .iter()
        .filter(|wrapped| wrapped.provider_id == PROVIDER_ID)
        .filter_map(|wrapped| Some((wrapped, KeyArn::parse(&wrapped.provider_info).ok()?)))
        .collect();
    let matching = |matches: fn(&KeyArn, &KeyArn) -> bool| {
        let pairs = named.iter().flat_map(|(wrapped, name)| {
            let keys = keys.iter().filter(|key| matches(key, name));
            keys.map(|key| (*wrapped, key))
        });
        pairs.collect::<Vec<_>>()
    };
    let very = matching(|key, name| key == name);
    very.into_iter().chain(matching(KeyArn::is_related_to))
}

async fn decrypt(
    kms: &Client,
    key: &KeyArn,
    wrapped: &EncryptedDataKey,
    header: &UnverifiedHeader,
) -> Result<DataKey, ReadError> {
    let decrypted = kms::decrypt_data_key(kms, key, &wrapped.ciphertext, header.encryption_context()).await;
    let plaintext = decrypted.map_err(|error| match error {
        DecryptError::Service(error) => refused(error),
        DecryptError::OtherKey => Damage::DataKey(error).into(),
        // Such an answer does not prove anything about the stored object.
        DecryptError::NoPlaintext => Outage::Kms(error).into(),
    })?;
    DataKey::from_slice(&plaintext).map_err(|error| Damage::from(error).into())
}

/// Classifies a refusal of KMS (KMS API Reference, "Decrypt" and "Common errors").
fn refused(error: ServiceError) -> ReadError {
    match error.code() {
        // KMS could check the stored ciphertext, and it is wrong.
        Some("InvalidCiphertextException" | "IncorrectKeyException") => Damage::DataKey(error.into()).into(),
        // An operator can enable the key again, or cancel its deletion.
        Some("DisabledException" | "KMSInvalidStateException" | "KeyUnavailableException") => {
            Outage::Kms(error.into()).into()
        }
        _ if error.is_retryable() => Outage::Kms(error.into()).into(),
        _ => ReadError::KeyRefused(error),
    }
}

/// Decides which of several failures is returned. A temporary one has the most weight, because the recording may be playable
/// after it. Damage has the least: while another key is refused, it is not certain.
fn weight(error: &ReadError) -> u8 {
    match error {
        ReadError::Damaged(_) => 0,
        ReadError::KeyRefused(_) => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MRK: &str = "key/mrk-1234abcd12ab34cd56ef1234567890ab";
    const SINGLE: &str = "key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn arn(partition: &str, region: &str, account: &str, key: &str) -> KeyArn {
        KeyArn::parse(&format!("arn:{partition}:kms:{region}:{account}:{key}")).unwrap()
    }

    fn here(key: &str) -> KeyArn {
        arn("aws", "us-east-1", "111122223333", key)
    }

    fn there(key: &str) -> KeyArn {
        arn("aws", "eu-west-1", "111122223333", key)
    }

    fn wrapped(name: &str) -> EncryptedDataKey {
        EncryptedDataKey {
            provider_id: PROVIDER_ID.to_owned(),
            provider_info: name.to_owned(),
            ciphertext: Vec::new(),
        }
    }

    fn tried(keys: &[KeyArn], names: &[EncryptedDataKey]) -> Vec<(String, String)> {
        candidates(keys, names)
            .map(|(wrapped, key)| (wrapped.provider_info.clone(), key.as_str().to_owned()))
            .collect()
    }

    #[test]
    fn a_related_key_is_tried_after_the_very_ones() {
        let (own, related) = (here(SINGLE), here(MRK));
        let names = [wrapped(there(MRK).as_str()), wrapped(own.as_str())];
        let expected = [(&own, &own), (&there(MRK), &related)]
            .map(|(name, key)| (name.as_str().to_owned(), key.as_str().to_owned()));
        assert_eq!(tried(&[related.clone(), own.clone()], &names), expected);
    }

    #[test]
    fn keys_that_differ_in_more_than_the_region_are_not_related() {
        let names = [
            arn("aws-cn", "eu-west-1", "111122223333", MRK),
            arn("aws", "eu-west-1", "444455556666", MRK),
            there("key/mrk-00000000000000000000000000000000"),
            there(SINGLE),
        ]
        .map(|name| wrapped(name.as_str()));
        assert_eq!(tried(&[here(MRK), here(SINGLE)], &names), []);
    }

    #[test]
    fn a_key_that_is_not_from_kms_is_not_tried() {
        let mut other = wrapped(here(SINGLE).as_str());
        other.provider_id = "aws-kms-hierarchy".to_owned();
        let names = [
            other,
            wrapped("arn:aws:kms:us-east-1:111122223333:alias/mrk-1234abcd12ab34cd56ef1234567890ab"),
            wrapped("mrk-1234abcd12ab34cd56ef1234567890ab"),
            wrapped(""),
        ];
        assert_eq!(tried(&[here(MRK), here(SINGLE)], &names), []);
    }
}
