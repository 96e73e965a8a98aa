//! Counts the requests that `docs/cost/usage.csv` lists.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    time::{Duration, SystemTime},
};

use local_stack::{Call, DeliveryState, Mark, Role, Stack};
use reqwest::StatusCode;
use serde_json::json;

use crate::support::{Recording, alone, eventually, get, header};

/// Five minutes of 8 kHz, 16 bit, one channel, after a WAV header. The suite's files have two channels and last half as
/// long.
const FIVE_MINUTES: usize = 44 + 5 * 60 * 8_000 * 2;
const DURATION_S: &str = "150";

/// The table's words for lines that are counted here exactly, and for lines that are measured.
const COUNTED: &str = "wire";
const MEASURED: &str = "measured";

#[tokio::test]
async fn a_recording_costs_the_requests_that_the_cost_sheet_says() {
    let (stack, _turn) = alone().await;
    // An instance that starts meanwhile logs more, never less.
    let mut least = usize::MAX;
    let mut last = None;
    for _ in 0..3 {
        let recording = Recording::new(stack, FIVE_MINUTES);
        let (mark, logged) = (stack.wire().mark(), stack.logs().unwrap().len());
        let callback = recording.callback().parameter("RecordingDuration", DURATION_S);
        stack.post_callback(&callback).await.unwrap();
        done(stack, &recording, 2).await;
        least = least.min(stack.logs().unwrap().len() - logged);
        last = Some((recording, mark));
    }
    is_about(least, documented("recording", MEASURED)["log-byte"]);
    let (recording, mark) = last.unwrap();
    // These calls occur only if originals are deleted. The suite's linker marks and schedules a deletion for every
    // recording.
    let (scheduling, copying): (Vec<_>, Vec<_>) = calls(stack, mark, &recording)
        .into_iter()
        .partition(|call| call.service == "scheduler" || call.key.starts_with("deletions/"));
    assert_eq!(billed(copying), documented("recording", COUNTED));

    let mark = stack.wire().mark();
    stack.fire(&recording.sid).await.unwrap();
    done(stack, &recording, 3).await;
    let deleting = calls(stack, mark, &recording);
    let deleted = billed(scheduling.into_iter().chain(deleting));
    assert_eq!(deleted, documented("deletion", COUNTED));
}

#[tokio::test]
async fn a_night_of_the_reconciliation_costs_a_recording_what_the_cost_sheet_says() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 20_000);
    recording.bring_in(stack).await;
    // The reconciliation ignores a recording that has just ended, because its callback may still arrive.
    let file = stack.recordings_dir().join(format!("{}.wav", recording.sid));
    let ended = SystemTime::now() - Duration::from_secs(2 * 3_600);
    File::options()
        .write(true)
        .open(file)
        .unwrap()
        .set_modified(ended)
        .unwrap();
    let mark = stack.wire().mark();
    let event = json!({"reconcile": {"restart": true}});
    let answer = stack.invoke(Role::Operator, &event).await.unwrap();
    assert!(!answer.failed, "{answer:?}");
    let calls = stack.wire().since(mark).into_iter();
    let about_it = calls.filter(|call| call.key.contains(&recording.sid));
    assert_eq!(billed(about_it), documented("night", COUNTED));
}

/// A search for a call with one recording, a link, and an erasure by list with its dry run.
#[tokio::test]
async fn an_operators_commands_cost_the_requests_that_the_cost_sheet_says() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, FIVE_MINUTES);
    recording.bring_in(stack).await;
    let search = json!({"find": {"call": recording.call}});
    let (minutes, requester) = (60, "arn:aws:sts::123456789012:assumed-role/Operators/sam@example.com");
    let link = json!({"link": {
        "recordingSid": recording.sid, "minutes": minutes, "for": "Jane Auditor", "requestedBy": requester,
    }});
    let erase = |dry_run: bool| json!({"erase": {"recordings": [recording.sid], "dryRun": dry_run}});
    for (each, events) in [
        ("search", vec![search]),
        ("link", vec![link]),
        ("erasure", vec![erase(true), erase(false)]),
    ] {
        let mark = stack.wire().mark();
        for event in events {
            let answer = stack.invoke(Role::Operator, &event).await.unwrap();
            assert!(!answer.failed, "{answer:?}");
        }
        // The jobs of an earlier test may still go on.
        let calls = stack.wire().since(mark).into_iter();
        let of_operator = calls.filter(|call| call.role == Role::Operator);
        assert_eq!(billed(of_operator), documented(each, COUNTED), "{each}");
    }
}

/// The calls since `mark`, except those about other recordings. The jobs of an earlier test may still go on: a link to a
/// task without a worker is tried again every 90 s.
fn calls(stack: &Stack, mark: Mark, recording: &Recording) -> Vec<Call> {
    let is_about_another = |call: &Call| {
        let sids = call
            .key
            .match_indices("RE")
            .filter_map(|(at, _)| call.key.get(at..at + 34));
        let mut recordings = sids.filter(|sid| sid[2..].bytes().all(|byte| byte.is_ascii_hexdigit()));
        recordings.any(|sid| sid != recording.sid)
    };
    let calls = stack.wire().since(mark).into_iter();
    calls.filter(|call| !is_about_another(call)).collect()
}

/// Waits until `messages` messages about a recording are done.
async fn done(stack: &Stack, recording: &Recording, messages: usize) {
    eventually("the end of the jobs", || async {
        let deliveries = stack.deliveries(&recording.sid);
        let done = deliveries
            .iter()
            .filter(|delivery| delivery.state == DeliveryState::Done);
        (done.count() == messages).then_some(())
    })
    .await;
}

/// Plays as Chromium does: one link, then open ranges, each starting where the last one ended.
#[tokio::test]
async fn a_playback_costs_the_requests_that_the_cost_sheet_says() {
    let (stack, _turn) = alone().await;
    // A busy instance sends the listener's next request to another instance, which opens the recording again. This
    // costs more requests, never fewer.
    let mut least: Option<BTreeMap<String, usize>> = None;
    for _ in 0..5 {
        let recording = Recording::new(stack, FIVE_MINUTES);
        recording.bring_in(stack).await;
        let (mark, logged) = (stack.wire().mark(), stack.logs().unwrap().len());
        let ranges = play(stack, &recording).await;
        is_about(
            stack.logs().unwrap().len() - logged,
            documented("playback", MEASURED)["log-byte"],
        );
        assert_eq!(ranges, 5, "4.8 MB by at most 1 MiB");
        let calls = billed(calls(stack, mark, &recording));
        if least.as_ref().is_none_or(|least| total(&calls) < total(least)) {
            least = Some(calls);
        }
    }
    assert_eq!(least.unwrap(), documented("playback", COUNTED));
}

/// Plays to the end and returns the number of ranges that this took.
async fn play(stack: &Stack, recording: &Recording) -> usize {
    let url = recording.media_url(stack).await;
    let (mut at, mut ranges) = (0, 0);
    while at < recording.audio.len() {
        let range = format!("bytes={at}-");
        let chromium = [
            ("range", &*range),
            ("sec-fetch-dest", "audio"),
            ("sec-ch-ua", "\"Chromium\";v=\"148\""),
        ];
        let answer = get(&url, &chromium).await;
        assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
        assert!(header(&answer, "content-range").is_some());
        let part = answer.bytes().await.unwrap();
        assert!(part == recording.audio[at..at + part.len()]);
        at += part.len();
        ranges += 1;
    }
    ranges
}

/// The lengths of identifiers and times differ between runs, and between the stack and Lambda.
fn is_about(bytes: usize, documented: usize) {
    assert!(
        bytes.abs_diff(documented) * 4 < documented,
        "{bytes} bytes logged, {documented} documented"
    );
}

fn total(calls: &BTreeMap<String, usize>) -> usize {
    calls.values().sum()
}

/// The functions' calls as AWS bills them. Each instance fetches secrets only once, and S3 does not charge for
/// deletions.
fn billed(calls: impl IntoIterator<Item = Call>) -> BTreeMap<String, usize> {
    let mut billed = BTreeMap::new();
    for call in calls {
        if call.service != "secretsmanager" && call.operation != "DeleteObject" {
            *billed.entry(item(&call)).or_default() += 1;
        }
    }
    billed
}

/// The item of the price list for a call.
fn item(call: &Call) -> String {
    match (call.service.as_str(), call.operation.as_str()) {
        // S3's pricing page: "PUT, COPY, POST, LIST requests", and "GET, SELECT, and all other requests".
        ("s3", "GetObject" | "HeadObject") => "s3-read".to_owned(),
        ("s3", _) => "s3-write".to_owned(),
        (service, _) => format!("{service}-request"),
    }
}

/// The table's counts for one recording or playback, by item of the price list, of all parts together.
fn documented(each: &str, from: &str) -> BTreeMap<String, usize> {
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cost/usage.csv");
    let table = fs::read_to_string(table).unwrap();
    let lines = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let mut documented = BTreeMap::new();
    // Several parts may send requests of one item.
    for line in lines.filter(|line| line[1] == each && line[3] == from) {
        *documented.entry(line[0].to_owned()).or_default() += line[2].parse::<usize>().unwrap();
    }
    documented
}
