//! A client that takes its reply too slowly for the function's timeout.

use std::time::Duration;

use futures_util::StreamExt;
use local_stack::Role;
use reqwest::StatusCode;

use crate::{
    metrics,
    support::{OwnStack, Recording, eventually, get, options},
};

/// More than all that is on the way between function and client, in buffers of sockets and of the stack.
const LEN: usize = 100_000_000;

#[tokio::test]
async fn a_reply_that_nobody_takes_ends_itself_before_the_timeout_and_the_client_can_tell() {
    let stack = OwnStack::start(options().timeout(Role::Playback, Duration::from_secs(8))).await;
    let recording = Recording::new(&stack, LEN);
    recording.bring_in(&stack).await;
    let url = recording.link(&stack, 600);
    let before = stack.process_ids(Role::Playback);

    let paused = get(&url, &[("range", "bytes=0-")]).await;
    assert_eq!(paused.status(), StatusCode::PARTIAL_CONTENT);
    // The end of the audit trail has the bytes that were handed over; Lambda's own end would have left no line.
    let log = eventually("the reply's end", || async {
        let log = stack.log(Role::Playback).unwrap();
        log.contains("out_of_time").then_some(log)
    })
    .await;
    assert!(log.contains("playback_end"), "{log}");
    eventually("the warning and the metric", || async {
        let log = stack.log(Role::Playback).unwrap();
        (log.contains("within the function's timeout") && log.contains("PlaybackOutOfTime")).then_some(())
    })
    .await;
    // CloudWatch files the invocation's error under its beginning. The end has to be there too, to be taken from it.
    let requests = metrics::told(&stack, Role::Playback, "PlaybackRequests");
    let ends = metrics::told(&stack, Role::Playback, "PlaybackOutOfTime");
    assert_eq!(ends.len(), 1);
    assert!(ends[0].at_ms <= requests[0].at_ms, "{ends:?} {requests:?}");
    eventually("another process in its place", || async {
        (stack.process_ids(Role::Playback) != before).then_some(())
    })
    .await;

    let mut heard = Vec::new();
    let mut chunks = paused.bytes_stream();
    let mut is_broken = false;
    while let Some(chunk) = chunks.next().await {
        match chunk {
            Ok(chunk) => heard.extend_from_slice(&chunk),
            Err(_) => is_broken = true,
        }
    }
    assert!(is_broken, "an early end must not look like a whole reply");
    assert!(!heard.is_empty() && heard.len() < LEN);
    assert!(heard == recording.audio[..heard.len()]);

    let range = format!("bytes={}-{}", heard.len(), heard.len() + 99);
    let rest = get(&url, &[("range", &range)]).await;
    assert_eq!(
        rest.bytes().await.unwrap(),
        recording.audio[heard.len()..heard.len() + 100]
    );
}
