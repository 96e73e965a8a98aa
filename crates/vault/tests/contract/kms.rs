//! KMS: only the same key, context and ciphertext return a data key.

use std::collections::HashMap;

use aws_sdk_kms::operation::decrypt::builders::DecryptFluentBuilder;

use crate::{
    expectation::{Expectation, Observed, expectations, said},
    server::Server,
};

pub(crate) const EXPECTATIONS: &[Expectation] = expectations![
    data_key_has_32_bytes,
    data_key_names_its_key_by_arn,
    decrypt_gives_the_data_key_back,
    decrypt_names_its_key_by_arn,
    decrypt_under_another_context,
    decrypt_without_a_context,
    decrypt_under_another_key,
    decrypt_of_a_changed_ciphertext,
    decrypt_under_a_disabled_key,
    data_key_under_a_disabled_key,
    decrypt_under_a_key_pending_deletion,
];

/// `NumberOfBytes`: "the length of the data key in bytes".
///
/// AWS KMS API Reference, "GenerateDataKey".
async fn data_key_has_32_bytes(server: &Server) -> Observed {
    let wrapped = Wrapped::new(server).await;
    Observed::new("32 bytes", format!("{} bytes", wrapped.plaintext.len()))
}

/// `KeyId`: "the Amazon Resource Name (key ARN) of the KMS key that encrypted the data key". The message's header
/// contains it.
///
/// AWS KMS API Reference, "GenerateDataKey".
async fn data_key_names_its_key_by_arn(server: &Server) -> Observed {
    let wrapped = Wrapped::new(server).await;
    wrapped.compare_key(&wrapped.named)
}

/// Decrypt returns the data key that GenerateDataKey wrapped under the same context.
///
/// AWS KMS API Reference, "Decrypt".
async fn decrypt_gives_the_data_key_back(server: &Server) -> Observed {
    let wrapped = Wrapped::new(server).await;
    let reply = wrapped.decrypt(server).send().await;
    let seen = match &reply {
        Ok(reply) if reply.plaintext().unwrap().as_ref() == wrapped.plaintext => "the data key".to_owned(),
        Ok(_) => "other bytes".to_owned(),
        Err(_) => said(&reply),
    };
    Observed::new("the data key", seen)
}

/// `KeyId`: "the Amazon Resource Name (key ARN) of the KMS key that was used to decrypt the ciphertext".
///
/// AWS KMS API Reference, "Decrypt".
async fn decrypt_names_its_key_by_arn(server: &Server) -> Observed {
    let wrapped = Wrapped::new(server).await;
    let reply = wrapped.decrypt(server).send().await.unwrap();
    wrapped.compare_key(reply.key_id().unwrap())
}

/// `InvalidCiphertextException`: "the specified ciphertext, or additional authenticated data incorporated into the
/// ciphertext, such as the encryption context, is corrupted, missing, or otherwise invalid".
///
/// AWS KMS API Reference, "Decrypt".
async fn decrypt_under_another_context(server: &Server) -> Observed {
    let wrapped = Wrapped::new(server).await;
    let request = wrapped.decrypt(server).encryption_context("recordingsid", "another");
    Observed::new("400 InvalidCiphertextException", said(&request.send().await))
}

/// The same error occurs without a context.
///
/// AWS KMS API Reference, "Decrypt".
async fn decrypt_without_a_context(server: &Server) -> Observed {
    let wrapped = Wrapped::new(server).await;
    let request = wrapped.decrypt(server).set_encryption_context(None);
    Observed::new("400 InvalidCiphertextException", said(&request.send().await))
}

/// `IncorrectKeyException`: "The `KeyId` in a Decrypt request … must identify the same KMS key that was used to encrypt
/// the ciphertext."
///
/// AWS KMS API Reference, "Decrypt".
async fn decrypt_under_another_key(server: &Server) -> Observed {
    let (wrapped, other) = (Wrapped::new(server).await, create_key(server).await);
    let reply = wrapped.decrypt(server).key_id(other).send().await;
    Observed::new("400 IncorrectKeyException", said(&reply))
}

/// `InvalidCiphertextException` also applies to "corrupted" ciphertext.
///
/// AWS KMS API Reference, "Decrypt".
async fn decrypt_of_a_changed_ciphertext(server: &Server) -> Observed {
    let mut wrapped = Wrapped::new(server).await;
    *wrapped.ciphertext.last_mut().unwrap() ^= 1;
    let reply = wrapped.decrypt(server).send().await;
    Observed::new("400 InvalidCiphertextException", said(&reply))
}

/// `DisabledException`: "The request was rejected because the specified KMS key is not enabled."
///
/// AWS KMS API Reference, "Decrypt"; Developer Guide, "Key states of AWS KMS keys".
async fn decrypt_under_a_disabled_key(server: &Server) -> Observed {
    let wrapped = Wrapped::new(server).await;
    server.kms.disable_key().key_id(&wrapped.key).send().await.unwrap();
    let reply = wrapped.decrypt(server).send().await;
    Observed::new("400 DisabledException", said(&reply))
}

/// The same applies to a new data key.
///
/// AWS KMS API Reference, "GenerateDataKey"; Developer Guide, "Key states of AWS KMS keys".
async fn data_key_under_a_disabled_key(server: &Server) -> Observed {
    let key = create_key(server).await;
    server.kms.disable_key().key_id(&key).send().await.unwrap();
    let reply = server
        .kms
        .generate_data_key()
        .key_id(key)
        .number_of_bytes(32)
        .send()
        .await;
    Observed::new("400 DisabledException", said(&reply))
}

/// `KMSInvalidStateException`: "the state of the specified resource is not valid for this request". A key that is
/// pending deletion does not decrypt.
///
/// AWS KMS API Reference, "Decrypt"; Developer Guide, "Key states of AWS KMS keys".
async fn decrypt_under_a_key_pending_deletion(server: &Server) -> Observed {
    let wrapped = Wrapped::new(server).await;
    let deletion = server.kms.schedule_key_deletion().key_id(&wrapped.key);
    deletion.send().await.unwrap();
    let reply = wrapped.decrypt(server).send().await;
    Observed::new("400 KMSInvalidStateException", said(&reply))
}

/// A data key with its own KMS key.
struct Wrapped {
    /// The full ARN of the KMS key.
    key: String,
    /// The KMS key in GenerateDataKey's answer.
    named: String,
    plaintext: Vec<u8>,
    ciphertext: Vec<u8>,
}

impl Wrapped {
    async fn new(server: &Server) -> Self {
        let key = create_key(server).await;
        let request = server.kms.generate_data_key().key_id(&key).number_of_bytes(32);
        let reply = request.set_encryption_context(Some(context())).send().await.unwrap();
        Self {
            key,
            named: reply.key_id.unwrap(),
            plaintext: reply.plaintext.unwrap().into_inner(),
            ciphertext: reply.ciphertext_blob.unwrap().into_inner(),
        }
    }

    fn decrypt(&self, server: &Server) -> DecryptFluentBuilder {
        let request = server.kms.decrypt().key_id(&self.key);
        let request = request.ciphertext_blob(self.ciphertext.clone().into());
        request.set_encryption_context(Some(context()))
    }

    fn compare_key(&self, named: &str) -> Observed {
        let seen = if named == self.key { "its full ARN" } else { named };
        Observed::new("its full ARN", seen)
    }
}

fn context() -> HashMap<String, String> {
    let sid = "RE00000000000000000000000000000001".to_owned();
    HashMap::from([("recordingsid".to_owned(), sid)])
}

/// Creates a key and returns its full ARN.
async fn create_key(server: &Server) -> String {
    let reply = server.kms.create_key().send().await.unwrap();
    reply.key_metadata.unwrap().arn.unwrap()
}
