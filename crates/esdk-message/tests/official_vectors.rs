//! The AWS Encryption SDK's published commitment vectors: 46 messages by the SDKs for C, Java, JavaScript and Python, each with
//! its plaintext data key.
//!
//! The vectors are not part of this repository. `ESDK_VECTORS` names the file `commitment-test-vectors.json` of AWS's repository
//! aws-encryption-sdk-python. Without it, the test prints that it was skipped. CI also sets `ESDK_VECTORS_REQUIRED`, so that the
//! test cannot be skipped there.

// A helper fails like a test.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use esdk_message::{DataKey, FrameError, HeaderError, MessageError, Profile, open_message};
use serde_json::Value;

/// The result of opening a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Opened,
    ForeignSuite,
    WrongCommitment,
    Unframed,
    /// The IV field of the final frame holds `ff` × 8, then 1. The SDKs accept it, but it is indistinguishable from a forged
    /// one.
    ForeignIv,
}

/// The expected outcome of vector `number`. All vectors that are not listed are signed messages (suite 0x0578).
fn expected(number: usize) -> Outcome {
    match number {
        1 | 4 | 22 | 23 | 24 | 29 | 30 | 31 | 36 | 39 | 41 => Outcome::Opened,
        2 | 12 | 20 => Outcome::WrongCommitment,
        28 | 40 | 42 => Outcome::Unframed,
        6 | 8 | 10 | 14 | 16 | 18 => Outcome::ForeignIv,
        _ => Outcome::ForeignSuite,
    }
}

#[test]
fn published_vectors_open_or_are_refused_for_the_right_reason() {
    let Some(vectors) = vectors() else {
        println!("official vectors: skipped, ESDK_VECTORS is not set");
        return;
    };
    let mut counts = BTreeMap::new();
    for (number, vector) in (1..).zip(&vectors) {
        let outcome = outcome(number, vector, Profile::ANY_FRAME_LENGTH);
        assert_eq!(outcome, expected(number), "vector {number}");
        *counts.entry(outcome).or_insert(0) += 1;
    }
    println!("official vectors: {counts:?}");
    let all = [
        (Outcome::Opened, 11),
        (Outcome::ForeignSuite, 23),
        (Outcome::WrongCommitment, 3),
        (Outcome::Unframed, 3),
        (Outcome::ForeignIv, 6),
    ];
    assert_eq!(counts, all.into());
}

#[test]
fn published_vectors_of_short_frames_are_outside_the_vaults_profile() {
    for (number, vector) in (1..).zip(&vectors().unwrap_or_default()) {
        let refused = open_message(&bytes(vector, "ciphertext"), &data_key(vector), Profile::VAULT).err();
        let frame_length = match refused {
            Some(MessageError::Header(HeaderError::FrameLength { found, .. })) => Some(found),
            _ => None,
        };
        let short = match number {
            24 | 29 => Some(1),
            30 => Some(16),
            31 => Some(1024),
            36 | 39 | 41 => Some(2048),
            _ => None,
        };
        assert_eq!(frame_length, short, "vector {number}");
    }
}

fn outcome(number: usize, vector: &Value, profile: Profile) -> Outcome {
    match open_message(&bytes(vector, "ciphertext"), &data_key(vector), profile) {
        Ok(message) => {
            let frames = vector["plaintext-frames"].as_array().unwrap().iter();
            let plaintext: String = frames.map(|frame| frame.as_str().unwrap()).collect();
            assert_eq!(message.plaintext, plaintext.as_bytes(), "vector {number}");
            let context = vector["encryption-context"].as_object().unwrap();
            assert_eq!(message.context.iter().count(), context.len(), "vector {number}");
            for (key, value) in message.context.iter() {
                assert_eq!(context[key].as_str(), Some(value), "vector {number}");
            }
            Outcome::Opened
        }
        Err(MessageError::Header(HeaderError::Suite { found: 0x0578 })) => Outcome::ForeignSuite,
        Err(MessageError::Header(HeaderError::Commitment { .. })) => Outcome::WrongCommitment,
        Err(MessageError::Header(HeaderError::ContentType { found: 1, .. })) => Outcome::Unframed,
        Err(MessageError::Frame(FrameError::Iv { .. })) => Outcome::ForeignIv,
        Err(other) => panic!("vector {number}: {other}"),
    }
}

fn vectors() -> Option<Vec<Value>> {
    let Some(path) = std::env::var_os("ESDK_VECTORS") else {
        assert!(
            std::env::var_os("ESDK_VECTORS_REQUIRED").is_none(),
            "ESDK_VECTORS is required here and not set"
        );
        return None;
    };
    let file = std::fs::read(&path).unwrap();
    let mut file: Value = serde_json::from_slice(&file).unwrap();
    let vectors = file["tests"].as_array_mut().unwrap();
    assert_eq!(vectors.len(), 46);
    Some(std::mem::take(vectors))
}

fn data_key(vector: &Value) -> DataKey {
    DataKey::from_slice(&bytes(vector, "decrypted-dek")).unwrap()
}

fn bytes(vector: &Value, field: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(vector[field].as_str().unwrap()).unwrap()
}
