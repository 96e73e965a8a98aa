//! Any text as a task's attributes. A link is added once, and nothing else changes.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, value::RawValue};
use sid::RecordingSid;
use sid::ReservationSid;
use twilio::task_attributes::ChannelOrder;
use twilio::task_attributes::MAX_CHARS;
use twilio::task_attributes::MergeError;
use twilio::task_attributes::RecordedLeg;
use twilio::task_attributes::TaskLink;
use twilio::task_attributes::merge;

const URL: &str = "https://playback.example.com/media-url?recordingSid=RE00000000000000000000000000000001";
const RESERVATION: &str = "WR00000000000000000000000000000001";

static RECORDING: LazyLock<RecordingSid> =
    LazyLock::new(|| RecordingSid::parse("RE00000000000000000000000000000001").unwrap());

/// The kind of link, a line feed, the attributes. A kind is `segment-link`, or letters for the parts of a media link:
/// `r`eservation, start `d`ate, `c`ustomer or `o`thers first.
fn input(text: &str) -> Option<(TaskLink, &str)> {
    let (kind, attributes) = text.split_once('\n')?;
    let url = URL.to_owned();
    let has = |letter: char| kind.contains(letter);
    let link = if kind == "segment-link" {
        TaskLink::SegmentLink { url }
    } else {
        TaskLink::Media {
            url_provider: url,
            reservation: has('r').then(|| ReservationSid::parse(RESERVATION).unwrap()),
            start_time_ms: has('d').then_some(1_795_413_600_000),
            channels: match (has('c'), has('o')) {
                (true, _) => Some(ChannelOrder::CustomerFirst),
                (false, true) => Some(ChannelOrder::OthersFirst),
                (false, false) => None,
            },
        }
    };
    Some((link, attributes))
}

fuzz_target!(|text: &str| {
    let Some((link, attributes)) = input(text) else {
        return;
    };
    let before = serde_json::from_str::<Value>(attributes);
    let _ = RecordedLeg::of(Some(attributes), None, None);
    match merge(Some(attributes), &RECORDING, &link) {
        Ok(merged) => {
            assert!(merged.chars().count() <= MAX_CHARS);
            // An existing byte order mark must be kept.
            let json = merged.strip_prefix('\u{feff}').unwrap_or(&merged);
            serde_json::from_str::<&RawValue>(json).expect("the result must be JSON");
            assert!(merged.contains(URL), "{merged}");
            assert_eq!(merge(Some(&merged), &RECORDING, &link).as_deref(), Ok(&*merged));
            if let (Ok(before), Ok(after)) = (before, serde_json::from_str::<Value>(&merged)) {
                assert_eq!(others(before), others(after));
            }
        }
        Err(MergeError::NotAnObject) => {
            assert!(!matches!(before, Ok(Value::Object(_))), "an object must not be refused");
        }
        Err(_) => {}
    }
});

/// All attributes that are not on the path to a link.
fn others(attributes: Value) -> Map<String, Value> {
    let Value::Object(mut attributes) = attributes else {
        return Map::new();
    };
    attributes.retain(|key, _| key != "conversations" && key != "reservation_attributes");
    attributes
}
