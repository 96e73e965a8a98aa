//! Twilio's voice recording encryption, for an account with a public key at Twilio.
//!
//! Source: `twilio.com/docs/voice/tutorials/voice-recording-encryption`.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand,
    rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use loopback::Error;
use serde_json::{Value, json};

use crate::{Stack, resources::Rotation};

/// The public key's SID at Twilio.
const PUBLIC_KEY_SID: &str = "CR00000000000000000000000000000001";

/// A recording that Twilio encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptedRecording {
    /// The ciphertext, with its tag of 16 bytes.
    pub media: Vec<u8>,
    /// Standard base64 of the data key, wrapped with the public key.
    pub wrapped_key: String,
    /// Standard base64 of the IV.
    pub iv: String,
}

impl EncryptedRecording {
    /// Encrypts with a public key in DER (SubjectPublicKeyInfo), the format of KMS.
    ///
    /// # Errors
    /// If the key is not an RSA key.
    pub fn new(public_key: &[u8], audio: &[u8]) -> Result<Self, Error> {
        let (mut data_key, mut iv) = ([0; 32], [0; NONCE_LEN]);
        rand::fill(&mut data_key)?;
        rand::fill(&mut iv)?;
        let public_key = OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(public_key)?)?;
        let mut wrapped_key = vec![0; public_key.ciphertext_size()];
        let wrapped_key = public_key.encrypt(&OAEP_SHA256_MGF1SHA256, &data_key, &mut wrapped_key, None)?;

        let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &data_key)?);
        let mut media = audio.to_vec();
        cipher.seal_in_place_append_tag(Nonce::assume_unique_for_key(iv), Aad::empty(), &mut media)?;
        Ok(Self {
            media,
            wrapped_key: STANDARD.encode(wrapped_key),
            iv: STANDARD.encode(iv),
        })
    }

    /// The `EncryptionDetails` of a callback.
    #[must_use]
    pub fn callback_details(&self) -> String {
        json!({
            "type": "rsa-aes",
            "public_key_sid": PUBLIC_KEY_SID,
            "encrypted_cek": self.wrapped_key,
            "iv": self.iv,
        })
        .to_string()
    }

    /// The same values with the names of the Recording resource. The double returns them if they are in a file
    /// `RE….encryption.json` beside the media.
    #[must_use]
    pub fn resource_details(&self) -> Value {
        json!({
            "type": "rsa-aes",
            "encryption_public_key_sid": PUBLIC_KEY_SID,
            "encryption_cek": self.wrapped_key,
            "encryption_iv": self.iv,
        })
    }
}

impl Stack {
    /// Encrypts as Twilio does, with the public half of the stack's RSA key.
    ///
    /// # Errors
    /// If KMS does not return the public key.
    pub async fn encrypt_as_twilio(&self, audio: &[u8]) -> Result<EncryptedRecording, Error> {
        self.encrypt_as_twilio_did(Rotation::After, audio).await
    }

    /// The same, with the previous or the current RSA key.
    ///
    /// # Errors
    /// If KMS does not return the public key.
    pub async fn encrypt_as_twilio_did(&self, rotation: Rotation, audio: &[u8]) -> Result<EncryptedRecording, Error> {
        let key = self.resources().encryption_key(rotation);
        let answer = self.kms().get_public_key().key_id(key).send().await?;
        let public_key = answer.public_key.ok_or("KMS returned no public key")?;
        EncryptedRecording::new(public_key.as_ref(), audio)
    }
}
