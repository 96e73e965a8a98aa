//! `vault.py prove`, as on a real account: against this stack, with the functions' lines in CloudWatch Logs.

mod log_groups;

use std::{fs, path::Path, process::Output, time::Duration};

use local_stack::{Role, values};
use serde_json::Value;
use tokio::process::Command;
use toolbox::{Scratch, Venv};

use self::log_groups::LogGroups;
use crate::{
    canaries::assert_no_secret,
    support::{OwnStack, PROCESSORS, Recording, options},
};

/// More than the buffers between the function and the client hold.
const LEN: usize = 130_000_000;

/// Long enough for the replies that are not cut, on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The beginning of an MP3 with two channels: MPEG-1, layer III, 128 kbit/s, 44.1 kHz, stereo.
const STEREO_MP3: [u8; 4] = [0xff, 0xfb, 0x90, 0x00];

/// The value that Flex's configuration has.
const WEBHOOK: &str = "https://callbacks.example.com/recording-status-callback?taskSid={taskSid}#rc=3&rp=all";

/// The copier stores no recording without a byte. All instances of this stack write to one log stream, and its first
/// request is one for a link.
const NOT_MEASURED: [&str; 2] = ["bodies.emptyRecording", "media.cold"];

/// Runs `prove` with everything that it can measure.
async fn prove(stack: &OwnStack, recording: &Recording, folder: &Path) -> Output {
    let python = tokio::task::spawn_blocking(|| toolbox::python(Venv::Interop));
    let twilio = stack.twilio().api_base();
    Command::new(python.await.unwrap().unwrap())
        .arg(toolbox::workspace_root().join("scripts/vault.py"))
        .args(["prove", "--json", "--recording", &recording.sid])
        .args(["--playback-url", stack.playback_url()])
        .args(["--account", values::ACCOUNT_SID, "--webhook-url", WEBHOOK])
        .args(["--region", values::REGION, "--endpoint-url", stack.aws_endpoint()])
        .args(["--log-group", Role::Playback.name()])
        .args(["--jobs-log-groups", Role::Linker.name()])
        .args(["--slow-seconds", "4", "--slow-bytes", &LEN.to_string()])
        .args(["--until-timeout", &TIMEOUT.as_secs().to_string()])
        .args(["--tokens", "--flex-configuration", "--twilio-media"])
        .args(["--twilio-api-base", &twilio, "--twilio-flex-api-base", &twilio])
        .args(["--twilio-iam-base", &twilio])
        .current_dir(folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("AWS_ACCESS_KEY_ID", values::ACCESS_KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", values::SECRET_ACCESS_KEY)
        .env("AWS_CONFIG_FILE", folder.join("none"))
        .env("FLEX_TOKEN", values::FLEX_TOKEN)
        .env("TWILIO_AUTH_TOKEN", values::AUTH_TOKEN)
        .env("TWILIO_API_KEY_SID", values::API_KEY_SID)
        .env("TWILIO_API_KEY_SECRET", values::API_KEY_SECRET)
        .output()
        .await
        .unwrap()
}

#[tokio::test]
async fn every_question_is_answered_by_the_real_functions() {
    let stack = OwnStack::start(options().timeout(Role::Playback, TIMEOUT)).await;
    let _turn = PROCESSORS.lock().await;
    let recording = Recording::new(&stack, LEN);
    recording.bring_in(&stack).await;
    let mp3 = stack.recordings_dir().join(format!("{}.mp3", recording.sid));
    fs::write(mp3, STEREO_MP3.repeat(1_000)).unwrap();
    let flex = stack.twilio();
    flex.set_flex_property("call_recording_enabled", true.into());
    flex.set_flex_property("call_recording_webhook_url", WEBHOOK.into());
    let scratch = Scratch::new().unwrap();

    let groups = LogGroups::create(&stack, &[Role::Playback, Role::Linker]).await;
    let ran = tokio::select! {
        ran = prove(&stack, &recording, scratch.path()) => ran,
        () = groups.keep_up_to_date() => unreachable!("it has no end"),
    };
    let printed = [&ran.stdout[..], &ran.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    assert_no_secret("prove", &printed);
    assert!(ran.status.success(), "{printed}");

    let proof: Value = serde_json::from_slice(&fs::read(scratch.path().join("proof.json")).unwrap()).unwrap();
    for answer in proof["answers"].as_array().unwrap() {
        let is_measured = !NOT_MEASURED.contains(&answer["field"].as_str().unwrap());
        let expected = is_measured.then_some(true);
        assert_eq!(answer["asExpected"], Value::from(expected), "{answer}");
    }
    assert_proof(&proof);
    let page = fs::read_to_string(scratch.path().join("proof.md")).unwrap();
    assert_no_secret("the page", &page);
    assert_eq!(
        page.matches("| yes |").count(),
        proof["answers"].as_array().unwrap().len() - NOT_MEASURED.len()
    );
}

/// What is known of this stack.
fn assert_proof(proof: &Value) {
    assert_eq!(proof["media"]["length"], LEN);
    assert_eq!(proof["arrival"]["plus"]["arrivedAs"], "a space");
    assert_eq!(proof["arrival"]["secFetchDest"]["logged"], "audio");
    assert_eq!(proof["slowReader"]["endedBy"], "this command");
    let held = proof["slowReader"]["function"]["heldSeconds"].as_f64().unwrap();
    assert!(held >= 3.0, "held for {held} s");
    assert_eq!(proof["abort"]["function"]["outcome"], "out_of_time");
    assert_eq!(proof["abort"]["endedBy"], "a broken connection");
    let answering = &proof["tokens"]["answering"];
    assert_eq!(answering.as_array().unwrap().len(), 4, "{answering}");
    assert_eq!(proof["callbacks"]["taskFrom"], "callback");
    assert_eq!(proof["twilioMedia"]["range"]["status"], 206);
}
