//! The audit lines of Flex UI's own player in a real browser show who opened a recording and who listened to it.
//!
//! No engine for CloudWatch Logs Insights runs here. Therefore, `vault.py who` evaluates the documented query over the
//! lines that the function wrote, and the tests compare its answer with a computation of their own.

use std::{collections::BTreeMap, fs, process::Output};

use local_stack::{Role, Stack, values};
use serde_json::{Value, json};
use tokio::process::Command;
use toolbox::{Venv, workspace_root};

use crate::{
    audit::audit_lines,
    canaries::assert_no_secret,
    flex_player::{drive_flex, url_provider},
    support::{OwnStack, Recording, eventually, get, options},
};

/// The query's result for one link, computed without it.
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

    /// What the command has about the link.
    fn assert_same(&self, link: &Value) {
        assert_eq!(link["listener"].as_str(), self.listener.as_deref(), "{link}");
        let [bytes, played, rate] =
            ["bytes", "bytesPlayed", "bytesPerSecond"].map(|name| link[name].as_u64().unwrap_or_default());
        assert_eq!((bytes, played, rate), (self.bytes, self.played, self.rate), "{link}");
        if self.rate > 0 {
            let (seconds, furthest) = (&link["secondsAtMost"], &link["furthestSecond"]);
            assert_eq!(*seconds, self.played.div_ceil(self.rate), "{link}");
            assert_eq!(*furthest, self.furthest / self.rate, "{link}");
        }
    }
}

/// Runs a command of the front end over the stack's log files, without an AWS account.
async fn vault(stack: &Stack, arguments: &[&str]) -> Output {
    let python = tokio::task::spawn_blocking(|| toolbox::python(Venv::Stack));
    let ran = Command::new(python.await.unwrap().unwrap())
        .arg(workspace_root().join("scripts/vault.py"))
        .args(arguments)
        .arg("--log-files")
        .arg(stack.logs_dir())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .await
        .unwrap();
    let printed = [&ran.stdout[..], &ran.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    assert_no_secret(arguments[0], &printed);
    assert!(
        !printed.contains("signature=") && !printed.contains("http"),
        "{printed}"
    );
    assert!(ran.status.success(), "{printed}");
    ran
}

/// What a command says about each link, by the link's id.
async fn links(stack: &Stack, arguments: &[&str]) -> BTreeMap<String, Value> {
    let ran = vault(stack, &[arguments, &["--json"]].concat()).await;
    let document: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let links = document["links"].as_array().unwrap().iter();
    links
        .map(|link| (link["linkId"].as_str().unwrap().to_owned(), link.clone()))
        .collect()
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
    for line in lines.iter().filter(|line| line["linkId"].is_string()) {
        rows.entry(line["linkId"].as_str().unwrap().to_owned())
            .or_default()
            .add(line);
    }
    rows
}

#[test]
fn the_documented_query_is_the_one_of_the_command() {
    let document = fs::read_to_string(workspace_root().join("docs/OPERATIONS.md")).unwrap();
    let script = fs::read_to_string(workspace_root().join("scripts/recording_vault/audit_queries.py")).unwrap();
    let queries: Vec<_> = script
        .split("\"\"\"")
        .filter(|text| text.starts_with("filter "))
        .collect();
    assert_eq!(queries.len(), 2);
    for query in queries {
        assert!(
            document.contains(&format!("```\n{query}\n```")),
            "not in docs/OPERATIONS.md: {query}"
        );
    }
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
    let told = self::links(&stack, &["who", &recording.sid]).await;
    assert!(told.keys().eq(rows.keys()), "{told:?}");
    for (id, row) in &rows {
        row.assert_same(&told[id]);
    }
    let mut verdicts: Vec<_> = told.values().map(|link| link["verdict"].as_str().unwrap()).collect();
    verdicts.sort_unstable();
    assert_eq!(
        verdicts,
        ["listened", "listened", "not_used", "not_used", "not_used", "opened"]
    );
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

/// A link that is only requested, a download, a player that opens, one that seeks, a segment link, and a refusal.
#[tokio::test]
async fn the_command_names_listeners_and_what_they_did() {
    let stack = OwnStack::start(options()).await;
    let recording = Recording::new(&stack, 44 + 20 * 32_000);
    recording.bring_in(&stack).await;
    let opens = ("sec-fetch-dest", "audio");
    // The verdict, and the headers of each request.
    type Use<'a> = (&'a str, &'a [&'a [(&'a str, &'a str)]]);
    let uses: [Use<'_>; 4] = [
        ("not_used", &[]),
        ("fetched", &[&[("range", "bytes=0-99999")]]),
        ("opened", &[&[opens, ("range", "bytes=0-99999")]]),
        (
            "listened",
            &[
                &[opens, ("range", "bytes=0-63999")],
                &[opens, ("range", "bytes=320000-383999")],
            ],
        ),
    ];
    let mut expected = BTreeMap::new();
    for (verdict, requests) in uses {
        let url = recording.media_url(&stack).await;
        for headers in requests {
            get(&url, headers).await.bytes().await.unwrap();
        }
        expected.insert(id_of(&url), (verdict, true));
    }
    // Signed here, as a link in a task is: no request for it is in the log.
    let anonymous = recording.link(&stack, 600);
    get(&anonymous, &[]).await.bytes().await.unwrap();
    expected.insert(id_of(&anonymous), ("fetched", false));
    let refused = stack.media_url(&recording.sid, "an unknown token").await.unwrap();
    assert_eq!(refused.status(), 401);

    let rows = rows(&stack, &recording).await;
    let who = links(&stack, &["who", &recording.sid]).await;
    let all_days = ["listened", "--from", "2020-01-01", "--to", "2099-12-31"];
    assert_eq!(links(&stack, &all_days).await, who);
    let seen: BTreeMap<_, _> = who
        .iter()
        .map(|(id, link)| {
            (
                id.clone(),
                (link["verdict"].as_str().unwrap(), link["listener"].is_string()),
            )
        })
        .collect();
    assert_eq!(seen, expected);
    for (id, row) in &rows {
        row.assert_same(&who[id]);
    }
    let listened = who.values().find(|link| link["verdict"] == "listened").unwrap();
    assert_eq!(
        (&listened["secondsAtMost"], &listened["furthestSecond"]),
        (&json!(4), &json!(10))
    );

    let table = vault(&stack, &["who", &recording.sid]).await;
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(
        table.contains("supervisor_40example_2Ecom") && table.contains("segment_link"),
        "{table}"
    );
    let csv = vault(&stack, &[&all_days[..], &["--format", "csv"]].concat()).await;
    assert_eq!(String::from_utf8(csv.stdout).unwrap().lines().count(), 6);
}

fn id_of(url: &str) -> String {
    let (_, id) = url.split_once("&id=").unwrap();
    id.split('&').next().unwrap().to_owned()
}
