//! The setup of a release at a terminal, as an administrator of Flex runs it: into an AWS account and a Twilio account on
//! this machine, up to a call that is heard, and back.

mod bench;
mod faults_after;
mod faults_before;
mod heard;
mod terminal;
mod transcript;

use local_stack::values;
use serde_json::{Value, json};

use self::bench::{Bench, DELETE, Run, SENTENCE};

/// The options of the runs. The machine of the tests has x86_64 processors.
const INSTALL: [&str; 4] = ["--release", ".", "--architecture", "x86_64"];

/// The options of an undo.
const UNDO: [&str; 3] = ["--undo", "--region", values::REGION];

#[tokio::test]
async fn from_an_unpacked_release_to_a_heard_call_and_back() {
    let bench = Bench::start().await;
    let flex = || bench.account.twilio().flex_configuration().unwrap();
    let before = flex();
    let ran = bench.setup(Run::default().with(&INSTALL)).await;
    assert_eq!(ran.code, Some(0), "{}", ran.shown);
    transcript::hold("From an unpacked release to a configured Flex", &INSTALL, &ran);
    assert!(ran.shown.contains("the task gets the link: ok"), "{}", ran.shown);
    assert!(bench.routing().is_empty(), "{:?}", bench.routing());
    let configured = flex();
    assert_eq!(configured["call_recording_enabled"], json!(true));
    assert_eq!(without_ours(&configured), without_ours(&before));

    heard::is_heard(&bench).await;

    let undone = bench
        .setup(Run::default().with(&UNDO).answering(SENTENCE, DELETE))
        .await;
    assert_eq!(undone.code, Some(0), "{}", undone.shown);
    transcript::hold("Back to the state before", &UNDO, &undone);
    let restored = flex();
    assert_eq!(restored["call_recording_enabled"], json!(false));
    assert_eq!(
        restored["call_recording_webhook_url"],
        before["call_recording_webhook_url"]
    );
    assert_eq!(without_ours(&restored), without_ours(&before));
    assert!(bench.is_empty().await && !bench.backup().exists(), "{}", undone.shown);
}

/// Flex's configuration without the two properties that the setup changes, and the time that Twilio changes.
fn without_ours(configuration: &Value) -> Value {
    let mut rest = configuration.clone();
    for name in ["call_recording_enabled", "call_recording_webhook_url", "date_updated"] {
        rest.as_object_mut().unwrap().remove(name);
    }
    rest
}
