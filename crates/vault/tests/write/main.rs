//! The writer against an S3 and KMS emulator. The stored object is opened with KMS Decrypt and compared byte by byte.

// `clippy.toml` allows it in `#[test]` functions; functions that they call are test code too.
#![allow(clippy::unwrap_used)]

mod aws_faults;
mod committed;
mod conflicts;
mod erasure;
mod left_behind;
mod recognized;
mod scripted;
mod source_faults;
#[path = "../support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use aws_sdk_kms::primitives::Blob;
use esdk_message::{DataKey, Profile, UnverifiedHeader, open_message};
use vault::{
    Attributes, Commit, ContentType, Doubts, Incoming, ObjectKeys, Outcome, Reported, StoreError, Writer, WriterConfig,
};

use self::{
    scripted::Scripted,
    support::{World, account, recording},
};

/// Plaintext of a part of the default size.
const PART: usize = 128 * 65_536;

impl World {
    fn config(&self) -> WriterConfig {
        WriterConfig {
            bucket: self.bucket.clone(),
            account: account(),
            kms_key: self.key.clone(),
        }
    }

    fn writer(&self) -> Writer {
        Writer::new(self.s3(), self.kms(), self.config())
    }

    /// Stores recording 1.
    async fn store(&self, source: &Scripted) -> Result<Outcome, StoreError> {
        store(&self.writer(), source).await
    }

    /// The plaintext of recording 1. `None` if it is not stored.
    async fn stored(&self) -> Option<Vec<u8>> {
        let object = self.object(&recording(1).object_key()).await?;
        let header = UnverifiedHeader::parse(&object).unwrap();
        let wrapped = &header.encrypted_data_keys()[0];
        assert_eq!(wrapped.provider_id, "aws-kms");
        assert_eq!(wrapped.provider_info, self.key.as_str());
        let context = header.encryption_context();
        assert_eq!(context.get("accountsid"), Some(account().as_str()));
        assert_eq!(context.get("recordingsid"), Some(recording(1).as_str()));
        let decrypted = self
            .direct_kms()
            .decrypt()
            .key_id(self.key.as_str())
            .ciphertext_blob(Blob::new(wrapped.ciphertext.clone()))
            .set_encryption_context(Some(
                context.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
            ))
            .send()
            .await
            .unwrap();
        let data_key = DataKey::from_slice(decrypted.plaintext().unwrap().as_ref()).unwrap();
        Some(open_message(&object, &data_key, Profile::VAULT).unwrap().plaintext)
    }

    /// The recording is stored completely, and no upload is open.
    async fn assert_stored(&self, source: &Scripted) {
        // `assert_eq` would print megabytes.
        assert!(
            self.stored().await.as_deref() == Some(&source.bytes[..]),
            "another recording"
        );
        assert_eq!(self.open_uploads().await, []);
    }

    /// Nothing is stored, and no upload is open.
    async fn assert_absent(&self) {
        assert!(self.stored().await.is_none());
        assert_eq!(self.open_uploads().await, []);
    }
}

/// Stores recording 1 with a deadline that is never reached.
async fn store(writer: &Writer, source: &Scripted) -> Result<Outcome, StoreError> {
    let deadline = Instant::now() + Duration::from_secs(600);
    writer.store(&recording(1), &incoming(), source, deadline).await
}

/// A recording without a description by the source. It is stored whatever the bytes are.
fn incoming() -> Incoming {
    Incoming {
        content_type: ContentType::Wav,
        attributes: Attributes::from([("channels".to_owned(), "2".to_owned())]),
        reported: Reported::default(),
        doubts: Doubts::Store,
    }
}

#[track_caller]
fn commit_of(outcome: Result<Outcome, StoreError>) -> Commit {
    match outcome {
        Ok(Outcome::Stored(commit)) => *commit,
        other => panic!("not stored: {other:?}"),
    }
}
