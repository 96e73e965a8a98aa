//! Recordings that Twilio encrypted with the customer's public key.

use std::fs;

use local_stack::{Callback, EncryptedRecording, Role, Rotation, Stack, values};
use reqwest::StatusCode;
use twilio_double::{Fault, FaultAction, Operation};

use crate::support::{Recording, alone, among_others, eventually, get};

/// A recording with one channel. Twilio records only one channel if it encrypts.
fn mono(stack: &Stack, len: usize) -> Recording {
    let mut recording = Recording::new(stack, len);
    // The WAV header's channels, bytes per second and block size.
    recording.audio[22] = 1;
    recording.audio[28..32].copy_from_slice(&16_000_u32.to_le_bytes());
    recording.audio[32] = 2;
    recording
}

/// Replaces the recording's audio with the data that Twilio would store.
fn keep(stack: &Stack, recording: &Recording, encrypted: &EncryptedRecording) {
    let path = |extension| stack.recordings_dir().join(format!("{}.{extension}", recording.sid));
    fs::write(path("wav"), &encrypted.media).unwrap();
    fs::write(path("encryption.json"), encrypted.resource_details().to_string()).unwrap();
}

fn callback(recording: &Recording, encrypted: &EncryptedRecording) -> Callback {
    recording
        .callback()
        .parameter("EncryptionDetails", &encrypted.callback_details())
}

async fn post(stack: &Stack, callback: &Callback) {
    let answer = stack.post_callback(callback).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
}

/// Posts the callback, and waits until playback returns the original recording.
async fn plays(stack: &Stack, recording: &Recording, encrypted: &EncryptedRecording) {
    keep(stack, recording, encrypted);
    post(stack, &callback(recording, encrypted)).await;
    let object = recording.stored(stack).await;
    assert!(object.len() > recording.audio.len(), "the object must be sealed again");
    let url = recording.media_url(stack).await;
    let whole = get(&url, &[]).await.bytes().await.unwrap();
    assert!(whole == recording.audio, "the whole recording is identical");
    let tail = get(&url, &[("range", "bytes=-40")]).await;
    assert_eq!(tail.status(), StatusCode::PARTIAL_CONTENT);
    assert!(tail.bytes().await.unwrap() == recording.audio[recording.audio.len() - 40..]);
}

/// Waits until the copier has given up, and checks that it stored nothing.
async fn refused(stack: &Stack, recording: &Recording, why: &str) {
    let log = || stack.log(Role::Copier).unwrap();
    eventually("the copier's log line", || async {
        let parts = [&recording.sid, "job failed", why, r#""retryable":false"#];
        let logged = log().lines().any(|line| parts.iter().all(|part| line.contains(part)));
        logged.then_some(())
    })
    .await;
    assert!(
        !log()
            .lines()
            .any(|line| line.contains(&recording.sid) && line.contains("recording copied"))
    );
    let (s3, key) = (stack.s3(), recording.object_key());
    let versions = s3.list_object_versions().bucket(values::BUCKET).prefix(&key).send();
    assert_eq!(versions.await.unwrap().versions().len(), 0);
    let uploads = s3.list_multipart_uploads().bucket(values::BUCKET).prefix(&key).send();
    assert_eq!(uploads.await.unwrap().uploads().len(), 0);
}

#[tokio::test]
async fn encrypted_recordings_of_any_length_are_stored_and_play() {
    let (stack, _turn) = among_others().await;
    // Lengths of whole blocks and other lengths, with one part or several.
    for len in [44, 48, 65_535, 20_000_001] {
        let recording = mono(stack, len);
        let encrypted = stack.encrypt_as_twilio(&recording.audio).await.unwrap();
        plays(stack, &recording, &encrypted).await;
    }
}

#[tokio::test]
async fn recordings_from_before_a_rotation_of_the_rsa_key_are_stored_and_play() {
    let (stack, _turn) = among_others().await;
    for rotation in [Rotation::Before, Rotation::After] {
        let recording = mono(stack, 10_000);
        let encrypted = stack.encrypt_as_twilio_did(rotation, &recording.audio).await.unwrap();
        plays(stack, &recording, &encrypted).await;
    }
}

#[tokio::test]
async fn a_flipped_bit_in_media_or_tag_stores_nothing() {
    let (stack, _turn) = among_others().await;
    // A recording of one part, and one that is mostly uploaded before the tag arrives.
    for len in [100_000, 18_000_000] {
        for at in [0, len / 2, len, len + 15] {
            let recording = mono(stack, len);
            let mut encrypted = stack.encrypt_as_twilio(&recording.audio).await.unwrap();
            encrypted.media[at] ^= 1;
            keep(stack, &recording, &encrypted);
            post(stack, &callback(&recording, &encrypted)).await;
            refused(stack, &recording, "does not verify").await;
        }
    }
}

#[tokio::test]
async fn details_of_another_recording_store_nothing() {
    let (stack, _turn) = among_others().await;
    let recording = mono(stack, 10_000);
    let encrypted = stack.encrypt_as_twilio(&recording.audio).await.unwrap();
    let other = stack.encrypt_as_twilio(b"another").await.unwrap();
    keep(stack, &recording, &encrypted);
    post(stack, &callback(&recording, &other)).await;
    refused(stack, &recording, "does not verify").await;
}

#[tokio::test]
async fn unusable_details_are_reported_and_store_nothing() {
    let (stack, _turn) = among_others().await;
    let mut cases = Vec::new();
    for why in ["wrapped data key", "IV", "InvalidCiphertextException"] {
        let recording = mono(stack, 10_000);
        let mut encrypted = stack.encrypt_as_twilio(&recording.audio).await.unwrap();
        match why {
            "wrapped data key" => encrypted.wrapped_key = "AAAA".to_owned(),
            "IV" => encrypted.iv = "AAAA".to_owned(),
            // 256 bytes that are no output of the public key.
            _ => encrypted.wrapped_key = format!("{}==", "A".repeat(342)),
        }
        // The plain recording does not help either.
        keep(stack, &recording, &encrypted);
        cases.push((recording, encrypted, why));
    }
    for (recording, encrypted, why) in cases {
        post(stack, &callback(&recording, &encrypted)).await;
        refused(stack, &recording, why).await;
    }
}

#[tokio::test]
async fn details_that_the_callback_has_in_an_unknown_form_are_taken_from_the_recording() {
    let (stack, _turn) = among_others().await;
    for details in ["{\"type\":\"rsa-aes\"}", "rsa-aes", "[]"] {
        let recording = Recording::new(stack, 10_000);
        let encrypted = stack.encrypt_as_twilio(&recording.audio).await.unwrap();
        keep(stack, &recording, &encrypted);
        post(
            stack,
            &callback(&recording, &encrypted).parameter("EncryptionDetails", details),
        )
        .await;
        recording.stored(stack).await;
        let url = recording.media_url(stack).await;
        let whole = get(&url, &[]).await.bytes().await.unwrap();
        assert!(whole == recording.audio, "{details}");
    }
}

#[tokio::test]
async fn a_recording_that_is_encrypted_nobody_knows_how_is_not_stored() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 10_000);
    let unreadable = recording
        .callback()
        .parameter("EncryptionDetails", "{\"type\":\"rsa-aes\"}");
    post(stack, &unreadable).await;
    refused(stack, &recording, "wrapped data key").await;
}

#[tokio::test]
async fn a_broken_download_of_encrypted_media_begins_again() {
    let (stack, _turn) = alone().await;
    let recording = mono(stack, 12_000_000);
    let encrypted = stack.encrypt_as_twilio(&recording.audio).await.unwrap();
    let cut = FaultAction::Cut { after_bytes: 9_000_000 };
    // The double refuses the first two requests of a download, because it cannot see a second channel in ciphertext.
    let cut = Fault::once(Operation::Media, cut).times(3);
    stack.twilio().fault(cut.about(&recording.sid));
    plays(stack, &recording, &encrypted).await;
    let log = stack.log(Role::Copier).unwrap();
    let again = |line: &&str| line.contains(&recording.sid) && line.contains("copy starts over");
    assert_eq!(log.lines().filter(again).count(), 1);
}
