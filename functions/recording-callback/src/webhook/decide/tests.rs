use super::*;
use crate::{
    job::{CopyRecording, LinkTask},
    testing::sample_events::{GET, POST_BASE64, POST_TEXT, http_request},
};

const NOW_MS: i64 = 1_763_900_000_000;

fn account() -> AccountSid {
    AccountSid::parse("AC00000000000000000000000000000001").unwrap()
}

/// The sample callback with `from` in its body and query replaced.
fn decided(event: &str, from: &str, to: &str) -> Result<Decided, Refusal> {
    let mut event = http_request(event);
    event.body = event.body.map(|body| body.replace(from, to));
    event.raw_query_string = event.raw_query_string.map(|query| query.replace(from, to));
    decide(&CallbackRequest::from_event(event).unwrap(), &account(), NOW_MS)
}

fn decide_with(event: &str, from: &str, to: &str) -> Result<Decision, Refusal> {
    decided(event, from, to).map(|decided| decided.decision)
}

fn jobs_of(decision: Decision) -> (LinkTask, CopyRecording) {
    match decision {
        Decision::Run(jobs) => match *jobs {
            [Job::LinkTask(link), Job::CopyRecording(copy)] => (link, copy),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn jobs(event: &str) -> (LinkTask, CopyRecording) {
    jobs_of(decide_with(event, "", "").unwrap())
}

#[test]
fn a_completed_recording_is_linked_and_copied() {
    for (event, task_is_known) in [(POST_BASE64, false), (POST_TEXT, true), (GET, true)] {
        let (link, copy) = jobs(event);
        assert_eq!(link.recording_sid.as_str(), "RE00000000000000000000000000000001");
        assert_eq!(link.facts.call_sid, copy.facts.call_sid);
        assert_eq!(link.task_sid.is_some(), task_is_known);
        assert_eq!(link.reservation_sid, None);
        assert_eq!(
            (&copy.task_sid, &copy.reservation_sid),
            (&link.task_sid, &link.reservation_sid)
        );
        // Tue, 28 May 2019 02:18:02 +0000
        assert_eq!(link.facts.start_time_ms, Some(1_559_009_882_000));
        assert_eq!(link.received_at_ms, NOW_MS);
        assert_eq!((copy.facts.channels, copy.facts.duration_s), (Some(2), Some(5)));
    }
}

#[test]
fn a_recording_in_progress_is_waited_for() {
    let decision = decide_with(POST_TEXT, "completed", "in-progress");
    assert_eq!(decision.unwrap(), Decision::Wait);
}

#[test]
fn an_absent_or_failed_recording_is_given_up() {
    for (text, expected) in [("absent", RecordingStatus::Absent), ("failed", RecordingStatus::Failed)] {
        let decision = decide_with(
            POST_TEXT,
            "RecordingStatus=completed",
            &format!("RecordingStatus={text}"),
        );
        assert!(
            matches!(decision, Ok(Decision::GiveUp { status, error_code: None, .. }) if status == expected),
            "{text}"
        );
    }
}

#[test]
fn a_reservation_in_the_query_is_taken_and_a_blank_one_is_none() {
    let with = |query: &str| {
        let decision = decide_with(GET, "taskSid=WT00000000000000000000000000000001", query).unwrap();
        match decision {
            Decision::Run(jobs) => match *jobs {
                [Job::LinkTask(link), Job::CopyRecording(copy)] => {
                    let link = (link.task_sid.is_some(), link.reservation_sid.is_some());
                    assert_eq!((copy.task_sid.is_some(), copy.reservation_sid.is_some()), link);
                    link
                }
                _ => panic!("the link comes first"),
            },
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(with("reservationSid=WR00000000000000000000000000000001"), (false, true));
    assert_eq!(with("taskSid=&reservationSid="), (false, false));
}

#[test]
fn malformed_and_foreign_callbacks_are_refused() {
    for (from, to, code) in [
        ("AccountSid=AC0", "AccountSid=AC1", "foreign_account"),
        ("AccountSid=AC0", "AccountSid=", "malformed_callback"),
        ("AccountSid", "accountsid", "malformed_callback"),
        ("RecordingSid=RE", "RecordingSid=..%2FRE", "malformed_callback"),
        ("RecordingSid=RE", "RecordingSid=re", "malformed_callback"),
        ("RecordingStatus=completed&", "", "malformed_callback"),
        (
            "RecordingStatus=completed",
            "RecordingStatus=completed&RecordingStatus=absent",
            "malformed_callback",
        ),
    ] {
        for event in [POST_TEXT, GET] {
            let refused = decide_with(event, from, to).unwrap_err();
            assert_eq!(refused.code(), code, "{from} became {to}");
        }
    }
}

#[test]
fn a_callback_with_odd_parameters_is_linked_and_copied_with_what_is_left() {
    // The values in the samples' form and query, and the values that replace them.
    let task = "WT00000000000000000000000000000001";
    for (from, to, name) in [
        ("RecordingDuration=5", "RecordingDuration=-1", "RecordingDuration"),
        ("RecordingDuration=5", "RecordingDuration=5.0", "RecordingDuration"),
        ("RecordingDuration=5", "RecordingDuration=null", "RecordingDuration"),
        (
            "RecordingDuration=5",
            "RecordingDuration=5&RecordingDuration=6",
            "RecordingDuration",
        ),
        (
            "RecordingStartTime=Tue",
            "RecordingStartTime=2019-05-28T02%3A18%3A02Z&Was=Tue",
            "RecordingStartTime",
        ),
        ("%2B0000", "UTC", "RecordingStartTime"),
        ("ErrorCode=0", "ErrorCode=null", "ErrorCode"),
        ("RecordingChannels=2", "RecordingChannels=dual", "RecordingChannels"),
        ("RecordingSource=", "RecordingSource=%C3%A9", "RecordingSource"),
        ("RecordingTrack=both", "RecordingTrack=both%20", "RecordingTrack"),
        ("RecordingTrack=both", "RecordingTrack=both+", "RecordingTrack"),
        ("CallSid=CA", "CallSid=null&Was=CA", "CallSid"),
        ("CallSid=CA", "CallSid=CA'+OR+'", "CallSid"),
        ("ErrorCode=0", "ErrorCode=0&EncryptionDetails=null", "EncryptionDetails"),
        (
            "ErrorCode=0",
            "ErrorCode=0&EncryptionDetails=%7B%7D",
            "EncryptionDetails",
        ),
        (task, "undefined", "taskSid"),
        (task, "null", "taskSid"),
        (task, &format!("{task}%20"), "taskSid"),
        (task, &format!("{task}&taskSid=WT1"), "taskSid"),
        (task, "CA00000000000000000000000000000001", "taskSid"),
        (task, &format!("{task}&reservationSid=undefined"), "reservationSid"),
        (task, &format!("{task}&reservationSid={task}"), "reservationSid"),
    ] {
        for event in [POST_TEXT, GET] {
            let Decided {
                decision, unreadable, ..
            } = decided(event, from, to).unwrap();
            assert_eq!(unreadable, [name], "{from} became {to}");
            let (link, copy) = jobs_of(decision);
            let (whole_link, whole_copy) = jobs(event);
            assert_eq!(link.recording_sid, whole_link.recording_sid);
            assert_eq!(link.task_sid.is_none(), name == "taskSid", "{to}");
            assert_eq!(link.facts.call_sid.is_none(), name == "CallSid", "{to}");
            assert_eq!(copy.facts.duration_s.is_none(), name == "RecordingDuration", "{to}");
            assert_eq!(copy.facts.channels.is_none(), name == "RecordingChannels", "{to}");
            assert_eq!(copy.facts.source.is_none(), name == "RecordingSource", "{to}");
            assert_eq!(copy.facts.track.is_none(), name == "RecordingTrack", "{to}");
            assert_eq!(copy.facts.start_time_ms.is_none(), name == "RecordingStartTime", "{to}");
            assert_eq!(copy.encryption_details, whole_copy.encryption_details);
        }
    }
}

#[test]
fn a_status_that_twilio_did_not_have_is_passed_over() {
    for status in ["finished", "Completed", "null", "completed%20"] {
        let decision = decide_with(
            POST_TEXT,
            "RecordingStatus=completed",
            &format!("RecordingStatus={status}"),
        );
        assert_eq!(decision.unwrap(), Decision::Ignore, "{status}");
    }
}

#[test]
fn unknown_parameters_are_no_error() {
    let decision = decide_with(
        POST_TEXT,
        "ErrorCode=0",
        "ErrorCode=0&NewIn2027=%F0%9F%8E%89&NewIn2027=",
    );
    assert!(matches!(decision, Ok(Decision::Run(_))));
}
