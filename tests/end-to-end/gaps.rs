//! Recordings that are shorter than their calls, for each reason that Twilio documents. The service must not compare
//! the two lengths.

use std::fs;

use futures_util::future::join_all;
use local_stack::{Callback, Fired, Role, Stack};
use serde_json::json;
use twilio_double::wav;

use crate::{
    audit::{audit_lines, outcomes},
    support::{Recording, among_others, eventually},
};

/// Ten minutes. The recording itself does not contain this value.
const CALL_S: &str = "600";

/// The recording of a call.
struct Recorded {
    what: &'static str,
    channels: u16,
    millis: u32,
    silent: bool,
    /// The callback's additional parameters.
    says: fn(Callback) -> Callback,
}

fn of_a_conference(callback: Callback) -> Callback {
    callback
        .without("CallSid")
        .parameter("ConferenceSid", "CF00000000000000000000000000000001")
        .parameter("RecordingSource", "Conference")
}

const RECORDED: [Recorded; 6] = [
    Recorded {
        what: "paused with PauseBehavior=skip: speech during the pause is missing",
        channels: 2,
        millis: 20_000,
        silent: false,
        says: of_a_conference,
    },
    Recorded {
        what: "paused with PauseBehavior=silence, for the whole recording",
        channels: 2,
        millis: 20_000,
        silent: true,
        says: of_a_conference,
    },
    Recorded {
        what: "a conference in mono",
        channels: 1,
        millis: 20_000,
        silent: false,
        says: of_a_conference,
    },
    Recorded {
        what: "one track of a call",
        channels: 1,
        millis: 20_000,
        silent: false,
        says: |callback| callback.parameter("RecordingTrack", "inbound"),
    },
    Recorded {
        what: "silence trimmed at both ends, with a rounded duration",
        channels: 2,
        millis: 3_400,
        silent: false,
        says: |callback| callback.parameter("RecordingSource", "RecordVerb"),
    },
    Recorded {
        what: "paused from start to end",
        channels: 2,
        millis: 0,
        silent: true,
        says: |callback| callback,
    },
];

impl Recorded {
    /// Twilio's format: 8 kHz and 16 bits.
    fn wav(&self) -> Vec<u8> {
        let data_len = 8 * self.millis * u32::from(self.channels) * 2;
        let mut file = wav::header(self.channels, data_len);
        let sample = |at: u32| {
            let noise = at.wrapping_mul(2_654_435_761) >> 24;
            if self.silent { 0 } else { noise as u8 }
        };
        file.extend((0..data_len).map(sample));
        file
    }

    async fn is_copied_verified_and_deleted(&self, stack: &Stack) {
        let mut recording = Recording::new(stack, 44);
        recording.audio = self.wav();
        let file = stack.recordings_dir().join(format!("{}.wav", recording.sid));
        fs::write(file, &recording.audio).unwrap();
        // Twilio may add parameters at any time. These describe the call, not the recording.
        let callback = ["CallDuration", "ConferenceDuration", "Duration"]
            .into_iter()
            .fold((self.says)(recording.callback()), |callback, name| {
                callback.parameter(name, CALL_S)
            });
        assert_eq!(stack.post_callback(&callback).await.unwrap().status(), 204);
        recording.stored(stack).await;
        recording.linked(stack).await;

        let verify = json!({"verify": {"recordings": [recording.sid]}});
        let verified = stack.invoke(Role::Operator, &verify).await.unwrap();
        assert!(!verified.failed, "{}: {}", self.what, verified.payload);
        eventually("the schedule of the deletion", || async {
            let fired = stack.fire(&recording.sid).await.ok()?;
            (fired == Fired::Queued).then_some(())
        })
        .await;
        let lines = eventually("the deletion", || async {
            let lines = audit_lines(stack, Role::Copier, &recording);
            (lines.len() == 3).then_some(lines)
        })
        .await;
        assert_eq!(
            outcomes(&lines),
            [
                ("copy", "stored"),
                ("receipt", "written"),
                ("delete_original", "deleted")
            ],
            "{}",
            self.what
        );
        assert!(lines[0]["suspicion"].is_null(), "{}", self.what);
        assert!(!recording.is_at_twilio(stack).await, "{}", self.what);
    }
}

#[tokio::test]
async fn a_recording_shorter_than_its_call_is_copied_verified_and_its_original_deleted() {
    let (stack, _turn) = among_others().await;
    let each = RECORDED
        .iter()
        .map(|recorded| recorded.is_copied_verified_and_deleted(stack));
    join_all(each).await;
}
