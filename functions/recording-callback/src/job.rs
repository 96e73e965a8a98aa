//! Jobs as messages in the queues: versioned JSON.
//!
//! ```json
//! {"version":1,"kind":"LinkTask","recordingSid":"RE…","callSid":"CA…","taskSid":"WT…","receivedAtMs":1763900000000}
//! {"version":1,"kind":"CopyRecording","recordingSid":"RE…","callSid":"CA…","channels":2,"durationS":5}
//! {"version":1,"kind":"DeleteOriginal","recordingSid":"RE…","durationS":5}
//! ```

use serde::{Deserialize, Serialize};
use sid::{CallSid, ConferenceSid, RecordingSid, ReservationSid, TaskSid};
use twilio::callback::{EncryptionDetails, RecordingCallback};

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) call_sid: Option<CallSid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) conference_sid: Option<ConferenceSid>,
    /// If known, no search is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) task_sid: Option<TaskSid>,
    /// If known, the link belongs to this reservation's segment of the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reservation_sid: Option<ReservationSid>,
    /// Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) start_time_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) channels: Option<u8>,
    /// Seconds. The original's deletion compares the stored recording with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) duration_s: Option<u64>,
    /// When the callback came, Unix milliseconds.
    pub(crate) received_at_ms: i64,
}

/// Copy the recording into the vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CopyRecording {
    pub(crate) recording_sid: RecordingSid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) call_sid: Option<CallSid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) conference_sid: Option<ConferenceSid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) channels: Option<u8>,
    /// Seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) duration_s: Option<u64>,
    /// Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) start_time_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) track: Option<String>,
    /// Set if Twilio encrypted the media with the customer's public key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) encryption_details: Option<EncryptionDetails>,
}

/// Delete the original at Twilio, if the stored recording proves complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeleteOriginal {
    pub(crate) recording_sid: RecordingSid,
    /// Seconds, as Twilio reported them. If they are missing, Twilio is asked.
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
            call_sid: callback.call_sid.clone(),
            conference_sid: callback.conference_sid.clone(),
            task_sid: task.task_sid,
            reservation_sid: task.reservation_sid,
            start_time_ms: callback.start_time_ms,
            channels: callback.channels,
            duration_s: callback.duration_s,
            received_at_ms,
        };
        let copy = CopyRecording {
            recording_sid: callback.recording_sid,
            call_sid: callback.call_sid,
            conference_sid: callback.conference_sid,
            channels: callback.channels,
            duration_s: callback.duration_s,
            start_time_ms: callback.start_time_ms,
            source: callback.source,
            track: callback.track,
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
mod tests {
    use proptest::{option, prelude::*};
    use serde_json::{Value, json};
    use sid::AccountSid;
    use twilio::callback::RecordingStatus;

    use super::*;

    fn callback() -> RecordingCallback {
        RecordingCallback {
            account_sid: AccountSid::parse("AC00000000000000000000000000000001").unwrap(),
            recording_sid: RecordingSid::parse("RE00000000000000000000000000000001").unwrap(),
            status: RecordingStatus::Completed,
            call_sid: Some(CallSid::parse("CA00000000000000000000000000000001").unwrap()),
            conference_sid: None,
            channels: Some(2),
            duration_s: Some(5),
            start_time_ms: Some(1_763_899_000_000),
            source: Some("OutboundAPI".to_owned()),
            track: None,
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
                call_sid: call.map(|sid| CallSid::parse(&sid).unwrap()),
                conference_sid: conference.map(|sid| ConferenceSid::parse(&sid).unwrap()),
                channels,
                duration_s,
                start_time_ms,
                source: label.clone(),
                track: label,
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

    #[test]
    fn messages_from_before_a_field_was_added_are_jobs_still() {
        let text =
            r#"{"version":1,"kind":"LinkTask","recordingSid":"RE00000000000000000000000000000001","receivedAtMs":1}"#;
        let Ok(Job::LinkTask(job)) = Job::from_message(text) else {
            panic!("not a job");
        };
        assert_eq!(job.channels, None);
        assert_eq!(Job::LinkTask(job).to_message(), text);
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
    fn what_is_no_job_is_refused_without_being_repeated() {
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
}
