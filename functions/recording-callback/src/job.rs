//! Jobs as messages in the queues: versioned JSON.
//!
//! ```json
//! {"version":1,"kind":"LinkTask","recordingSid":"RE…","callSid":"CA…","taskSid":"WT…","receivedAtMs":1763900000000}
//! {"version":1,"kind":"CopyRecording","recordingSid":"RE…","callSid":"CA…","taskSid":"WT…","channels":2,"durationS":5}
//! {"version":1,"kind":"DeleteOriginal","recordingSid":"RE…","durationS":5}
//! ```

use serde::{Deserialize, Serialize};
use sid::{RecordingSid, ReservationSid, TaskSid};
use twilio::{
    callback::{EncryptionDetails, RecordingCallback},
    recording_facts::RecordingFacts,
};

/// Raised when a message's meaning changes. An older function leaves the messages of a newer one in the queue.
const VERSION: u32 = 1;

/// Something to do for one recording. Every job can be repeated without harm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind")]
pub(crate) enum Job {
    LinkTask(LinkTask),
    CopyRecording(CopyRecording),
    DeleteOriginal(DeleteOriginal),
}

/// Write the recording's link into its task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LinkTask {
    pub(crate) recording_sid: RecordingSid,
    /// Without the source and the track, which a link does not need.
    #[serde(flatten)]
    pub(crate) facts: RecordingFacts,
    /// If known, no search is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) task_sid: Option<TaskSid>,
    /// If known, the link belongs to this reservation's segment of the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reservation_sid: Option<ReservationSid>,
    /// When the callback came, Unix milliseconds.
    pub(crate) received_at_ms: i64,
}

/// Copy the recording into the vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CopyRecording {
    pub(crate) recording_sid: RecordingSid,
    #[serde(flatten)]
    pub(crate) facts: RecordingFacts,
    /// The task, as far as the callback names it. It is stored with the recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) task_sid: Option<TaskSid>,
    /// The reservation, as far as the callback names it. It is stored with the recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reservation_sid: Option<ReservationSid>,
    /// Set if Twilio encrypted the media with the customer's public key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) encryption_details: Option<EncryptionDetails>,
}

/// Delete the original at Twilio, if the stored recording proves complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeleteOriginal {
    pub(crate) recording_sid: RecordingSid,
    /// Seconds, as Twilio reported them. If they are missing, the job requests them from Twilio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) duration_s: Option<u64>,
}

/// The task's SIDs in the callback's URL. The Flex plugin puts them there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TaskReference {
    pub(crate) task_sid: Option<TaskSid>,
    pub(crate) reservation_sid: Option<ReservationSid>,
}

/// Why a message is not a job that this function knows. The text does not repeat the message.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MessageError {
    #[error("not a job message: invalid JSON at line {line} column {column}")]
    Malformed { line: usize, column: usize },
    #[error("job message of version {found}, but this function supports version {VERSION}")]
    UnknownVersion { found: u32 },
    #[error("unknown job kind")]
    UnknownKind,
}

impl Job {
    /// The jobs for a completed recording, the urgent one first.
    pub(crate) fn of_completed(callback: RecordingCallback, task: TaskReference, received_at_ms: i64) -> [Self; 2] {
        let link = LinkTask {
            recording_sid: callback.recording_sid.clone(),
            facts: RecordingFacts {
                source: None,
                track: None,
                ..callback.facts.clone()
            },
            task_sid: task.task_sid.clone(),
            reservation_sid: task.reservation_sid.clone(),
            received_at_ms,
        };
        let copy = CopyRecording {
            recording_sid: callback.recording_sid,
            facts: callback.facts,
            task_sid: task.task_sid,
            reservation_sid: task.reservation_sid,
            encryption_details: callback.encryption_details,
        };
        [Self::LinkTask(link), Self::CopyRecording(copy)]
    }

    pub(crate) fn recording_sid(&self) -> &RecordingSid {
        match self {
            Self::LinkTask(job) => &job.recording_sid,
            Self::CopyRecording(job) => &job.recording_sid,
            Self::DeleteOriginal(job) => &job.recording_sid,
        }
    }

    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::LinkTask(_) => "LinkTask",
            Self::CopyRecording(_) => "CopyRecording",
            Self::DeleteOriginal(_) => "DeleteOriginal",
        }
    }

    /// The message's text.
    pub(crate) fn to_message(&self) -> String {
        #[derive(Serialize)]
        struct Message<'a> {
            version: u32,
            #[serde(flatten)]
            job: &'a Job,
        }
        serde_json::to_string(&Message {
            version: VERSION,
            job: self,
        })
        .expect("text and integers serialize as JSON")
    }

    /// Parses a message's text as a job. Unknown fields are ignored.
    pub(crate) fn from_message(text: &str) -> Result<Self, MessageError> {
        // The text is parsed twice, because serde's tagged enums buffer what they read. With serde_json's
        // `arbitrary_precision`, numbers in that buffer cannot be read as integers.
        #[derive(Deserialize)]
        struct Head {
            version: u32,
            kind: String,
        }
        let head: Head = serde_json::from_str(text)?;
        if head.version != VERSION {
            return Err(MessageError::UnknownVersion { found: head.version });
        }
        match head.kind.as_str() {
            "LinkTask" => Ok(Self::LinkTask(serde_json::from_str(text)?)),
            "CopyRecording" => Ok(Self::CopyRecording(serde_json::from_str(text)?)),
            "DeleteOriginal" => Ok(Self::DeleteOriginal(serde_json::from_str(text)?)),
            _ => Err(MessageError::UnknownKind),
        }
    }
}

impl From<serde_json::Error> for MessageError {
    // serde_json's text may contain a value of the message.
    fn from(error: serde_json::Error) -> Self {
        Self::Malformed {
            line: error.line(),
            column: error.column(),
        }
    }
}

#[cfg(test)]
mod tests;
