//! The audit lines of Flex UI's own player in a real browser show who opened a recording and who listened to it.
//!
//! No engine for CloudWatch Logs Insights runs here. Therefore, the documented query is compared with the text below,
//! and the test repeats its computation on the lines that the function wrote.

use std::{collections::BTreeMap, fs};

use local_stack::{Role, Stack, values};
use serde_json::{Value, json};
use toolbox::workspace_root;

use crate::{
    audit::audit_lines,
    flex_player::{drive_flex, url_provider},
    support::{OwnStack, Recording, eventually, options},
};

/// The query whose computation [`Row`] repeats in Rust.
const QUERY: &str = r#"
| fields strcontains(secFetchDest, "audio") + strcontains(secFetchDest, "video") as element
| stats min(@timestamp) as first, sortsLast(identity) as listener, sortsLast(workerSid) as worker,
    sum(bytesSent) as bytes, sum(element * bytesSent) as played, max(element * firstByte) as furthest,
    max(bytesPerSecond) as rate, played / rate as seconds by linkId
"#;

/// The query's result for one link.
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

/// The rows of all links to a recording, after every reply has ended.
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
async fn opening_a_recording_is_distinguished_from_listening() {
    let stack = OwnStack::start(options()).await;
    // Three minutes of stereo.
    let rate = 32_000;
    let recording = Recording::new(&stack, 44 + 180 * rate);
    recording.bring_in(&stack).await;
    let job = json!({
        "conversation": {"token": values::FLEX_TOKEN, "urlProviders": [url_provider(&stack, &recording.sid)]},
        "lengthS": 180,
        // No playback, one from the start, and one from near the end.
        "openings": [[], [0.0], [0.9]],
    });
    let links = drive_flex(&stack, "opens.mjs", job).await;

    let rows = rows(&stack, &recording).await;
    let of = |link: &Value| {
        let link = link.as_str().unwrap();
        let id = rows.keys().find(|id| link.contains(&format!("&id={id}&")));
        &rows[id.unwrap()]
    };
    // Flex requests the first link of each conversation twice.
    let (used, unused): (Vec<_>, Vec<_>) = rows.values().partition(|row| row.bytes > 0);
    assert_eq!((used.len(), unused.len()), (3, 3));
    for row in used {
        assert_eq!(row.rate, rate as u64);
        assert_eq!(row.listener.as_deref(), Some("supervisor_40example_2Ecom"));
        // The fetch for the waveform reads the whole recording, and does not count as listening.
        let fetched = row.bytes - row.played;
        assert_eq!(fetched, recording.audio.len() as u64, "{row:?}");
    }
    // If the element is only opened, it sends one request. It may read any part of the response.
    let opened = of(&links[0]);
    assert_eq!(opened.furthest, 0, "{opened:?}");
    assert!(opened.played <= 1_048_576, "{opened:?}");
    for (link, least_s) in [(&links[1], 1), (&links[2], 150)] {
        let listened = of(link);
        assert!(listened.furthest >= least_s * rate as u64, "{listened:?}");
        assert!(listened.seconds() >= 1, "{listened:?}");
    }
}
