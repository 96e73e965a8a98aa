//! Decides what to do for a verified callback.

use sid::{AccountSid, RecordingSid, ReservationSid, TaskSid};
use twilio::callback::{Parameters, RecordingCallback, RecordingStatus};

use super::{refusal::Refusal, request::CallbackRequest};
use crate::job::{Job, TaskReference};

/// The decision, and the parameters that it ignores.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decided {
    pub(crate) recording_sid: RecordingSid,
    pub(crate) decision: Decision,
    /// The names of the optional parameters that count as absent because they cannot be read.
    pub(crate) unreadable: Vec<&'static str>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The recording is complete.
    Run(Box<[Job; 2]>),
    /// The recording is in progress.
    Wait,
    /// There will be no recording, because it was too short, silent, or could not be encrypted.
    GiveUp {
        status: RecordingStatus,
        error_code: Option<u32>,
    },
    /// The status is not known here. The nightly reconciliation finds the recording if there is one.
    Ignore,
}

/// Decides on a request whose signature has been verified. `now_ms` is the time at which it came.
pub(crate) fn decide(request: &CallbackRequest, account: &AccountSid, now_ms: i64) -> Result<Decided, Refusal> {
    let callback = RecordingCallback::from_pairs(&request.parameters()?)?;
    if callback.account_sid != *account {
        return Err(Refusal::ForeignAccount);
    }
    let recording_sid = callback.recording_sid.clone();
    let mut unreadable = callback.unreadable.clone();
    let decision = match callback.status {
        RecordingStatus::Completed => {
            let (task, odd) = task_reference(&request.query());
            unreadable.extend(odd);
            Decision::Run(Box::new(Job::of_completed(callback, task, now_ms)))
        }
        RecordingStatus::InProgress => Decision::Wait,
        RecordingStatus::Absent | RecordingStatus::Failed => Decision::GiveUp {
            status: callback.status,
            error_code: callback.error_code,
        },
        RecordingStatus::Unknown => Decision::Ignore,
    };
    Ok(Decided {
        recording_sid,
        decision,
        unreadable,
    })
}

/// A blank SID counts as absent: the plugin did not know one.
fn task_reference(query: &[(String, String)]) -> (TaskReference, Vec<&'static str>) {
    let mut query = Parameters::new(query);
    let task = TaskReference {
        task_sid: query.optional("taskSid", |text| TaskSid::parse(text).ok()),
        reservation_sid: query.optional("reservationSid", |text| ReservationSid::parse(text).ok()),
    };
    (task, query.into_unreadable())
}

#[cfg(test)]
mod tests;
