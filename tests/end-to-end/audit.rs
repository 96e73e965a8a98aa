//! The audit trail as an operator reads it. The queries in `docs/OPERATIONS.md` must find the lines that they promise.

use std::{collections::BTreeSet, fs};

use local_stack::{Fault, Fired, Role, Rule, Stack, values};
use serde_json::{Value, json};
use toolbox::workspace_root;

use crate::support::{Recording, alone, among_others, eventually, get};

/// Keywords and functions of the query language.
const LANGUAGE: [&str; 21] = [
    "filter",
    "log",
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
    "ispresent",
    "max",
    "strcontains",
    "in",
    "limit",
    "last",
    "requests",
    "plays",
];

/// Names that a query gives to computed values.
const COMPUTED: [&str; 11] = [
    "user",
    "person",
    "requester",
    "worker",
    "bytes",
    "element",
    "begun",
    "played",
    "furthest",
    "rate",
    "seconds",
];

pub(crate) fn audit_lines(stack: &Stack, role: Role, recording: &Recording) -> Vec<Value> {
    let log = stack.log(role).unwrap();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter(|line| line["target"] == "audit" && line["recordingSid"] == recording.sid.as_str())
        .collect()
}

/// The fields that the documented queries of a section use.
fn queried_fields(section: &str) -> BTreeSet<String> {
    let document = fs::read_to_string(workspace_root().join("docs/OPERATIONS.md")).unwrap();
    let (_, section) = document.split_once(&format!("\n## {section}\n")).unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let blocks = section.split("```").skip(1).step_by(2);
    let queries: Vec<_> = blocks.filter(|block| !block.starts_with("sh\n")).collect();
    assert!(!queries.is_empty());
    let without_values = |query: &str| query.split('"').step_by(2).collect::<String>();
    let words: String = queries.into_iter().map(without_values).collect();
    words
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| word.starts_with(|first: char| first.is_ascii_alphabetic()))
        .filter(|word| !LANGUAGE.contains(word) && !COMPUTED.contains(word))
        .map(ToOwned::to_owned)
        .collect()
}

#[tokio::test]
async fn the_documented_query_shows_who_listened_to_how_much() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 500_000);
    recording.bring_in(stack).await;
    let url = recording.media_url(stack).await;
    for range in ["bytes=0-99999", "bytes=300000-300099"] {
        let headers = [("range", range), ("sec-fetch-dest", "audio")];
        assert_eq!(get(&url, &headers).await.status(), 206);
    }
    let refused = stack.media_url(&recording.sid, "an unknown token").await.unwrap();
    assert_eq!(refused.status(), 401);

    let lines = eventually("the ends of both replies", || async {
        let lines = audit_lines(stack, Role::Playback, &recording);
        let ends = lines.iter().filter(|line| line["event"] == "playback_end").count();
        (ends == 2).then_some(lines)
    })
    .await;
    let link = json!({"link": {
        "recordingSid": recording.sid,
        "minutes": 5,
        "for": "Jane Auditor",
        "requestedBy": "arn:aws:iam::111122223333:user/jane",
    }});
    assert!(!stack.invoke(Role::Operator, &link).await.unwrap().failed);
    let made = trail(stack, Role::Operator, &recording, 1).await;
    for field in queried_fields("Who listened") {
        assert!(
            lines.iter().chain(&made).any(|line| !line[&field].is_null()),
            "no audit line has {field}"
        );
    }

    // Compute by hand what the first query computes.
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

/// The event and outcome of each line, in order.
pub(crate) fn outcomes(lines: &[Value]) -> Vec<(&str, &str)> {
    lines
        .iter()
        .map(|line| (line["event"].as_str().unwrap(), line["outcome"].as_str().unwrap()))
        .collect()
}

/// Waits until a role has written at least `len` audit lines about the recording.
async fn trail(stack: &Stack, role: Role, recording: &Recording, len: usize) -> Vec<Value> {
    eventually("the audit lines", || async {
        let lines = audit_lines(stack, role, recording);
        (lines.len() >= len).then_some(lines)
    })
    .await
}

#[tokio::test]
async fn copy_link_deletion_and_erasure_each_leave_a_trail() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 20_000);
    recording.bring_in(stack).await;
    // The same callback arrives again.
    stack.post_callback(&recording.callback()).await.unwrap();
    trail(stack, Role::Copier, &recording, 3).await;
    eventually("the schedule of the deletion", || async {
        let fired = stack.fire(&recording.sid).await.ok()?;
        (fired == Fired::Queued).then_some(())
    })
    .await;
    let copier = trail(stack, Role::Copier, &recording, 4).await;
    let erase = json!({"erase": recording.sid});
    assert!(!stack.invoke(Role::Operator, &erase).await.unwrap().failed);
    // A callback for the erased recording arrives.
    stack.post_callback(&recording.callback()).await.unwrap();

    let copier_then = trail(stack, Role::Copier, &recording, 5).await;
    let linker = trail(stack, Role::Linker, &recording, 3).await;
    let operator = trail(stack, Role::Operator, &recording, 3).await;
    assert_eq!(
        outcomes(&copier_then),
        [
            ("copy", "stored"),
            ("receipt", "written"),
            ("copy", "already_stored"),
            ("delete_original", "deleted"),
            ("copy", "erased"),
        ]
    );
    assert_eq!(outcomes(&linker), [("link", "linked"); 3]);
    assert!(linker.iter().all(|line| line["taskFrom"] == "callback"), "{linker:?}");
    assert_eq!(
        outcomes(&operator),
        [
            ("erase", "begun"),
            ("erase", "removed"),
            ("erase", "original_already_gone"),
            ("erase", "record_removed"),
        ]
    );
    assert_eq!(copier[0]["length"], 20_000);
    assert_eq!(copier[0]["sha256"], copier[1]["sha256"]);
    assert_eq!(copier[0]["sha256"], copier[3]["sha256"]);
    assert_eq!(copier[0]["versionId"], copier[3]["versionId"]);

    let lines: Vec<_> = [copier_then, linker, operator].concat();
    for line in &lines {
        assert!(line["span"]["requestId"].is_string(), "{line}");
    }
    for field in queried_fields("History of a recording") {
        let names = |line: &&Value| !line[&field].is_null() || !line["span"][&field].is_null();
        assert!(
            field == "span" || field == "error" || lines.iter().any(|line| names(&line)),
            "no audit line has {field}"
        );
    }
}

#[tokio::test]
async fn an_erasure_that_fails_says_so_in_the_trail() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 20_000);
    recording.bring_in(stack).await;
    let refused = Fault::Answer {
        status: 403,
        body: "<Error><Code>AccessDenied</Code></Error>".to_owned(),
    };
    let rule = Rule::new("s3", "ListObjectVersions", refused).role(Role::Operator);
    stack.wire().inject(rule.times(1));
    let erase = json!({"erase": recording.sid});
    assert!(stack.invoke(Role::Operator, &erase).await.unwrap().failed);
    stack.wire().clear_faults();
    let lines = trail(stack, Role::Operator, &recording, 2).await;
    assert_eq!(outcomes(&lines), [("erase", "begun"), ("erase", "failed")]);
    assert!(lines[1]["error"].is_string(), "{lines:?}");
}

/// One link whose task no longer exists, and one that cannot be made.
#[tokio::test]
async fn a_link_that_is_not_made_says_so_in_the_trail() {
    let (stack, _turn) = among_others().await;
    let gone = Recording::new(stack, 1_000);
    assert!(stack.twilio().delete_task(&gone.task));
    stack.post_callback(&gone.callback()).await.unwrap();
    assert_eq!(
        outcomes(&trail(stack, Role::Linker, &gone, 1).await),
        [("link", "task_gone")]
    );

    let hopeless = Recording::new(stack, 1_000);
    assert!(stack.twilio().delete_task(&hopeless.task));
    stack
        .twilio()
        .add_task(&hopeless.task, r#"["attributes", "that", "hold", "no", "link"]"#);
    stack.post_callback(&hopeless.callback()).await.unwrap();
    let lines = trail(stack, Role::Linker, &hopeless, 1).await;
    assert_eq!(outcomes(&lines), [("link", "given_up")]);
}
