//! `scripts/vault.py`, as operators run it against a deployed stack, against this one.

use std::{fs, path::Path, process::Output};

use local_stack::{Stack, values};
use serde_json::Value;
use tokio::process::Command;
use toolbox::{Scratch, Venv};

use crate::{
    canaries::assert_no_secret,
    support::{Recording, among_others},
};

/// Runs a command of the front end with the secrets that it may need. These commands do without boto3.
async fn vault(stack: &Stack, folder: &Path, arguments: &[&str]) -> Output {
    let python = tokio::task::spawn_blocking(|| toolbox::python(Venv::Stack));
    let command = arguments[0];
    let ran = Command::new(python.await.unwrap().unwrap())
        .arg(toolbox::workspace_root().join("scripts/vault.py"))
        .args([command, "--json", "--playback-url", stack.playback_url()])
        .args(&arguments[1..])
        .current_dir(folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("FLEX_TOKEN", values::FLEX_TOKEN)
        .env("TWILIO_AUTH_TOKEN", values::AUTH_TOKEN)
        .env("TWILIO_API_KEY_SID", values::API_KEY_SID)
        .env("TWILIO_API_KEY_SECRET", values::API_KEY_SECRET)
        .output()
        .await
        .unwrap();
    let printed = [&ran.stdout[..], &ran.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    assert_no_secret(command, &printed);
    ran
}

/// The document of a command that succeeded.
fn document(ran: &Output) -> Value {
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{errors}{}", String::from_utf8_lossy(&ran.stdout));
    serde_json::from_slice(&ran.stdout).unwrap()
}

#[tokio::test]
async fn the_front_end_tests_and_downloads_a_recording() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 300_000);
    let scratch = Scratch::new().unwrap();
    let folder = scratch.path();

    let callback = format!("{}#rc=3&rp=all", stack.callback_url());
    let urls = [
        "--callback-url",
        &callback,
        "--signed-url",
        &stack.public_callback_url(),
    ];
    let who = ["--account", values::ACCOUNT_SID, "--recording", &recording.sid];
    let tested = vault(stack, folder, &[&["smoke-test"], &urls[..], &who[..]].concat()).await;
    let checks = document(&tested)["checks"].as_array().unwrap().clone();
    assert!(
        checks.len() == 10 && checks.iter().all(|check| check["result"] == "ok"),
        "{checks:?}"
    );

    let downloaded = vault(stack, folder, &["download", &recording.sid, "call.wav"]).await;
    assert_eq!(document(&downloaded)["bytes"], 300_000);
    assert_eq!(fs::read(folder.join("call.wav")).unwrap(), recording.audio);
}

/// A WAV file of 8,000 frames with two channels of 16 bits. Its first channel is `first`, and its second one is `second`.
fn stereo(first: i16, second: i16) -> Vec<u8> {
    let samples = [first.to_le_bytes(), second.to_le_bytes()].concat().repeat(8_000);
    let format = [1_u16, 2].map(u16::to_le_bytes).concat();
    let rates = [8_000_u32, 32_000].map(u32::to_le_bytes).concat();
    let widths = [4_u16, 16].map(u16::to_le_bytes).concat();
    let length = |bytes: usize| u32::try_from(bytes).unwrap().to_le_bytes();
    let chunks: [&[u8]; 7] = [
        b"WAVEfmt ",
        &length(16),
        &format,
        &rates,
        &widths,
        b"data",
        &length(samples.len()),
    ];
    let body = [&chunks.concat()[..], &samples].concat();
    [b"RIFF", &length(body.len())[..], &body].concat()
}

#[tokio::test]
async fn the_front_end_separates_the_channels_of_a_recording() {
    let (stack, _turn) = among_others().await;
    let mut recording = Recording::new(stack, 1_000);
    recording.audio = stereo(1_000, -2_000);
    let original = stack.recordings_dir().join(format!("{}.wav", recording.sid));
    fs::write(original, &recording.audio).unwrap();
    recording.bring_in(stack).await;

    let scratch = Scratch::new().unwrap();
    let listened = vault(
        stack,
        scratch.path(),
        &["listen", &recording.sid, "--no-play", "--folder", "heard"],
    )
    .await;
    let document = document(&listened);
    assert_eq!(document["channels"], 2, "{document}");
    let files = document["files"].as_array().unwrap();
    for (file, level) in files.iter().zip([1_000_i16, -2_000]) {
        let channel = fs::read(scratch.path().join(file.as_str().unwrap())).unwrap();
        // A file for one channel has a header of 44 bytes.
        assert_eq!(channel[44..], level.to_le_bytes().repeat(8_000));
    }
    let advice = String::from_utf8(listened.stderr).unwrap();
    assert!(
        advice.contains("customer,others if the customer speaks on channel 1"),
        "{advice}"
    );
}
