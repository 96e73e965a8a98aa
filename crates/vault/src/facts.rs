//! What the source said about a recording: who was connected, when, and for how long.
//!
//! The facts are informative. They travel as attributes, which become the metadata of the stored object, so that a receipt can
//! be written from the object alone.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use sid::{CallSid, ConferenceSid, ReservationSid, TaskSid};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// The names of the attributes.
const CALL: &str = "callsid";
const CONFERENCE: &str = "conferencesid";
const TASK: &str = "tasksid";
const RESERVATION: &str = "reservationsid";
const START: &str = "starttime";
const DURATION: &str = "duration";
const CHANNELS: &str = "channels";
const SOURCE: &str = "source";
const TRACK: &str = "track";

/// The longest word of a source or a track. Twilio's longest is `StartConferenceRecordingAPI`.
const MAX_WORD: usize = 32;

/// The facts about a recording. Each one may be unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// The recorded leg of a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_sid: Option<CallSid>,
    /// The recorded conference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conference_sid: Option<ConferenceSid>,
    /// The task of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_sid: Option<TaskSid>,
    /// The reservation whose agent was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation_sid: Option<ReservationSid>,
    /// When the recording began, in whole seconds.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub start_time: Option<OffsetDateTime>,
    /// Seconds, rounded by the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<u64>,
    /// 1 or 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<u8>,
    /// How the recording was started, for example `DialVerb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// `inbound`, `outbound` or `both`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track: Option<String>,
}

impl Facts {
    /// The facts in an object's metadata. A value that cannot be read counts as unknown, because anyone with write access to
    /// the bucket can set it.
    pub(crate) fn from_metadata(metadata: &HashMap<String, String>) -> Self {
        Self::read(|name| metadata.get(name).map(String::as_str))
    }

    /// The facts in the attributes of an incoming recording.
    pub(crate) fn from_attributes(attributes: &BTreeMap<String, String>) -> Self {
        Self::read(|name| attributes.get(name).map(String::as_str))
    }

    /// The facts as attributes.
    #[must_use]
    pub fn to_attributes(&self) -> BTreeMap<String, String> {
        let start = self.start_time.and_then(|time| time.format(&Rfc3339).ok());
        [
            (SOURCE, self.source.clone()),
            (TRACK, self.track.clone()),
            (CHANNELS, self.channels.map(|channels| channels.to_string())),
            (DURATION, self.duration_s.map(|seconds| seconds.to_string())),
            (START, start),
            (CALL, self.call_sid.as_ref().map(ToString::to_string)),
            (CONFERENCE, self.conference_sid.as_ref().map(ToString::to_string)),
            (TASK, self.task_sid.as_ref().map(ToString::to_string)),
            (RESERVATION, self.reservation_sid.as_ref().map(ToString::to_string)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
    }

    fn read<'a>(get: impl Fn(&'static str) -> Option<&'a str>) -> Self {
        Self {
            call_sid: get(CALL).and_then(|text| CallSid::parse(text).ok()),
            conference_sid: get(CONFERENCE).and_then(|text| ConferenceSid::parse(text).ok()),
            task_sid: get(TASK).and_then(|text| TaskSid::parse(text).ok()),
            reservation_sid: get(RESERVATION).and_then(|text| ReservationSid::parse(text).ok()),
            start_time: get(START).and_then(time),
            duration_s: get(DURATION).and_then(|text| text.parse().ok()),
            channels: get(CHANNELS).and_then(|text| text.parse().ok()),
            source: get(SOURCE).and_then(word),
            track: get(TRACK).and_then(word),
        }
    }
}

/// A time in UTC, in whole seconds. RFC 3339 can write it again.
fn time(text: &str) -> Option<OffsetDateTime> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let time = time.checked_to_offset(UtcOffset::UTC)?.replace_nanosecond(0).ok()?;
    (0..=9999).contains(&time.year()).then_some(time)
}

/// A word that Twilio could have written. Other text could name a person or a telephone number.
fn word(text: &str) -> Option<String> {
    let is_word = (1..=MAX_WORD).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-' || b == b'_');
    is_word.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "0123456789abcdef0123456789abcdef";

    fn attributes(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn every_fact_comes_back_from_its_attribute() {
        let [call, conference] = ["CA", "CF"].map(|prefix| format!("{prefix}{DIGITS}"));
        let [task, reservation] = ["WT", "WR"].map(|prefix| format!("{prefix}{DIGITS}"));
        let all = attributes(&[
            (CALL, &call),
            (CONFERENCE, &conference),
            (TASK, &task),
            (RESERVATION, &reservation),
            (START, "2026-11-28T10:00:00Z"),
            (DURATION, "300"),
            (CHANNELS, "2"),
            (SOURCE, "StartConferenceRecordingAPI"),
            (TRACK, "both"),
        ]);
        let facts = Facts::from_attributes(&all);
        assert_eq!(facts.to_attributes(), all);
        assert_eq!(Facts::from_metadata(&all.into_iter().collect()), facts);
        let json = serde_json::to_string(&facts).unwrap();
        assert!(json.contains(r#""startTime":"2026-11-28T10:00:00Z""#), "{json}");
        assert_eq!(serde_json::from_str::<Facts>(&json).unwrap(), facts);
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        for (name, value) in [
            (CALL, "CA1"),
            (CONFERENCE, "RE0123456789abcdef0123456789abcdef"),
            (TASK, "../../x"),
            (START, "yesterday"),
            (START, "2026-11-28"),
            (DURATION, "-1"),
            (DURATION, "5.0"),
            (CHANNELS, "256"),
            (SOURCE, "+15550100"),
            (SOURCE, "Jane Doe"),
            (TRACK, ""),
            (TRACK, &"x".repeat(33)),
        ] {
            assert_eq!(Facts::from_attributes(&attributes(&[(name, value)])), Facts::default());
        }
    }

    #[test]
    fn times_are_in_utc_and_in_whole_seconds() {
        let facts = Facts::from_attributes(&attributes(&[(START, "2026-11-28T01:00:00.75+02:00")]));
        assert_eq!(facts.to_attributes()[START], "2026-11-27T23:00:00Z");
    }
}
