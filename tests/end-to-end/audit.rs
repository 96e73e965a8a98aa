//! The audit trail as an operator reads it: the queries in `docs/OPERATIONS.md` find what they name.

use std::{collections::BTreeSet, fs};

use local_stack::{Role, Stack, values};
use serde_json::Value;
use toolbox::workspace_root;

use crate::support::{Recording, alone, eventually, get};

/// Names of the query language itself.
const LANGUAGE: [&str; 12] = [
    "filter",
    "stats",
    "fields",
    "sort",
    "asc",
    "and",
    "as",
    "by",
    "min",
    "sortsLast",
    "sum",
    "first",
];

/// Names that a query gives to what it has computed.
const COMPUTED: [&str; 3] = ["listener", "worker", "bytes"];

fn audit_lines(stack: &Stack, recording: &Recording) -> Vec<Value> {
    let log = stack.log(Role::Playback).unwrap();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter(|line| line["target"] == "audit" && line["recordingSid"] == recording.sid.as_str())
        .collect()
}

/// The fields that the documented queries name.
fn queried_fields() -> BTreeSet<String> {
    let document = fs::read_to_string(workspace_root().join("docs/OPERATIONS.md")).unwrap();
    let (_, section) = document.split_once("## Who listened").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let queries: Vec<_> = section.split("```").skip(1).step_by(2).collect();
    assert_eq!(queries.len(), 2);
    let without_values = |query: &str| query.split('"').step_by(2).collect::<String>();
    let words: String = queries.into_iter().map(without_values).collect();
    words
        .split(|character: char| !character.is_ascii_alphabetic())
        .filter(|word| !word.is_empty() && !LANGUAGE.contains(word) && !COMPUTED.contains(word))
        .map(ToOwned::to_owned)
        .collect()
}

#[tokio::test]
async fn the_documented_query_tells_who_listened_to_how_much() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 500_000);
    recording.bring_in(stack).await;
    let url = recording.media_url(stack).await;
    for range in ["bytes=0-99999", "bytes=300000-300099"] {
        assert_eq!(get(&url, &[("range", range)]).await.status(), 206);
    }
    let refused = stack
        .media_url(&recording.sid, "a token that is nobody's")
        .await
        .unwrap();
    assert_eq!(refused.status(), 401);

    let lines = eventually("both replies' ends", || async {
        let lines = audit_lines(stack, &recording);
        let ends = lines.iter().filter(|line| line["event"] == "playback_end").count();
        (ends == 2).then_some(lines)
    })
    .await;
    for field in queried_fields() {
        assert!(
            lines.iter().any(|line| !line[&field].is_null()),
            "no audit line has {field}"
        );
    }

    // What the first query computes, by hand.
    let granted = lines.iter().find(|line| line["outcome"] == "granted").unwrap();
    let of_the_link: Vec<_> = lines
        .iter()
        .filter(|line| line["linkId"] == granted["linkId"])
        .collect();
    let bytes: u64 = of_the_link.iter().filter_map(|line| line["bytesSent"].as_u64()).sum();
    assert_eq!(bytes, 100_100);
    let listeners: BTreeSet<_> = of_the_link
        .iter()
        .filter_map(|line| line["identity"].as_str())
        .collect();
    assert_eq!(listeners.len(), 1);
    assert!(!listeners.contains(values::FLEX_TOKEN));
    assert_eq!(
        lines
            .iter()
            .filter(|line| line["identity"].is_null() && line["event"] == "media_url")
            .count(),
        1
    );
}
