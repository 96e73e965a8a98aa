use proptest::{option, prelude::*};
use serde_json::{Value, json};
use sid::{AccountSid, CallSid, ConferenceSid};
use twilio::callback::RecordingStatus;

use super::*;

fn callback() -> RecordingCallback {
    RecordingCallback {
        account_sid: AccountSid::parse("AC00000000000000000000000000000001").unwrap(),
        recording_sid: RecordingSid::parse("RE00000000000000000000000000000001").unwrap(),
        status: RecordingStatus::Completed,
        facts: RecordingFacts {
            call_sid: Some(CallSid::parse("CA00000000000000000000000000000001").unwrap()),
            conference_sid: None,
            channels: Some(2),
            duration_s: Some(5),
            start_time_ms: Some(1_763_899_000_000),
            source: Some("OutboundAPI".to_owned()),
            track: None,
        },
        error_code: None,
        encryption_details: None,
        unreadable: Vec::new(),
    }
}

fn jobs() -> [Job; 2] {
    let task = TaskReference {
        task_sid: Some(TaskSid::parse("WT00000000000000000000000000000001").unwrap()),
        reservation_sid: None,
    };
    Job::of_completed(callback(), task, 1_763_900_000_000)
}

#[test]
fn messages_have_the_documented_shape() {
    let messages = jobs().map(|job| serde_json::from_str::<Value>(&job.to_message()).unwrap());
    assert_eq!(
        messages,
        [
            json!({
                "version": 1,
                "kind": "LinkTask",
                "recordingSid": "RE00000000000000000000000000000001",
                "callSid": "CA00000000000000000000000000000001",
                "taskSid": "WT00000000000000000000000000000001",
                "startTimeMs": 1_763_899_000_000_i64,
                "channels": 2,
                "durationS": 5,
                "receivedAtMs": 1_763_900_000_000_i64,
            }),
            json!({
                "version": 1,
                "kind": "CopyRecording",
                "recordingSid": "RE00000000000000000000000000000001",
                "callSid": "CA00000000000000000000000000000001",
                "channels": 2,
                "durationS": 5,
                "startTimeMs": 1_763_899_000_000_i64,
                "source": "OutboundAPI",
                "taskSid": "WT00000000000000000000000000000001",
            }),
        ]
    );
}

proptest! {
    #[test]
    fn a_job_survives_the_queue(
        recording in "RE[0-9a-f]{32}",
        call in option::of("CA[0-9a-f]{32}"),
        conference in option::of("CF[0-9a-f]{32}"),
        task in option::of("WT[0-9a-f]{32}"),
        reservation in option::of("WR[0-9a-f]{32}"),
        channels in any::<Option<u8>>(),
        duration_s in any::<Option<u64>>(),
        start_time_ms in any::<Option<i64>>(),
        received_at_ms in any::<i64>(),
        label in any::<Option<String>>(),
    ) {
        let callback = RecordingCallback {
            recording_sid: RecordingSid::parse(&recording).unwrap(),
            facts: RecordingFacts {
                call_sid: call.map(|sid| CallSid::parse(&sid).unwrap()),
                conference_sid: conference.map(|sid| ConferenceSid::parse(&sid).unwrap()),
                channels,
                duration_s,
                start_time_ms,
                source: label.clone(),
                track: label,
            },
            ..callback()
        };
        let task = TaskReference {
            task_sid: task.map(|sid| TaskSid::parse(&sid).unwrap()),
            reservation_sid: reservation.map(|sid| ReservationSid::parse(&sid).unwrap()),
        };
        for job in Job::of_completed(callback, task, received_at_ms) {
            prop_assert_eq!(Job::from_message(&job.to_message()), Ok(job));
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in r#"\PC*|\{("(version|kind)":[0-9"a-z]{0,12},?){0,3}\}"#) {
        let _ = Job::from_message(&text);
    }
}

/// Messages that an earlier release queued must stay readable, and during an upgrade also the other way round.
#[test]
fn a_message_with_all_fields_is_written_as_it_was_read() {
    let common = json!({
        "version": 1,
        "recordingSid": "RE00000000000000000000000000000001",
        "callSid": "CA00000000000000000000000000000001",
        "conferenceSid": "CF00000000000000000000000000000001",
        "channels": 1,
        "durationS": 86_400,
        "startTimeMs": 1_763_899_000_000_i64,
    });
    let link = json!({
        "kind": "LinkTask",
        "taskSid": "WT00000000000000000000000000000001",
        "reservationSid": "WR00000000000000000000000000000001",
        "receivedAtMs": 1_763_900_000_000_i64,
    });
    let copy = json!({
        "kind": "CopyRecording",
        "source": "DialVerb",
        "track": "inbound",
        "taskSid": "WT00000000000000000000000000000001",
        "reservationSid": "WR00000000000000000000000000000001",
        "encryptionDetails": {"public_key_sid": "CR1", "encrypted_cek": "c", "iv": "i"},
    });
    for own in [link, copy] {
        let mut message = common.clone();
        message
            .as_object_mut()
            .unwrap()
            .extend(own.as_object().unwrap().clone());
        let job = Job::from_message(&message.to_string()).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&job.to_message()).unwrap(), message);
    }
}

#[test]
fn messages_from_before_a_field_was_added_are_jobs_still() {
    let text =
        r#"{"version":1,"kind":"LinkTask","recordingSid":"RE00000000000000000000000000000001","receivedAtMs":1}"#;
    let Ok(Job::LinkTask(job)) = Job::from_message(text) else {
        panic!("not a job");
    };
    assert_eq!(job.facts, RecordingFacts::default());
    assert_eq!(Job::LinkTask(job).to_message(), text);

    let text = r#"{"version":1,"kind":"CopyRecording","recordingSid":"RE00000000000000000000000000000001"}"#;
    let Ok(Job::CopyRecording(job)) = Job::from_message(text) else {
        panic!("not a job");
    };
    assert_eq!(job.facts, RecordingFacts::default());
    assert_eq!((&job.task_sid, &job.reservation_sid), (&None, &None));
    assert_eq!(Job::CopyRecording(job).to_message(), text);
}

/// Earlier releases sent the messages of waiting links again, with a counter.
#[test]
fn messages_that_an_earlier_release_sent_again_are_jobs_still() {
    let [link, _] = jobs();
    let mut message: Value = serde_json::from_str(&link.to_message()).unwrap();
    message["attempt"] = json!(3);
    message["notAfterMs"] = json!(7);
    assert_eq!(Job::from_message(&message.to_string()), Ok(link));
}

#[test]
fn fields_of_a_later_minor_change_are_ignored() {
    let [link, _] = jobs();
    let mut message: Value = serde_json::from_str(&link.to_message()).unwrap();
    message["later"] = json!({"nested": 1.5});
    assert_eq!(Job::from_message(&message.to_string()), Ok(link));
}

#[test]
fn a_message_that_is_no_job_is_refused_without_being_repeated() {
    let malformed = |line, column| MessageError::Malformed { line, column };
    for (text, error) in [
        ("", malformed(1, 0)),
        ("canary", malformed(1, 1)),
        ("[]", malformed(1, 2)),
        (r#"{"kind":"LinkTask"}"#, malformed(1, 19)),
        (r#"{"version":1,"kind":"canary"}"#, MessageError::UnknownKind),
        (
            r#"{"version":2,"kind":"LinkTask"}"#,
            MessageError::UnknownVersion { found: 2 },
        ),
        (
            r#"{"version":1,"kind":"LinkTask","recordingSid":"canary","receivedAtMs":1}"#,
            malformed(1, 54),
        ),
    ] {
        let refused = Job::from_message(text).unwrap_err();
        assert_eq!(refused, error, "{text}");
        assert!(!refused.to_string().contains("canary"), "{text}");
    }
}
