//! The metadata of one recording in the REST API.

use serde::Deserialize;
use serde_json::{Map, Value};
use sid::{CallSid, ConferenceSid, RecordingSid};
use time::{Date, OffsetDateTime};

use crate::{
    callback::{EncryptionDetails, channels, label, seconds, sid, unix_ms},
    recording_facts::RecordingFacts,
};

/// A recording's metadata, read from the API's JSON. A field that is missing, null or malformed is `None`. Only the SID
/// is required.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub struct RecordingResource {
    /// The recording.
    pub sid: RecordingSid,
    /// `in-progress`, `paused`, `stopped`, `processing`, `completed`, `absent` or `deleted`.
    pub status: Option<String>,
    /// The recording's facts, as Twilio reports them now.
    pub facts: RecordingFacts,
    /// When Twilio created the recording, in Unix milliseconds. [`CreatedBetween`](super::CreatedBetween) is about this
    /// time.
    pub date_created_ms: Option<i64>,
    /// Present if Twilio encrypted the recording with the customer's public key. Its fields are empty if the details
    /// can't be read. If they counted as absent, the ciphertext would be stored as audio.
    pub encryption_details: Option<EncryptionDetails>,
}

impl RecordingResource {
    /// The day in UTC on which Twilio created the recording.
    pub(super) fn created_on(&self) -> Option<Date> {
        let time = OffsetDateTime::from_unix_timestamp(self.date_created_ms?.div_euclid(1000));
        time.ok().map(OffsetDateTime::date)
    }
}

impl TryFrom<Map<String, Value>> for RecordingResource {
    type Error = &'static str;

    fn try_from(body: Map<String, Value>) -> Result<Self, Self::Error> {
        let body = Body(body);
        Ok(Self {
            sid: body.field("sid", sid(RecordingSid::parse)).ok_or("no SID")?,
            status: body.field("status", label),
            facts: RecordingFacts {
                call_sid: body.field("call_sid", sid(CallSid::parse)),
                conference_sid: body.field("conference_sid", sid(ConferenceSid::parse)),
                channels: body.field("channels", channels),
                // Twilio sends "-1" while the recording is running.
                duration_s: body.field("duration", seconds),
                start_time_ms: body.field("start_time", unix_ms),
                source: body.field("source", label),
                track: body.field("track", label),
            },
            date_created_ms: body.field("date_created", unix_ms),
            encryption_details: body.encryption_details(),
        })
    }
}

struct Body(Map<String, Value>);

impl Body {
    /// Twilio sends numbers as text in some fields and as numbers in others. A blank text counts as missing.
    fn field<T>(&self, name: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        match self.0.get(name)? {
            Value::String(text) => parse(text).filter(|_| !text.is_empty()),
            Value::Number(number) => parse(&number.to_string()),
            _ => None,
        }
    }

    fn encryption_details(&self) -> Option<EncryptionDetails> {
        // As in a callback, these values mean that the recording isn't encrypted.
        let says_nothing = |details: &Value| match details {
            Value::Null => true,
            Value::String(text) => text.trim().is_empty(),
            Value::Object(fields) => fields.is_empty(),
            _ => false,
        };
        let details = self
            .0
            .get("encryption_details")
            .filter(|details| !says_nothing(details))?;
        Some(EncryptionDetails::deserialize(details).unwrap_or_else(|_| EncryptionDetails::unreadable()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SID: &str = "REaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const CALL: &str = "CAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn minimal() -> Value {
        json!({"sid": SID, "status": "completed", "date_created": "Fri, 14 Oct 2016 21:56:34 +0000"})
    }

    fn read(changes: Value) -> Result<RecordingResource, serde_json::Error> {
        let mut body = minimal();
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        serde_json::from_value(body)
    }

    /// The sample of Twilio's OpenAPI description, shortened where nothing is read.
    #[test]
    fn the_published_sample_of_a_conference_recording() {
        let recording = read(json!({
            "account_sid": "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "api_version": "2010-04-01",
            "call_sid": CALL,
            "conference_sid": "CFaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "channels": 1,
            "date_updated": "Fri, 14 Oct 2016 21:56:38 +0000",
            "start_time": "Fri, 14 Oct 2016 21:56:34 +0000",
            "price": "-0.00250",
            "duration": "4",
            "source": "StartConferenceRecordingAPI",
            "error_code": null,
            "encryption_details": {
                "encryption_public_key_sid": "CRaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                "encryption_cek": "OV4h6zrsxMIW7h0Z",
                "encryption_iv": "8I2hhNIYNTrwxfHk",
            },
        }));
        // date -u -d '2016-10-14 21:56:34' +%s
        let start_ms = 1_476_482_194_000;
        assert_eq!(
            recording.unwrap(),
            RecordingResource {
                sid: RecordingSid::parse(SID).unwrap(),
                status: Some("completed".to_owned()),
                facts: RecordingFacts {
                    call_sid: Some(CallSid::parse(CALL).unwrap()),
                    conference_sid: Some(ConferenceSid::parse("CFaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa").unwrap()),
                    channels: Some(1),
                    duration_s: Some(4),
                    start_time_ms: Some(start_ms),
                    source: Some("StartConferenceRecordingAPI".to_owned()),
                    track: None,
                },
                date_created_ms: Some(start_ms),
                encryption_details: Some(EncryptionDetails {
                    public_key_sid: "CRaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(),
                    encrypted_cek: "OV4h6zrsxMIW7h0Z".to_owned(),
                    iv: "8I2hhNIYNTrwxfHk".to_owned(),
                }),
            }
        );
    }

    #[test]
    fn odd_optional_fields_are_none() {
        let plain = read(json!({})).unwrap();
        assert_eq!((plain.facts.duration_s, &plain.encryption_details), (None, &None));
        let names = ["call_sid", "conference_sid", "channels", "duration", "start_time"];
        for name in names.into_iter().chain(["source", "track"]) {
            for odd in [json!(null), json!(""), json!("-1\n"), json!([]), json!({}), json!(true)] {
                let recording = read(json!({name: odd})).unwrap();
                assert_eq!(recording, plain, "{name} is {odd}");
            }
        }
        for name in names {
            for odd in [json!("-1"), json!(-1.5)] {
                let recording = read(json!({name: odd})).unwrap();
                assert_eq!(recording, plain, "{name} is {odd}");
            }
        }
    }

    #[test]
    fn numbers_are_read_as_text_and_as_numbers() {
        for (channels, duration) in [(json!(2), json!("61")), (json!("2"), json!(61))] {
            let recording = read(json!({"channels": channels, "duration": duration})).unwrap();
            assert_eq!(
                (recording.facts.channels, recording.facts.duration_s),
                (Some(2), Some(61))
            );
        }
    }

    #[test]
    fn a_recording_encrypted_in_an_unknown_way_is_still_encrypted() {
        for odd in [json!([]), json!("rsa"), json!({"iv": 1}), json!(true)] {
            let details = read(json!({"encryption_details": odd})).unwrap().encryption_details;
            assert_eq!(details.unwrap().encrypted_cek, "");
        }
    }

    /// Else a backfill would never copy what a callback with the same details brings in.
    #[test]
    fn details_that_say_nothing_are_none() {
        for nothing in [json!(null), json!({}), json!(""), json!(" ")] {
            let recording = read(json!({"encryption_details": nothing})).unwrap();
            assert_eq!(recording.encryption_details, None, "{nothing}");
        }
    }

    #[test]
    fn without_a_sid_it_is_no_recording() {
        for odd in [json!(null), json!("x\r\n"), json!([])] {
            let error = read(json!({"sid": odd})).unwrap_err().to_string();
            assert!(error.starts_with("no SID"), "{error}");
        }
    }

    #[test]
    fn an_odd_status_or_date_does_not_cost_the_rest() {
        for odd in [json!(null), json!("x\r\n"), json!([]), json!("2016-10-14T21:56:34Z")] {
            let recording = read(json!({"date_created": odd, "duration": "4"})).unwrap();
            assert_eq!(
                (recording.date_created_ms, recording.facts.duration_s),
                (None, Some(4)),
                "{odd}"
            );
        }
        for odd in [json!(null), json!("x\r\n"), json!([])] {
            let recording = read(json!({"status": odd, "duration": "4"})).unwrap();
            assert_eq!((recording.status, recording.facts.duration_s), (None, Some(4)), "{odd}");
        }
    }
}
