//! Twilio's own Flex UI and flex-sdk accept a call, with and without the plugin as Twilio's builder makes it. Their
//! request to TaskRouter determines what is recorded and where Twilio sends the callbacks. From there on, the callbacks
//! go to the stack.

mod accepted;
mod pause;

use local_stack::{Callback, Stack, values};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::process::Command;
use twilio_double::Operation;

use self::accepted::{Accepted, Recorded, accepted, conference_callback};
use crate::support::{Recording, alone, get};

const WEBHOOK: &str = "https://webhooks.twilio.com/v1/Accounts/";

/// Twilio's check of the plugin's structure, its builder, and jest with Twilio's configuration.
#[tokio::test]
async fn the_plugin_passes_twilios_checks_and_its_own_tests() {
    let plugin = tokio::task::spawn_blocking(|| toolbox::flex_plugin().unwrap());
    let plugin = plugin.await.unwrap();
    let mut npm = Command::new("npm");
    let tests = npm
        .args(["test", "--silent", "--no-update-notifier"])
        .current_dir(&plugin)
        .env("HOME", &plugin);
    let ran = tests.kill_on_drop(true).output().await.unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    assert!(said.contains("Tests:") && said.contains(" passed, "), "{said}");
}

#[tokio::test]
async fn the_plugin_is_initialized_by_flex_uis_own_plugin_manager() {
    for (name, case) in accepted().await {
        let state: &[_] = if case.has_plugin { &["Initialized"] } else { &[] };
        assert_eq!(case.plugins, state, "{name}");
    }
}

#[tokio::test]
async fn call_recording_in_the_console_names_the_task_in_the_callback() {
    for name in ["console", "console by flex-sdk", "console by ui_attributes"] {
        let case = &accepted().await[name];
        assert_eq!(case.about_recordings(), conference_is_recorded(&case.task), "{name}");
    }
}

/// The instruction that records a task's conference and sends us the callback.
fn conference_is_recorded(task: &str) -> Value {
    json!({
        "ConferenceRecord": true,
        "ConferenceRecordingStatusCallback": conference_callback(task),
        "ConferenceRecordingStatusCallbackMethod": "POST",
    })
}

#[tokio::test]
async fn without_a_webhook_url_the_console_sends_twilios_own() {
    let case = &accepted().await["console without a webhook"];
    let callback = case.posted["ConferenceRecordingStatusCallback"].as_str().unwrap();
    assert!(callback.starts_with(WEBHOOK), "{callback}");
}

#[tokio::test]
async fn mode_conference_records_a_call_once_and_its_callback_wins() {
    for name in [
        "conference",
        "conference and console",
        "conference and console without a webhook",
    ] {
        let case = &accepted().await[name];
        assert_eq!(case.about_recordings(), conference_is_recorded(&case.task), "{name}");
    }
}

#[tokio::test]
async fn mode_reservation_records_the_agents_leg_and_names_the_reservation() {
    let case = &accepted().await["reservation"];
    let callback = format!(
        "{}{}?reservationSid={}&taskSid={}#rc=3&rp=all",
        values::PUBLIC_BASE_URL,
        values::CALLBACK_PATH,
        case.reservation,
        case.task
    );
    assert_eq!(
        case.about_recordings(),
        json!({
            "ConferenceRecord": false,
            "Record": "true",
            "RecordingChannels": "dual",
            "RecordingStatusCallback": callback,
            "RecordingStatusCallbackMethod": "POST",
        })
    );
}

#[tokio::test]
async fn settings_of_another_plugin_stay_and_its_callback_is_replaced_with_a_warning() {
    let [alone, beside] =
        ["reservation", "reservation beside another plugin"].map(|name| async move { &accepted().await[name] });
    let (alone, beside) = (alone.await, beside.await);
    assert_eq!(beside.posted["Beep"], "onEnter");
    assert_eq!(beside.recorded(), alone.recorded());
    let callback = beside.posted["RecordingStatusCallback"].as_str().unwrap();
    assert!(callback.contains(&beside.reservation), "{callback}");
    assert_eq!(alone.said, [""; 0]);
    let [warning] = beside.said.as_slice() else {
        panic!("one warning: {:?}", beside.said);
    };
    assert!(
        warning.contains("replaces another plugin's recordingStatusCallback") && !warning.contains("other.example.com")
    );
}

#[tokio::test]
async fn an_excluded_call_is_not_recorded_though_the_console_says_so() {
    for name in [
        "excluded by queue",
        "excluded by the queue's SID",
        "excluded by attribute",
    ] {
        let case = &accepted().await[name];
        assert_eq!(case.posted["ConferenceRecord"], false, "{name}");
        assert_eq!(case.recorded(), [], "{name}");
    }
}

/// Flex's notification bar, drawn by React, shows the error to an administrator. Agents see nothing. Both can take
/// their call.
#[tokio::test]
async fn a_wrong_setting_is_shown_to_administrators_and_costs_nobody_a_call() {
    let wrong = "The plugin records no calls: ui_attributes.recording_vault.callback_url is not an https URL";
    for (name, shown) in [
        ("wrong setting, administrator", format!("Recording Vault: {wrong}")),
        ("wrong setting, agent", String::new()),
    ] {
        let case = &accepted().await[name];
        assert_eq!(case.posted["Instruction"], "conference");
        assert_eq!(case.recorded(), [], "{name}");
        assert_eq!(case.notifications, shown, "{name}");
        assert_eq!(case.said, [format!("RecordingVaultPlugin: {wrong}")], "{name}");
    }
}

/// From the agent's click to a link that plays. No search for the task is needed, because the callback contains its
/// SID.
#[tokio::test]
async fn the_recording_of_an_accepted_call_is_linked_without_a_search_and_plays() {
    let (stack, _turn) = alone().await;
    for (name, where_linked) in [
        ("console", Linked::Task),
        ("console by flex-sdk", Linked::Task),
        ("conference", Linked::Task),
        ("reservation", Linked::Reservation),
    ] {
        let case = &accepted().await[name];
        let recording = Recording::named(stack, &case.recording, &case.task, 4_000);
        let mark = stack.twilio().mark();
        let callback = twilios_callback(case, &recording);
        let answer = stack.post_callback(&callback).await.unwrap();
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{name}");
        recording.stored(stack).await;
        recording.linked(stack).await;
        let calls = stack.twilio().calls_since(mark);
        let searches = calls
            .iter()
            .filter(|call| call.operation == Some(Operation::TaskSearch));
        assert_eq!(searches.count(), 0, "{name}: {calls:?}");

        assert_eq!(links(stack, case), where_linked.expected(), "{name}");
        let answer = get(&recording.media_url(stack).await, &[]).await;
        assert!(answer.bytes().await.unwrap() == recording.audio, "{name}");
    }
}

enum Linked {
    Task,
    Reservation,
}

impl Linked {
    /// The number of links of the task and of its reservation.
    fn expected(&self) -> [usize; 2] {
        match self {
            Self::Task => [1, 0],
            Self::Reservation => [0, 1],
        }
    }
}

fn links(stack: &Stack, case: &Accepted) -> [usize; 2] {
    let attributes = stack.twilio().task(&case.task).unwrap().attributes;
    let attributes: Value = serde_json::from_str(&attributes).unwrap();
    let reservation = &attributes["reservation_attributes"][&case.reservation];
    [&attributes["conversations"], reservation].map(|level| level["media"].as_array().map_or(0, Vec::len))
}

/// The callback that Twilio posts when the recording that the instruction started is complete.
fn twilios_callback(case: &Accepted, recording: &Recording) -> Callback {
    let [(recorded, callback)] = case.callbacks().try_into().unwrap();
    let (url, fragment) = callback.split_once('#').unwrap();
    assert_eq!(fragment, "rc=3&rp=all");
    let (url, query) = url.split_once('?').unwrap();
    assert_eq!(url, format!("{}{}", values::PUBLIC_BASE_URL, values::CALLBACK_PATH));
    let completed = Callback::completed(&recording.sid)
        .for_media(&recording.audio)
        .query(query);
    match recorded {
        Recorded::Conference => completed.of_conference("CF00000000000000000000000000000001"),
        Recorded::AgentsLeg => completed.parameter("CallSid", &recording.call),
    }
}
