//! A recording is recovered without this software, with `scripts/recover.py`, the official Python SDK and a KMS.

// A helper fails like a test.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use esdk_message::{DataKey, EncryptedDataKey, FrameLength, MessageId, Sealer};
use serde_json::Value;
use tempfile::TempDir;
use toolbox::{Ministack, Venv, workspace_root};

use self::support::{context, plaintext};

#[test]
fn a_recording_is_recovered_with_the_official_sdk_alone() {
    let kms = Ministack::start().unwrap();
    let folder = TempDir::new().unwrap();
    let stored = folder.path().join("stored");
    let recording = plaintext(300_000);
    let (key_arn, object) = sealed_under_kms(&kms, &recording);

    fs::write(&stored, &object).unwrap();
    let (output, result) = recover(&kms, &stored, &key_arn);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        fs::read(result).unwrap() == recording,
        "the recording came back changed"
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("'recordingsid': 'RE0123456789abcdef0123456789abcdef'"));

    let mut damaged = object;
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    let stored = folder.path().join("damaged");
    fs::write(&stored, &damaged).unwrap();
    let (output, result) = recover(&kms, &stored, &key_arn);
    assert!(!output.status.success());
    assert!(!result.exists(), "a damaged recording left a result");
}

/// Seals `recording` under a new key of this KMS. Returns the key's ARN and the object.
fn sealed_under_kms(kms: &Ministack, recording: &[u8]) -> (String, Vec<u8>) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data_key.py");
    let mut child = python(kms)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pairs: serde_json::Map<String, Value> = context()
        .iter()
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(&serde_json::to_vec(&pairs).unwrap())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "data_key.py: {}", output.status);
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    let bytes = |field: &str| BASE64_STANDARD.decode(made[field].as_str().unwrap()).unwrap();

    let key_arn = made["key_arn"].as_str().unwrap();
    let wrapped = EncryptedDataKey {
        provider_id: "aws-kms".into(),
        provider_info: key_arn.into(),
        ciphertext: bytes("CiphertextBlob"),
    };
    let data_key = DataKey::from_slice(&bytes("Plaintext")).unwrap();
    let sealer = Sealer::new(
        &data_key,
        MessageId::random(),
        FrameLength::DEFAULT,
        &context(),
        &[wrapped],
    )
    .unwrap();
    (key_arn.to_owned(), sealer.seal_message(recording).unwrap())
}

fn recover(kms: &Ministack, stored: &Path, key_arn: &str) -> (Output, PathBuf) {
    let result = stored.with_extension("result");
    let script = workspace_root().join("scripts/recover.py");
    let output = python(kms)
        .arg(script)
        .args([stored, Path::new(key_arn), &result])
        .output()
        .unwrap();
    (output, result)
}

fn python(kms: &Ministack) -> Command {
    let mut python = Command::new(toolbox::python(Venv::Interop).unwrap());
    python
        .env("AWS_ENDPOINT_URL", kms.endpoint())
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test");
    python
}
