//! Which recordings the pause button of Twilio's flex-project-template finds.
//!
//! The template is not a package. Therefore, its rule is repeated here, from `pauseRecordingHelper.ts` in
//! `plugin-flex-ts-template-v2/src/feature-library/pause-recording/helpers`
//! (twilio-professional-services/flex-project-template at fbd5594). The feature `dual-channel-recording`, which makes
//! its own recordings, is left out. If Call Recording is on in the console, the button pauses the conference's current
//! recording. If Twilio has no such recording (21220), the button reports that there is none. If Call Recording is off,
//! the button reports at once that the call is not being recorded.

use super::accepted::{Accepted, Recorded, accepted};

/// The message that the agent sees before the customer says a card number.
#[derive(Debug, PartialEq, Eq)]
enum Message {
    Paused,
    NotRecorded,
}

/// The result of a press of the button: the message for the agent, and the recordings that continue.
fn press(case: &Accepted, console: bool) -> (Message, Vec<Recorded>) {
    let recorded = case.recorded();
    let found = console && recorded.contains(&Recorded::Conference);
    let goes_on = recorded
        .into_iter()
        .filter(|it| !(found && *it == Recorded::Conference));
    (
        if found { Message::Paused } else { Message::NotRecorded },
        goes_on.collect(),
    )
}

/// The plugin must have warned if a recording continues, and must be silent if none does.
#[tokio::test]
async fn a_pause_finds_the_conferences_recording_and_the_plugin_warns_where_it_finds_none() {
    for (name, console, message, goes_on) in [
        ("pause: console", true, Message::Paused, vec![]),
        ("pause: conference and console", true, Message::Paused, vec![]),
        (
            "pause: conference",
            false,
            Message::NotRecorded,
            vec![Recorded::Conference],
        ),
        (
            "pause: reservation",
            false,
            Message::NotRecorded,
            vec![Recorded::AgentsLeg],
        ),
        (
            "pause: reservation and console",
            true,
            Message::Paused,
            vec![Recorded::AgentsLeg],
        ),
        (
            "pause for one worker: reservation",
            false,
            Message::NotRecorded,
            vec![Recorded::AgentsLeg],
        ),
    ] {
        let case = &accepted().await[name];
        let warned = case.said.iter().any(|text| text.contains("pause button"));
        assert_eq!(warned, !goes_on.is_empty(), "{name}: {:?}", case.said);
        assert_eq!(case.notifications.contains("pause button"), warned, "{name}");
        assert_eq!(press(case, console), (message, goes_on), "{name}");
    }
}

#[tokio::test]
async fn the_plugin_warns_where_calls_are_recorded_twice() {
    for case in accepted().await.values() {
        let twice = case.said.iter().any(|text| text.contains("recorded twice"));
        assert_eq!(twice, case.recorded().len() > 1, "{:?}", case.said);
    }
}

#[tokio::test]
async fn without_a_pause_button_the_plugin_is_silent() {
    for name in [
        "conference",
        "conference and console",
        "reservation",
        "excluded by queue",
    ] {
        let case = &accepted().await[name];
        assert_eq!(
            (case.said.as_slice(), case.notifications.as_str()),
            (&[][..], ""),
            "{name}"
        );
    }
}
