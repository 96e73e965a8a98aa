use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_sdk_kms::{
    primitives::Blob,
    types::{EncryptionAlgorithmSpec, KeySpec, KeyUsageType},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sid::RecordingSid;
use twilio::callback::EncryptionDetails;
use vault::{Attributes, ContentType, Doubts, Incoming, Outcome, ReadError, Reader, Reported, StoreError};

use super::*;
use crate::testing::{
    emulated::Emulated,
    loopback::{Loopback, Received},
};

const DATA_KEY: [u8; 32] = [7; 32];
const IV: [u8; 12] = [9; 12];
const ARN: &str = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000003";

const PUBLIC_KEY: &str = "CR00000000000000000000000000000001";

/// Media as Twilio stores it, under the data key above. Every reply except the last breaks off at the given position.
struct Sealed {
    bytes: Vec<u8>,
    announced: bool,
    breaks: Mutex<Vec<usize>>,
    opened: Mutex<u32>,
}

impl Sealed {
    fn new(plaintext: &[u8]) -> Self {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &DATA_KEY).unwrap());
        let mut bytes = plaintext.to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(IV), Aad::empty(), &mut bytes)
            .unwrap();
        Self::of(bytes)
    }

    fn of(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            announced: true,
            breaks: Mutex::default(),
            opened: Mutex::default(),
        }
    }
}

impl Source for &Sealed {
    fn open<'a>(&'a self, from: u64, validator: Option<&'a str>) -> BoxFuture<'a, Result<SourceReply, SourceError>> {
        assert_eq!(
            (from, validator),
            (0, None),
            "a download always begins at the first byte"
        );
        *self.opened.lock().unwrap() += 1;
        let broken = self.breaks.lock().unwrap().pop();
        let mut chunks: Vec<_> = self.bytes[..broken.unwrap_or(self.bytes.len())]
            .chunks(1_000)
            .map(|chunk| Ok(chunk.to_vec().into()))
            .collect();
        if broken.is_some() {
            chunks.push(Err(SourceError {
                retryable: true,
                message: "broken".to_owned(),
            }));
        }
        let reply = SourceReply {
            start: 0,
            total_len: self.announced.then_some(self.bytes.len() as u64),
            validator: Some("\"1\"".to_owned()),
            body: Box::pin(stream::iter(chunks)),
        };
        Box::pin(std::future::ready(Ok(reply)))
    }
}

fn envelope(wrapped_key: &[u8]) -> MediaEnvelope {
    let details = EncryptionDetails {
        public_key_sid: PUBLIC_KEY.to_owned(),
        encrypted_cek: STANDARD.encode(wrapped_key),
        iv: STANDARD.encode(IV),
    };
    MediaEnvelope::parse(&details).unwrap()
}

/// KMS with this answer.
async fn kms(answer: impl Fn() -> (u16, Value) + Clone + Send + Sync + 'static) -> (Loopback, MediaKeys) {
    let server = Loopback::start(move |_: &Received| {
        let (status, body) = answer();
        (status, None, body)
    })
    .await;
    let keys = MediaKeys::new(
        aws_sdk_kms::Client::new(&server.aws()),
        vec![KeyArn::parse(ARN).unwrap()],
    );
    (server, keys)
}

/// KMS that unwraps everything.
async fn unwrapping() -> (Loopback, MediaKeys) {
    kms(|| (200, json!({"KeyId": ARN, "Plaintext": STANDARD.encode(DATA_KEY)}))).await
}

async fn drain(reply: SourceReply) -> Result<Vec<u8>, SourceError> {
    let chunks: Vec<_> = reply.body.collect().await;
    let chunks: Result<Vec<_>, _> = chunks.into_iter().collect();
    chunks.map(|chunks| chunks.concat())
}

#[tokio::test]
async fn keys_of_every_size_that_kms_makes_unwrap_data_keys() {
    let emulated = Emulated::start().await;
    let kms = emulated.kms();
    for (spec, wrapped_len) in [
        (KeySpec::Rsa2048, 256),
        (KeySpec::Rsa3072, 384),
        (KeySpec::Rsa4096, 512),
    ] {
        let create = kms.create_key().key_spec(spec).key_usage(KeyUsageType::EncryptDecrypt);
        let key = create.send().await.unwrap().key_metadata.unwrap().arn.unwrap();
        let wrap = kms.encrypt().key_id(&key).plaintext(Blob::new(DATA_KEY));
        let wrap = wrap.encryption_algorithm(EncryptionAlgorithmSpec::RsaesOaepSha256);
        let wrapped = wrap.send().await.unwrap().ciphertext_blob.unwrap().into_inner();
        assert_eq!(wrapped.len(), wrapped_len);

        let keys = MediaKeys::new(kms.clone(), vec![KeyArn::parse(&key).unwrap()]);
        let sealed = Sealed::new(b"audio");
        let media = EncryptedMedia::new(&sealed, &keys, envelope(&wrapped));
        assert_eq!(drain(media.open(0, None).await.unwrap()).await.unwrap(), b"audio");

        // KMS sees the ciphertext of another data key.
        let mut other = wrapped;
        other[wrapped_len / 2] ^= 1;
        let media = EncryptedMedia::new(&sealed, &keys, envelope(&other));
        assert!(!media.open(0, None).await.unwrap_err().retryable);
    }
}

#[tokio::test]
async fn an_answer_of_kms_without_a_key_is_worth_another_try() {
    for answer in [
        json!({}),
        json!({"KeyId": ARN}),
        json!({"Plaintext": STANDARD.encode(DATA_KEY)}),
    ] {
        let (_server, keys) = kms(move || (200, answer.clone())).await;
        let sealed = Sealed::new(b"audio");
        let media = EncryptedMedia::new(&sealed, &keys, envelope(&[1; 256]));
        assert!(media.open(0, None).await.unwrap_err().retryable);
    }
}

#[tokio::test]
async fn kms_is_called_once_with_the_named_key_and_algorithm() {
    let (server, keys) = unwrapping().await;
    let sealed = Sealed::new(b"audio");
    let media = EncryptedMedia::new(&sealed, &keys, envelope(&[1; 256]));
    for from in [0, 3] {
        let reply = media.open(from, None).await.unwrap();
        assert_eq!((reply.start, reply.total_len), (0, Some(5)));
        assert_eq!(drain(reply).await.unwrap(), b"audio");
    }
    let received = server.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].what, "TrentService.Decrypt");
    let expected = json!({
        "KeyId": ARN,
        "EncryptionAlgorithm": "RSAES_OAEP_SHA_256",
        "CiphertextBlob": STANDARD.encode([1; 256]),
    });
    assert_eq!(received[0].json(), expected);
}

/// Media from before a rotation is decrypted under the old key, and media from after it under the new one.
#[tokio::test]
async fn several_keys_are_in_use_while_one_replaces_another() {
    let emulated = Emulated::start().await;
    let kms = emulated.kms();
    let mut keys = Vec::new();
    for spec in [KeySpec::Rsa2048, KeySpec::Rsa2048, KeySpec::Rsa4096] {
        let create = kms.create_key().key_spec(spec).key_usage(KeyUsageType::EncryptDecrypt);
        let key = create.send().await.unwrap().key_metadata.unwrap().arn.unwrap();
        keys.push(KeyArn::parse(&key).unwrap());
    }
    let unknown = keys.pop().unwrap();
    let media_keys = MediaKeys::new(kms.clone(), keys.clone());
    let sealed = Sealed::new(b"audio");
    for key in keys.iter().chain([&unknown]) {
        let wrap = kms.encrypt().key_id(key.as_str()).plaintext(Blob::new(DATA_KEY));
        let wrap = wrap.encryption_algorithm(EncryptionAlgorithmSpec::RsaesOaepSha256);
        let wrapped = wrap.send().await.unwrap().ciphertext_blob.unwrap().into_inner();
        let media = EncryptedMedia::new(&sealed, &media_keys, envelope(&wrapped));
        match media.open(0, None).await {
            Ok(reply) => {
                assert_ne!(*key, unknown);
                assert_eq!(drain(reply).await.unwrap(), b"audio");
            }
            Err(error) => {
                assert_eq!(*key, unknown, "{error}");
                assert!(!error.retryable, "{error}");
                // The message names the missing key, and the result for each configured key.
                for named in [keys[0].as_str(), keys[1].as_str(), PUBLIC_KEY] {
                    assert!(error.message.contains(named), "{error}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_key_that_fails_does_not_keep_the_others_from_being_tried() {
    const OLD: &str = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000004";
    for (old, retryable) in [
        ("DisabledException", false),
        ("AccessDeniedException", false),
        ("NotFoundException", false),
        ("ThrottlingException", true),
    ] {
        for new_opens in [true, false] {
            let server = Loopback::start(move |received: &Received| {
                let opens = new_opens && received.json()["KeyId"] == ARN;
                match (opens, received.json()["KeyId"] == OLD) {
                    (true, _) => (200, None, json!({"KeyId": ARN, "Plaintext": STANDARD.encode(DATA_KEY)})),
                    (_, true) => (400, None, json!({"__type": old})),
                    _ => (400, None, json!({"__type": "InvalidCiphertextException"})),
                }
            })
            .await;
            let arns = [OLD, ARN].map(|arn| KeyArn::parse(arn).unwrap());
            let keys = MediaKeys::new(aws_sdk_kms::Client::new(&server.aws()), arns.into());
            let sealed = Sealed::new(b"audio");
            let media = EncryptedMedia::new(&sealed, &keys, envelope(&[1; 256]));
            match media.open(0, None).await {
                Ok(reply) => assert_eq!((new_opens, drain(reply).await.unwrap()), (true, b"audio".to_vec())),
                Err(error) => {
                    assert!(!new_opens, "{old}: {error}");
                    assert_eq!(error.retryable, retryable, "{error}");
                    assert!(error.message.contains(old), "{error}");
                }
            }
        }
    }
}

#[tokio::test]
async fn only_temporary_failures_are_tried_again() {
    for (status, code, retryable) in [
        (400, "AccessDeniedException", false),
        (400, "DisabledException", false),
        (400, "InvalidCiphertextException", false),
        (400, "InvalidKeyUsageException", false),
        (400, "NotFoundException", false),
        (400, "ThrottlingException", true),
        (500, "KMSInternalException", true),
        (503, "DependencyTimeoutException", true),
    ] {
        let (_server, keys) = kms(move || (status, json!({"__type": code}))).await;
        let sealed = Sealed::new(b"audio");
        let media = EncryptedMedia::new(&sealed, &keys, envelope(&[1; 256]));
        let error = media.open(0, None).await.unwrap_err();
        assert_eq!(error.retryable, retryable, "{error}");
        assert!(error.message.contains(code), "{error}");
        assert_eq!(*sealed.opened.lock().unwrap(), 0);
    }
}

#[tokio::test]
async fn another_key_and_no_key_of_aes_256_are_refused() {
    let other = ARN.replace("000003", "000004");
    for (key, plaintext) in [(other.as_str(), &[7; 32][..]), (ARN, &[7; 16]), (ARN, &[])] {
        let answer = json!({"KeyId": key, "Plaintext": STANDARD.encode(plaintext)});
        let (_server, keys) = kms(move || (200, answer.clone())).await;
        let sealed = Sealed::new(b"audio");
        let media = EncryptedMedia::new(&sealed, &keys, envelope(&[1; 256]));
        assert!(!media.open(0, None).await.unwrap_err().retryable);
    }
}

#[tokio::test]
async fn the_length_is_that_of_the_plaintext_where_there_is_one() {
    let (_server, keys) = unwrapping().await;
    for (len, announced) in [
        (15, Err(())),
        (16, Ok(None)),
        (17, Ok(Some(1))),
        (1_016, Ok(Some(1_000))),
    ] {
        let sealed = Sealed::of(vec![0; len]);
        let media = EncryptedMedia::new(&sealed, &keys, envelope(&[1; 256]));
        let reply = media.open(0, None).await;
        assert_eq!(reply.map(|reply| reply.total_len).map_err(|_| ()), announced, "{len}");
    }
    let mut sealed = Sealed::new(b"audio");
    sealed.announced = false;
    let media = EncryptedMedia::new(&sealed, &keys, envelope(&[1; 256]));
    assert_eq!(media.open(0, None).await.unwrap().total_len, None);
}

/// Stores recording 1 as the copier does.
async fn store(emulated: &Emulated, keys: &MediaKeys, sealed: &Sealed) -> Result<Outcome, StoreError> {
    let media = EncryptedMedia::new(sealed, keys, envelope(&[1; 256]));
    let deadline = Instant::now() + Duration::from_secs(60);
    let incoming = Incoming {
        content_type: ContentType::Mp3,
        attributes: Attributes::new(),
        reported: Reported::default(),
        doubts: Doubts::Store,
    };
    emulated.writer().store(&recording(), &incoming, &media, deadline).await
}

fn recording() -> RecordingSid {
    RecordingSid::parse("RE00000000000000000000000000000001").unwrap()
}

async fn stored_len(emulated: &Emulated) -> Result<u64, ReadError> {
    let reader = Reader::new(emulated.s3(), emulated.kms(), emulated.reader_config());
    Ok(reader.verify(&recording()).await?.receipt.length)
}

#[tokio::test]
async fn media_that_does_not_verify_is_never_stored() {
    let (_server, keys) = unwrapping().await;
    let emulated = Emulated::start().await;
    // Whole blocks, incomplete blocks, and a tag alone.
    for len in [0, 1, 15, 16, 17, 64, 2_000] {
        for announced in [true, false] {
            let whole = Sealed::new(&vec![5; len]);
            for at in [0, len / 2, len, len + 15] {
                let mut damaged = Sealed::of(whole.bytes.clone());
                damaged.bytes[at] ^= 1;
                damaged.announced = announced;
                let error = store(&emulated, &keys, &damaged).await.unwrap_err();
                assert!(!error.is_retryable(), "{len}, byte {at}: {error}");
                assert!(
                    error.to_string().contains("does not verify"),
                    "{len}, byte {at}: {error}"
                );
                assert!(matches!(stored_len(&emulated).await, Err(ReadError::NotFound)));
            }
        }
    }
}

#[tokio::test]
async fn a_download_that_breaks_off_begins_again() {
    let (server, keys) = unwrapping().await;
    let emulated = Emulated::start().await;
    let sealed = Sealed::new(&[5; 10_000]);
    // At the first byte, in the middle, within the tag and after all of it.
    *sealed.breaks.lock().unwrap() = vec![10_016, 10_010, 3_000];
    let outcome = store(&emulated, &keys, &sealed).await;
    assert!(matches!(outcome, Ok(Outcome::Stored(_))), "{outcome:?}");
    assert_eq!(stored_len(&emulated).await.unwrap(), 10_000);
    assert_eq!(*sealed.opened.lock().unwrap(), 4);
    assert_eq!(server.received().len(), 1);
}
