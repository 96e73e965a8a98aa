//! Sends each sample event in `events/` to the real binary in the role that the event is for.

use std::{collections::BTreeSet, fs};

use base64::{Engine, engine::general_purpose::STANDARD};
use local_stack::{Role, Stack};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use twilio_double::FlexToken;

use crate::support::{Recording, among_others, eventually, header, request};

/// The recording in the events.
pub(crate) const RECORDING: &str = "RE00000000000000000000000000000001";
pub(crate) const TASK: &str = "WT00000000000000000000000000000001";

/// All sample events with the role that receives each, in a useful order.
const EVENTS: [(&str, Role); 21] = [
    ("http-api-post-text", Role::Webhook),
    ("http-api-post-base64", Role::Webhook),
    ("http-api-get", Role::Webhook),
    ("sqs-link-task", Role::Linker),
    ("sqs-copy-recording", Role::Copier),
    ("function-url-media-url", Role::Playback),
    ("function-url-get", Role::Playback),
    ("function-url-get-range", Role::Playback),
    ("operator-backfill", Role::Operator),
    ("scheduler-reconcile", Role::Operator),
    ("scheduler-sweep", Role::Operator),
    ("scheduler-arrivals", Role::Operator),
    ("operator-verify", Role::Operator),
    ("operator-find", Role::Operator),
    ("operator-index", Role::Operator),
    ("operator-erase-call", Role::Operator),
    ("operator-catalog", Role::Operator),
    ("operator-link", Role::Operator),
    ("operator-erase", Role::Operator),
    ("operator-erase-list", Role::Operator),
    ("sqs-delete-original", Role::Copier),
];

fn folder() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../events")
}

fn event(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(format!("{}/{name}.json", folder())).unwrap()).unwrap()
}

#[test]
fn every_file_is_a_known_event() {
    let files: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let known: BTreeSet<String> = EVENTS.iter().map(|(name, _)| format!("{name}.json")).collect();
    assert_eq!(files, known);
}

#[tokio::test]
async fn every_event_does_what_it_is_a_sample_of() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::named(stack, RECORDING, TASK, 200_000);
    for (name, role) in EVENTS {
        match role {
            Role::Playback => plays(stack, &recording, name).await,
            Role::Webhook => {
                let answer = stack.invoke(role, &event(name)).await.unwrap();
                assert_eq!(answer.payload["statusCode"], 204, "{name}: {answer:?}");
            }
            Role::Linker | Role::LateLinker | Role::Copier => {
                let answer = stack.invoke(role, &event(name)).await.unwrap();
                assert_eq!(answer.payload, json!({"batchItemFailures": []}), "{name}");
            }
            Role::Operator => {
                let answer = stack.invoke(role, &event(name)).await.unwrap();
                assert!(!answer.failed, "{name}: {answer:?}");
                let done = match name {
                    "operator-erase-call" => {
                        answer.payload["erasurePlan"]["recordings"][0]["recordingSid"] == RECORDING
                    }
                    "operator-erase" => answer.payload["erased"]["original"] == "alreadyGone",
                    "operator-find" => answer.payload["found"].is_array(),
                    "operator-link" => answer.payload["link"]["length"] == 200_000,
                    "scheduler-arrivals" => answer.payload["arrivals"]["arrived"] == true,
                    _ => answer.payload["status"] == "done",
                };
                assert!(done, "{name}: {answer:?}");
            }
        }
        match name {
            "sqs-link-task" => {
                // The sample is years old, so that the linker has moved it to the late links.
                eventually("the link", || async {
                    let attributes = stack.twilio().task(TASK).unwrap().attributes;
                    attributes.contains(RECORDING).then_some(())
                })
                .await;
            }
            "sqs-delete-original" => assert!(!recording.is_at_twilio(stack).await),
            "sqs-copy-recording" => assert!(!recording.stored(stack).await.is_empty()),
            _ => {}
        }
    }
}

async fn plays(stack: &Stack, recording: &Recording, name: &str) {
    let event = event(name);
    if let Some(token) = flex_token(&event) {
        stack.twilio().add_token(FlexToken::supervisor(&token));
    }
    let answer = send(stack, &event).await;
    let status = answer.status();
    let content_range = header(&answer, "content-range");
    let body = answer.bytes().await.unwrap();
    match name {
        "function-url-get" => {
            assert_eq!(status, StatusCode::OK);
            assert!(body == recording.audio);
        }
        "function-url-get-range" => {
            assert_eq!(status, StatusCode::PARTIAL_CONTENT);
            assert_eq!(content_range.as_deref(), Some("bytes 65536-199999/200000"));
            assert!(body == recording.audio[65_536..]);
        }
        "function-url-media-url" => {
            assert_eq!(status, StatusCode::OK);
            let answer: Value = serde_json::from_slice(&body).unwrap();
            assert!(answer["media_url"].as_str().unwrap().contains(RECORDING));
        }
        other => panic!("no check for {other}"),
    }
}

/// Sends the request from which API Gateway would make the event.
async fn send(stack: &Stack, event: &Value) -> Response {
    let http = &event["requestContext"]["http"];
    let method: Method = http["method"].as_str().unwrap().parse().unwrap();
    let (path, query) = (
        event["rawPath"].as_str().unwrap(),
        event["rawQueryString"].as_str().unwrap(),
    );
    let headers = event["headers"].as_object().unwrap().iter();
    let headers: Vec<_> = headers
        .filter(|(name, _)| *name != "host")
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    request(method, &format!("{}{path}?{query}", stack.playback_url()), &headers).await
}

/// The token in Basic authorization, as the Player sends it.
fn flex_token(event: &Value) -> Option<String> {
    let basic = event["headers"]["authorization"]
        .as_str()?
        .strip_prefix("Basic ")
        .unwrap();
    let decoded = String::from_utf8(STANDARD.decode(basic).unwrap()).unwrap();
    Some(decoded.strip_prefix("token:").unwrap().to_owned())
}

#[tokio::test]
async fn an_event_for_another_role_fails_and_says_so() {
    let (stack, _turn) = among_others().await;
    let answer = stack.invoke(Role::Copier, &event("http-api-get")).await.unwrap();
    assert!(answer.failed);
    assert_eq!(answer.payload["errorType"], "InvocationError");
}
