//! An emulator of AWS, for tests that need more than a stand-in. All tests of the process share it. Each has a bucket, a key
//! and a schedule group of its own.

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};

use aws_config::SdkConfig;
use bytes::Bytes;
use esdk_message::{DataKey, EncryptedDataKey, EncryptionContext, FrameLength, MessageId, Sealer};
use futures_util::{future::BoxFuture, stream};
use sid::{AccountSid, RecordingSid};
use toolbox::Ministack;
use vault::{
    Attributes, Bucket, ContentType, Doubts, Incoming, KeyArn, ObjectKeys, Outcome, ReaderConfig, Reported, Source,
    SourceError, SourceReply, Writer, WriterConfig,
};

use crate::{
    config::ScheduleConfig,
    testing::loopback::{self, ACCOUNT},
};

/// The emulator accepts any role.
pub(crate) const ROLE_ARN: &str = "arn:aws:iam::000000000000:role/scheduler";

pub(crate) struct Emulated {
    pub(crate) config: SdkConfig,
    /// The name of the bucket and of the group.
    pub(crate) name: String,
    pub(crate) key: KeyArn,
    /// A second key under which recordings are read.
    pub(crate) other_key: KeyArn,
}

impl Emulated {
    pub(crate) async fn start() -> Self {
        static MINISTACK: OnceLock<Ministack> = OnceLock::new();
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let ministack = MINISTACK.get_or_init(|| Ministack::start().unwrap());
        let config = loopback::aws_at(ministack.endpoint());
        let name = format!("test-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let s3 = aws_sdk_s3::Client::new(&config);
        s3.create_bucket().bucket(&name).send().await.unwrap();
        let kms = aws_sdk_kms::Client::new(&config);
        let create_key = async || {
            let created = kms.create_key().send().await.unwrap();
            KeyArn::parse(created.key_metadata().unwrap().arn().unwrap()).unwrap()
        };
        let scheduler = aws_sdk_scheduler::Client::new(&config);
        scheduler.create_schedule_group().name(&name).send().await.unwrap();
        Self {
            key: create_key().await,
            other_key: create_key().await,
            config,
            name,
        }
    }

    pub(crate) fn bucket(&self) -> Bucket {
        Bucket::new(self.s3(), &self.name)
    }

    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        aws_sdk_s3::Client::new(&self.config)
    }

    pub(crate) fn kms(&self) -> aws_sdk_kms::Client {
        aws_sdk_kms::Client::new(&self.config)
    }

    pub(crate) fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.config)
    }

    pub(crate) fn scheduler(&self) -> aws_sdk_scheduler::Client {
        aws_sdk_scheduler::Client::new(&self.config)
    }

    pub(crate) fn schedules(&self) -> ScheduleConfig {
        ScheduleConfig {
            group: self.name.clone(),
            role_arn: ROLE_ARN.to_owned(),
        }
    }

    pub(crate) fn reader_config(&self) -> ReaderConfig {
        ReaderConfig {
            bucket: self.name.clone(),
            account: AccountSid::parse(ACCOUNT).unwrap(),
            kms_keys: vec![self.key.clone(), self.other_key.clone()],
        }
    }

    pub(crate) fn writer(&self) -> Writer {
        self.writer_under(&self.key)
    }

    pub(crate) fn writer_under(&self, key: &KeyArn) -> Writer {
        let config = WriterConfig {
            bucket: self.name.clone(),
            account: AccountSid::parse(ACCOUNT).unwrap(),
            kms_key: key.clone(),
        };
        Writer::new(self.s3(), self.kms(), config)
    }

    /// Stores a recording as the copier does.
    pub(crate) async fn store(&self, recording: &RecordingSid, content_type: ContentType, audio: Vec<u8>) {
        self.store_by(&self.writer(), recording, content_type, audio).await;
    }

    pub(crate) async fn store_by(
        &self,
        writer: &Writer,
        recording: &RecordingSid,
        content_type: ContentType,
        audio: Vec<u8>,
    ) {
        store(writer, recording, content_type, Reported::default(), audio).await;
    }

    /// Stores a recording with these reported facts, as the copier does in its last attempt.
    pub(crate) async fn store_as(
        &self,
        recording: &RecordingSid,
        content_type: ContentType,
        reported: Reported,
        audio: Vec<u8>,
    ) {
        store(&self.writer(), recording, content_type, reported, audio).await;
    }

    /// Stores these bytes as the copier would have sealed them without checking that they are audio.
    pub(crate) async fn store_unseen(&self, recording: &RecordingSid, bytes: &[u8]) {
        let context = [
            ("accountsid", ACCOUNT.to_owned()),
            ("recordingsid", recording.as_str().to_owned()),
            ("contenttype", "wav".to_owned()),
            ("plaintextlength", format!("{:020}", bytes.len())),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        let request = self.kms().generate_data_key().key_id(self.key.as_str());
        let request = request
            .number_of_bytes(32)
            .set_encryption_context(Some(context.clone().into()));
        let made = request.send().await.unwrap();
        let wrapped = EncryptedDataKey {
            provider_id: "aws-kms".to_owned(),
            provider_info: made.key_id.unwrap(),
            ciphertext: made.ciphertext_blob.unwrap().into_inner(),
        };
        let data_key = DataKey::from_slice(made.plaintext.unwrap().as_ref()).unwrap();
        let context = EncryptionContext::new(context).unwrap();
        let sealer = Sealer::new(
            &data_key,
            MessageId::random(),
            FrameLength::DEFAULT,
            &context,
            &[wrapped],
        )
        .unwrap();
        let object = sealer.seal_message(bytes).unwrap();
        let put = self.s3().put_object().bucket(&self.name).key(recording.object_key());
        put.body(object.into()).send().await.unwrap();
    }

    /// Flips the last bit of the stored object.
    pub(crate) async fn damage(&self, recording: &RecordingSid) {
        let (s3, key) = (self.s3(), recording.object_key());
        let object = s3.get_object().bucket(&self.name).key(&key).send().await.unwrap();
        let mut bytes = object.body.collect().await.unwrap().to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        let put = s3.put_object().bucket(&self.name).key(&key).body(bytes.into());
        put.send().await.unwrap();
    }
}

async fn store(
    writer: &Writer,
    recording: &RecordingSid,
    content_type: ContentType,
    reported: Reported,
    audio: Vec<u8>,
) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let incoming = Incoming {
        content_type,
        attributes: Attributes::default(),
        reported,
        doubts: Doubts::Store,
    };
    let outcome = writer
        .store(recording, &incoming, &Audio(audio.into()), deadline)
        .await
        .unwrap();
    assert!(matches!(outcome, Outcome::Stored(_)), "{outcome:?}");
}

/// A recording in memory.
struct Audio(Bytes);

impl Source for Audio {
    fn open<'a>(&'a self, from: u64, _validator: Option<&'a str>) -> BoxFuture<'a, Result<SourceReply, SourceError>> {
        let rest = self.0.slice(usize::try_from(from).unwrap()..);
        Box::pin(async move {
            Ok(SourceReply {
                start: from,
                total_len: Some(self.0.len() as u64),
                validator: None,
                body: Box::pin(stream::iter([Ok(rest)])),
            })
        })
    }
}
