//! Who opened a recording and who listened to it, by the audit lines of a real browser.
//!
//! CloudWatch Logs Insights has no engine that runs here. So the documented query is held to the text below, and what it
//! computes is computed by hand from the lines that the function wrote.

use std::{collections::BTreeMap, fs};

use local_stack::{Role, Stack};
use serde_json::{Value, json};
use toolbox::workspace_root;

use crate::{
    audit::audit_lines,
    browser::drive,
    support::{OwnStack, Recording, eventually, options},
};

/// The query's computation, which [`Row`] has in Rust.
const QUERY: &str = r#"
| fields strcontains(secFetchDest, "audio") + strcontains(secFetchDest, "video") as element
| stats min(@timestamp) as first, sortsLast(identity) as listener, sortsLast(workerSid) as worker,
    sum(bytesSent) as bytes, sum(element * bytesSent) as played, max(element * firstByte) as furthest,
    max(bytesPerSecond) as rate, played / rate as seconds by linkId
"#;

/// What the query tells of one link.
#[derive(Debug, Default, PartialEq)]
struct Row {
    listener: Option<String>,
    bytes: u64,
    played: u64,
    furthest: u64,
    rate: u64,
}

impl Row {
    fn add(&mut self, line: &Value) {
        let number = |field: &str| line[field].as_u64().unwrap_or_default();
        let element = u64::from(matches!(line["secFetchDest"].as_str(), Some("audio" | "video")));
        if let Some(identity) = line["identity"].as_str() {
            self.listener = Some(identity.to_owned());
        }
        self.bytes += number("bytesSent");
        self.played += element * number("bytesSent");
        self.furthest = self.furthest.max(element * number("firstByte"));
        self.rate = self.rate.max(number("bytesPerSecond"));
    }

    fn seconds(&self) -> u64 {
        self.played / self.rate
    }
}

/// The rows of all links to a recording, once every reply has ended.
async fn rows(stack: &Stack, recording: &Recording) -> BTreeMap<String, Row> {
    let lines = eventually("the end of every reply", || async {
        let lines = audit_lines(stack, Role::Playback, recording);
        let count = |event: &str| lines.iter().filter(|line| line["event"] == event).count();
        (count("playback_begin") == count("playback_end")).then_some(lines)
    })
    .await;
    let mut rows = BTreeMap::<String, Row>::new();
    for line in &lines {
        rows.entry(line["linkId"].as_str().unwrap().to_owned())
            .or_default()
            .add(line);
    }
    rows
}

#[test]
fn the_documented_query_computes_what_is_tested() {
    let document = fs::read_to_string(workspace_root().join("docs/OPERATIONS.md")).unwrap();
    assert!(document.contains(QUERY), "docs/OPERATIONS.md has another query");
}

#[tokio::test]
async fn who_opened_a_recording_is_told_from_who_listened() {
    let stack = OwnStack::start(options()).await;
    // Three minutes of stereo.
    let rate = 32_000;
    let recording = Recording::new(&stack, 44 + 180 * rate);
    recording.bring_in(&stack).await;
    // Nobody, somebody who begins at the beginning, and somebody who begins near the end.
    let places: [&[f64]; 3] = [&[], &[0.0], &[0.9]];
    let mut links = Vec::new();
    let mut job = Vec::new();
    for places in places {
        let link = recording.media_url(&stack).await;
        job.push(json!({"link": link, "places": places}));
        links.push(link);
    }
    let seen = drive(&stack, "opens.mjs", json!({"recordings": job})).await;
    assert_eq!(seen[0], recording.audio.len(), "{seen}");

    let rows = rows(&stack, &recording).await;
    let of = |link: &str| {
        let id = rows.keys().find(|id| link.contains(&format!("&id={id}&")));
        &rows[id.unwrap()]
    };
    for row in rows.values() {
        assert_eq!(row.rate, rate as u64);
        assert_eq!(row.listener.as_deref(), Some("supervisor_40example_2Ecom"));
        // The waveform's fetch took the whole, and is no listening.
        let fetched = row.bytes - row.played;
        assert_eq!(fetched, recording.audio.len() as u64, "{row:?}");
    }
    // The element asks once where it is only opened. How much of the answer it reads is its own affair.
    let opened = of(&links[0]);
    assert_eq!(opened.furthest, 0, "{opened:?}");
    assert!(opened.played <= 1_048_576, "{opened:?}");
    for (link, least_s) in [(&links[1], 1), (&links[2], 150)] {
        let listened = of(link);
        assert!(listened.furthest >= least_s * rate as u64, "{listened:?}");
        assert!(listened.seconds() >= 1, "{listened:?}");
    }
}
