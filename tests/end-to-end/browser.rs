//! The stack's page in a real browser: Debian's Chromium, driven by the scenarios in `tests/browser`.

use std::{fs, ops::RangeInclusive};

use local_stack::{Exchange, Mark, Role, Stack};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::process::Command;
use toolbox::{Scratch, workspace_root};
use twilio_double::mp3;

use crate::support::{OwnStack, Recording, alone, options};

/// 60 MB of PCM: at 32 kB/s, 31 minutes and 15 seconds.
const SECONDS: usize = 1_875;
const WAV_LEN: usize = 44 + SECONDS * 32_000;

/// The function's default `MAX_RANGE_BYTES`.
const MAX_RANGE: u64 = 1024 * 1024;

/// Runs a scenario against a stack and returns the scenario's result.
pub(crate) async fn drive(stack: &Stack, scenario: &str, mut job: Value) -> Value {
    let tools = || (toolbox::chromium().unwrap(), toolbox::browser_modules().unwrap());
    let (chromium, modules) = tokio::task::spawn_blocking(tools).await.unwrap();
    let home = Scratch::new().unwrap();
    job["chromium"] = json!(chromium);
    job["modules"] = json!(modules);
    job["home"] = json!(home.path());
    job["page"] = json!(stack.page_url());
    let ran = Command::new("node")
        .arg(workspace_root().join("tests/browser").join(scenario))
        .arg(job.to_string())
        .kill_on_drop(true)
        .output()
        .await
        .expect("Node.js 20 or later is on the path");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{scenario}: {said}");
    serde_json::from_slice(&ran.stdout).unwrap()
}

/// The requests for the recording itself since a mark, with their responses.
fn plays(stack: &Stack, mark: Mark, recording: &Recording) -> Vec<Exchange> {
    let mut exchanges = stack.exchanges().since(mark);
    exchanges.retain(|exchange| exchange.request.path == format!("/recordings/{}", recording.sid));
    exchanges
}

/// The range of bytes that a response contains.
fn part(exchange: &Exchange, total: usize) -> RangeInclusive<u64> {
    let content_range = exchange.content_range.as_deref().unwrap();
    let (part, of) = content_range.strip_prefix("bytes ").unwrap().split_once('/').unwrap();
    assert_eq!(of, total.to_string());
    let (first, last) = part.split_once('-').unwrap();
    first.parse().unwrap()..=last.parse().unwrap()
}

/// Plays, seeks to 90 %, to 10 % and to the end, and checks the requests that the stack received from the browser.
async fn plays_and_seeks(stack: &Stack, recording: &Recording, seconds: f64) {
    let mark = stack.exchanges().mark();
    let seen = drive(stack, "plays.mjs", json!({"sid": recording.sid})).await;
    let time = |name: &str| seen[name].as_f64().unwrap();
    assert!((time("lengthS") - seconds).abs() < 0.1, "{seen}");
    assert!(time("start") >= 0.5 && time("late") >= 0.9 * seconds && time("early") >= 0.1 * seconds);
    assert!(time("early") < 0.2 * seconds, "{seen}");
    assert!((time("ended") - seconds).abs() < 0.1, "{seen}");
    assert_eq!(seen["message"], false);

    let exchanges = plays(stack, mark, recording);
    assert_eq!(exchanges[0].request.range.as_deref(), Some("bytes=0-"));
    let total = recording.audio.len();
    for exchange in &exchanges {
        assert_eq!(exchange.status, StatusCode::PARTIAL_CONTENT, "{exchange:?}");
        let part = part(exchange, total);
        let range = exchange.request.range.as_deref().unwrap();
        assert!(range.starts_with(&format!("bytes={}-", part.start())), "{exchange:?}");
        assert!(part.end() - part.start() < MAX_RANGE, "{exchange:?}");
    }
    // A seek sends a new request for a range that starts shortly before the new position. The response contains the
    // position.
    let parts: Vec<_> = exchanges.iter().map(|exchange| part(exchange, total)).collect();
    let (late, early) = (total as u64 / 10 * 9, total as u64 / 10);
    assert!(
        parts
            .iter()
            .any(|part| part.contains(&late) && *part.start() > late / 2),
        "{parts:?}"
    );
    assert!(parts.iter().any(|part| part.contains(&early)), "{parts:?}");
}

#[tokio::test]
async fn a_long_wav_plays_and_seeks() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, WAV_LEN);
    recording.bring_in(stack).await;
    plays_and_seeks(stack, &recording, SECONDS as f64).await;
}

#[tokio::test]
async fn an_mp3_plays_and_seeks() {
    let stack = OwnStack::start(options().setting(Role::Copier, "MEDIA_FORMAT", "mp3")).await;
    // 5.8 MB, which is more than one reply.
    let frames = 40_000;
    let mut recording = Recording::new(&stack, 1_000);
    recording.audio = mp3::silence(frames);
    let at_twilio = |kind: &str| stack.recordings_dir().join(format!("{}.{kind}", recording.sid));
    fs::remove_file(at_twilio("wav")).unwrap();
    fs::write(at_twilio("mp3"), &recording.audio).unwrap();
    recording.bring_in(&stack).await;
    plays_and_seeks(&stack, &recording, f64::from(frames * mp3::FRAME_MS) / 1000.0).await;
}

#[tokio::test]
async fn a_refused_listener_reads_why() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 500_000);
    recording.bring_in(stack).await;
    let mark = stack.exchanges().mark();
    let job = json!({
        "sid": recording.sid,
        "missing": "RE0000000000000000000000000000beef",
        "expired": recording.link(stack, -60),
    });
    let seen = drive(stack, "refused.mjs", job).await;
    for (what, words) in [
        ("role", "your role may not listen"),
        ("session", "Your Flex session has ended"),
        ("recording", "There’s no such recording"),
        ("link", "links expire"),
    ] {
        assert!(seen[what].as_str().unwrap().contains(words), "{seen}");
    }
    assert_eq!(seen["messageLeft"], false, "a new link plays");
    let exchanges = plays(stack, mark, &recording);
    let refused = |exchange: &&Exchange| exchange.status == StatusCode::FORBIDDEN;
    // There may be responses to the supervisor before the expired link, because a change of listener plays the chosen
    // recording.
    assert!(
        exchanges.iter().filter(refused).count() >= 2,
        "<audio>, and the question why"
    );
    assert_eq!(exchanges.last().unwrap().status, StatusCode::PARTIAL_CONTENT);
}

/// Takes screenshots for people to look at: narrow and wide, light and dark.
#[tokio::test]
async fn the_page_fits_is_legible_and_every_control_has_a_name() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 44 + 180 * 32_000);
    let callback = recording.callback().parameter("RecordingDuration", "180");
    assert_eq!(
        stack.post_callback(&callback).await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    recording.stored(stack).await;
    let screenshots = workspace_root().join("target/screenshots");
    fs::create_dir_all(&screenshots).unwrap();
    let seen = drive(
        stack,
        "looks.mjs",
        json!({"sid": recording.sid, "screenshots": screenshots}),
    )
    .await;
    let pages = seen.as_array().unwrap();
    assert_eq!(pages.len(), 4);
    for page in pages {
        assert_eq!(page["overflowPx"], 0, "{page}");
        assert!(page["contrast"]["ratio"].as_f64().unwrap() >= 4.5, "{page}");
        assert_eq!(page["unnamed"], json!([]), "{page}");
    }
}

/// The list of requests distinguishes the fetch for the waveform from the requests of an element.
#[tokio::test]
async fn the_page_plays_in_twilios_own_player_and_without_it() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 44 + 120 * 32_000);
    recording.bring_in(stack).await;
    let mark = stack.exchanges().mark();
    let screenshots = workspace_root().join("target/screenshots");
    fs::create_dir_all(&screenshots).unwrap();
    let job = json!({"sid": recording.sid, "screenshots": screenshots});
    let seen = drive(stack, "insights.mjs", job).await;
    let share = |name: &str| seen[name].as_f64().unwrap() / 120.0;
    assert!(share("start") < 0.1, "{seen}");
    assert!(
        (0.895..0.995).contains(&share("late")) && (0.095..0.3).contains(&share("early")),
        "{seen}"
    );
    assert_eq!(seen["message"], false);

    let requests = seen["requests"].as_str().unwrap();
    for kind in [
        "GET url_provider",
        "GET everything for the waveform",
        "GET bytes=0- for an <audio> element",
    ] {
        assert!(requests.contains(kind), "{kind} {seen}");
    }
    let kinds = |dest: &str| {
        let mut exchanges = plays(stack, mark, &recording);
        exchanges.retain(|exchange| exchange.request.fetch_dest.as_deref() == Some(dest));
        exchanges
    };
    // Without the Player, the page never fetches a whole recording.
    let [waveform] = &kinds("empty")[..] else {
        panic!("{seen}")
    };
    assert_eq!((waveform.status, &waveform.request.range), (StatusCode::OK, &None));
    let of_elements = kinds("audio");
    assert!(!of_elements.is_empty());
    assert!(
        of_elements
            .iter()
            .all(|exchange| exchange.status == StatusCode::PARTIAL_CONTENT)
    );
}
