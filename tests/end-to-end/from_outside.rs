//! Another program needs only the JSON line of `cargo demo --serve --json`.

use std::{collections::BTreeMap, fs, path::Path};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use twilio_double::signature;

use crate::support::{among_others, eventually, get, json};

const RECORDING: &str = "REABCDEF00000000000000000000000001";
const TASK: &str = "WTABCDEF00000000000000000000000001";
const CALL: &str = "CAABCDEF00000000000000000000000001";

/// The fields that docs/REFERENCE.md documents.
const FIELDS: [&str; 15] = [
    "callback_url",
    "public_callback_url",
    "playback_url",
    "page_url",
    "s3_endpoint",
    "kms_endpoint",
    "sqs_endpoint",
    "lambda_endpoint",
    "bucket",
    "kms_key_arn",
    "region",
    "access_key_id",
    "secret_access_key",
    "recordings_dir",
    "twilio",
];
const TWILIO_FIELDS: [&str; 10] = [
    "api_base",
    "control_base",
    "account_sid",
    "auth_token",
    "shared_key_sid",
    "shared_key_secret",
    "api_key_sid",
    "api_key_secret",
    "workspace_sid",
    "flex_token",
];

#[tokio::test]
async fn a_program_that_knows_only_the_json_line_can_drive_the_stack() {
    let (stack, _turn) = among_others().await;
    let ready: Value = serde_json::from_str(&stack.ready().to_string()).unwrap();
    for (fields, of) in [(&FIELDS[..], &ready), (&TWILIO_FIELDS, &ready["twilio"])] {
        let mut found: Vec<_> = of.as_object().unwrap().keys().map(String::as_str).collect();
        let mut promised = fields.to_vec();
        found.sort_unstable();
        promised.sort_unstable();
        assert_eq!(found, promised);
    }
    let text = |pointer: &str| ready.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    let control = text("/twilio/control_base");

    // A recording is put into the folder, and its task can only be found by a search for the worker's leg.
    let audio = twilio_double::wav::duet(5);
    let file = Path::new(&text("/recordings_dir")).join(format!("{RECORDING}.wav"));
    fs::write(file, &audio).unwrap();
    let task = json!({"sid": TASK, "attributes": {"conference": {"participants": {"worker": CALL}}}});
    let made = Client::new()
        .post(format!("{control}/tasks"))
        .json(&task)
        .send()
        .await
        .unwrap();
    assert!(made.status().is_success());

    let form = BTreeMap::from([
        ("AccountSid", text("/twilio/account_sid")),
        ("CallSid", CALL.to_owned()),
        ("RecordingSid", RECORDING.to_owned()),
        ("RecordingStatus", "completed".to_owned()),
    ]);
    let signed = signature(
        &text("/twilio/auth_token"),
        &text("/public_callback_url"),
        form.iter().map(|(name, value)| (*name, value.as_str())),
    );
    let posted = Client::new()
        .post(text("/callback_url"))
        .header("X-Twilio-Signature", signed)
        .form(&form)
        .send()
        .await
        .unwrap();
    assert_eq!(posted.status(), StatusCode::NO_CONTENT);

    let provider = eventually("the link in the task", || async {
        let task = json(get(&format!("{control}/tasks/{TASK}"), &[]).await).await;
        let attributes: Value = serde_json::from_str(task["attributes"].as_str()?).ok()?;
        let provider = attributes.pointer("/conversations/media/0/url_provider")?;
        provider.as_str().map(str::to_owned)
    })
    .await;
    let media_url = eventually("the media link", || async {
        let answer = Client::new()
            .get(&provider)
            .basic_auth("token", Some(text("/twilio/flex_token")))
            .send()
            .await
            .unwrap();
        // The status is 404 until the copy exists.
        (answer.status() == StatusCode::OK).then_some(())?;
        json(answer).await["media_url"].as_str().map(str::to_owned)
    })
    .await;
    assert!(get(&media_url, &[]).await.bytes().await.unwrap() == audio);

    let calls = json(get(&format!("{control}/calls"), &[]).await).await;
    let calls = calls.as_array().unwrap();
    assert!(
        calls
            .iter()
            .any(|call| call["path"].as_str().unwrap().contains(RECORDING))
    );
    assert!(
        !calls
            .iter()
            .any(|call| call.to_string().contains(&text("/twilio/api_key_secret")))
    );
    let gone = Client::new()
        .delete(format!("{control}/tasks/{TASK}"))
        .send()
        .await
        .unwrap();
    assert!(gone.status().is_success());
    assert!(stack.twilio().task(TASK).is_none());
}
