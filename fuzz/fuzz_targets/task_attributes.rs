//! Any text as a task's attributes: a link goes in once, and nothing else changes.

#![no_main]

use std::sync::LazyLock;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, value::RawValue};
use twilio::{
    sid::{RecordingSid, ReservationSid},
    task_attributes::{ChannelOrder, MAX_CHARS, MergeError, RecordedLeg, TaskLink, is_linked, merge},
};

const RESERVATION: &str = "WR00000000000000000000000000000001";

static RECORDING: LazyLock<RecordingSid> =
    LazyLock::new(|| RecordingSid::parse("RE00000000000000000000000000000001").unwrap());

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    link: Kind<'a>,
    attributes: &'a str,
}

#[derive(Arbitrary, Debug)]
enum Kind<'a> {
    Media {
        for_reservation: bool,
        start_time_ms: Option<i64>,
        customer_first: Option<bool>,
        title: Option<&'a str>,
    },
    SegmentLink,
}

fuzz_target!(|input: Input<'_>| {
    let url = format!("https://playback.example.com/media-url?recordingSid={}", RECORDING.as_str());
    let link = match input.link {
        Kind::SegmentLink => TaskLink::SegmentLink { url },
        Kind::Media {
            for_reservation,
            start_time_ms,
            customer_first,
            title,
        } => TaskLink::Media {
            url_provider: url,
            reservation: for_reservation.then(|| ReservationSid::parse(RESERVATION).unwrap()),
            start_time_ms,
            channels: customer_first.map(order),
            title: title.map(str::to_owned),
        },
    };
    let before = serde_json::from_str::<Value>(input.attributes);
    RecordedLeg::of(Some(input.attributes), None, None);
    match merge(Some(input.attributes), &RECORDING, &link) {
        Ok(merged) => {
            assert!(merged.chars().count() <= MAX_CHARS);
            serde_json::from_str::<&RawValue>(&merged).expect("the result is JSON");
            assert!(is_linked(Some(&merged), &RECORDING, &link), "{merged}");
            assert_eq!(merge(Some(&merged), &RECORDING, &link).as_deref(), Ok(&*merged));
            if let (Ok(before), Ok(after)) = (before, serde_json::from_str::<Value>(&merged)) {
                assert_eq!(others(before), others(after));
            }
        }
        Err(MergeError::NotAnObject) => {
            assert!(!matches!(before, Ok(Value::Object(_))), "an object was refused");
        }
        Err(_) => {}
    }
});

fn order(customer_first: bool) -> ChannelOrder {
    if customer_first {
        ChannelOrder::CustomerFirst
    } else {
        ChannelOrder::WorkerFirst
    }
}

/// Everything that is not on the way to a link.
fn others(attributes: Value) -> Map<String, Value> {
    let Value::Object(mut attributes) = attributes else {
        return Map::new();
    };
    attributes.retain(|key, _| key != "conversations" && key != "reservation_attributes");
    attributes
}
