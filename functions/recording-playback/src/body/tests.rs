use std::cell::Cell;

use futures_util::{FutureExt, stream};
use http_body::Body as _;
use http_body_util::BodyExt;
use sid::RecordingSid;
use tokio::{sync::mpsc, time::timeout};
use vault::{Damage, Outage, ReadError};

use super::*;

const ABORTED: &str = "the process would have ended here";

thread_local! {
    /// Whether the process would have ended, in whichever task of this thread.
    static HAS_ABORTED: Cell<bool> = const { Cell::new(false) };
}

fn abort() -> ! {
    HAS_ABORTED.set(true);
    panic!("{ABORTED}");
}

fn playback(promised: u64) -> Playback {
    Playback {
        request_id: "request".to_owned(),
        began: now(),
        link_id: "link".to_owned(),
        recording: RecordingSid::parse("RE00000000000000000000000000000001").unwrap(),
        fetch_dest: None,
        range: 7..7 + promised,
    }
}

fn body(promised: u64, items: Vec<Result<&'static str, ReadError>>) -> Body {
    body_until(None, promised, items)
}

fn body_until(deadline: Option<Duration>, promised: u64, items: Vec<Result<&'static str, ReadError>>) -> Body {
    let items = items
        .into_iter()
        .map(|item| item.map(|text| Bytes::from_static(text.as_bytes())));
    Body::audio_or(abort, Box::pin(stream::iter(items)), playback(promised), deadline)
}

/// Drains the body in a task of its own, as lambda_runtime does. Returns its bytes, and whether the process survived.
async fn drain(mut body: Body) -> (String, bool) {
    let (sender, mut chunks) = mpsc::unbounded_channel();
    let task = tokio::spawn(async move {
        while let Some(Ok(frame)) = body.frame().await {
            sender.send(frame.into_data().unwrap()).unwrap();
        }
    });
    let survived = match task.await {
        Ok(()) => true,
        Err(error) => {
            let panic = error.into_panic();
            assert_eq!(panic.downcast_ref::<String>().map(String::as_str), Some(ABORTED));
            false
        }
    };
    let mut out = String::new();
    while let Some(chunk) = chunks.recv().await {
        out.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    (out, survived)
}

#[tokio::test]
async fn a_whole_stream_is_passed_on() {
    let (out, survived) = drain(body(10, vec![Ok("hello"), Ok(""), Ok("world")])).await;
    assert_eq!((out.as_str(), survived), ("helloworld", true));
}

#[tokio::test]
async fn a_fault_after_the_status_ends_the_process_and_adds_nothing() {
    for fault in [
        Damage::FrameTruncated { frame: 2 }.into(),
        ReadError::Changed,
        Outage::Interrupted { breaks: 4, at: 7 }.into(),
    ] {
        let (out, survived) = drain(body(10, vec![Ok("hello"), Err(fault), Ok("world")])).await;
        assert_eq!((out.as_str(), survived), ("hello", false));
    }
}

#[tokio::test]
async fn an_early_end_is_no_clean_end() {
    let (out, survived) = drain(body(10, vec![Ok("hello")])).await;
    assert_eq!((out.as_str(), survived), ("hello", false));
}

#[tokio::test]
async fn no_byte_more_than_promised_is_passed_on() {
    let (out, survived) = drain(body(9, vec![Ok("hello"), Ok("world")])).await;
    assert_eq!((out.as_str(), survived), ("hello", false));
}

#[tokio::test]
async fn the_body_is_fused() {
    let mut body = body(5, vec![Ok("hello")]);
    assert!(body.frame().await.is_some());
    assert!(body.frame().await.is_none());
    assert!(body.frame().await.is_none());
}

/// The runtime does not poll the body while the client accepts nothing.
#[tokio::test]
async fn a_reply_that_no_client_reads_ends_the_process_before_the_deadline() {
    let soon = now() + MARGIN + Duration::from_millis(50);
    let mut body = body_until(Some(soon), 10, vec![Ok("hello"), Ok("world")]);
    assert!(body.frame().await.is_some());
    assert!(!HAS_ABORTED.get());
    let ending = async {
        while !HAS_ABORTED.get() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(60), ending).await.expect("an end");
    let more = timeout(GRACE, body.frame()).await;
    assert!(more.is_err(), "no more bytes are sent after the trail has ended");
}

#[tokio::test]
async fn a_reply_that_has_ended_has_no_deadline() {
    // Without a pause in which the watch could run.
    let mut whole = body_until(Some(now()), 5, vec![Ok("hello")]);
    for is_there in [true, false] {
        assert_eq!(whole.frame().now_or_never().unwrap().is_some(), is_there);
    }
    drop(body_until(Some(now()), 10, vec![Ok("hello")]));
    sleep(3 * GRACE).await;
    assert!(!HAS_ABORTED.get());
}

#[test]
fn two_seconds_are_kept_back_of_the_time_that_the_wall_clock_leaves() {
    let left = |deadline_s, now_s| left_until(Duration::from_secs(deadline_s), Duration::from_secs(now_s));
    assert_eq!(left(1_000, 870), Duration::from_secs(128));
    assert_eq!(left(1_000, 998), Duration::ZERO);
    assert_eq!(left(1_000, 1_001), Duration::ZERO);
}

#[tokio::test]
async fn fixed_bodies_are_sent_once() {
    let mut body = Body::fixed(Bytes::from_static(b"{}"));
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "{}");
    assert!(body.frame().await.is_none());
    assert!(Body::empty().frame().await.is_none());
}

/// lambda_runtime requires it.
#[test]
fn the_body_moves_freely() {
    fn moves<B: http_body::Body<Error = Infallible> + Unpin + Send + 'static>(_: &B) {}
    let body = Body::empty();
    moves(&body);
    assert!(!body.is_end_stream());
}
