//! KMS: data keys that another program wrapped with the public half of an RSA key, as Twilio does.

use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use aws_sdk_kms::{
    operation::decrypt::builders::DecryptFluentBuilder,
    types::{EncryptionAlgorithmSpec, KeySpec, KeyUsageType},
};

use crate::{
    expectation::{Expectation, Observed, expectations, said},
    server::Server,
};

pub(crate) const EXPECTATIONS: &[Expectation] = expectations![
    rsa_decrypt_gives_back_what_was_wrapped_elsewhere,
    rsa_decrypt_names_its_key_by_arn,
    rsa_decrypt_of_a_changed_ciphertext,
];

const DATA_KEY: [u8; 32] = [7; 32];

/// "You can use the public key to encrypt data outside of AWS KMS". Decrypt returns the data with the same algorithm.
///
/// AWS KMS API Reference, "GetPublicKey" and "Decrypt".
async fn rsa_decrypt_gives_back_what_was_wrapped_elsewhere(server: &Server) -> Observed {
    let wrapped = Wrapped::new(server).await;
    let reply = wrapped.decrypt(server).send().await;
    let seen = match &reply {
        Ok(reply) if reply.plaintext().unwrap().as_ref() == DATA_KEY => "the data key".to_owned(),
        Ok(_) => "other bytes".to_owned(),
        Err(_) => said(&reply),
    };
    Observed::new("the data key", seen)
}

/// `KeyId`: "the Amazon Resource Name (key ARN) of the KMS key that was used to decrypt the ciphertext".
///
/// AWS KMS API Reference, "Decrypt".
async fn rsa_decrypt_names_its_key_by_arn(server: &Server) -> Observed {
    let wrapped = Wrapped::new(server).await;
    let reply = wrapped.decrypt(server).send().await.unwrap();
    let is_arn = reply.key_id() == Some(&wrapped.arn);
    Observed::new("its ARN", if is_arn { "its ARN" } else { "otherwise" })
}

/// `InvalidCiphertextException`: "the specified ciphertext … is corrupted, missing, or otherwise invalid".
///
/// AWS KMS API Reference, "Decrypt".
async fn rsa_decrypt_of_a_changed_ciphertext(server: &Server) -> Observed {
    let mut wrapped = Wrapped::new(server).await;
    wrapped.ciphertext[100] ^= 1;
    let reply = wrapped.decrypt(server).send().await;
    Observed::new("400 InvalidCiphertextException", said(&reply))
}

struct Wrapped {
    arn: String,
    ciphertext: Vec<u8>,
}

impl Wrapped {
    async fn new(server: &Server) -> Self {
        let create = server.kms.create_key().key_spec(KeySpec::Rsa2048);
        let created = create.key_usage(KeyUsageType::EncryptDecrypt).send().await.unwrap();
        let arn = created.key_metadata.unwrap().arn.unwrap();
        let public = server.kms.get_public_key().key_id(&arn).send().await.unwrap();
        let public = PublicEncryptingKey::from_der(public.public_key().unwrap().as_ref()).unwrap();
        let public = OaepPublicEncryptingKey::new(public).unwrap();
        let mut ciphertext = vec![0; public.ciphertext_size()];
        let wrapped = public.encrypt(&OAEP_SHA256_MGF1SHA256, &DATA_KEY, &mut ciphertext, None);
        assert_eq!(wrapped.unwrap().len(), 256);
        Self { arn, ciphertext }
    }

    fn decrypt(&self, server: &Server) -> DecryptFluentBuilder {
        server
            .kms
            .decrypt()
            .key_id(&self.arn)
            .encryption_algorithm(EncryptionAlgorithmSpec::RsaesOaepSha256)
            .ciphertext_blob(self.ciphertext.clone().into())
    }
}
