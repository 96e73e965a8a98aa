//! Flex UI's own player, as Twilio publishes it, in a real Chromium at https://flex.twilio.com. The tests check what a
//! supervisor hears and sees. The browser checks cross-origin access and connects to the playback function directly.

use std::{fs, path::PathBuf};

use local_stack::{Role, Stack, values};
use serde_json::{Value, json};
use toolbox::{Scratch, free_port, workspace_root};
use twilio_double::{flex_token, wav};

use crate::{
    browser::drive,
    clients::{client, run},
    support::{OwnStack, PROCESSORS, Recording, among_others, options},
};

/// The text in the Player's place if `url_provider` returned no link.
const UNAVAILABLE: &str = "Playback of this file is unavailable";

/// The text in the notification bar if a link does not play or no longer plays.
const FAILED: &str = "Playback of the recording has failed";

/// Bytes per second in stereo. Mono has half of it.
const RATE: usize = wav::BYTES_PER_SECOND as usize;

/// Runs a scenario with Flex UI's script, one scenario at a time, and keeps its screenshots for people to look at.
pub(crate) async fn drive_flex(stack: &Stack, scenario: &str, job: Value) -> Value {
    let _turn = PROCESSORS.lock().await;
    drive_flex_beside_others(stack, scenario, job).await
}

/// The same for a scenario that waits most of the time.
async fn drive_flex_beside_others(stack: &Stack, scenario: &str, mut job: Value) -> Value {
    let script = tokio::task::spawn_blocking(toolbox::flex_script).await.unwrap();
    job["flex"] = json!(script.unwrap());
    job["screenshots"] = json!(screenshots());
    drive(stack, scenario, job).await
}

fn screenshots() -> PathBuf {
    let folder = workspace_root().join("target/screenshots");
    fs::create_dir_all(&folder).unwrap();
    folder
}

async fn stereo(stack: &Stack, seconds: usize) -> Recording {
    let recording = Recording::new(stack, wav::HEADER_LEN + seconds * RATE);
    recording.bring_in(stack).await;
    recording
}

async fn mono(stack: &Stack, seconds: usize) -> Recording {
    let mut recording = Recording::new(stack, wav::HEADER_LEN + seconds * RATE / 2);
    let header = wav::header(1, (seconds * RATE / 2) as u32);
    recording.audio[..wav::HEADER_LEN].copy_from_slice(&header);
    let at_twilio = stack.recordings_dir().join(format!("{}.wav", recording.sid));
    fs::write(at_twilio, &recording.audio).unwrap();
    recording.bring_in(stack).await;
    recording
}

/// A stack that fetches MP3 needs an audible recording, because silence has no waveform.
async fn mp3(stack: &Stack, seconds: usize) -> Recording {
    let mut recording = Recording::new(stack, wav::HEADER_LEN + seconds * RATE);
    let at_twilio = |kind: &str| stack.recordings_dir().join(format!("{}.{kind}", recording.sid));
    let scratch = Scratch::new().unwrap();
    let file = scratch.path().join("recording.mp3");
    let mut ffmpeg = client("ffmpeg", "ffmpeg").await;
    ffmpeg
        .args(["-nostdin", "-loglevel", "error", "-i"])
        .arg(at_twilio("wav"));
    run(ffmpeg.args(["-b:a", "32k"]).arg(&file)).await;
    fs::remove_file(at_twilio("wav")).unwrap();
    fs::copy(&file, at_twilio("mp3")).unwrap();
    recording.audio = fs::read(file).unwrap();
    recording.bring_in(stack).await;
    recording
}

pub(crate) fn url_provider(stack: &Stack, recording_sid: &str) -> String {
    format!("{}/media-url?recordingSid={recording_sid}", stack.playback_url())
}

#[tokio::test]
async fn flex_uis_own_player_plays_and_seeks() {
    let (stack, _turn) = among_others().await;
    let of_mp3 = OwnStack::start(options().setting(Role::Copier, "MEDIA_FORMAT", "mp3")).await;
    let conversations = json!([
        conversation("stereo", &[(stack, stereo(stack, 120).await, 120)]),
        conversation("mono", &[(stack, mono(stack, 90).await, 90)]),
        conversation("mp3", &[(&*of_mp3, mp3(&of_mp3, 60).await, 60)]),
        conversation(
            "two",
            &[
                (stack, stereo(stack, 100).await, 100),
                (stack, stereo(stack, 140).await, 140)
            ]
        ),
    ]);
    let seen = drive_flex(stack, "supervises.mjs", json!({ "conversations": conversations })).await;
    let seen = seen.as_array().unwrap();
    assert_eq!(seen.len(), 5);
    for one in seen {
        let mut what = one.clone();
        what.as_object_mut().unwrap().remove("waveform");
        let time = |name: &str| one[name].as_f64().unwrap();
        let length_s = time("lengthS");
        assert_eq!(one["notifications"], json!([]), "{what}");
        assert!(time("begins") == 0.0 && (0.2..10.0).contains(&time("start")), "{what}");
        assert!(
            (0.895..0.995).contains(&(time("late") / length_s)),
            "{what} {}",
            time("late")
        );
        assert!(
            (0.095..0.3).contains(&(time("early") / length_s)),
            "{what} {}",
            time("early")
        );
    }
    let [.., one, other] = &seen[..] else { panic!() };
    assert_ne!(
        one["waveform"], other["waveform"],
        "another recording has its own waveform"
    );
}

/// Whether the notifications consist of this text, repeated or not. The waveform's fetch and the element report
/// failures independently.
fn shows_only(notifications: &Value, what: &str) -> bool {
    let notifications = notifications.as_array().unwrap();
    let mut lines = notifications.iter().flat_map(|text| text.as_str().unwrap().lines());
    !notifications.is_empty() && lines.all(|line| line == what)
}

/// A conversation with recordings of the given lengths in seconds.
fn conversation(name: &str, recordings: &[(&Stack, Recording, u32)]) -> Value {
    let recordings: Vec<_> = recordings
        .iter()
        .map(|(stack, Recording { sid, .. }, seconds)| json!({"urlProvider": url_provider(stack, sid), "lengthS": seconds}))
        .collect();
    json!({"name": name, "token": values::FLEX_TOKEN, "recordings": recordings})
}

/// All answers of `/media-url` without a link look alike, and so do all failures of the Player.
#[tokio::test]
async fn a_supervisor_sees_one_of_two_messages_if_a_recording_does_not_play() {
    let (stack, _turn) = among_others().await;
    let (there, erased, erased_later) = (
        stereo(stack, 60).await,
        stereo(stack, 60).await,
        stereo(stack, 300).await,
    );
    let erasure = json!({"erase": erased.sid});
    assert!(!stack.invoke(Role::Operator, &erasure).await.unwrap().failed);

    let (flex, elsewhere) = ("https://flex.twilio.com", "https://elsewhere.example.com");
    let asks = |name: &str, origin: &str, token: &str, sid: &str| {
        let providers = [url_provider(stack, sid)];
        json!({"name": name, "origin": origin, "token": token, "urlProviders": providers})
    };
    let is_given = |name: &str, origin: &str, link: String| json!({"name": name, "origin": origin, "link": link});
    // Flex sends two requests when a conversation is opened, and one more at nine tenths of the link's lifetime.
    let not_again = json!({
        "name": "not-renewed",
        "origin": flex,
        "link": format!("{}&X-Amz-Expires=3", there.link(stack, 600)),
        "times": 2,
    });
    let job = json!({
        "conversations": [
            asks("wrong-role", flex, values::AGENT_TOKEN, &there.sid),
            asks("session-ended", flex, flex_token!("a-token-that-nobody-knows"), &there.sid),
            asks("not-yet-copied", flex, values::FLEX_TOKEN, "RE0000000000000000000000000000beef"),
            asks("erased", flex, values::FLEX_TOKEN, &erased.sid),
            asks("other-origin", elsewhere, values::FLEX_TOKEN, &there.sid),
            is_given("expired-link", flex, there.link(stack, -60)),
            is_given("other-origin-with-a-link", elsewhere, there.link(stack, 600)),
            not_again,
        ],
        "erasedLater": {
            "urlProvider": url_provider(stack, &erased_later.sid),
            "token": values::FLEX_TOKEN,
            "operator": format!("{}/2015-03-31/functions/operator/invocations", stack.lambda_endpoint()),
            "event": json!({"erase": erased_later.sid}),
            "lengthS": 300,
        },
    });
    let seen = drive_flex(stack, "unavailable.mjs", job).await;
    for name in [
        "wrong-role",
        "session-ended",
        "not-yet-copied",
        "erased",
        "other-origin",
        "not-renewed",
    ] {
        assert!(
            seen[name]["inPlace"].as_str().unwrap().contains(UNAVAILABLE),
            "{name} {seen}"
        );
        assert_eq!(seen[name]["notifications"], json!([]), "{name} {seen}");
    }
    for name in ["expired-link", "other-origin-with-a-link", "erasedLater"] {
        assert!(shows_only(&seen[name]["notifications"], FAILED), "{name} {seen}");
    }
    // An element sends its request without CORS. It therefore plays even if the page may not read the bytes for the
    // waveform.
    let plays = |name: &str| seen[name]["plays"].as_bool().unwrap();
    assert!(plays("other-origin-with-a-link") && !plays("expired-link"), "{seen}");
}

/// Tests links that expire after twenty seconds, in both engines at once. The Player renews some of them after eighteen
/// seconds and others never.
#[tokio::test]
async fn flex_uis_own_player_renews_its_link_and_goes_on() {
    let serve_port = free_port().unwrap();
    let origins = format!("https://flex.twilio.com,http://127.0.0.1:{serve_port}");
    let options =
        options()
            .setting(Role::Playback, "MEDIA_URL_TTL", "20")
            .setting(Role::Playback, "FLEX_ORIGINS", &origins);
    let stack = OwnStack::start(options).await;
    let mut url_providers = Vec::new();
    for seconds in [150, 60, 300, 200] {
        url_providers.push(url_provider(&stack, &stereo(&stack, seconds).await.sid));
    }
    let firefox = client("firefox-esr", "firefox-esr").await;
    let job = json!({
        "token": values::FLEX_TOKEN,
        "urlProviders": url_providers,
        "boundMs": 240_000,
        "program": firefox.as_std().get_program().to_str().unwrap(),
        "port": free_port().unwrap(),
        "servePort": serve_port,
    });
    let (chromium, firefox) = tokio::join!(
        drive_flex_beside_others(&stack, "refreshes-chromium.mjs", job.clone()),
        drive_flex_beside_others(&stack, "refreshes-firefox.mjs", job),
    );
    for (engine, seen) in [("Chromium", chromium), ("Firefox", firefox)] {
        for refresh in seen["plays"].as_array().unwrap().iter().chain([&seen["pauses"]]) {
            let time = |name: &str| refresh[name].as_f64().unwrap();
            assert!(time("before") > 0.0, "{engine} {seen}");
            assert!((time("after") - time("before")).abs() < 1.0, "{engine} {seen}");
        }
        assert_eq!(seen["pauses"]["wasPaused"], true, "{engine} {seen}");
        assert_eq!(seen["renewed"], json!([true, true, true]), "{engine} {seen}");
        assert_eq!(seen["notificationsBefore"], json!([]), "{engine} {seen}");
        // Another recording of the segment is loaded separately.
        let chosen = &seen["chooses"];
        assert_eq!(
            (&chosen["at"], &chosen["durationS"]),
            (&json!(0), &json!(200)),
            "{engine} {seen}"
        );
        assert_eq!(chosen["redrawn"], true, "{engine} {seen}");
        // Its link expires, and Flex reports this when more is to be played.
        assert_eq!(seen["pairIsRenewed"], false, "{engine} {seen}");
        assert!(shows_only(&seen["notifications"], FAILED), "{engine} {seen}");
    }
}
