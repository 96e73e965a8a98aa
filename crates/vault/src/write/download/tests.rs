use std::{collections::VecDeque, sync::Mutex};

use futures_util::{future::BoxFuture, stream};
use proptest::prelude::*;

use super::*;
use crate::write::Source;

const LIMITS: DownloadLimits = DownloadLimits {
    opens: 4,
    stall: Duration::from_millis(20),
    pause: Duration::ZERO,
};

/// Returns these replies in turn. A request for more is a test failure.
struct Replies(Mutex<VecDeque<Result<SourceReply, SourceError>>>, Mutex<Vec<u64>>);

impl Source for Replies {
    fn open<'a>(&'a self, from: u64, _: Option<&'a str>) -> BoxFuture<'a, Result<SourceReply, SourceError>> {
        self.1.lock().unwrap().push(from);
        let reply = self.0.lock().unwrap().pop_front().expect("opened too often");
        Box::pin(std::future::ready(reply))
    }
}

/// The length of the head that is examined before a reply is accepted.
fn begun(rest: &[u8]) -> Vec<u8> {
    [&[b'.'; HEAD_LEN][..], rest].concat()
}

const AT: u64 = HEAD_LEN as u64;

/// A reply that starts at `start` and ends after `bytes`, even if bytes are missing.
fn reply(start: u64, total_len: Option<u64>, bytes: &[u8]) -> SourceReply {
    SourceReply {
        start,
        total_len,
        validator: Some("1".to_owned()),
        body: stream::iter([Ok(Bytes::copy_from_slice(bytes))]).boxed(),
    }
}

/// The first reply of a recording that is this much longer than its head.
fn first(more: u64, bytes: &[u8]) -> SourceReply {
    reply(0, Some(AT + more), &begun(bytes))
}

/// A reply that starts this many bytes after the head.
fn then(after: u64, more: u64, bytes: &[u8]) -> SourceReply {
    reply(AT + after, Some(AT + more), bytes)
}

fn stalled(mut reply: SourceReply) -> SourceReply {
    reply.body = reply.body.chain(stream::pending()).boxed();
    reply
}

fn tagged(mut reply: SourceReply, validator: Option<&str>) -> SourceReply {
    reply.validator = validator.map(ToOwned::to_owned);
    reply
}

/// The events until the end or an error, including restarts, and the bytes at which the source was opened.
async fn read(replies: impl IntoIterator<Item = SourceReply>) -> (Vec<u8>, Result<(), StoreError>, Vec<u64>) {
    read_all(replies.into_iter().map(Ok)).await
}

async fn read_all(
    replies: impl IntoIterator<Item = Result<SourceReply, SourceError>>,
) -> (Vec<u8>, Result<(), StoreError>, Vec<u64>) {
    let source = Replies(Mutex::new(replies.into_iter().collect()), Mutex::default());
    let recording = RecordingSid::parse(&format!("RE{:032x}", 1)).unwrap();
    let mut download = Download::new(&recording, &source, LIMITS);
    let mut bytes = Vec::new();
    let end = async {
        download.begin().await?;
        loop {
            match download.next().await? {
                Next::Chunk(chunk) => bytes.extend_from_slice(&chunk),
                Next::End => return Ok(()),
                Next::Restarted => {
                    bytes.clear();
                    download.begin().await?;
                }
            }
        }
    }
    .await;
    (bytes, end, source.1.into_inner().unwrap())
}

#[tokio::test]
async fn a_stalled_body_resumes() {
    let (bytes, end, opened) = read([stalled(first(5, b"ab")), then(2, 5, b"cde")]).await;
    assert!(end.is_ok());
    assert_eq!((bytes, &opened[..]), (begun(b"abcde"), &[0, AT + 2][..]));
}

#[tokio::test]
async fn a_body_that_stalls_after_its_last_byte_is_whole() {
    for whole in [begun(b"ab"), b"ab".to_vec()] {
        let reply = stalled(reply(0, Some(whole.len() as u64), &whole));
        let (bytes, end, opened) = read([reply]).await;
        assert!(end.is_ok());
        assert_eq!((bytes, &opened[..]), (whole, &[0][..]));
    }
}

#[tokio::test]
async fn without_an_announced_length_the_end_is_where_the_body_ends() {
    for whole in [begun(b"ab"), b"ab".to_vec()] {
        let (bytes, end, _) = read([reply(0, None, &whole)]).await;
        assert!(end.is_ok());
        assert_eq!(bytes, whole);
    }
}

#[tokio::test]
async fn a_body_that_breaks_within_its_head_is_requested_again() {
    let (bytes, end, opened) = read([stalled(reply(0, None, b"ab")), reply(0, None, b"xyz")]).await;
    assert!(end.is_ok());
    assert_eq!((&bytes[..], &opened[..]), (&b"xyz"[..], &[0, 0][..]));
}

#[tokio::test]
async fn opens_are_bounded_in_all_and_the_error_names_the_byte() {
    let short = [first(9, b"")]
        .into_iter()
        .chain((0..3).map(|after| then(after, 9, b"x")));
    let (_, end, opened) = read(short).await;
    assert!(matches!(end, Err(StoreError::Interrupted { at, .. }) if at == AT + 3));
    assert_eq!(opened, [0, AT, AT + 1, AT + 2]);

    let restarts = (0..4).map(|_| first(9, b"x"));
    let (_, end, opened) = read(restarts).await;
    assert!(matches!(end, Err(StoreError::Interrupted { at, .. }) if at == AT + 1));
    assert_eq!(opened, [0, AT + 1, AT + 1, AT + 1]);

    let refused = SourceError::retryable("down");
    let (_, end, opened) = read_all((0..4).map(|_| Err(refused.clone()))).await;
    assert!(matches!(end, Err(StoreError::Source(error)) if error == refused));
    assert_eq!(opened, [0; 4]);
}

#[tokio::test]
async fn a_reply_that_continues_with_other_bytes_is_read_from_its_beginning() {
    // Another length, another validator, or none.
    for other in [
        then(2, 6, b"zz"),
        then(2, 4, b"zz"),
        tagged(then(2, 5, b"zz"), Some("2")),
        tagged(then(2, 5, b"zz"), None),
    ] {
        let replies = [first(5, b"ab"), other, tagged(first(5, b"vwxyz"), Some("2"))];
        let (bytes, end, opened) = read(replies).await;
        assert!(end.is_ok());
        assert_eq!((bytes, &opened[..]), (begun(b"vwxyz"), &[0, AT + 2, 0][..]));
    }
}

#[tokio::test]
async fn without_a_validator_a_broken_download_is_read_from_its_beginning() {
    let replies = [tagged(first(5, b"ab"), None), first(5, b"vwxyz")];
    let (bytes, end, opened) = read(replies).await;
    assert!(end.is_ok());
    assert_eq!((bytes, &opened[..]), (begun(b"vwxyz"), &[0, 0][..]));
}

#[tokio::test]
async fn a_restart_does_not_forget_what_was_announced() {
    for after in [4, 6] {
        let (_, end, _) = read([first(5, b"ab"), first(after, b"abcd")]).await;
        assert!(
            matches!(end, Err(StoreError::LengthChanged { before, after: a }) if (before, a) == (AT + 5, AT + after))
        );
    }
    // It announces no length, and ends too early.
    let shorter = reply(0, None, &begun(b"abcd"));
    let (bytes, end, _) = read([first(5, b"ab"), shorter, first(5, b"vwxyz")]).await;
    assert!(end.is_ok());
    assert_eq!(bytes, begun(b"vwxyz"));
}

/// As after an upload that must start over.
#[tokio::test]
async fn a_download_begun_again_keeps_the_announced_length() {
    let recording = RecordingSid::parse(&format!("RE{:032x}", 1)).unwrap();
    for (again, announced) in [(None, Some(AT + 5)), (Some(AT + 5), Some(AT + 5)), (Some(AT + 6), None)] {
        let replies = [first(5, b"ab"), reply(0, again, &begun(b"abcde"))].map(Ok);
        let source = Replies(Mutex::new(replies.into()), Mutex::default());
        let mut download = Download::new(&recording, &source, LIMITS);
        download.begin().await.unwrap();
        assert!(matches!(download.next().await, Ok(Next::Chunk(_))));
        match (download.begin().await, announced) {
            (Ok(beginning), Some(_)) => assert_eq!(beginning.announced, announced),
            (Err(error), None) => assert!(matches!(error, StoreError::LengthChanged { .. }), "{error}"),
            (other, _) => panic!("{again:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_document_is_a_failed_answer_wherever_it_comes() {
    let page = || tagged(reply(0, Some(6), b"<html>"), None);
    let (bytes, end, opened) = read([page(), first(5, b"ab"), page(), then(2, 5, b"cde")]).await;
    assert!(end.is_ok());
    assert_eq!((bytes, &opened[..]), (begun(b"abcde"), &[0, 0, AT + 2, AT + 2][..]));
}

#[tokio::test]
async fn a_reply_from_elsewhere_is_refused() {
    for start in [AT + 1, AT + 3] {
        let (_, end, _) = read([first(5, b"ab"), reply(start, Some(AT + 5), b"x")]).await;
        assert!(matches!(end, Err(StoreError::Interrupted { at, source }) if at == AT + 2 && !source.retryable));
    }
    let (_, end, _) = read([reply(1, Some(5), b"x")]).await;
    assert!(matches!(end, Err(StoreError::Source(error)) if !error.retryable));
}

proptest! {
    /// However the replies are cut, the result is the recording.
    #[test]
    fn resumes_lose_and_repeat_nothing(
        rest in prop::collection::vec(any::<u8>(), 1..40),
        cuts in prop::collection::vec(0usize..40, 0..3),
    ) {
        let bytes = begun(&rest);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| HEAD_LEN + cut.min(rest.len() - 1)).collect();
        cuts.sort_unstable();
        let starts = [0].into_iter().chain(cuts.iter().copied());
        let ends = cuts.iter().copied().chain([bytes.len()]);
        let total = Some(bytes.len() as u64);
        let reply = |(start, end): (usize, usize)| reply(start as u64, total, &bytes[start..end]);
        let replies: Vec<_> = starts.zip(ends).map(reply).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (read, end, _) = runtime.block_on(read(replies));
        prop_assert!(end.is_ok());
        prop_assert_eq!(read, bytes);
    }
}
