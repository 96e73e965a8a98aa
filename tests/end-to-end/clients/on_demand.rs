//! Clients with large installations. docs/SEMANTICS.md has the command that runs them.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use local_stack::{Mark, Role, Stack};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::{
    process::{Child, Command},
    time::{sleep, timeout},
};
use toolbox::{Scratch, free_port, workspace_root};

use super::{HEADER, RATE, SECONDS, client, holds, recording, run, samples};
use crate::support::{OwnStack, Recording, alone, options};

/// The function's default `MAX_RANGE_BYTES`.
const MAX_RANGE: u64 = 1024 * 1024;

/// The length that VLC omits at the start or end when it writes its output. It does so for local files too.
const VLC_LEAVES_OUT: usize = RATE / 10;

/// VLC reads and writes without waiting for real time.
const VLC_BOUND: Duration = Duration::from_secs(300);

#[tokio::test]
#[ignore = "installs VLC, and needs root to run it as another user"]
async fn vlc_plays_to_the_end_and_seeks() {
    let (stack, _turn) = alone().await;
    let recording = recording(stack).await;
    let scratch = Scratch::new().unwrap();
    // VLC refuses to run as root.
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let file = scratch.path().join("vlc.wav");
    let url = recording.link(stack, 600);
    for (options, from_s, to_s) in [
        (&[][..], 0, SECONDS),
        (&["--start-time=810", "--run-time=10"], 810, 820),
        (&["--start-time=810"], 810, SECONDS),
    ] {
        let vlc = client("cvlc", "vlc-bin vlc-plugin-base").await;
        let mut command = as_nobody(&vlc, scratch.path());
        command
            .args(["--intf=dummy", "--no-video"])
            .arg(format!("--sout=#std{{access=file,mux=wav,dst={}}}", file.display()))
            .args(options)
            .args([&url, "vlc://quit"]);
        run(&mut command).await;
        holds_most(&file, &recording.audio[samples(from_s, to_s)]);
    }
}

/// A program that runs as a user without rights.
fn as_nobody(program: &Command, home: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(program.as_std().get_program())
        .env("HOME", home)
        .kill_on_drop(true);
    command
}

fn holds_most(file: &Path, expected: &[u8]) {
    let found = fs::read(file).unwrap();
    let found = &found[HEADER..];
    assert!(
        found.len() + VLC_LEAVES_OUT >= expected.len(),
        "{} of {}",
        found.len(),
        expected.len()
    );
    let at = expected.windows(64).position(|window| window == &found[..64]);
    let at = at.expect("the output starts with samples of that time");
    assert!(at <= VLC_LEAVES_OUT, "{at} bytes are missing at the start");
    let both = found.len().min(expected.len() - at);
    assert!(found[..both] == expected[at..at + both]);
    assert!(
        found.len() - both <= VLC_LEAVES_OUT,
        "{} bytes too many",
        found.len() - both
    );
}

/// The reply is cut off while the players are paused. Both request the rest when playback resumes.
#[tokio::test]
#[ignore = "installs VLC and mpv, and pauses them for half a minute"]
async fn paused_players_go_on_after_their_reply_has_ended() {
    let stack = OwnStack::start(options().timeout(Role::Playback, Duration::from_secs(12))).await;
    // More than the socket buffers and the stack's buffers between the function and the player can hold.
    let recording = Recording::new(&stack, HEADER + 3_000 * RATE);
    recording.bring_in(&stack).await;
    let url = recording.link(&stack, 600);
    let scratch = Scratch::new().unwrap();
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let file = scratch.path().join("paused.wav");
    let script = scratch.path().join("pause.lua");
    let pause = "mp.register_event('file-loaded', function()
        mp.set_property_bool('pause', true)
        mp.add_timeout(30, function() mp.set_property_bool('pause', false) end)
    end)";
    fs::write(&script, pause).unwrap();

    // The cache is as small as VLC's. By default, mpv reads 150 MiB ahead, so that the reply to a normal call never
    // waits.
    let mut mpv = client("mpv", "mpv").await;
    mpv.args([
        "--no-config",
        "--no-terminal",
        "--vo=null",
        "--ao=pcm",
        "--demuxer-max-bytes=1MiB",
    ])
    .arg(format!("--ao-pcm-file={}", file.display()))
    .arg(format!("--script={}", script.display()))
    .arg(&url);
    let mark = stack.exchanges().mark();
    run(&mut mpv).await;
    super::holds_samples(&file, &recording.audio[HEADER..]);
    println!("mpv: {:?}", parts(&stack, mark, &recording));
    assert!(parts(&stack, mark, &recording).len() >= 2);

    // The file that mpv wrote belongs to another user.
    let file = scratch.path().join("paused-vlc.wav");
    let vlc = client("cvlc", "vlc-bin vlc-plugin-base").await;
    let mut vlc = as_nobody(&vlc, scratch.path());
    vlc.args(["--intf=dummy", "--no-video"])
        .arg(format!("--sout=#std{{access=file,mux=wav,dst={}}}", file.display()))
        .args([&url, "vlc://quit"]);
    let mark = stack.exchanges().mark();
    let mut playing = vlc.spawn().unwrap();
    // VLC cannot be paused in mid-stream without a window or a sound card. A stopped process reads no data either.
    while parts(&stack, mark, &recording).is_empty() {
        sleep(Duration::from_millis(5)).await;
    }
    signal(&playing, "STOP").await;
    sleep(Duration::from_secs(30)).await;
    signal(&playing, "CONT").await;
    assert!(timeout(VLC_BOUND, playing.wait()).await.unwrap().unwrap().success());
    println!("VLC: {:?}", parts(&stack, mark, &recording));
    holds_most(&file, &recording.audio[HEADER..]);
    assert!(parts(&stack, mark, &recording).len() >= 2);
}

async fn signal(process: &Child, name: &str) {
    let mut kill = Command::new("kill");
    kill.arg(format!("-{name}")).arg(process.id().unwrap().to_string());
    assert!(kill.status().await.unwrap().success());
}

#[tokio::test]
#[ignore = "installs yt-dlp"]
async fn yt_dlp_resumes() {
    let (stack, _turn) = alone().await;
    let recording = recording(stack).await;
    let (url, audio) = (recording.link(stack, 600), &recording.audio);
    let scratch = Scratch::new().unwrap();
    let file = scratch.path().join("yt-dlp.wav");
    for so_far in [0, 10_000_000] {
        fs::remove_file(&file).ok();
        fs::write(scratch.path().join("yt-dlp.wav.part"), &audio[..so_far]).unwrap();
        let mut command = client("yt-dlp", "yt-dlp").await;
        command
            .env("HOME", scratch.path())
            .args(["-q", "-c", "-o"])
            .arg(&file)
            .arg(&url);
        run(&mut command).await;
        holds(&file, audio);
    }
}

#[tokio::test]
#[ignore = "installs Firefox, and plays for a minute"]
async fn firefox_plays_seeks_and_ends_at_the_end_by_shortened_ranges() {
    let (stack, _turn) = alone().await;
    let firefox = client("firefox-esr", "firefox-esr").await;
    let parts = listens(stack, recording(stack).await, "firefox.mjs", &firefox, How::Seeking).await;
    assert!(parts.iter().all(|(first, last)| last - first < MAX_RANGE), "{parts:?}");
}

/// WebKit requests no range, and a streamed reply has no length. Therefore, it cannot seek before it has the whole
/// recording.
#[tokio::test]
#[ignore = "installs WebKitGTK and a display, and plays for half a minute"]
async fn webkit_plays_to_the_end() {
    let (stack, _turn) = alone().await;
    client("xvfb-run", "xvfb xauth").await;
    let webkit = client("WebKitWebDriver", "webkit2gtk-driver").await;
    let short = Recording::new(stack, HEADER + 30 * RATE);
    short.bring_in(stack).await;
    listens(stack, &short, "webkit.mjs", &webkit, How::Through).await;
}

/// How a browser plays a recording.
enum How {
    /// Seeks late, early and near the end, then plays the whole recording at 16 times the normal speed.
    Seeking,
    /// Plays the whole recording at normal speed.
    Through,
}

/// Has a browser play the recording, and returns the first and last byte of each reply.
async fn listens(stack: &Stack, recording: &Recording, script: &str, browser: &Command, how: How) -> Vec<(u64, u64)> {
    let mark = stack.exchanges().mark();
    let home = Scratch::new().unwrap();
    let (seeks, rate) = match how {
        How::Seeking => (true, 16),
        How::Through => (false, 1),
    };
    let job = json!({
        "program": browser.as_std().get_program().to_str().unwrap(),
        "port": free_port().unwrap(),
        "home": home.path(),
        "page": stack.page_url(),
        "link": recording.link(stack, 3_600),
        "seeks": seeks,
        "rate": rate,
        "boundMs": 300_000,
    });
    let mut node = Command::new("node");
    node.arg(workspace_root().join("tests/browser").join(script))
        .arg(job.to_string())
        .kill_on_drop(true);
    let ran = node.output().await.unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let seen: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let seconds = ((recording.audio.len() - HEADER) / RATE) as f64;
    let time = |name: &str| seen[name].as_f64().unwrap_or_else(|| panic!("{seen}"));
    for end in ["lengthS", "whole"].into_iter().chain(seeks.then_some("ended")) {
        assert!((time(end) - seconds).abs() < 0.1, "{seen}");
    }
    if seeks {
        assert!(
            time("late") >= 0.9 * seconds && (0.1..0.2).contains(&(time("early") / seconds)),
            "{seen}"
        );
    }
    let parts = parts(stack, mark, recording);
    println!("{script}: {seen}, replies: {parts:?}");
    covers(&parts, recording.audio.len() as u64);
    parts
}

fn parts(stack: &Stack, mark: Mark, recording: &Recording) -> Vec<(u64, u64)> {
    let exchanges = stack.exchanges().since(mark);
    let of_it = exchanges
        .iter()
        .filter(|exchange| exchange.request.recording_sid.as_deref() == Some(recording.sid.as_str()));
    let part = |exchange: &local_stack::Exchange| match &exchange.content_range {
        None => {
            assert_eq!(exchange.status, StatusCode::OK);
            (0, recording.audio.len() as u64 - 1)
        }
        Some(content_range) => {
            let (part, _) = content_range.strip_prefix("bytes ").unwrap().split_once('/').unwrap();
            let (first, last) = part.split_once('-').unwrap();
            (first.parse().unwrap(), last.parse().unwrap())
        }
    };
    of_it.map(part).collect()
}

/// Checks that the replies cover every byte.
fn covers(parts: &[(u64, u64)], len: u64) {
    let mut sorted = parts.to_vec();
    sorted.sort_unstable();
    let mut covered = 0;
    for (first, last) in sorted {
        assert!(first <= covered, "{covered} to {first} was never sent");
        covered = covered.max(last + 1);
    }
    assert_eq!(covered, len);
}
