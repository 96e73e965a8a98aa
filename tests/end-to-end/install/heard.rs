//! A call in Flex after the setup, and its recording in the Player.

use std::{
    fs,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use local_stack::{Callback, values};
use reqwest::{Client, StatusCode, header};
use serde_json::Value;

use super::{bench::Bench, terminal::Ran, transcript};
use crate::support::{eventually, wav};

const RECORDING: &str = "RE000000000000000000000000000000c1";
const TASK: &str = "WT000000000000000000000000000000c1";
const CALL: &str = "CA000000000000000000000000000000c1";

/// What happened, and when.
struct Protocol {
    began: Instant,
    shown: String,
    times: Vec<(usize, Duration)>,
}

impl Protocol {
    fn line(&mut self, text: &str) {
        self.times.push((self.shown.len(), self.began.elapsed()));
        self.shown.push_str(text);
        self.shown.push('\n');
    }
}

/// Makes a call as Flex does with its configuration, and listens to its recording as the Player does.
pub(super) async fn is_heard(bench: &Bench) {
    let mut protocol = Protocol {
        began: Instant::now(),
        shown: String::new(),
        times: Vec::new(),
    };
    let audio = wav(1, 300_000);
    call_ends(bench, &audio).await;
    protocol.line("The call ends. Flex posts the callback to its webhook: 204");
    let provider = link_of_the_task(bench).await;
    protocol.line("The task has the link of the recording");
    let client = bench.account.client().unwrap();
    let link = media_url(&client, &provider).await;
    protocol.line("The Player gets a media URL for the supervisor's Flex token: 200");

    let whole = client.get(&link).send().await.unwrap();
    assert_eq!(whole.status(), StatusCode::OK);
    assert!(whole.bytes().await.unwrap() == audio[..], "the whole recording differs");
    protocol.line("The Player gets the whole recording, byte for byte as at Twilio: 200");
    let range = client.get(&link).header(header::RANGE, "bytes=100000-199999");
    let range = range.send().await.unwrap();
    assert_eq!(range.status(), StatusCode::PARTIAL_CONTENT);
    assert!(
        range.bytes().await.unwrap() == audio[100_000..200_000],
        "the range differs"
    );
    protocol.line("The Player seeks, and gets a range: 206");

    let Protocol { shown, times, .. } = protocol;
    let code = None;
    transcript::hold_events("A call is heard", &Ran { code, shown, times });
}

async fn call_ends(bench: &Bench, audio: &[u8]) {
    let account = &bench.account;
    fs::write(account.recordings_dir().join(format!("{RECORDING}.wav")), audio).unwrap();
    let attributes = format!(r#"{{"call_sid":"{CALL}","name":"a customer"}}"#);
    account.twilio().add_task(TASK, &attributes);
    let callback = Callback::completed(RECORDING)
        .parameter("CallSid", CALL)
        .for_media(audio);
    let answer = account.call_back(&callback, TASK).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
}

async fn link_of_the_task(bench: &Bench) -> String {
    let provider = eventually("the task's link", || async {
        let attributes: Value = serde_json::from_str(&bench.account.twilio().task(TASK)?.attributes).unwrap();
        assert_eq!(attributes["name"], "a customer");
        let provider = attributes["conversations"]["media"][0]["url_provider"].as_str()?;
        Some(provider.to_owned())
    })
    .await;
    assert!(
        provider.starts_with("https://") && provider.ends_with(RECORDING),
        "{provider}"
    );
    provider
}

/// The copy of the recording may still be under way.
async fn media_url(client: &Client, provider: &str) -> String {
    let token = STANDARD.encode(format!("token:{}", values::FLEX_TOKEN));
    let answer = eventually("the copied recording", || async {
        let request = client
            .get(provider)
            .header(header::AUTHORIZATION, format!("Basic {token}"));
        let answer = request.send().await.unwrap();
        let is_copied = answer.status() == StatusCode::OK;
        assert!(
            is_copied || answer.status() == StatusCode::NOT_FOUND,
            "{}",
            answer.status()
        );
        is_copied.then_some(answer.bytes().await.unwrap())
    })
    .await;
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    answer["media_url"].as_str().unwrap().to_owned()
}
