//! What a verified callback asks for.

use twilio::{
    callback::{CallbackError, RecordingCallback, RecordingStatus},
    sid::{AccountSid, InvalidSid, RecordingSid, ReservationSid, TaskSid},
};

use super::{rejection::Rejection, request::CallbackRequest};
use crate::job::{Job, TaskReference};

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The recording is complete.
    Run(Box<[Job; 2]>),
    /// The recording has only begun.
    Wait(RecordingSid),
    /// There will be no recording: too short, silent, or not encryptable.
    GiveUp {
        recording_sid: RecordingSid,
        status: RecordingStatus,
        error_code: Option<u32>,
    },
}

/// Decides on a request whose signature has been verified; `now_ms` is when it came.
pub(crate) fn decide(request: &CallbackRequest, account: &AccountSid, now_ms: i64) -> Result<Decision, Rejection> {
    let callback = RecordingCallback::from_pairs(&request.parameters()?)?;
    if callback.account_sid != *account {
        return Err(Rejection::ForeignAccount);
    }
    let task = task_reference(&request.query())?;
    Ok(match callback.status {
        RecordingStatus::Completed => Decision::Run(Box::new(Job::of_completed(callback, task, now_ms))),
        RecordingStatus::InProgress => Decision::Wait(callback.recording_sid),
        RecordingStatus::Absent | RecordingStatus::Failed => Decision::GiveUp {
            recording_sid: callback.recording_sid,
            status: callback.status,
            error_code: callback.error_code,
        },
    })
}

fn task_reference(query: &[(String, String)]) -> Result<TaskReference, CallbackError> {
    Ok(TaskReference {
        task_sid: sid_of(query, "taskSid", TaskSid::parse)?,
        reservation_sid: sid_of(query, "reservationSid", ReservationSid::parse)?,
    })
}

/// The parameter's SID; missing and blank (the plugin had none to give) are the same.
fn sid_of<T>(
    query: &[(String, String)],
    name: &'static str,
    parse: fn(&str) -> Result<T, InvalidSid>,
) -> Result<Option<T>, CallbackError> {
    query
        .iter()
        .find(|(key, value)| key == name && !value.is_empty())
        .map(|(_, value)| parse(value).map_err(|_| CallbackError::Malformed(name)))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_events::{GET, POST_BASE64, POST_TEXT, http_request};

    const NOW_MS: i64 = 1_763_900_000_000;

    fn account() -> AccountSid {
        AccountSid::parse("AC00000000000000000000000000000001").unwrap()
    }

    /// The sample callback with `from` in its body and query replaced.
    fn decide_with(event: &str, from: &str, to: &str) -> Result<Decision, Rejection> {
        let mut event = http_request(event);
        event.body = event.body.map(|body| body.replace(from, to));
        event.raw_query_string = event.raw_query_string.map(|query| query.replace(from, to));
        decide(&CallbackRequest::from_event(event).unwrap(), &account(), NOW_MS)
    }

    fn jobs(event: &str) -> (crate::job::LinkTask, crate::job::CopyRecording) {
        match decide_with(event, "", "") {
            Ok(Decision::Run(jobs)) => match *jobs {
                [Job::LinkTask(link), Job::CopyRecording(copy)] => (link, copy),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_completed_recording_is_linked_and_copied() {
        for (event, task_is_known) in [(POST_BASE64, false), (POST_TEXT, true), (GET, true)] {
            let (link, copy) = jobs(event);
            assert_eq!(link.recording_sid.as_str(), "RE00000000000000000000000000000001");
            assert_eq!(link.call_sid, copy.call_sid);
            assert_eq!(link.task_sid.is_some(), task_is_known);
            assert_eq!(link.reservation_sid, None);
            // Tue, 28 May 2019 02:18:02 +0000
            assert_eq!(link.start_time_ms, Some(1_559_009_882_000));
            assert_eq!(link.received_at_ms, NOW_MS);
            assert_eq!((copy.channels, copy.duration_s), (Some(2), Some(5)));
        }
    }

    #[test]
    fn a_recording_in_progress_is_waited_for() {
        let decision = decide_with(POST_TEXT, "completed", "in-progress");
        assert!(matches!(decision, Ok(Decision::Wait(_))));
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
                    [Job::LinkTask(link), _] => (link.task_sid.is_some(), link.reservation_sid.is_some()),
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
            ("CallSid=CA", "CallSid=CA'+OR+'", "malformed_callback"),
            (
                "RecordingStatus=completed",
                "RecordingStatus=finished",
                "malformed_callback",
            ),
            ("RecordingStatus=completed&", "", "malformed_callback"),
            ("taskSid=WT", "taskSid=CA", "malformed_callback"),
            ("taskSid", "reservationSid", "malformed_callback"),
        ] {
            for event in [POST_TEXT, GET] {
                let refused = decide_with(event, from, to).unwrap_err();
                assert_eq!(refused.code(), code, "{from} became {to}");
            }
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
}
