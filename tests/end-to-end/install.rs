//! The setup of a release at a terminal, as an administrator of Flex runs it: into an AWS account and a Twilio account on
//! this machine, up to a call that is heard, and back.

mod bench;
mod terminal;

use std::fs;

use base64::{Engine, engine::general_purpose::STANDARD};
use local_stack::{Callback, values};
use reqwest::{StatusCode, header};
use serde_json::{Value, json};

use self::bench::{Bench, DELETE, Run, SENTENCE};
use crate::support::{eventually, wav};

const RECORDING: &str = "RE000000000000000000000000000000c1";
const TASK: &str = "WT000000000000000000000000000000c1";
const CALL: &str = "CA000000000000000000000000000000c1";

/// The options of the runs. The machine of the tests has x86_64 processors.
const INSTALL: [&str; 4] = ["--release", ".", "--architecture", "x86_64"];

#[tokio::test]
async fn from_an_unpacked_release_to_a_heard_call_and_back() {
    let bench = Bench::start().await;
    let flex = || bench.account.twilio().flex_configuration().unwrap();
    let before = flex();
    let ran = bench.setup(Run::default().with(&INSTALL)).await;
    assert_eq!(ran.code, Some(0), "{}", ran.shown);
    let configured = flex();
    assert_eq!(configured["call_recording_enabled"], json!(true));
    assert_eq!(without_ours(&configured), without_ours(&before));

    is_heard(&bench).await;

    let undo = Run::default()
        .with(&["--undo", "--region", values::REGION])
        .answering(SENTENCE, DELETE);
    let undone = bench.setup(undo).await;
    assert_eq!(undone.code, Some(0), "{}", undone.shown);
    let restored = flex();
    assert_eq!(restored["call_recording_enabled"], json!(false));
    assert_eq!(
        restored["call_recording_webhook_url"],
        before["call_recording_webhook_url"]
    );
    assert_eq!(without_ours(&restored), without_ours(&before));
    assert!(bench.is_empty().await, "{}", undone.shown);
}

/// Makes a call as Flex does with its configuration, and listens to its recording as the Player does.
async fn is_heard(bench: &Bench) {
    let account = &bench.account;
    let audio = wav(1, 300_000);
    fs::write(account.recordings_dir().join(format!("{RECORDING}.wav")), &audio).unwrap();
    account
        .twilio()
        .add_task(TASK, &format!(r#"{{"call_sid":"{CALL}","name":"a customer"}}"#));
    let callback = Callback::completed(RECORDING)
        .parameter("CallSid", CALL)
        .for_media(&audio);
    let answer = account.call_back(&callback, TASK).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);

    let provider = eventually("the task's link", || async {
        let attributes: Value = serde_json::from_str(&account.twilio().task(TASK)?.attributes).unwrap();
        assert_eq!(attributes["name"], "a customer");
        let media = attributes["conversations"]["media"][0]["url_provider"].as_str()?;
        Some(media.to_owned())
    })
    .await;
    assert!(
        provider.starts_with("https://") && provider.ends_with(RECORDING),
        "{provider}"
    );

    let client = account.client().unwrap();
    let token = STANDARD.encode(format!("token:{}", values::FLEX_TOKEN));
    let link = eventually("the copied recording", || async {
        let asked = client
            .get(&provider)
            .header(header::AUTHORIZATION, format!("Basic {token}"));
        let answer = asked.send().await.unwrap();
        let copied = answer.status() == StatusCode::OK;
        assert!(
            copied || answer.status() == StatusCode::NOT_FOUND,
            "{}",
            answer.status()
        );
        copied.then_some(answer.bytes().await.unwrap())
    })
    .await;
    let link: Value = serde_json::from_slice(&link).unwrap();
    let link = link["media_url"].as_str().unwrap();

    let whole = client.get(link).send().await.unwrap();
    assert_eq!(whole.status(), StatusCode::OK);
    assert!(whole.bytes().await.unwrap() == audio[..], "the whole recording differs");
    let range = client
        .get(link)
        .header(header::RANGE, "bytes=100000-199999")
        .send()
        .await
        .unwrap();
    assert_eq!(range.status(), StatusCode::PARTIAL_CONTENT);
    assert!(
        range.bytes().await.unwrap() == audio[100_000..200_000],
        "the range differs"
    );
}

/// Flex's configuration without the two properties that the setup changes, and the time that Twilio changes.
fn without_ours(configuration: &Value) -> Value {
    let mut rest = configuration.clone();
    for name in ["call_recording_enabled", "call_recording_webhook_url", "date_updated"] {
        rest.as_object_mut().unwrap().remove(name);
    }
    rest
}
