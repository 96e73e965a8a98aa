//! Interoperability in both directions with the official AWS Encryption SDK for Python. The versions are pinned in
//! `tests/toolbox/requirements/interop.txt`. The data key is known, so that no KMS is needed. The vault's tests use the SDK's
//! KMS keyring.

// A helper fails like a test.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use esdk_message::{Layout, Profile, open_message};
use proptest::{
    prelude::ProptestConfig,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use self::support::{KEY_ARN, context, data_key, opener, plaintext, read_range, sealer};

#[path = "fixtures/cases.rs"]
mod cases;

/// Plaintext lengths around the frame boundaries.
fn lengths(frame_length: usize) -> [usize; 7] {
    [
        0,
        1,
        frame_length - 1,
        frame_length,
        frame_length + 1,
        2 * frame_length,
        3 * frame_length + 17,
    ]
}

#[test]
fn the_python_sdk_reads_what_we_write() {
    const F: u32 = 65_536;
    let folder = TempDir::new().unwrap();
    let lengths = [lengths(F as usize).as_slice(), &[20_000_000]].concat();
    let jobs: Vec<Value> = lengths
        .iter()
        .map(|len| {
            decrypt_job(
                &folder,
                &len.to_string(),
                &sealer(F).seal_message(&plaintext(*len)).unwrap(),
            )
        })
        .collect();
    let results = python(&jobs);
    for (len, result) in lengths.iter().zip(&results) {
        assert_eq!(
            result,
            &json!({ "context": context_json(), "frame_length": F }),
            "{len} bytes"
        );
        assert!(
            read(&folder, &len.to_string()) == plaintext(*len),
            "{len} bytes came back changed"
        );
    }
}

#[test]
fn the_python_sdk_reads_the_fixtures() {
    let folder = TempDir::new().unwrap();
    let jobs: Vec<Value> = (0..)
        .zip(cases::CASES)
        .map(|(number, (name, len))| {
            let mut job = decrypt_job(&folder, name, &cases::message(number, len).unwrap());
            job["data_key"] = json!(hex::encode(cases::DATA_KEY));
            job["key_arn"] = json!(cases::KEY_ARN);
            job
        })
        .collect();
    for ((name, len), result) in cases::CASES.iter().zip(python(&jobs)) {
        assert_eq!(result["context"]["plaintextlength"], format!("{len:020}"), "{name}");
        assert!(
            read(&folder, name) == cases::plaintext(*len),
            "{name} came back changed"
        );
    }
}

/// Without this test, the others could pass with a Python side that checks nothing.
#[test]
fn the_python_sdk_refuses_what_we_would_refuse() {
    let folder = TempDir::new().unwrap();
    let object = sealer(4096).seal_message(&plaintext(10_000)).unwrap();
    let header_len = opener(&object).header_len() as usize;
    let flipped = |at: usize| {
        let mut damaged = object.clone();
        damaged[at] ^= 1;
        damaged
    };
    let cut = object[..object.len() - 1].to_vec();
    // The names of the SDK's errors show that a job was refused for its damage, and not for a fault of this test.
    let damaged = [
        ("frame", flipped(header_len + 16), "InvalidTag"),
        ("header tag", flipped(header_len - 1), "SerializationError"),
        ("commit key", flipped(header_len - 17), "MasterKeyProviderError"),
        ("cut", cut, "SerializationError"),
    ];
    let jobs: Vec<Value> = damaged
        .iter()
        .map(|(name, object, _)| decrypt_job(&folder, name, object))
        .collect();
    for ((name, _, why), result) in damaged.iter().zip(python(&jobs)) {
        assert_eq!(result, json!({ "refused": why }), "{name}");
    }
}

#[test]
fn we_read_what_the_python_sdk_writes() {
    let folder = TempDir::new().unwrap();
    let cases: Vec<(usize, usize)> = [4096, 65_536, 1_048_576]
        .into_iter()
        .flat_map(|f| lengths(f).map(|len| (f, len)))
        .collect();
    let jobs: Vec<Value> = cases
        .iter()
        .map(|(frame_length, len)| {
            let name = format!("{frame_length}-{len}");
            let mut job = job("encrypt", &folder, &name, &plaintext(*len));
            job["frame_length"] = json!(frame_length);
            job["context"] = context_json();
            job
        })
        .collect();
    python(&jobs);
    for (frame_length, len) in cases {
        let object = read(&folder, &format!("{frame_length}-{len}"));
        let message = open_message(&object, &data_key(), Profile::VAULT).unwrap();
        assert!(
            message.plaintext == plaintext(len),
            "{len} bytes in frames of {frame_length}"
        );
        assert_eq!(message.context, context());
        assert_frames_end_as_the_python_sdk_ends_them(&object, frame_length, len);
        assert_any_range_reads(&object, &message.plaintext);
    }
}

/// The Python SDK ends a plaintext of whole frames with an empty final frame, and our writer with a full one. The reader must
/// accept both.
fn assert_frames_end_as_the_python_sdk_ends_them(object: &[u8], frame_length: usize, len: usize) {
    let opener = opener(object);
    assert_eq!(opener.frame_length().bytes() as usize, frame_length);
    let layout = Layout::of_object(opener.header_len(), opener.frame_length(), object.len() as u64).unwrap();
    assert_eq!(layout.frames() as usize, len / frame_length + 1);
}

fn assert_any_range_reads(object: &[u8], plaintext: &[u8]) {
    // An empty plaintext has no ranges.
    if plaintext.is_empty() {
        return;
    }
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
        .run(&(0..plaintext.len(), 0..plaintext.len()), |(a, b)| {
            let range = a.min(b)..a.max(b) + 1;
            let read = read_range(object, range.start as u64..range.end as u64).unwrap();
            assert!(read == plaintext[range.clone()], "{range:?}");
            Ok(())
        })
        .unwrap();
}

fn decrypt_job(folder: &TempDir, name: &str, object: &[u8]) -> Value {
    job("decrypt", folder, name, object)
}

fn job(operation: &str, folder: &TempDir, name: &str, source: &[u8]) -> Value {
    let source_file = folder.path().join(name).with_extension("source");
    fs::write(&source_file, source).unwrap();
    json!({
        "operation": operation,
        "source": source_file,
        "result": folder.path().join(name).with_extension("result"),
        "data_key": hex::encode(support::DATA_KEY),
        "key_arn": KEY_ARN,
    })
}

fn read(folder: &TempDir, name: &str) -> Vec<u8> {
    fs::read(folder.path().join(name).with_extension("result")).unwrap()
}

fn context_json() -> Value {
    context()
        .iter()
        .map(|(key, value)| (key.to_owned(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Runs the jobs in one Python process, because importing the SDK takes longer than most of them.
fn python(jobs: &[Value]) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop.py");
    let mut sdk = Command::new(toolbox::python(toolbox::Venv::Interop).unwrap())
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    sdk.stdin
        .take()
        .unwrap()
        .write_all(&serde_json::to_vec(jobs).unwrap())
        .unwrap();
    let output = sdk.wait_with_output().unwrap();
    assert!(output.status.success(), "interop.py: {}", output.status);
    let results: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(results.len(), jobs.len());
    results
}
