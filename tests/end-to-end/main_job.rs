//! The main job, as `cargo demo` shows it: a signed callback arrives, an encrypted recording is stored, and ranges of
//! it are played.

use local_stack::{Callback, Role, Stack, StackOptions};
use reqwest::StatusCode;
use serde_json::Value;
use twilio_double::mp3;

use crate::{
    canaries,
    support::{OwnStack, Recording, among_others, eventually, get, header, options},
};

/// 5.8 MB: three minutes, more than S3's minimum size of a part.
const THREE_MINUTES: usize = 44 + 180 * 32_000;

#[tokio::test]
async fn a_call_is_recorded_stored_linked_and_played() {
    let (stack, _turn) = among_others().await;
    plays(stack).await;
}

#[tokio::test]
async fn without_queues_the_webhook_does_the_jobs_itself() {
    let stack = OwnStack::start(options().in_line()).await;
    plays(&stack).await;
}

#[tokio::test]
async fn an_mp3_is_stored_and_played_as_one() {
    let stack = OwnStack::start(options().setting(Role::Copier, "MEDIA_FORMAT", "mp3")).await;
    let mut recording = Recording::new(&stack, 1_000);
    recording.audio = mp3::silence(2_000);
    let at_twilio = |kind: &str| stack.recordings_dir().join(format!("{}.{kind}", recording.sid));
    std::fs::remove_file(at_twilio("wav")).unwrap();
    std::fs::write(at_twilio("mp3"), &recording.audio).unwrap();
    recording.bring_in(&stack).await;
    let answer = get(&recording.media_url(&stack).await, &[]).await;
    assert_eq!(header(&answer, "content-type").as_deref(), Some("audio/mpeg"));
    assert!(answer.bytes().await.unwrap() == recording.audio);
}

async fn plays(stack: &Stack) {
    let recording = Recording::new(stack, THREE_MINUTES);
    recording.bring_in(stack).await;

    let attributes = stack.twilio().task(&recording.task).unwrap().attributes;
    assert!(
        attributes.contains(r#""precise":1.00"#),
        "other writers' values must be kept to the digit"
    );
    let attributes: Value = serde_json::from_str(&attributes).unwrap();
    assert_eq!(attributes["conversations"]["queue"], "Support");
    let media = &attributes["conversations"]["media"][0];
    assert_eq!(media["type"], "VoiceRecording");
    assert_eq!(
        media["url_provider"],
        format!("{}/media-url?recordingSid={}", stack.playback_url(), recording.sid)
    );

    let object = recording.stored(stack).await;
    assert_eq!(
        object[..3],
        [0x02, 0x04, 0x78],
        "an Encryption SDK message, version 2, suite 0x0478"
    );
    let middle = &recording.audio[3_000_000..3_000_064];
    assert!(
        !object.windows(middle.len()).any(|window| window == middle),
        "no plaintext may be stored"
    );

    let url = recording.media_url(stack).await;
    let total = recording.audio.len();
    for (first, last) in [
        (0, 65_535),
        (65_530, 65_545),
        (3_000_000, 3_999_999),
        (total - 1, total - 1),
    ] {
        let answer = get(&url, &[("range", &format!("bytes={first}-{last}"))]).await;
        assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(
            header(&answer, "content-range"),
            Some(format!("bytes {first}-{last}/{total}"))
        );
        assert_eq!(answer.bytes().await.unwrap(), recording.audio[first..=last]);
    }
    let whole = get(&url, &[]).await;
    assert_eq!(whole.status(), StatusCode::OK);
    assert_eq!(header(&whole, "content-type").as_deref(), Some("audio/x-wav"));
    assert!(
        whole.bytes().await.unwrap() == recording.audio,
        "the whole recording is identical"
    );
}

#[tokio::test]
async fn a_task_is_found_by_its_call_where_the_callback_does_not_name_it() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 100_000);
    let callback = Callback::completed(&recording.sid)
        .parameter("CallSid", &recording.call)
        .for_media(&recording.audio);
    assert_eq!(
        stack.post_callback(&callback).await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    eventually("the link", || async {
        stack
            .twilio()
            .task(&recording.task)?
            .attributes
            .contains(&recording.sid)
            .then_some(())
    })
    .await;
    assert!(!recording.stored(stack).await.is_empty());
    assert_eq!(
        recording.media_url(stack).await.split('?').next(),
        Some(format!("{}/recordings/{}", stack.playback_url(), recording.sid).as_str())
    );
}

#[tokio::test]
async fn every_line_about_a_recording_names_its_invocation_and_its_trace() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 100_000);
    recording.bring_in(stack).await;
    get(&recording.media_url(stack).await, &[]).await.bytes().await.unwrap();

    for role in [Role::Webhook, Role::Linker, Role::Copier, Role::Playback] {
        let log = stack.log(role).unwrap();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let about: Vec<_> = lines.filter(|line| line["recordingSid"] == *recording.sid).collect();
        assert!(!about.is_empty(), "{role}");
        for line in about {
            for field in ["/timestamp", "/level", "/span/requestId", "/span/xrayTraceId"] {
                assert!(
                    line.pointer(field).is_some_and(Value::is_string),
                    "{role}: no {field} in {line}"
                );
            }
        }
    }
}

/// At this level, the libraries would log raw events, headers and bodies.
#[tokio::test]
async fn no_log_line_holds_a_secret_at_trace_either() {
    let trace = |options: StackOptions, role| options.setting(role, "AWS_LAMBDA_LOG_LEVEL", "TRACE");
    let stack = OwnStack::start(Role::ALL.into_iter().fold(options(), trace)).await;
    plays(&stack).await;
    assert!(stack.logs().unwrap().contains(r#""level":"INFO""#));
}

/// Every test ends with a search of the logs for secrets, tokens, signatures, names and numbers. This test uses those
/// that other tests do not.
#[tokio::test]
async fn no_log_line_holds_a_secret() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 100_000);
    let forged = recording.callback().auth_token(canaries::FORGER);
    assert_eq!(
        stack.post_callback(&forged).await.unwrap().status(),
        StatusCode::FORBIDDEN
    );
    recording.bring_in(stack).await;
    stack.media_url(&recording.sid, canaries::LISTENER).await.unwrap();
    let url = recording.media_url(stack).await;
    let (_, signature) = url.split_once("&signature=").unwrap();
    get(&url, &[("range", "bytes=0-9")]).await;
    get(&format!("{url}x"), &[]).await;

    let logs = stack.logs().unwrap();
    assert!(logs.contains(&recording.sid), "these are the logs of this test");
    assert!(!logs.contains(signature));
}
