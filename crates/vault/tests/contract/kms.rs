//! KMS: data keys, and that nothing but the same key, context and ciphertext gives them back.

use std::collections::HashMap;

use aws_sdk_kms::{error::ProvideErrorMetadata, operation::decrypt::builders::DecryptFluentBuilder};

use crate::{
    Promise,
    server::{Server, said},
};

const GENERATE: &str = "https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKey.html";
const DECRYPT: &str = "https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html";
const KEY_STATES: &str = "https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html";

pub(crate) const PROMISES: &[Promise] = &[
    Promise {
        name: "data-key-names-its-key",
        source: GENERATE,
        expected: "32 bytes under its full ARN",
        seen: |server| {
            Box::pin(async move {
                let wrapped = Wrapped::new(&server).await;
                let named = wrapped.named == wrapped.key;
                format!(
                    "{} bytes under {}",
                    wrapped.plaintext.len(),
                    if named { "its full ARN" } else { "another name" }
                )
            })
        },
    },
    Promise {
        name: "decrypt-gives-the-data-key-back",
        source: DECRYPT,
        expected: "the same under its full ARN",
        seen: |server| {
            Box::pin(async move {
                let wrapped = Wrapped::new(&server).await;
                match wrapped.decrypt(&server).send().await {
                    Ok(answer)
                        if answer
                            .plaintext()
                            .is_some_and(|seen| seen.as_ref() == wrapped.plaintext) =>
                    {
                        let named = answer.key_id == Some(wrapped.key);
                        format!("the same under {}", if named { "its full ARN" } else { "another name" })
                    }
                    Ok(_) => "other bytes".to_owned(),
                    Err(error) => error.code().unwrap_or("without a code").to_owned(),
                }
            })
        },
    },
    Promise {
        name: "decrypt-under-another-context",
        source: DECRYPT,
        expected: "400 InvalidCiphertextException",
        seen: |server| {
            Box::pin(async move {
                let wrapped = Wrapped::new(&server).await;
                let request = wrapped.decrypt(&server).set_encryption_context(None);
                said(request.encryption_context("recordingsid", "another").send().await)
            })
        },
    },
    Promise {
        name: "decrypt-without-a-context",
        source: DECRYPT,
        expected: "400 InvalidCiphertextException",
        seen: |server| {
            Box::pin(async move {
                let wrapped = Wrapped::new(&server).await;
                said(wrapped.decrypt(&server).set_encryption_context(None).send().await)
            })
        },
    },
    Promise {
        name: "decrypt-under-another-key",
        source: DECRYPT,
        expected: "400 IncorrectKeyException",
        seen: |server| {
            Box::pin(async move {
                let (wrapped, other) = (Wrapped::new(&server).await, create_key(&server).await);
                said(wrapped.decrypt(&server).key_id(other).send().await)
            })
        },
    },
    Promise {
        name: "decrypt-of-a-changed-ciphertext",
        source: DECRYPT,
        expected: "400 InvalidCiphertextException",
        seen: |server| {
            Box::pin(async move {
                let mut wrapped = Wrapped::new(&server).await;
                *wrapped.ciphertext.last_mut().unwrap() ^= 1;
                said(wrapped.decrypt(&server).send().await)
            })
        },
    },
    Promise {
        name: "decrypt-under-a-disabled-key",
        source: KEY_STATES,
        expected: "400 DisabledException",
        seen: |server| {
            Box::pin(async move {
                let wrapped = Wrapped::new(&server).await;
                server.kms.disable_key().key_id(&wrapped.key).send().await.unwrap();
                said(wrapped.decrypt(&server).send().await)
            })
        },
    },
    Promise {
        name: "data-key-under-a-disabled-key",
        source: KEY_STATES,
        expected: "400 DisabledException",
        seen: |server| {
            Box::pin(async move {
                let key = create_key(&server).await;
                server.kms.disable_key().key_id(&key).send().await.unwrap();
                said(
                    server
                        .kms
                        .generate_data_key()
                        .key_id(key)
                        .number_of_bytes(32)
                        .send()
                        .await,
                )
            })
        },
    },
    Promise {
        name: "decrypt-under-a-key-that-is-to-be-deleted",
        source: KEY_STATES,
        expected: "400 KMSInvalidStateException",
        seen: |server| {
            Box::pin(async move {
                let wrapped = Wrapped::new(&server).await;
                server
                    .kms
                    .schedule_key_deletion()
                    .key_id(&wrapped.key)
                    .send()
                    .await
                    .unwrap();
                said(wrapped.decrypt(&server).send().await)
            })
        },
    },
];

/// A data key of a key of its own.
struct Wrapped {
    key: String,
    /// The key as GenerateDataKey named it.
    named: String,
    plaintext: Vec<u8>,
    ciphertext: Vec<u8>,
}

impl Wrapped {
    async fn new(server: &Server) -> Self {
        let key = create_key(server).await;
        let request = server.kms.generate_data_key().key_id(&key).number_of_bytes(32);
        let answer = request.set_encryption_context(Some(context())).send().await.unwrap();
        Self {
            key,
            named: answer.key_id.unwrap(),
            plaintext: answer.plaintext.unwrap().into_inner(),
            ciphertext: answer.ciphertext_blob.unwrap().into_inner(),
        }
    }

    fn decrypt(&self, server: &Server) -> DecryptFluentBuilder {
        let request = server
            .kms
            .decrypt()
            .key_id(&self.key)
            .ciphertext_blob(self.ciphertext.clone().into());
        request.set_encryption_context(Some(context()))
    }
}

fn context() -> HashMap<String, String> {
    HashMap::from([(
        "recordingsid".to_owned(),
        "RE00000000000000000000000000000001".to_owned(),
    )])
}

/// A new key's full ARN.
async fn create_key(server: &Server) -> String {
    server
        .kms
        .create_key()
        .send()
        .await
        .unwrap()
        .key_metadata
        .unwrap()
        .arn
        .unwrap()
}
