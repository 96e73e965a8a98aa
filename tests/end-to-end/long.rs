//! Recordings that are too long for one reply of Lambda.

use std::{fs, path::Path, process::Output};

use local_stack::{Fault, Role, Rule};
use reqwest::{Method, StatusCode};
use tokio::process::Command;
use toolbox::{Scratch, Venv};

use crate::support::{Recording, alone, get, header, json, request};

/// Slightly above 190 MB, the longest recording that is sent in one reply: 1 h 39 min.
const LEN: usize = 190_000_044;

/// Runs the script that the operations page describes.
async fn download(url: &str, file: &Path) -> Output {
    let python = tokio::task::spawn_blocking(|| toolbox::python(Venv::Stack));
    Command::new(python.await.unwrap().unwrap())
        .arg(toolbox::workspace_root().join("scripts/download.py"))
        .arg(url)
        .arg(file)
        .output()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_recording_longer_than_a_reply_is_had_by_ranges_and_by_the_script() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, LEN);
    recording.bring_in(stack).await;
    let url = recording.link(stack, 600);

    let whole = get(&url, &[]).await;
    assert_eq!(whole.status(), StatusCode::BAD_REQUEST);
    assert_eq!(header(&whole, "accept-ranges").as_deref(), Some("bytes"));
    assert_eq!(json(whole).await["error"], "range_required");
    assert_eq!(request(Method::HEAD, &url, &[]).await.status(), StatusCode::OK);
    let tail = get(&url, &[("range", "bytes=-10")]).await;
    assert_eq!(
        header(&tail, "content-range"),
        Some(format!("bytes {}-{}/{LEN}", LEN - 10, LEN - 1))
    );

    // The reply is cut off once, and S3 is unavailable once. The script resumes each time.
    let broken = [(Fault::CutBody(1_000_000), 1), (Fault::Drop, 8)];
    for (fault, times) in broken {
        let rule = Rule::new("s3", "GetObject", fault)
            .role(Role::Playback)
            .key(&recording.sid);
        stack.wire().inject(rule.nth(5).times(times));
    }
    let scratch = Scratch::new().unwrap();
    let file = scratch.path().join("downloaded.wav");
    let downloaded = download(&url, &file).await;
    stack.wire().clear_faults();
    assert!(
        downloaded.status.success(),
        "{}",
        String::from_utf8_lossy(&downloaded.stderr)
    );
    assert!(fs::read(&file).unwrap() == recording.audio);
    assert_eq!(
        fs::read_dir(scratch.path()).unwrap().count(),
        1,
        "no partial file may be left"
    );
}

#[tokio::test]
async fn the_script_says_why_there_is_no_recording() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 1_000);
    let scratch = Scratch::new().unwrap();
    for (url, reason) in [
        (recording.link(stack, 600), "recording_not_found"),
        (recording.link(stack, -600), "link_not_valid"),
    ] {
        let refused = download(&url, &scratch.path().join("never.wav")).await;
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && said.contains(reason), "{said}");
        assert!(!said.contains("signature"), "{said}");
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
    }
}
