//! A client that reads its reply too slowly for the function's timeout.

use std::time::Duration;

use futures_util::StreamExt;
use local_stack::Role;
use reqwest::StatusCode;

use crate::{
    metrics,
    support::{OwnStack, Recording, eventually, get, options},
};

/// More than the socket buffers and the stack's buffers between the function and the client can hold.
const LEN: usize = 100_000_000;

#[tokio::test]
async fn a_reply_that_no_client_reads_ends_before_the_timeout_and_the_client_notices() {
    let stack = OwnStack::start(options().timeout(Role::Playback, Duration::from_secs(8))).await;
    let recording = Recording::new(&stack, LEN);
    recording.bring_in(&stack).await;
    let url = recording.link(&stack, 600);
    let before = stack.process_ids(Role::Playback);

    let paused = get(&url, &[("range", "bytes=0-")]).await;
    assert_eq!(paused.status(), StatusCode::PARTIAL_CONTENT);
    // The last audit line has the number of bytes that were sent. If Lambda had ended the function, there would be no
    // line.
    let log = eventually("the end of the reply", || async {
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
    // CloudWatch records an invocation's error at its start. The metric of the end must have the same time, because an
    // alarm subtracts it.
    let requests = metrics::recorded(&stack, Role::Playback, "PlaybackRequests");
    let ends = metrics::recorded(&stack, Role::Playback, "PlaybackOutOfTime");
    assert_eq!(ends.len(), 1);
    assert!(ends[0].at_ms <= requests[0].at_ms, "{ends:?} {requests:?}");
    eventually("a new process must take its place", || async {
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
    assert!(is_broken, "a cut reply must not look complete");
    assert!(!heard.is_empty() && heard.len() < LEN);
    assert!(heard == recording.audio[..heard.len()]);

    let range = format!("bytes={}-{}", heard.len(), heard.len() + 99);
    let rest = get(&url, &[("range", &range)]).await;
    assert_eq!(
        rest.bytes().await.unwrap(),
        recording.audio[heard.len()..heard.len() + 100]
    );
}
