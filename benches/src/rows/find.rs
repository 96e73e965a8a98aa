//! Questions for recordings and the rebuild of the index, over generated recordings. Every answer of S3 is delayed as below.
//! The server is local, so that the figures show requests and waiting and not S3 itself.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    Failure,
    bed::Bed,
    measure::{Figure, Row},
    names,
    runtime::Instance,
    server::Api,
};

const GROUP: &str = "find";

/// S3's time to the first byte of a small object is 10 to 20 ms in the same Region.
const DELAY: Duration = Duration::from_millis(15);

/// The month of the generated recordings.
const DAYS: u32 = 30;

/// The recordings of a conference, a call, a task and a reservation.
const TOGETHER: u32 = 2;

pub(crate) async fn rows(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let recordings = if bed.quick { 300 } else { 100_000 };
    // The entries of other groups' copies would be found too.
    forget(bed);
    for number in 0..recordings {
        generate(bed, number);
    }
    bed.server.delay(DELAY);
    let measured = measure(bed, recordings).await;
    bed.server.delay(Duration::ZERO);
    forget(bed);
    measured
}

fn forget(bed: &Bed) {
    for prefix in ["recordings/", "receipts/", "index/", "operations/"] {
        bed.server.forget_below(prefix);
    }
}

async fn measure(bed: &Bed, recordings: u32) -> Result<Vec<Row>, Failure> {
    let mut operator = bed.operator(&bed.server.plain()).await?;
    // The first invocation reads the secret and opens connections.
    find(&mut operator, &json!({"recording": sid("RE", 0)})).await?;
    let mut rows = Vec::new();
    for (name, question, expected) in [
        (
            "one day",
            json!({"from": "2026-11-02", "to": "2026-11-02"}),
            recordings / DAYS,
        ),
        ("a month", json!({"from": "2026-11-01", "to": "2026-11-30"}), recordings),
        ("a call", json!({"call": sid("CA", 0)}), TOGETHER),
        ("a conference", json!({"conference": sid("CF", 0)}), TOGETHER),
        ("a task", json!({"task": sid("WT", 0)}), TOGETHER),
        ("a reservation", json!({"reservation": sid("WR", 0)}), TOGETHER),
        ("a recording", json!({"recording": sid("RE", 0)}), 1),
    ] {
        let begun = begin(bed);
        let found = find(&mut operator, &question).await?;
        // A day has one recording more if the month's do not divide evenly.
        if found.abs_diff(expected) > 1 {
            return Err(format!("{name}: {found} recordings instead of {expected}").into());
        }
        rows.extend(end(bed, begun, &format!("{name}, {found} of {recordings} recordings")));
    }
    bed.server.forget_below("index/call/");
    let begun = begin(bed);
    let answer = operator.invoke(&json!({"index": {"rebuild": true}})).await?;
    if answer["status"] != "done" || answer["work"]["index"]["counts"]["written"] != recordings {
        return Err(format!("the rebuild answered {answer}").into());
    }
    let kept = bed.server.count_below("index/");
    rows.extend(end(bed, begun, &format!("rebuild, a fifth of {kept} entries missing")));
    Ok(rows)
}

fn begin(bed: &Bed) -> Instant {
    bed.server.requests().take();
    Instant::now()
}

fn end(bed: &Bed, begun: Instant, name: &str) -> [Row; 4] {
    let seconds = begun.elapsed().as_secs_f64();
    let requests = bed.server.requests().take();
    let count = |api, is_read| {
        requests
            .iter()
            .filter(|one| one.api == api && one.is_read == is_read)
            .count() as f64
    };
    let row = |what: &str, unit, value| {
        let figure = Figure {
            median: value,
            min: value,
            max: value,
        };
        Row::new(GROUP, format!("{name}{what}"), unit, figure)
    };
    [
        row("", "s", seconds),
        row(", GET and HEAD", "requests", count(Api::S3, true)),
        row(", LIST, PUT and DELETE", "requests", count(Api::S3, false)),
        row(", Twilio", "requests", count(Api::Media, true)),
    ]
}

/// Follows the pages to the end. Returns the number of recordings.
async fn find(operator: &mut Instance, question: &Value) -> Result<u32, Failure> {
    let (mut found, mut question) = (0, question.clone());
    loop {
        let answer = operator.invoke(&json!({ "find": question })).await?;
        let rows = answer["found"]
            .as_array()
            .ok_or_else(|| format!("the operator answered {answer}"))?;
        found += rows.len() as u32;
        match answer.get("next") {
            Some(next) => question["after"] = next.clone(),
            None => return Ok(found),
        }
    }
}

/// Stores what a copy leaves: the object with its metadata, the entries and the receipt.
fn generate(bed: &Bed, number: u32) {
    let recording = sid("RE", number);
    let day = number % DAYS + 1;
    // Recordings of the same day follow each other by `DAYS`.
    let group = number / (DAYS * TOGETHER) * DAYS + number % DAYS;
    let [call, conference, task, reservation] = ["CA", "CF", "WT", "WR"].map(|prefix| sid(prefix, group));
    let start = format!("2026-11-{day:02}T10:00:00Z");
    let receipt = json!({
        "version": 1,
        "recordingSid": recording,
        "accountSid": names::ACCOUNT,
        "callSid": call,
        "conferenceSid": conference,
        "taskSid": task,
        "reservationSid": reservation,
        "startTime": start,
        "durationS": 300,
        "channels": 2,
        "source": "RecordVerb",
        "track": "both",
        "mediaType": "audio/x-wav",
        "length": 9_600_044,
        "sha256": "0".repeat(64),
        "objectKey": names::object_key(&recording),
        "kmsKeyArn": names::KMS_KEY,
        "headerSha256": "0".repeat(64),
        "copiedAt": start,
        "recordedFrom": "copy",
        "softwareVersion": "0.3.0",
    });
    let metadata = vec![("x-amz-meta-callsid", call.clone()), ("x-amz-meta-starttime", start)];
    bed.server.generate(&names::object_key(&recording), "", metadata);
    for place in [
        format!("day/2026/11/{day:02}"),
        format!("call/{call}"),
        format!("conference/{conference}"),
        format!("task/{task}"),
        format!("reservation/{reservation}"),
    ] {
        bed.server
            .generate(&format!("index/{place}/{recording}"), "", Vec::new());
    }
    let key = format!("receipts/{recording}.json");
    bed.server.generate(&key, receipt.to_string(), Vec::new());
}

fn sid(prefix: &str, number: u32) -> String {
    format!("{prefix}{number:032x}")
}
