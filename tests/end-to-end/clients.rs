//! Real clients: each receives every byte, resumes, seeks, and ends at the recording's true end.
//!
//! Clients that need a display, another user or a large installation are in [`on_demand`].

mod measured;
mod on_demand;

use std::{fs, ops::Range, path::Path};

use local_stack::Stack;
use tokio::{process::Command, sync::OnceCell};
use toolbox::{Scratch, Venv};

use crate::support::{Recording, among_others};

/// A quarter of an hour: 28.8 MB, more than any client buffers at a time.
const SECONDS: usize = 900;

/// Bytes for one sample of both channels, and for the 8,000 samples of a second.
const SAMPLE: usize = 4;
const RATE: usize = 8_000 * SAMPLE;

/// Length of the WAV header.
const HEADER: usize = 44;

/// The range of bytes that holds the samples between two seconds.
const fn samples(from_s: usize, to_s: usize) -> Range<usize> {
    HEADER + from_s * RATE..HEADER + to_s * RATE
}

/// The recording that all clients of this process use.
async fn recording(stack: &Stack) -> &'static Recording {
    static RECORDING: OnceCell<Recording> = OnceCell::const_new();
    let bring_in = || async {
        let recording = Recording::new(stack, HEADER + SECONDS * RATE);
        recording.bring_in(stack).await;
        recording
    };
    RECORDING.get_or_init(bring_in).await
}

/// The command line of a client, which is installed if it is missing.
pub(crate) async fn client(name: &'static str, package: &'static str) -> Command {
    let program = tokio::task::spawn_blocking(move || toolbox::program(name, package));
    let mut command = Command::new(program.await.unwrap().unwrap());
    command.kill_on_drop(true);
    command
}

/// Runs a client to its end and requires success.
pub(crate) async fn run(command: &mut Command) {
    let ran = command.output().await.unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{:?}: {said}", command.as_std().get_program());
}

/// Compares without printing megabytes on failure.
fn holds(file: &Path, expected: &[u8]) {
    let found = fs::read(file).unwrap();
    assert_eq!(found.len(), expected.len(), "{}", file.display());
    assert!(found == expected, "{}", file.display());
}

/// Compares the samples of a WAV file to which the client has written its own header.
fn holds_samples(file: &Path, expected: &[u8]) {
    let found = fs::read(file).unwrap();
    let header = found.len().checked_sub(expected.len());
    let header = header.unwrap_or_else(|| panic!("{} bytes of {}", found.len(), expected.len()));
    assert!(header < 200, "{header} bytes more than {}", expected.len());
    let same = found[header..]
        .iter()
        .zip(expected)
        .position(|(one, other)| one != other);
    assert_eq!(same, None, "{}: the first byte that differs", file.display());
}

#[tokio::test]
async fn curl_downloads_ranges_and_resumes() {
    let (stack, _turn) = among_others().await;
    let recording = recording(stack).await;
    let (url, audio) = (recording.link(stack, 600), &recording.audio);
    let scratch = Scratch::new().unwrap();
    let file = scratch.path().join("curl.wav");
    for (range, expected) in [
        ("0-", &audio[..]),
        ("10000000-", &audio[10_000_000..]),
        ("1000-20000000", &audio[1_000..20_000_001]),
        ("-20000000", &audio[audio.len() - 20_000_000..]),
    ] {
        run(client("curl", "curl")
            .await
            .args(["-sSf", "-r", range, "-o"])
            .arg(&file)
            .arg(&url))
        .await;
        holds(&file, expected);
    }
    for so_far in [1, 10_000_000] {
        fs::write(&file, &audio[..so_far]).unwrap();
        run(client("curl", "curl")
            .await
            .args(["-sSf", "-C", "-", "-o"])
            .arg(&file)
            .arg(&url))
        .await;
        holds(&file, audio);
    }
}

#[tokio::test]
async fn wget_resumes_and_knows_when_it_has_all() {
    let (stack, _turn) = among_others().await;
    let recording = recording(stack).await;
    let (url, audio) = (recording.link(stack, 600), &recording.audio);
    let scratch = Scratch::new().unwrap();
    let file = scratch.path().join("wget.wav");
    for so_far in [0, 10_000_000, audio.len()] {
        fs::write(&file, &audio[..so_far]).unwrap();
        run(client("wget", "wget")
            .await
            .args(["-q", "-c", "--tries=1", "-O"])
            .arg(&file)
            .arg(&url))
        .await;
        holds(&file, audio);
    }
}

#[tokio::test]
async fn ffmpeg_copies_to_the_end_and_seeks() {
    let (stack, _turn) = among_others().await;
    let recording = recording(stack).await;
    let (url, audio) = (recording.link(stack, 600), &recording.audio);
    let scratch = Scratch::new().unwrap();
    let file = scratch.path().join("ffmpeg.wav");
    let ffmpeg = || async {
        let mut command = client("ffmpeg", "ffmpeg").await;
        command.args(["-nostdin", "-y", "-loglevel", "error"]);
        command
    };
    run(ffmpeg().await.args(["-i", &url, "-c", "copy"]).arg(&file)).await;
    holds_samples(&file, &audio[HEADER..]);
    // A copy starts and ends at a packet boundary. Decoded audio starts and ends at a sample.
    run(ffmpeg().await.args(["-ss", "810", "-i", &url, "-t", "10"]).arg(&file)).await;
    holds_samples(&file, &audio[samples(810, 820)]);
    run(ffmpeg().await.args(["-ss", "810", "-i", &url]).arg(&file)).await;
    holds_samples(&file, &audio[samples(810, SECONDS)]);
}

#[tokio::test]
async fn mpv_plays_to_the_end_and_seeks() {
    let (stack, _turn) = among_others().await;
    let recording = recording(stack).await;
    let (url, audio) = (recording.link(stack, 600), &recording.audio);
    let scratch = Scratch::new().unwrap();
    let file = scratch.path().join("mpv.wav");
    // mpv writes every sample that it plays to the file, without waiting for real time.
    let mpv = || async {
        let mut command = client("mpv", "mpv").await;
        command
            .args(["--no-config", "--no-terminal", "--vo=null", "--ao=pcm"])
            .arg(format!("--ao-pcm-file={}", file.display()));
        command
    };
    run(mpv().await.arg(&url)).await;
    holds_samples(&file, &audio[HEADER..]);
    // mpv rounds the time and starts one sample early.
    let samples = |from_s, to_s, cut| {
        let Range { start, end } = samples(from_s, to_s);
        &audio[start - SAMPLE..end - cut]
    };
    run(mpv().await.args(["--start=810", "--length=10"]).arg(&url)).await;
    holds_samples(&file, samples(810, 820, SAMPLE));
    run(mpv().await.arg("--start=810").arg(&url)).await;
    holds_samples(&file, samples(810, SECONDS, 0));
}

/// Most Python programs use this library. It accepts any 206.
#[tokio::test]
async fn the_requests_library_of_python_gets_the_requested_bytes() {
    let (stack, _turn) = among_others().await;
    let recording = recording(stack).await;
    let (url, audio) = (recording.link(stack, 600), &recording.audio);
    let scratch = Scratch::new().unwrap();
    let file = scratch.path().join("requests.wav");
    let python = tokio::task::spawn_blocking(|| toolbox::python(Venv::Interop));
    let python = python.await.unwrap().unwrap();
    let program = "import requests, sys
url, start, file = sys.argv[1:]
reply = requests.get(url, headers={'Range': f'bytes={start}-'}, timeout=60)
reply.raise_for_status()
open(file, 'wb').write(reply.content)";
    for start in [0, 10_000_000] {
        let mut command = Command::new(&python);
        command.args(["-c", program, &url, &start.to_string()]).arg(&file);
        run(&mut command).await;
        holds(&file, &audio[start..]);
    }
}
