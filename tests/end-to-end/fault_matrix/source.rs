//! Faults of Twilio's media server.

use serde_json::Value;
use twilio_double::FaultAction;

use super::{Kind, Trial, trial::LARGE};

const fn answer(status: u16) -> FaultAction {
    FaultAction::Answer {
        status,
        body: None,
        retry_after: None,
    }
}

const fn cut(after_bytes: usize) -> FaultAction {
    FaultAction::Cut {
        after_bytes: after_bytes as u64,
    }
}

const fn stall(after_bytes: usize, millis: u64) -> FaultAction {
    FaultAction::Stall {
        after_bytes: after_bytes as u64,
        millis,
    }
}

fn imposter(content_type: &str, body: &str) -> FaultAction {
    FaultAction::Imposter {
        content_type: content_type.to_owned(),
        body: body.to_owned(),
    }
}

/// A recording of several parts is stored completely although `times` media requests fail. The copy's message is
/// delivered the given number of times.
macro_rules! sources {
    ($($name:ident: $times:expr, $action:expr, delivered $deliveries:expr;)+) => {$(
        #[tokio::test]
        async fn $name() {
            let trial = Trial::large().await;
            trial.break_source($action, $times);
            trial.call_back().await;
            trial.comes_back(Kind::Copy, $deliveries - 1).await;
            trial.ends_well(1, $deliveries).await;
        }
    )+}
}

sources! {
    a_source_cut_before_its_first_byte_is_called_again: 1, cut(0), delivered 1;
    a_source_cut_after_one_byte_goes_on: 1, cut(1), delivered 1;
    a_source_cut_at_37_percent_goes_on: 1, cut(LARGE * 37 / 100), delivered 1;
    a_source_cut_before_its_last_byte_goes_on: 1, cut(LARGE - 1), delivered 1;
    a_source_cut_four_times_goes_on: 4, cut(1_000_000), delivered 1;
    a_slow_source_is_waited_for: 1, stall(5_000_000, 5_000), delivered 1;
    a_source_that_falls_silent_is_called_again: 1, stall(5_000_000, 30_000), delivered 1;
    a_source_that_hangs_up_without_an_answer_is_called_again: 1, FaultAction::Drop, delivered 1;
    a_source_that_announces_too_much_is_copied_when_its_length_is_right: 1, FaultAction::AnnounceLonger { by_bytes: 1_000 }, delivered 2;
    a_source_that_announces_too_little_is_copied_when_its_length_is_right: 1, FaultAction::AnnounceShorter { by_bytes: 1_000 }, delivered 2;
    a_source_that_announces_nothing_is_copied: 1, FaultAction::Unannounced, delivered 1;
    a_recording_that_is_not_there_yet_is_requested_again: 2, answer(404), delivered 1;
    a_source_that_is_busy_is_called_again: 2, answer(429), delivered 1;
    a_source_that_fails_is_called_again: 2, answer(500), delivered 1;
    a_source_that_is_down_is_called_again: 1, answer(503), delivered 1;
    a_page_in_place_of_the_recording_is_requested_again: 1, imposter("text/html", "<html>502 Bad Gateway</html>"), delivered 1;
    a_document_in_place_of_the_recording_is_requested_again: 1, imposter("application/xml", "<?xml version=\"1.0\"?><Error/>"), delivered 1;
    an_object_in_place_of_the_recording_is_requested_again: 1, imposter("application/json", r#"{"code":20500}"#), delivered 1;
    nothing_in_place_of_the_recording_is_requested_again: 1, imposter("audio/x-wav", ""), delivered 1;
    four_letters_in_place_of_the_recording_are_requested_again: 1, imposter("audio/x-wav", "RIFF"), delivered 1;
    a_stray_400_does_not_make_it_mono: 1, answer(400), delivered 1;
    a_source_without_an_etag_is_copied: 1, FaultAction::Etag { value: None }, delivered 1;
    a_source_with_a_weak_etag_is_copied: 1, FaultAction::Etag { value: Some("W/\"1\"".to_owned()) }, delivered 1;
    a_key_that_is_refused_once_is_read_anew: 1, answer(401), delivered 1;
}

/// Twilio answers `RequestedChannels=2` with 400 if the recording has only one channel.
#[tokio::test]
async fn a_recording_of_one_channel_is_requested_as_one() {
    let mut trial = Trial::small().await;
    // The number of channels in the WAV header.
    trial.recording.audio[22] = 1;
    std::fs::write(trial.file(), &trial.recording.audio).unwrap();
    let mark = trial.stack.twilio().mark();
    trial.call_back().await;
    trial.ends_well(1, 1).await;
    let calls = trial.stack.twilio().calls_since(mark);
    let queries: Vec<_> = calls
        .iter()
        .filter(|call| call.path.contains(&trial.recording.sid))
        .map(|call| call.query.as_str())
        .collect();
    // Two requests are refused. The recording's description then shows that it has one channel.
    let expected = ["RequestedChannels=2", "RequestedChannels=2", "", "RequestedChannels=1"];
    assert_eq!(queries, expected);
}

/// A writer that cannot seek leaves the lengths in the header unset.
#[tokio::test]
async fn a_recording_of_a_streaming_writer_is_stored_byte_for_byte() {
    for size in [0x7fff_ffff_u32, 0x7fff_f000, 0x8000_0000, 2_000_000_000] {
        let mut trial = Trial::small().await;
        trial.recording.audio[40..44].copy_from_slice(&size.to_le_bytes());
        std::fs::write(trial.file(), &trial.recording.audio).unwrap();
        trial.call_back().await;
        trial.ends_well(1, 1).await;
    }
}

/// Unknown bytes are stored at the last delivery, and the log marks them as suspect.
#[tokio::test]
async fn a_recording_that_nobody_knows_is_stored_in_the_end_as_suspect() {
    let mut trial = Trial::small().await;
    trial.recording.audio = b"sixteen of text!".repeat(5_000);
    std::fs::write(trial.file(), &trial.recording.audio).unwrap();
    trial.call_back().await;
    trial.comes_back(Kind::Copy, 4).await;
    trial.ends_well(1, 5).await;
    let head = trial.stack.s3().head_object().bucket(local_stack::values::BUCKET);
    let head = head.key(trial.recording.object_key()).send().await.unwrap();
    assert_eq!(
        head.metadata().unwrap().get("suspect").map(String::as_str),
        Some("unknown")
    );
    let log = trial.stack.log(local_stack::Role::Copier).unwrap();
    assert!(
        log.lines()
            .any(|line| line.contains(&trial.recording.sid) && line.contains("recording stored as suspect"))
    );
}

/// Nothing is stored of a recording that cannot be fetched, and its message is kept for a person to look at.
#[tokio::test]
async fn a_key_that_stays_refused_ends_in_the_dead_letters() {
    let trial = Trial::small().await;
    // Two requests in each of five deliveries: one with the cached key, and one with the key that is read again.
    trial.break_source(answer(401), 10);
    trial.call_back().await;
    trial.done(Kind::Link, 1, 1).await;
    trial.dies(Kind::Copy).await;
    trial.every_fault_struck();
    assert_eq!(trial.versions_and_uploads().await, (0, 0));
    trial.is_linked_once();
    assert!(!trial.is_dead(Kind::Link).await);
}

/// A WAV file that is shorter than its header says is not stored as if it were complete.
#[tokio::test]
async fn a_recording_that_was_cut_before_it_came_is_not_stored() {
    let trial = Trial::small().await;
    let file = trial
        .stack
        .recordings_dir()
        .join(format!("{}.wav", trial.recording.sid));
    std::fs::write(&file, &trial.recording.audio[..100_000]).unwrap();
    trial.call_back().await;
    let failed = trial.failed(Kind::Copy, 1).await;
    assert_eq!(trial.versions_and_uploads().await, (0, 0));
    std::fs::write(trial.file(), &trial.recording.audio).unwrap();
    trial.stack.bring_back(&failed).await;
    trial.ends_well(1, 2).await;
}

/// The audit line shows what was stored.
#[tokio::test]
async fn a_copy_that_went_on_has_one_audit_line_with_the_whole_length() {
    let trial = Trial::large().await;
    trial.break_source(cut(3_000_000), 1);
    trial.call_back().await;
    trial.ends_well(1, 1).await;
    let log = trial.stack.log(local_stack::Role::Copier).unwrap();
    let lines: Vec<Value> = log
        .lines()
        .filter(|line| line.contains(&trial.recording.sid) && line.contains("recording copied"))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].to_string().contains(&format!("\"length\":{LARGE}")),
        "{}",
        lines[0]
    );
}
