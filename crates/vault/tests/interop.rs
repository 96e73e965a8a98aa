//! Both directions with the official AWS Encryption SDK for Python and its KMS keyring. The SDK decrypts the writer's object,
//! and the reader reads the SDK's object. The first direction proves that recordings can be read without this software.

// A failed helper fails the test.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    fs,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, future::BoxFuture, stream};
use serde_json::{Value, json};
use sid::RecordingSid;
use tokio::{io::AsyncWriteExt, process::Command};
use toolbox::{Scratch, Venv};
use vault::{
    Attributes, ContentType, Doubts, Expectation, Incoming, ObjectKeys, Outcome, Reader, ReaderConfig, Reported,
    Source, SourceError, SourceReply, Writer, WriterConfig,
};

use self::support::{World, account, noise, recording};

/// The writer's frame length.
const F: usize = 65_536;

/// Runs `jobs` in the Python SDK.
async fn python(world: &World, jobs: &[Value]) {
    let interpreter = tokio::task::spawn_blocking(|| toolbox::python(Venv::Interop));
    let mut program = Command::new(interpreter.await.unwrap().unwrap())
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop.py"))
        .env("AWS_ENDPOINT_URL", world.proxy.endpoint())
        .env("AWS_REGION", "us-east-1")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .stdin(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let lines: String = jobs.iter().map(|job| format!("{job}\n")).collect();
    let mut input = program.stdin.take().unwrap();
    input.write_all(lines.as_bytes()).await.unwrap();
    drop(input);
    assert!(program.wait().await.unwrap().success());
}

/// The fields of both jobs: where the object is, and the encryption context that binds it (docs/FORMAT.md).
fn job(world: &World, id: &RecordingSid, content_type: &str, plaintext_len: Option<usize>) -> Value {
    json!({
        "bucket": world.bucket,
        "key": id.object_key(),
        "kms_key": world.key.as_str(),
        "context": {
            "accountsid": account().as_str(),
            "recordingsid": id.as_str(),
            "contenttype": content_type,
            "plaintextlength": plaintext_len.map_or_else(|| "unknown-------------".to_owned(), |len| format!("{len:020}")),
        },
    })
}

fn with(mut job: Value, fields: Value) -> Value {
    let (Value::Object(job_fields), Value::Object(fields)) = (&mut job, fields) else {
        panic!("jobs are objects")
    };
    job_fields.extend(fields);
    job
}

/// A recording in memory, with or without an announced length.
struct InMemory {
    bytes: Bytes,
    announced: bool,
}

impl Source for InMemory {
    fn open<'a>(&'a self, from: u64, _validator: Option<&'a str>) -> BoxFuture<'a, Result<SourceReply, SourceError>> {
        let chunks: Vec<_> = self
            .bytes
            .slice(from as usize..)
            .chunks(100_000)
            .map(Bytes::copy_from_slice)
            .collect();
        let reply = SourceReply {
            start: from,
            total_len: self.announced.then_some(self.bytes.len() as u64),
            validator: None,
            body: Box::pin(stream::iter(chunks).map(Ok)),
        };
        Box::pin(async { Ok(reply) })
    }
}

/// A dual-channel recording as Twilio makes it: 8 kHz, 16 bit, two channels.
fn wav(data_len: usize) -> Vec<u8> {
    let mut wav = b"RIFF".to_vec();
    wav.extend_from_slice(&(data_len as u32 + 36).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x02\0\x40\x1f\0\0\0\x7d\0\0\x04\0\x10\0data");
    wav.extend_from_slice(&(data_len as u32).to_le_bytes());
    wav.extend_from_slice(&noise(data_len, 5));
    wav
}

#[tokio::test]
async fn the_python_sdk_decrypts_what_the_writer_stored() {
    let (world, scratch) = (World::start().await, Scratch::new().unwrap());
    let config = WriterConfig {
        bucket: world.bucket.clone(),
        account: account(),
        kms_key: world.key.clone(),
    };
    let writer = Writer::new(world.s3(), world.kms(), config);

    let mut recordings: Vec<(ContentType, Vec<u8>, bool)> = [1, F - 1, F, F + 1, 2 * F, 3 * F + 17]
        .into_iter()
        .flat_map(|len| [true, false].map(|announced| (ContentType::Mp3, noise(len, len as u64), announced)))
        .collect();
    recordings.push((ContentType::Wav, wav(20_000_000), true));

    let mut jobs = Vec::new();
    for (number, (content_type, plaintext, announced)) in (0..).zip(&recordings) {
        let source = InMemory {
            bytes: Bytes::copy_from_slice(plaintext),
            announced: *announced,
        };
        let deadline = Instant::now() + Duration::from_secs(300);
        let id = recording(number);
        let incoming = Incoming {
            content_type: *content_type,
            attributes: Attributes::new(),
            reported: Reported::default(),
            doubts: Doubts::Store,
        };
        let stored = writer.store(&id, &incoming, &source, deadline).await;
        assert!(matches!(stored, Ok(Outcome::Stored(_))), "{stored:?}");
        let job = job(&world, &id, content_type.as_str(), announced.then_some(plaintext.len()));
        jobs.push(with(
            job,
            json!({"do": "decrypt", "file": scratch.path().join(number.to_string())}),
        ));
    }
    python(&world, &jobs).await;
    for (number, (_, plaintext, announced)) in recordings.iter().enumerate() {
        let decrypted = fs::read(scratch.path().join(number.to_string())).unwrap();
        assert!(
            decrypted == *plaintext,
            "{} bytes, announced: {announced}",
            plaintext.len()
        );
    }
}

#[tokio::test]
async fn the_reader_reads_what_the_python_sdk_stored() {
    let (world, scratch) = (World::start().await, Scratch::new().unwrap());
    let mut recordings = Vec::new();
    for frame_length in [4_096, 65_536, 1_048_576] {
        // The SDK ends a plaintext of whole frames with an empty frame.
        for len in [
            0,
            1,
            frame_length - 1,
            frame_length,
            2 * frame_length,
            2 * frame_length + 17,
        ] {
            for length_known in [true, false] {
                recordings.push((frame_length, noise(len, len as u64), length_known));
            }
        }
    }
    let mut jobs = Vec::new();
    for (number, (frame_length, plaintext, length_known)) in (0..).zip(&recordings) {
        let file = scratch.path().join(number.to_string());
        fs::write(&file, plaintext).unwrap();
        let job = job(
            &world,
            &recording(number),
            "mp3",
            length_known.then_some(plaintext.len()),
        );
        jobs.push(with(
            job,
            json!({"do": "encrypt", "file": file, "frame_length": frame_length}),
        ));
    }
    python(&world, &jobs).await;

    let config = ReaderConfig {
        bucket: world.bucket.clone(),
        account: account(),
        kms_keys: vec![world.key.clone()],
    };
    for (number, (frame_length, plaintext, length_known)) in (0..).zip(&recordings) {
        let reader = Reader::new(world.s3(), world.kms(), config.clone());
        let len = plaintext.len();
        let points = noise(8 * 8, number.into());
        let mut points = points
            .chunks(8)
            .map(|point| u64::from_le_bytes(point.try_into().unwrap()) as usize % (len + 1));
        let pairs = std::iter::from_fn(|| Some((points.next()?, points.next()?)));
        let ranges = std::iter::once(0..len).chain(pairs.map(|(a, b)| a.min(b)..a.max(b)));
        for range in ranges {
            let expectation = Expectation::Bytes {
                offset: range.start as u64,
                len: range.len() as u64,
            };
            let opened = reader.open(&recording(number), expectation).await.unwrap();
            assert_eq!((opened.len(), opened.content_type()), (len as u64, ContentType::Mp3));
            let stream = reader
                .read(&opened, range.start as u64..range.end as u64)
                .await
                .unwrap();
            let seen: Vec<Bytes> = stream.try_collect().await.unwrap();
            let case = format!("{range:?} of {len}, frames of {frame_length}, length known: {length_known}");
            assert!(seen.concat() == plaintext[range], "{case}");
        }
    }
}
