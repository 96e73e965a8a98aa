//! The audit trail of a request, and what it must not contain.

use std::{
    io,
    sync::{Arc, Mutex, Once},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{Method, Uri};
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

use crate::fakes::{RECORDING, Shelf, World, plaintext, request};

/// Collects log lines.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Collects the lines of this thread while the guard lives.
    pub(crate) fn capture(&self) -> tracing::subscriber::DefaultGuard {
        // tracing caches for the whole process whether a line has a subscriber. A global one exists always, so that a test on
        // another thread without a subscriber cannot turn the line off.
        static GLOBAL: Once = Once::new();
        GLOBAL.call_once(|| {
            let nowhere = tracing_subscriber::fmt().with_writer(io::sink);
            tracing::subscriber::set_global_default(nowhere.with_max_level(tracing::Level::TRACE).finish()).unwrap();
        });
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_writer(self.clone());
        tracing::subscriber::set_default(subscriber.with_max_level(tracing::Level::TRACE).finish())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn audit(&self) -> Vec<Value> {
        self.text()
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|line| line["target"] == "audit")
            .collect()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

const TOKEN: &str = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..aXY.canary-token-text.dGFn";

fn authorization() -> String {
    format!("Basic {}", STANDARD.encode(format!("token:{TOKEN}")))
}

/// Bytes from the middle of a recording can look like the beginning of another recording.
#[tokio::test]
async fn only_a_reply_with_the_first_byte_shows_the_bytes_per_second() {
    let mut wav =
        b"RIFF\x24\x04\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x40\x1f\0\0\0\x7d\0\0\x04\0\x10\0data\0\x04\0\0".to_vec();
    wav.extend(b"\xff\xfb\x90\0".repeat(256));
    let world = World::new(Shelf::with(&wav.into()));
    for (range, rate) in [("bytes=0-", Value::from(32_000)), ("bytes=44-", Value::Null)] {
        let lines = Lines::default();
        let guard = lines.capture();
        let answer = world.get(&[("range", range)]).await;
        assert_eq!(answer.status, 206);
        drop(guard);
        let [_, ends] = <[Value; 2]>::try_from(lines.audit()).unwrap();
        assert_eq!(ends["bytesPerSecond"], rate, "{range}");
    }
}

#[tokio::test]
async fn a_link_and_what_was_played_by_it_are_joined() {
    let lines = Lines::default();
    let guard = lines.capture();
    let world = World::new(Shelf::with(&plaintext(100)));
    let query = format!("recordingSid={RECORDING}");
    let headers = [("authorization", &*authorization())];
    let said = world
        .send(request(&Method::GET, "/media-url", &query, &headers))
        .await
        .json();
    let url: Uri = said["media_url"].as_str().unwrap().parse().unwrap();
    let link = url.query().unwrap();
    let answer = world
        .send(request(&Method::GET, url.path(), link, &[("range", "bytes=10-29")]))
        .await;
    assert_eq!(answer.status, 206);
    drop(guard);

    let [requested, begins, ends] = <[Value; 3]>::try_from(lines.audit()).unwrap();
    assert_eq!(requested["event"], "media_url");
    assert_eq!(requested["outcome"], "granted");
    assert_eq!(requested["identity"], "jane");
    assert_eq!(requested["workerSid"], "WK00000000000000000000000000000001");
    assert_eq!(begins["event"], "playback_begin");
    assert_eq!((&begins["firstByte"], &begins["lastByte"]), (&10.into(), &29.into()));
    assert_eq!(ends["event"], "playback_end");
    assert_eq!(ends["outcome"], "complete");
    assert_eq!(ends["bytesSent"], 20);
    for line in [&requested, &begins, &ends] {
        assert_eq!(line["recordingSid"], RECORDING);
        assert_eq!(line["requestId"], "request-1");
        assert_eq!(line["linkId"], requested["linkId"]);
    }
    assert!(link.contains(requested["linkId"].as_str().unwrap()));

    let text = lines.text();
    let (_, signature) = link.rsplit_once('=').unwrap();
    for secret in [
        TOKEN,
        &STANDARD.encode(TOKEN)[..20],
        signature,
        "expires=",
        "recordingSid=",
    ] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}

#[tokio::test]
async fn refusals_are_written_down_too() {
    let lines = Lines::default();
    let guard = lines.capture();
    let world = World::new(Shelf::with(&plaintext(100)));
    let missing = "RE00000000000000000000000000000002";
    for (query, headers) in [
        (format!("recordingSid={RECORDING}"), vec![]),
        (
            format!("recordingSid={missing}"),
            vec![("authorization", authorization())],
        ),
    ] {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        world.send(request(&Method::GET, "/media-url", &query, &headers)).await;
    }
    drop(guard);
    let [stranger, unlucky] = <[Value; 2]>::try_from(lines.audit()).unwrap();
    assert_eq!(stranger["outcome"], "token_required");
    assert_eq!(stranger["recordingSid"], RECORDING);
    assert_eq!(stranger["identity"], Value::Null);
    assert_eq!(unlucky["outcome"], "recording_not_found");
    assert_eq!(unlucky["identity"], "jane");
    assert_eq!(unlucky["linkId"], Value::Null);
    assert!(!lines.text().contains(TOKEN));
}

/// `vault.py prove` reads the counts.
#[tokio::test]
async fn a_refusal_shows_whether_a_plus_arrived_as_a_space() {
    for (query, pluses, spaces) in [("a=b+c+d", 2, 0), ("a=b c", 0, 1), ("a=b%2Bc%20", 0, 0)] {
        let lines = Lines::default();
        let guard = lines.capture();
        let world = World::new(Shelf::with(&plaintext(100)));
        let path = format!("/recordings/{RECORDING}");
        let answer = world.send(request(&Method::GET, &path, query, &[])).await;
        assert_eq!(answer.status, 403);
        drop(guard);
        let text = lines.text();
        let refused = text.lines().find(|line| line.contains("request refused")).unwrap();
        let refused: Value = serde_json::from_str(refused).unwrap();
        assert_eq!(
            (&refused["pluses"], &refused["spaces"]),
            (&pluses.into(), &spaces.into()),
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_refused_link_leaves_no_trace_of_itself() {
    let lines = Lines::default();
    let guard = lines.capture();
    let world = World::new(Shelf::with(&plaintext(100)));
    let query = "recordingSid=canary&expires=canary&signature=canary";
    world.send(request(&Method::GET, "/", query, &[])).await;
    world
        .send(request(&Method::GET, "/recordings/canary", query, &[]))
        .await;
    drop(guard);
    assert!(lines.audit().is_empty());
    assert!(lines.text().contains("the link is malformed"));
    assert!(!lines.text().contains("canary"));
}
