//! Shared parts of the vault's tests: a bucket and a KMS key in the local AWS emulator, clients for it, and a proxy in front
//! of it that counts requests and injects faults.
#![allow(dead_code, unreachable_pub)] // Each test program uses only a part of it.

pub mod proxy;

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig,
};
use sid::{AccountSid, CallSid, RecordingSid};
use time::{Date, Month};
use toolbox::{Localemu, Ministack};
use vault::{Bucket, ContentType, Facts, KeyArn, Receipt, RecordedFrom};

use self::proxy::Proxy;

/// The bucket and key of one test. The code under test reaches them through `proxy`, and the test itself directly.
pub struct World {
    pub bucket: String,
    pub key: KeyArn,
    pub proxy: Proxy,
    /// The emulator's own endpoint.
    pub endpoint: String,
    proxied: Clients,
    direct: Clients,
}

/// Built once for each test. Building an SDK client takes as long as many requests, because it reads the machine's root
/// certificates.
struct Clients {
    s3: aws_sdk_s3::Client,
    kms: aws_sdk_kms::Client,
}

impl Clients {
    fn of(endpoint: &str) -> Self {
        Self {
            s3: s3_at(endpoint),
            kms: kms_at(endpoint),
        }
    }
}

impl World {
    pub async fn start() -> Self {
        Self::start_on(endpoint(), false).await
    }

    /// With a bucket that keeps versions.
    pub async fn start_versioned() -> Self {
        Self::start_on(endpoint(), true).await
    }

    /// With a bucket that keeps versions and their locks. It is in the stricter emulator, because the other one locks whole
    /// keys.
    pub async fn start_with_locks() -> Self {
        static EMULATOR: OnceLock<Localemu> = OnceLock::new();
        let localemu = EMULATOR.get_or_init(|| Localemu::start().unwrap());
        Self::start_on(localemu.endpoint(), true).await
    }

    async fn start_on(endpoint: &str, versions: bool) -> Self {
        static BUCKETS: AtomicU32 = AtomicU32::new(0);
        let (process, number) = (std::process::id(), BUCKETS.fetch_add(1, Ordering::Relaxed));
        let bucket = format!("recordings-{process}-{number}");
        let direct = Clients::of(endpoint);
        let create = direct.s3.create_bucket().bucket(&bucket);
        // Object Lock includes versioning.
        create.object_lock_enabled_for_bucket(versions).send().await.unwrap();
        let key = direct.kms.create_key().send().await.unwrap();
        let proxy = Proxy::start(endpoint).await;
        Self {
            bucket,
            key: KeyArn::parse(key.key_metadata().unwrap().arn().unwrap()).unwrap(),
            endpoint: endpoint.to_owned(),
            proxied: Clients::of(proxy.endpoint()),
            proxy,
            direct,
        }
    }

    /// The client of the code under test.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        self.proxied.s3.clone()
    }

    /// The client of the code under test.
    pub fn kms(&self) -> aws_sdk_kms::Client {
        self.proxied.kms.clone()
    }

    /// The bucket, as the code under test uses it.
    pub fn proxied_bucket(&self) -> Bucket {
        Bucket::new(self.s3(), &self.bucket)
    }

    /// The bucket, past the proxy.
    pub fn direct_bucket(&self) -> Bucket {
        Bucket::new(self.direct_s3(), &self.bucket)
    }

    /// The bucket through another proxy.
    pub fn bucket_at(&self, endpoint: &str) -> Bucket {
        Bucket::new(s3_at(endpoint), &self.bucket)
    }

    /// A client that bypasses the proxy.
    pub fn direct_s3(&self) -> aws_sdk_s3::Client {
        self.direct.s3.clone()
    }

    /// A client that bypasses the proxy.
    pub fn direct_kms(&self) -> aws_sdk_kms::Client {
        self.direct.kms.clone()
    }

    /// The whole object under `key`, if there is one.
    pub async fn object(&self, key: &str) -> Option<Vec<u8>> {
        let request = self.direct_s3().get_object().bucket(&self.bucket).key(key).send();
        let object = request.await.ok()?;
        Some(object.body.collect().await.unwrap().to_vec())
    }

    /// Puts `body` under `key`, past the proxy.
    pub async fn put_object(&self, key: &str, body: Vec<u8>) {
        let client = self.direct_s3();
        let request = client.put_object().bucket(&self.bucket).key(key).body(body.into());
        request.send().await.unwrap();
    }

    /// Version ids of all objects and delete markers under `key`.
    pub async fn versions(&self, key: &str) -> Vec<String> {
        let client = self.direct_s3();
        let listing = client.list_object_versions().bucket(&self.bucket).prefix(key);
        let listed = listing.send().await.unwrap();
        let objects = listed.versions().iter().map(|object| object.version_id());
        let markers = listed.delete_markers().iter().map(|marker| marker.version_id());
        objects.chain(markers).map(|id| id.unwrap().to_owned()).collect()
    }

    /// Keys and ids of the multipart uploads that are open.
    pub async fn open_uploads(&self) -> Vec<(String, String)> {
        let client = self.direct_s3();
        let listed = client
            .list_multipart_uploads()
            .bucket(&self.bucket)
            .send()
            .await
            .unwrap();
        let field = |text: Option<&str>| text.unwrap().to_owned();
        listed
            .uploads()
            .iter()
            .map(|upload| (field(upload.key()), field(upload.upload_id())))
            .collect()
    }
}

pub fn account() -> AccountSid {
    AccountSid::parse("AC00112233445566778899aabbccddeeff").unwrap()
}

pub fn recording(number: u32) -> RecordingSid {
    RecordingSid::parse(&format!("RE{number:032x}")).unwrap()
}

/// A day of November 2026.
pub fn day(number: u8) -> Date {
    Date::from_calendar_date(2026, Month::November, number).unwrap()
}

/// The receipt of a recording that began on this day.
pub fn receipt(number: u32, day: Date) -> Receipt {
    Receipt {
        recording_sid: recording(number),
        account_sid: account(),
        facts: Facts {
            call_sid: CallSid::parse(&format!("CA{number:032x}")).ok(),
            start_time: Some(day.with_hms(9, 15, 0).unwrap().assume_utc()),
            duration_s: Some(u64::from(number)),
            ..Facts::default()
        },
        media_type: ContentType::Wav,
        length: 5,
        sha256: "00".repeat(32),
        object_key: format!("recordings/{}", recording(number)),
        version_id: None,
        etag: None,
        kms_key_arn: "arn:aws:kms:us-east-1:111122223333:key/k".to_owned(),
        header_sha256: "11".repeat(32),
        copied_at: day.with_hms(9, 20, 0).unwrap().assume_utc(),
        recorded_from: RecordedFrom::Copy,
        software_version: "0.3.0".to_owned(),
        suspect: None,
    }
}

/// `len` bytes of noise, the same ones every time (xorshift64*).
pub fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// A WAV of `len` bytes in all, with two channels of 16 bits at 8 kHz and noise for samples. If `len` is too short for a
/// header, all bytes are noise.
pub fn audio(len: usize, seed: u64) -> Vec<u8> {
    const HEADER: &[u8; 40] = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x40\x1f\0\0\0\x7d\0\0\x04\0\x10\0data";
    let mut bytes = noise(len, seed);
    if let Some(samples) = len.checked_sub(HEADER.len() + 4) {
        bytes[..HEADER.len()].copy_from_slice(HEADER);
        bytes[HEADER.len()..HEADER.len() + 4].copy_from_slice(&(samples as u32).to_le_bytes());
    }
    bytes
}

/// One emulator for all tests of a program. It ends with the program. `VAULT_TEST_ENDPOINT` names another server instead, for
/// example a stricter one.
fn endpoint() -> &'static str {
    static EMULATOR: OnceLock<Ministack> = OnceLock::new();
    static OTHER: OnceLock<Option<String>> = OnceLock::new();
    match OTHER.get_or_init(|| std::env::var("VAULT_TEST_ENDPOINT").ok()) {
        Some(endpoint) => endpoint,
        None => EMULATOR.get_or_init(|| Ministack::start().unwrap()).endpoint(),
    }
}

/// The SDK's own retries, without long waits.
fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(1))
}

/// Long enough for an emulator on a busy machine, short enough for a test in which an answer never comes.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_secs(60))
        .build()
}

fn s3_at(endpoint: &str) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .retry_config(retries())
        .timeout_config(timeouts())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

fn kms_at(endpoint: &str) -> aws_sdk_kms::Client {
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint)
        .retry_config(retries())
        .timeout_config(timeouts())
        .build();
    aws_sdk_kms::Client::from_conf(config)
}
