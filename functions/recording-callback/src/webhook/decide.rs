//! What a verified callback asks for.

use sid::{AccountSid, RecordingSid, ReservationSid, TaskSid};
use twilio::callback::{Parameters, RecordingCallback, RecordingStatus};

use super::{refusal::Refusal, request::CallbackRequest};
use crate::job::{Job, TaskReference};

/// What to do, and what was passed over on the way to it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decided {
    pub(crate) recording_sid: RecordingSid,
    pub(crate) decision: Decision,
    /// The names of the optional parameters that count as absent because they can't be read.
    pub(crate) unreadable: Vec<&'static str>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The recording is complete.
    Run(Box<[Job; 2]>),
    /// The recording has only begun.
    Wait,
    /// There will be no recording: too short, silent, or not encryptable.
    GiveUp {
        status: RecordingStatus,
        error_code: Option<u32>,
    },
    /// Twilio has a status that it didn't have. The nightly reconciliation finds the recording if there is one.
    PassOver,
}

/// Decides on a request whose signature has been verified; `now_ms` is when it came.
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
        RecordingStatus::Unknown => Decision::PassOver,
    };
    Ok(Decided {
        recording_sid,
        decision,
        unreadable,
    })
}

/// Blank SIDs (the plugin had none to give) are none.
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
