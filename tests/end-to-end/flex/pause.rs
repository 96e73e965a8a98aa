//! Which recordings the pause button of Twilio's flex-project-template finds.
//!
//! The template isn't a package, so that its rule is written down here, of `pauseRecordingHelper.ts` in
//! `plugin-flex-ts-template-v2/src/feature-library/pause-recording/helpers` (twilio-professional-services/flex-project-template
//! at fbd5594, without its feature `dual-channel-recording`, which records by itself): if Call Recording is on in the console,
//! it pauses the conference's current recording, and says that there's none if Twilio has none (21220). If it's off, it says
//! at once that the call is not being recorded.

use super::accepted::{Accepted, Recorded, accepted};

/// What the agent is told, who then has the customer say a card number.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Paused,
    NotRecorded,
}

/// A press of the button: what the agent is told, and what goes on recording.
fn press(case: &Accepted, console: bool) -> (Told, Vec<Recorded>) {
    let recorded = case.recorded();
    let found = console && recorded.contains(&Recorded::Conference);
    let goes_on = recorded
        .into_iter()
        .filter(|it| !(found && *it == Recorded::Conference));
    (if found { Told::Paused } else { Told::NotRecorded }, goes_on.collect())
}

/// Wherever something goes on recording, the plugin has warned; where nothing does, it is silent.
#[tokio::test]
async fn a_pause_finds_the_conferences_recording_and_the_plugin_warns_where_it_finds_none() {
    for (name, console, told, goes_on) in [
        ("pause: console", true, Told::Paused, vec![]),
        ("pause: conference and console", true, Told::Paused, vec![]),
        (
            "pause: conference",
            false,
            Told::NotRecorded,
            vec![Recorded::Conference],
        ),
        (
            "pause: reservation",
            false,
            Told::NotRecorded,
            vec![Recorded::AgentsLeg],
        ),
        (
            "pause: reservation and console",
            true,
            Told::Paused,
            vec![Recorded::AgentsLeg],
        ),
        (
            "pause for one worker: reservation",
            false,
            Told::NotRecorded,
            vec![Recorded::AgentsLeg],
        ),
    ] {
        let case = &accepted().await[name];
        let warned = case.said.iter().any(|text| text.contains("pause button"));
        assert_eq!(warned, !goes_on.is_empty(), "{name}: {:?}", case.said);
        assert_eq!(case.notifications.contains("pause button"), warned, "{name}");
        assert_eq!(press(case, console), (told, goes_on), "{name}");
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
