//! No instance plays a recording after its erasure, even if it had the recording open.

use futures_util::future::join_all;
use local_stack::{Mark, Role, Stack};
use reqwest::StatusCode;
use serde_json::json;

use crate::support::{Recording, alone, eventually, get, json as body};

/// Sends enough requests at a time to keep every instance busy.
async fn many(url: &str) -> Vec<reqwest::Response> {
    let range = [("range", "bytes=1000000-1999999")];
    join_all((0..16).map(|_| get(url, &range))).await
}

fn openings(stack: &Stack, mark: Mark) -> usize {
    stack.wire().count(mark, |call| call.is("kms", "Decrypt"))
}

#[tokio::test]
async fn every_warm_instance_answers_404_at_once_where_it_must_read() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 2_000_000);
    recording.bring_in(stack).await;
    let url = recording.link(stack, 600);
    let mark = stack.wire().mark();
    let instances = stack.process_ids(Role::Playback).len();
    eventually("every instance must open the recording", || async {
        for answer in many(&url).await {
            assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
            answer.bytes().await.unwrap();
        }
        (openings(stack, mark) == instances).then_some(())
    })
    .await;

    let erased = stack
        .invoke(Role::Operator, &json!({"erase": recording.sid}))
        .await
        .unwrap();
    assert!(!erased.failed, "{erased:?}");
    let mark = stack.wire().mark();
    for answer in many(&url).await {
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        assert_eq!(body(answer).await["error"], "recording_not_found");
    }
    assert_eq!(openings(stack, mark), 0);
}
