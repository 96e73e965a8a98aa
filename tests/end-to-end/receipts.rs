//! Receipts and index entries: what they hold, and that every receipt of every test is valid.

use std::{
    collections::HashSet,
    fs,
    sync::{LazyLock, Mutex, PoisonError},
    thread,
};

use aws_sdk_s3::types::Object;
use jsonschema::Validator;
use local_stack::{Role, Stack, values};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Recording, among_others};

/// Fails the test that is ending if a receipt in the stack's bucket does not conform to docs/receipt.schema.json.
pub(crate) fn check(stack: &Stack) {
    // A second panic would abort the whole test process.
    if thread::panicking() {
        return;
    }
    let (s3, endpoint) = (stack.s3(), stack.aws_endpoint().to_owned());
    // The caller cannot await.
    let reading = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(validate_new(&s3, &endpoint));
    });
    reading.join().expect("every receipt must conform to its schema");
}

/// Validates the receipts that no other test has validated.
async fn validate_new(s3: &aws_sdk_s3::Client, endpoint: &str) {
    static VALIDATED: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    let list = s3.list_objects_v2().bucket(values::BUCKET).prefix("receipts/");
    let mut pages = list.into_paginator().send();
    while let Some(page) = pages.next().await {
        for object in page.unwrap().contents() {
            let version = format!("{endpoint} {} {}", object.key().unwrap(), object.e_tag().unwrap());
            let is_new = {
                let mut validated = VALIDATED.lock().unwrap_or_else(PoisonError::into_inner);
                validated.get_or_insert_default().insert(version)
            };
            if is_new {
                validate(s3, object).await;
            }
        }
    }
}

async fn validate(s3: &aws_sdk_s3::Client, object: &Object) {
    let key = object.key().unwrap();
    // Another test may erase it meanwhile.
    let Ok(found) = s3.get_object().bucket(values::BUCKET).key(key).send().await else {
        return;
    };
    let receipt: Value = serde_json::from_slice(&found.body.collect().await.unwrap().to_vec()).unwrap();
    assert_valid(&receipt);
    let sid = receipt["recordingSid"].as_str().unwrap();
    assert_eq!(key, format!("receipts/{sid}.json"));
    assert_eq!(receipt["objectKey"], format!("recordings/{sid}"));
}

fn assert_valid(receipt: &Value) {
    let errors: Vec<_> = SCHEMA.iter_errors(receipt).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}: {receipt}");
}

static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let text = fs::read_to_string(toolbox::workspace_root().join("docs/receipt.schema.json")).unwrap();
    jsonschema::draft202012::new(&serde_json::from_str(&text).unwrap()).unwrap()
});

/// The recording's receipt, if it has one.
pub(crate) async fn receipt_of(stack: &Stack, recording: &str) -> Option<Value> {
    let key = format!("receipts/{recording}.json");
    let object = stack
        .s3()
        .get_object()
        .bucket(values::BUCKET)
        .key(key)
        .send()
        .await
        .ok()?;
    let text = object.body.collect().await.unwrap().to_vec();
    Some(serde_json::from_slice(&text).unwrap())
}

/// The keys of everything in the bucket that names the recording, without the marks of erasures and of deletions.
pub(crate) async fn keys_of(stack: &Stack, recording: &str) -> Vec<String> {
    let mut keys = Vec::new();
    for prefix in ["recordings/", "receipts/", "index/"] {
        let (mut key, mut version) = (None, None);
        loop {
            let list = stack.s3().list_object_versions().bucket(values::BUCKET).prefix(prefix);
            let list = list.set_key_marker(key).set_version_id_marker(version);
            let page = list.send().await.unwrap();
            let versions = page.versions().iter().filter_map(|version| version.key());
            keys.extend(versions.filter(|key| key.contains(recording)).map(str::to_owned));
            (key, version) = (page.next_key_marker, page.next_version_id_marker);
            if page.is_truncated != Some(true) {
                break;
            }
        }
    }
    keys.sort();
    keys
}

/// The keys of a recording that came in by [`Recording::callback`], sorted.
pub(crate) fn expected_keys(recording: &Recording) -> [String; 5] {
    let Recording { sid, task, call, .. } = recording;
    [
        format!("index/call/{call}/{sid}"),
        // The day in the callback.
        format!("index/day/2026/11/23/{sid}"),
        format!("index/task/{task}/{sid}"),
        format!("receipts/{sid}.json"),
        format!("recordings/{sid}"),
    ]
}

#[tokio::test]
async fn a_receipt_says_what_was_stored_and_the_index_leads_to_it() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 100_000);
    recording.bring_in(stack).await;
    assert_eq!(keys_of(stack, &recording.sid).await, expected_keys(&recording));
    let object = stack
        .s3()
        .head_object()
        .bucket(values::BUCKET)
        .key(recording.object_key());
    let object = object.send().await.unwrap();
    let mut receipt = receipt_of(stack, &recording.sid).await.unwrap();
    let copied_at = receipt.as_object_mut().unwrap().remove("copiedAt").unwrap();
    assert!(copied_at.as_str().unwrap().ends_with('Z'), "{copied_at}");
    let expected = json!({
        "version": 1,
        "recordingSid": recording.sid,
        "accountSid": values::ACCOUNT_SID,
        "callSid": recording.call,
        "taskSid": recording.task,
        "startTime": "2026-11-23T06:00:00Z",
        "durationS": receipt["durationS"],
        "channels": 2,
        "source": "OutboundAPI",
        "track": "both",
        "mediaType": "audio/x-wav",
        "length": 100_000,
        "sha256": hex::encode(Sha256::digest(&recording.audio)),
        "objectKey": recording.object_key(),
        "versionId": object.version_id(),
        "etag": object.e_tag(),
        "kmsKeyArn": stack.resources().kms_key_arn,
        "headerSha256": object.metadata().unwrap()["header-sha256"],
        "recordedFrom": "copy",
        "softwareVersion": env!("CARGO_PKG_VERSION"),
    });
    assert_eq!(receipt, expected);
}

/// A reading of the stored recording gives the same receipt.
#[tokio::test]
async fn a_missing_receipt_is_written_from_the_stored_recording() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 100_000);
    recording.bring_in(stack).await;
    let mut copied = receipt_of(stack, &recording.sid).await.unwrap();
    let key = format!("receipts/{}.json", recording.sid);
    let delete = stack.s3().delete_object().bucket(values::BUCKET).key(key);
    delete.send().await.unwrap();
    let event = json!({"verify": {"recordings": [recording.sid], "receipts": true}});
    let answer = stack.invoke(Role::Operator, &event).await.unwrap();
    assert!(!answer.failed, "{answer:?}");
    assert_eq!(answer.payload["work"]["verify"]["counts"]["receipts"], 1, "{answer:?}");
    let mut read = receipt_of(stack, &recording.sid).await.unwrap();
    assert_eq!(
        (&read["recordedFrom"], &copied["recordedFrom"]),
        (&json!("reading"), &json!("copy"))
    );
    for receipt in [&mut read, &mut copied] {
        // S3's time of the object, and the copier's own.
        receipt
            .as_object_mut()
            .unwrap()
            .retain(|name, _| !["recordedFrom", "copiedAt"].contains(&&**name));
    }
    assert_eq!(read, copied);
}

#[test]
fn the_schema_refuses_other_fields_and_other_values() {
    let receipt = json!({
        "version": 1,
        "recordingSid": "RE0123456789abcdef0123456789abcdef",
        "accountSid": "AC0123456789abcdef0123456789abcdef",
        "mediaType": "audio/x-wav",
        "length": 1,
        "sha256": "0".repeat(64),
        "objectKey": "recordings/RE0123456789abcdef0123456789abcdef",
        "kmsKeyArn": "arn:aws:kms:us-east-1:111122223333:key/00000000-0000-0000-0000-000000000001",
        "headerSha256": "f".repeat(64),
        "copiedAt": "2026-11-28T10:00:00Z",
        "recordedFrom": "copy",
        "softwareVersion": "0.3.0",
    });
    assert_valid(&receipt);
    for (name, value) in [
        ("from", json!("+15550100")),
        ("version", json!(2)),
        ("source", json!("Jane Doe")),
        ("length", json!(-1)),
        ("sha256", json!("F".repeat(64))),
        ("copiedAt", json!("2026-11-28T10:00:00+01:00")),
        ("suspect", json!("perhaps")),
    ] {
        let mut other = receipt.clone();
        other[name] = value;
        assert!(!SCHEMA.is_valid(&other), "{name}");
    }
    for name in receipt.as_object().unwrap().keys() {
        let mut less = receipt.clone();
        less.as_object_mut().unwrap().remove(name);
        assert!(!SCHEMA.is_valid(&less), "{name}");
    }
}
