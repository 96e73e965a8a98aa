//! No event may end a process. The tests send thousands of odd events, made from the samples in `events/`, and each
//! gets an answer.

use std::fs;

use fastrand::Rng;
use futures_util::{StreamExt, stream};
use local_stack::{Role, Stack};
use reqwest::StatusCode;
use serde_json::{Value, json, value::RawValue};

use crate::support::{OwnStack, PROCESSORS, Recording, alone, get, options};

/// Any seed would do. A fixed one makes a failure reproducible.
const SEED: u64 = 14;

/// Characters that HTTP's grammar does not allow, or that libraries often handle wrongly.
const ODD: [&str; 27] = [
    " ", "+", "%", "%00", "%zz", "%C3", "\"", "<", ">", "\\", "^", "`", "{", "|", "#", "?", "&", "=", "\0", "\n",
    "\r\n", "\t", "\u{1b}", "\u{7f}", "é", "\u{202e}", "😀",
];

/// Values for fields that hold a short text.
const TEXTS: [&str; 18] = [
    "",
    " ",
    "/",
    "//",
    "a b",
    "host:99999",
    "host:port",
    "[::1",
    "https,http",
    "GET",
    "HEAD",
    "OPTIONS",
    "G ET",
    "BREW",
    "bytes=0-",
    "bytes=5-2,",
    "Basic =",
    "application/json",
];

/// The fields that are changed.
const FIELDS: [&str; 24] = [
    "/rawPath",
    "/rawPath",
    "/rawQueryString",
    "/rawQueryString",
    "/rawQueryString",
    "/headers",
    "/headers/host",
    "/headers/x-forwarded-proto",
    "/headers/range",
    "/headers/if-range",
    "/headers/authorization",
    "/headers/origin",
    "/headers/content-type",
    "/headers/x-twilio-signature",
    "/body",
    "/isBase64Encoded",
    "/cookies",
    "/queryStringParameters",
    "/requestContext",
    "/requestContext/http",
    "/requestContext/http/method",
    "/requestContext/domainName",
    "/requestContext/requestId",
    "/requestContext/authorizer",
];

/// An iterator over odd events.
struct OddEvents {
    rng: Rng,
    samples: Vec<Value>,
}

impl OddEvents {
    fn from_samples(names: &[&str], seed: u64) -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events");
        let read = |name: &&str| serde_json::from_str(&fs::read_to_string(format!("{folder}/{name}.json")).unwrap());
        Self {
            rng: Rng::with_seed(seed),
            samples: names.iter().map(|name| read(name).unwrap()).collect(),
        }
    }

    fn change(&mut self, event: &mut Value) {
        let field = FIELDS[self.rng.usize(..FIELDS.len())];
        let (parent, name) = field.rsplit_once('/').unwrap();
        // An earlier change may have removed the parent.
        let Some(parent) = event.pointer_mut(parent).and_then(Value::as_object_mut) else {
            return;
        };
        match self.rng.u8(..6) {
            0 => drop(parent.remove(name)),
            1 => drop(parent.insert(name.to_owned(), self.value())),
            2 => drop(parent.insert(name.to_owned(), json!(TEXTS[self.rng.usize(..TEXTS.len())]))),
            3 => drop(parent.insert(format!("{name}{}", self.odd()), json!(self.odd()))),
            _ => {
                let text = parent.get(name).and_then(Value::as_str).unwrap_or_default();
                let text = self.with_odd_pieces(text);
                parent.insert(name.to_owned(), text.into());
            }
        }
    }

    fn with_odd_pieces(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        if self.rng.u8(..50) == 0 {
            text.push_str(&self.odd().repeat(65_400));
        }
        for _ in 0..=self.rng.u8(..3) {
            let ends: Vec<_> = text
                .char_indices()
                .map(|(at, _)| at)
                .take(500)
                .chain([text.len()])
                .collect();
            text.insert_str(ends[self.rng.usize(..ends.len())], self.odd());
        }
        text
    }

    fn odd(&mut self) -> &'static str {
        ODD[self.rng.usize(..ODD.len())]
    }

    /// A value of any type.
    fn value(&mut self) -> Value {
        match self.rng.u8(..7) {
            0 => Value::Null,
            1 => json!(true),
            2 => json!(-1),
            3 => json!([self.odd(), null]),
            4 => json!({"": {}, "a": self.odd()}),
            5 => (0..200).fold(json!(0), |inner, _| json!([inner])),
            _ => Value::Object((0..30_000).map(|number| (format!("x-{number}"), json!("x"))).collect()),
        }
    }

    /// Changes a few bytes of the text. The result is usually not valid JSON.
    fn damage(&mut self, text: &mut String) {
        let at = self.rng.usize(..text.len());
        if !text.is_char_boundary(at) {
            return;
        }
        match self.rng.u8(..3) {
            0 => text.truncate(at),
            1 => text.insert_str(at, "\\ud83d"),
            _ => text.insert_str(at, self.odd()),
        }
    }
}

impl Iterator for OddEvents {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut event = self.samples[self.rng.usize(..self.samples.len())].clone();
        for _ in 0..=self.rng.u8(..3) {
            self.change(&mut event);
        }
        let mut text = event.to_string();
        if self.rng.u8(..10) == 0 {
            self.damage(&mut text);
        }
        Some(text)
    }
}

/// Sends this many events to each of the two public functions.
async fn send_odd_events(stack: &Stack, events: usize) {
    let recording = Recording::named(stack, RECORDING, TASK, 2000);
    recording.bring_in(stack).await;
    // Another test may have stored the samples' recording first, with other audio.
    let url = recording.media_url(stack).await;
    let audio = get(&url, &[]).await.bytes().await.unwrap();
    let processes = [Role::Playback, Role::Webhook].map(|role| stack.process_ids(role));

    let requests = ["function-url-get", "function-url-get-range", "function-url-media-url"];
    let odd = OddEvents::from_samples(&requests, SEED).take(events);
    stream::iter(odd)
        .for_each_concurrent(4, |event| plays_or_refuses(stack, event))
        .await;

    let callbacks = ["http-api-get", "http-api-post-base64", "http-api-post-text"];
    let odd = OddEvents::from_samples(&callbacks, SEED).take(events);
    stream::iter(odd)
        .for_each_concurrent(2, |event| accepts_or_refuses(stack, event))
        .await;

    assert_eq!(
        [Role::Playback, Role::Webhook].map(|role| stack.process_ids(role)),
        processes
    );
    assert!(get(&url, &[]).await.bytes().await.unwrap() == audio);
}

/// The recording and the task in the samples.
const RECORDING: &str = "RE00000000000000000000000000000001";
const TASK: &str = "WT00000000000000000000000000000001";

async fn plays_or_refuses(stack: &Stack, event: String) {
    let Ok(answer) = stack.invoke_with(Role::Playback, event.clone()).await else {
        assert!(
            serde_json::from_str::<&RawValue>(&event).is_err(),
            "not invoked: {event}"
        );
        return;
    };
    let failed = answer.headers().contains_key("x-amz-function-error");
    let answer = answer.bytes().await.unwrap();
    assert!(!failed, "{}: {event}", String::from_utf8_lossy(&answer));
    let end = answer.windows(8).position(|bytes| bytes == [0; 8]).unwrap();
    let head: Value = serde_json::from_slice(&answer[..end]).unwrap();
    let status = head["statusCode"].as_u64().unwrap();
    assert!(
        matches!(status, 200 | 204 | 206 | 304 | 400 | 401 | 403 | 404 | 405 | 412 | 416),
        "{status}: {event}"
    );
}

async fn accepts_or_refuses(stack: &Stack, event: String) {
    let Ok(answer) = stack.invoke_with(Role::Webhook, event.clone()).await else {
        assert!(
            serde_json::from_str::<&RawValue>(&event).is_err(),
            "not invoked: {event}"
        );
        return;
    };
    let failed = answer.headers().contains_key("x-amz-function-error");
    let answer: Value = answer.json().await.unwrap();
    if failed {
        // The event is no longer a request, so that its sender gets an error.
        assert_eq!(answer["errorType"], "InvocationError", "{answer}: {event}");
        let is_request =
            serde_json::from_str::<Value>(&event).is_ok_and(|event| event.pointer("/requestContext/http").is_some());
        assert!(!is_request, "{answer}: {event}");
    } else {
        let status = answer["statusCode"].as_u64().unwrap();
        assert!(matches!(status, 204 | 400 | 403 | 404 | 405 | 413), "{answer}: {event}");
    }
}

#[tokio::test]
async fn odd_events_are_answered_and_end_no_process() {
    let (stack, _turn) = alone().await;
    // The webhook refuses a callback if the queue does not answer in time.
    let _processors = PROCESSORS.lock().await;
    send_odd_events(stack, 250).await;
}

/// A panic aborts a released binary.
#[tokio::test]
#[ignore = "compiles the functions a second time, for minutes; .ci/run runs it"]
async fn released_binaries_outlive_ten_thousand_odd_events() {
    let stack = OwnStack::start(options().released()).await;
    send_odd_events(&stack, 5000).await;
}

#[tokio::test]
async fn a_link_plays_with_a_plus_beside_it_that_arrives_as_a_space() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 2000);
    recording.bring_in(stack).await;
    let url = recording.media_url(stack).await;
    let answer = get(&format!("{url}&note=a+b"), &[]).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.bytes().await.unwrap(), recording.audio);
}
