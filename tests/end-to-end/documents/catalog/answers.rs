//! Receipts of a month, and the answers to the sample questions, computed without SQL.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

/// A receipt, and the day of its file.
#[derive(Clone, Debug)]
pub(super) struct Known {
    day: String,
    receipt: Value,
}

type Row = Vec<Value>;

/// Computes the answer to a question.
type Answer = fn(&[Known]) -> Vec<Row>;

/// The answers in the order of the questions in the document.
pub(super) const ANSWERS: [Answer; 10] = [
    days,
    busiest_hours,
    longest_calls,
    suspects,
    without_task,
    duplicates,
    from_reading,
    sources,
    late,
    versions,
];

impl Known {
    pub(super) fn is(&self, sid: &str) -> bool {
        self.receipt["recordingSid"] == sid
    }

    fn field(&self, name: &str) -> Value {
        self.receipt.get(name).cloned().unwrap_or(Value::Null)
    }

    fn text(&self, name: &str) -> Option<String> {
        self.field(name).as_str().map(ToOwned::to_owned)
    }

    fn seconds(&self) -> Option<u64> {
        self.field("durationS").as_u64()
    }

    fn time(&self, name: &str) -> Option<OffsetDateTime> {
        OffsetDateTime::parse(&self.text(name)?, &Rfc3339).ok()
    }

    fn is_of_november(&self) -> bool {
        self.day.starts_with("2026-11-")
    }
}

/// The receipts with their days, in the order of days and RecordingSids.
pub(super) fn known(receipts: &[Value]) -> Vec<Known> {
    let mut known: Vec<_> = receipts
        .iter()
        .map(|receipt| {
            let began = receipt.get("startTime").or_else(|| receipt.get("copiedAt")).unwrap();
            Known {
                day: began.as_str().unwrap()[..10].to_owned(),
                receipt: receipt.clone(),
            }
        })
        .collect();
    known.sort_by_key(|one| (one.day.clone(), one.text("recordingSid")));
    known
}

/// Words of receipts.
const SOURCES: [&str; 3] = ["DialVerb", "Conference", "StartCallRecordingAPI"];
const SUSPECT: [&str; 3] = ["unknown", "channels", "duration"];

/// Receipts of October to December with every kind of gap, each with its day.
pub(super) fn generated() -> Vec<(Value, String)> {
    let first = OffsetDateTime::parse("2026-10-30T00:00:00Z", &Rfc3339).unwrap();
    let format = |time: OffsetDateTime| time.format(&Rfc3339).unwrap();
    let optional = |is_known: bool, value: Value| if is_known { value } else { Value::Null };
    let receipt = |i: u32| {
        let began = first + Duration::days(i64::from(i % 34)) + Duration::minutes(i64::from(i * 37 % 1_440));
        // Even, because engines round 0.05 minutes in different ways.
        let seconds = i * 14 % 3_600;
        let delay = if i.is_multiple_of(6) { 7_300 } else { 60 };
        let copied = began + Duration::seconds(i64::from(seconds + delay));
        let sid = format!("RE{:032x}", 0xf000_0000_u32 + i * 7_919 % 1_000);
        let mut receipt = json!({
            "version": 1,
            "recordingSid": sid,
            "accountSid": format!("AC{:032x}", 1),
            "callSid": optional(!i.is_multiple_of(7), json!(format!("CA{:032x}", i / 2))),
            "conferenceSid": optional(i.is_multiple_of(7), json!(format!("CF{i:032x}"))),
            "taskSid": optional(!i.is_multiple_of(5), json!(format!("WT{i:032x}"))),
            "startTime": optional(!i.is_multiple_of(50), json!(format(began))),
            "durationS": optional(!i.is_multiple_of(11), json!(seconds)),
            "channels": optional(!i.is_multiple_of(9), json!(1 + i % 2)),
            "source": SOURCES[i as usize % 3],
            "track": optional(!i.is_multiple_of(4), json!("both")),
            "mediaType": if i.is_multiple_of(8) { "audio/mpeg" } else { "audio/x-wav" },
            "length": u64::from(seconds) * 32_000 + 44,
            "sha256": format!("{:064x}", if i.is_multiple_of(20) { 0 } else { i }),
            "objectKey": format!("recordings/{sid}"),
            "kmsKeyArn": "arn:aws:kms:us-east-1:111122223333:key/k",
            "headerSha256": format!("{i:064x}"),
            "copiedAt": format(copied),
            "recordedFrom": if i.is_multiple_of(13) { "reading" } else { "copy" },
            "softwareVersion": if i.is_multiple_of(2) { "0.3.0" } else { "0.3.1" },
            "suspect": optional(i.is_multiple_of(17), json!(SUSPECT[i as usize % 3])),
        });
        receipt.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let day = if i.is_multiple_of(50) { copied } else { began }.date().to_string();
        (receipt, day)
    };
    (0..200).map(receipt).collect()
}

fn november(known: &[Known]) -> impl Iterator<Item = &Known> {
    known.iter().filter(|one| one.is_of_november())
}

/// Rounded to one decimal place.
fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn days(known: &[Known]) -> Vec<Row> {
    let mut days: BTreeMap<_, (u64, Option<u64>)> = BTreeMap::new();
    for one in november(known) {
        let (count, seconds) = days.entry(&one.day).or_default();
        *count += 1;
        *seconds = match (*seconds, one.seconds()) {
            (Some(sum), Some(more)) => Some(sum + more),
            (sum, more) => sum.or(more),
        };
    }
    let minutes = |seconds: Option<u64>| seconds.map(|seconds| tenths(seconds as f64 / 60.0));
    let rows = days.into_iter();
    rows.map(|(day, (count, seconds))| vec![json!(day), json!(count), json!(minutes(seconds))])
        .collect()
}

fn busiest_hours(known: &[Known]) -> Vec<Row> {
    let mut hours: BTreeMap<String, u64> = BTreeMap::new();
    for start in november(known).filter_map(|one| one.text("startTime")) {
        *hours.entry(start[11..13].to_owned()).or_default() += 1;
    }
    let mut hours: Vec<_> = hours.into_iter().collect();
    hours.sort_by_key(|(hour, count)| (Reverse(*count), hour.clone()));
    let rows = hours.into_iter().take(5);
    rows.map(|(hour, count)| vec![json!(hour), json!(count)]).collect()
}

fn longest_calls(known: &[Known]) -> Vec<Row> {
    let mut calls: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for one in november(known) {
        if let (Some(call), Some(seconds)) = (one.text("callSid"), one.seconds()) {
            let (count, sum) = calls.entry(call).or_default();
            (*count, *sum) = (*count + 1, *sum + seconds);
        }
    }
    let mut calls: Vec<_> = calls.into_iter().collect();
    calls.sort_by_key(|(call, (_, seconds))| (Reverse(*seconds), call.clone()));
    let rows = calls.into_iter().take(10);
    rows.map(|(call, (count, seconds))| vec![json!(call), json!(count), json!(seconds)])
        .collect()
}

fn suspects(known: &[Known]) -> Vec<Row> {
    let suspects = november(known).filter(|one| !one.field("suspect").is_null());
    suspects
        .map(|one| vec![json!(one.day), one.field("recordingSid"), one.field("suspect")])
        .collect()
}

fn without_task(known: &[Known]) -> Vec<Row> {
    let mut days: BTreeMap<_, u64> = BTreeMap::new();
    for one in november(known).filter(|one| one.field("taskSid").is_null()) {
        *days.entry(&one.day).or_default() += 1;
    }
    days.into_iter()
        .map(|(day, count)| vec![json!(day), json!(count)])
        .collect()
}

fn duplicates(known: &[Known]) -> Vec<Row> {
    let mut equal: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for one in november(known) {
        let sids = equal.entry(one.text("sha256").unwrap()).or_default();
        sids.insert(one.text("recordingSid").unwrap());
    }
    equal.retain(|_, sids| sids.len() > 1);
    let mut equal: Vec<_> = equal.into_iter().collect();
    equal.sort_by_key(|(sha256, sids)| (Reverse(sids.len()), sha256.clone()));
    let rows = equal.into_iter();
    rows.map(|(sha256, sids)| {
        vec![
            json!(sha256),
            json!(sids.len()),
            json!(sids.first()),
            json!(sids.last()),
        ]
    })
    .collect()
}

fn from_reading(known: &[Known]) -> Vec<Row> {
    let read = november(known).filter(|one| one.field("recordedFrom") == "reading");
    read.map(|one| vec![json!(one.day), one.field("recordingSid"), one.field("copiedAt")])
        .collect()
}

fn sources(known: &[Known]) -> Vec<Row> {
    let mut kinds: BTreeMap<_, (u64, u64)> = BTreeMap::new();
    for one in november(known) {
        // Both engines sort unknown values last.
        let text = |name: &str| {
            let value = one.text(name);
            (value.is_none(), value)
        };
        let channels = one.field("channels").as_u64();
        let kind = (
            text("source"),
            text("track"),
            (channels.is_none(), channels),
            text("mediaType"),
        );
        let (count, bytes) = kinds.entry(kind).or_default();
        (*count, *bytes) = (*count + 1, *bytes + one.field("length").as_u64().unwrap());
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, (count, _))| Reverse(*count));
    kinds
        .into_iter()
        .map(|((source, track, channels, media), (count, bytes))| {
            let megabytes = json!(tenths(bytes as f64 / 1e6));
            vec![
                json!(source.1),
                json!(track.1),
                json!(channels.1),
                json!(media.1),
                json!(count),
                megabytes,
            ]
        })
        .collect()
}

fn late(known: &[Known]) -> Vec<Row> {
    let mut late: Vec<_> = november(known)
        .filter_map(|one| {
            let took = one.time("copiedAt")? - one.time("startTime")?;
            let seconds = took.whole_seconds() - i64::try_from(one.seconds()?).unwrap();
            (seconds > 3_600).then(|| (Reverse(seconds), one.text("recordingSid").unwrap()))
        })
        .collect();
    late.sort();
    let rows = late.into_iter();
    rows.map(|(Reverse(seconds), sid)| vec![json!(sid), json!(tenths(seconds as f64 / 3_600.0))])
        .collect()
}

fn versions(known: &[Known]) -> Vec<Row> {
    let mut months: BTreeMap<_, u64> = BTreeMap::new();
    for one in known {
        *months
            .entry((one.day[..7].to_owned(), one.text("softwareVersion")))
            .or_default() += 1;
    }
    let rows = months.into_iter();
    rows.map(|((month, version), count)| vec![json!(month), json!(version), json!(count)])
        .collect()
}
