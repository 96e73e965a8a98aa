//! The facts about a recording that callbacks and the REST API both report.

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::Number;
use sid::{CallSid, ConferenceSid};

/// Every fact is optional: a fact that is missing at Twilio, or that cannot be read, is `None`.
///
/// The JSON form has camelCase names and omits what is `None`. It can be flattened into another object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordingFacts {
    /// The recorded leg. A conference's callback has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_sid: Option<CallSid>,
    /// The recorded conference. A call's callback has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conference_sid: Option<ConferenceSid>,
    /// 1 or 2.
    #[serde(default, deserialize_with = "integer", skip_serializing_if = "Option::is_none")]
    pub channels: Option<u8>,
    /// Seconds, rounded by Twilio.
    #[serde(default, deserialize_with = "integer", skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<u64>,
    /// When the recording began, Unix milliseconds.
    #[serde(default, deserialize_with = "integer", skip_serializing_if = "Option::is_none")]
    pub start_time_ms: Option<i64>,
    /// How the recording was started: `DialVerb`, `Conference`, `OutboundAPI` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// `inbound`, `outbound` or `both`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track: Option<String>,
}

/// Reads an integer from a flattened object. Serde buffers the fields of such an object, and with serde_json's
/// `arbitrary_precision`, only [`Number`] can read a number from that buffer.
fn integer<'de, D: Deserializer<'de>, T: TryFrom<i128>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let Some(number) = Option::<Number>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let integer = number.as_i128().and_then(|integer| T::try_from(integer).ok());
    integer
        .map(Some)
        .ok_or_else(|| D::Error::custom("not an integer of the expected range"))
}

#[cfg(test)]
mod tests {
    use proptest::{option, prelude::*};
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Flattened {
        first: u8,
        #[serde(flatten)]
        facts: RecordingFacts,
        last: u8,
    }

    fn read(facts: Value) -> Result<RecordingFacts, serde_json::Error> {
        let mut body = json!({"first": 1, "last": 2, "later": {"nested": 1.5}});
        body.as_object_mut().unwrap().extend(facts.as_object().unwrap().clone());
        let flattened = serde_json::from_str::<Flattened>(&body.to_string())?;
        assert_eq!((flattened.first, flattened.last), (1, 2));
        Ok(flattened.facts)
    }

    proptest! {
        #[test]
        fn flattened_facts_survive_json(
            call in option::of("CA[0-9a-f]{32}"),
            conference in option::of("CF[0-9a-f]{32}"),
            channels in any::<Option<u8>>(),
            duration_s in any::<Option<u64>>(),
            start_time_ms in any::<Option<i64>>(),
            source in any::<Option<String>>(),
            track in any::<Option<String>>(),
        ) {
            let facts = RecordingFacts {
                call_sid: call.map(|sid| CallSid::parse(&sid).unwrap()),
                conference_sid: conference.map(|sid| ConferenceSid::parse(&sid).unwrap()),
                channels,
                duration_s,
                start_time_ms,
                source,
                track,
            };
            let flattened = Flattened { first: 1, facts, last: 2 };
            let text = serde_json::to_string(&flattened).unwrap();
            prop_assert_eq!(serde_json::from_str::<Flattened>(&text).unwrap(), flattened);
        }
    }

    #[test]
    fn missing_and_null_facts_are_none() {
        assert_eq!(read(json!({})).unwrap(), RecordingFacts::default());
        for name in ["callSid", "channels", "durationS", "startTimeMs", "source"] {
            assert_eq!(
                read(json!({ name: null })).unwrap(),
                RecordingFacts::default(),
                "{name}"
            );
        }
    }

    #[test]
    fn a_number_out_of_range_is_an_error() {
        for (name, odd) in [
            ("channels", json!(256)),
            ("channels", json!(-1)),
            ("channels", json!(1.0)),
            ("channels", json!("2")),
            ("durationS", json!(-1)),
            ("startTimeMs", json!(u64::MAX)),
        ] {
            assert!(read(json!({ name: odd })).is_err(), "{name}: {odd}");
        }
    }
}
