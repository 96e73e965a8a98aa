//! `GET` and `HEAD` of a recording.

use http::Method;
use playback_link::SignedLink;
use proptest::prelude::*;
use recording_playback::decide::REPLY_LIMIT;
use vault::{Damage, Outage, ReadError};

use crate::fakes::{ETAG, FRAME, Shelf, World, link, plaintext, request};

/// The default `MAX_RANGE_BYTES`.
const MAX_RANGE: usize = 1024 * 1024;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

#[tokio::test]
async fn a_recording_plays_whole() {
    let recording = plaintext(3 * FRAME + 17);
    let world = World::new(Shelf::with(&recording));
    let answer = world.get(&[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, recording);
    assert_eq!(answer.header("content-type"), Some("audio/x-wav"));
    assert_eq!(answer.header("accept-ranges"), Some("bytes"));
    assert_eq!(answer.header("etag"), Some(ETAG));
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    for absent in ["content-length", "content-range", "content-disposition", "server"] {
        assert_eq!(answer.header(absent), None, "{absent}");
    }
    assert_eq!(world.shelf.log(), ["open for 190000000 from 0", "read 0..196625"]);
}

#[tokio::test]
async fn the_content_type_of_the_recording_is_sent() {
    let world = World::new(Shelf::with_mp3(&plaintext(10)));
    assert_eq!(world.get(&[]).await.header("content-type"), Some("audio/mpeg"));
}

#[tokio::test]
async fn a_range_plays() {
    let recording = plaintext(3 * FRAME + 17);
    let world = World::new(Shelf::with(&recording));
    let answer = world.get(&[("range", "bytes=65530-65545")]).await;
    assert_eq!(answer.status, 206);
    assert_eq!(answer.header("content-range"), Some("bytes 65530-65545/196625"));
    assert_eq!(answer.body, recording[65_530..=65_545]);
    assert_eq!(world.shelf.log(), ["open for 16 from 65530", "read 65530..65546"]);
}

#[tokio::test]
async fn an_open_range_plays_to_the_end() {
    let recording = plaintext(2 * MAX_RANGE + 5);
    let world = World::new(Shelf::with(&recording));
    for (range, start) in [("bytes=0-", 0), ("bytes=7-", 7), ("bytes=-2097150", 7)] {
        let answer = world.get(&[("range", range)]).await;
        assert_eq!(answer.status, 206);
        assert!(answer.body == recording[start..], "{range}");
    }
}

#[tokio::test]
async fn an_open_range_of_a_browsers_audio_element_is_shortened_and_the_rest_can_be_requested() {
    let recording = plaintext(2 * MAX_RANGE + 5);
    let world = World::new(Shelf::with(&recording));
    let mut heard = Vec::new();
    while heard.len() < recording.len() {
        let range = format!("bytes={}-", heard.len());
        let headers = [("range", &*range), ("sec-fetch-dest", "audio"), ("user-agent", FIREFOX)];
        let answer = world.get(&headers).await;
        assert_eq!(answer.status, 206);
        assert!(answer.body.len() <= MAX_RANGE);
        heard.extend_from_slice(&answer.body);
    }
    assert_eq!(heard, recording);
    assert_eq!(
        world.shelf.log().iter().filter(|line| line.starts_with("read")).count(),
        3
    );
}

#[tokio::test]
async fn every_answer_about_a_recording_says_what_its_length_depends_on() {
    let world = World::new(Shelf::with(&plaintext(100)));
    let etag = ("if-none-match", ETAG);
    for headers in [&[][..], &[("range", "bytes=0-")], &[etag]] {
        let answer = world.get(headers).await;
        let vary: Vec<_> = answer.headers.get_all("vary").iter().collect();
        assert_eq!(vary, ["Origin, Sec-Fetch-Dest, Sec-CH-UA, User-Agent"], "{headers:?}");
    }
}

#[tokio::test]
async fn a_range_past_the_end_is_answered_with_the_length() {
    let world = World::new(Shelf::with(&plaintext(100)));
    let answer = world.get(&[("range", "bytes=100-")]).await;
    assert_eq!(answer.error(), (416, "range_not_satisfiable".to_owned()));
    assert_eq!(answer.header("content-range"), Some("bytes */100"));
    // This answer has no bytes of the recording, so a request to S3 checks that the recording still exists.
    assert_eq!(world.shelf.log(), ["open for 190000000 from 100", "open"]);
}

#[tokio::test]
async fn an_ignored_range_plays_the_whole() {
    let recording = plaintext(100);
    let world = World::new(Shelf::with(&recording));
    for range in ["bytes=5-2", "items=0-1", "bytes=0-1,5-6", "bytes"] {
        let answer = world.get(&[("range", range)]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.body),
            (200, recording.clone()),
            "{range}"
        );
    }
}

#[tokio::test]
async fn head_returns_everything_but_the_bytes() {
    let world = World::new(Shelf::with(&plaintext(100)));
    let get = world.get(&[]).await;
    world.shelf.log();
    let head = world.head(&[("range", "bytes=0-1")]).await;
    assert_eq!(head.status, 200);
    assert_eq!(head.headers, get.headers);
    assert!(head.body.is_empty());
    assert_eq!(world.shelf.log(), ["open"]);
}

#[tokio::test]
async fn preconditions_are_kept() {
    let world = World::new(Shelf::with(&plaintext(100)));
    let answer = world.get(&[("if-none-match", ETAG), ("range", "bytes=0-1")]).await;
    assert_eq!(answer.status, 304);
    assert!(answer.body.is_empty());
    assert_eq!(answer.header("etag"), Some(ETAG));
    let answer = world.get(&[("if-match", "\"other\"")]).await;
    assert_eq!(answer.error(), (412, "precondition_failed".to_owned()));
    assert_eq!(world.shelf.log(), ["open", "open"]);
    let same = world.get(&[("if-range", ETAG), ("range", "bytes=0-1")]).await;
    assert_eq!((same.status.as_u16(), same.body.len()), (206, 2));
    let other = world.get(&[("if-range", "\"other\""), ("range", "bytes=0-1")]).await;
    assert_eq!((other.status.as_u16(), other.body.len()), (200, 100));
}

#[tokio::test]
async fn a_recording_longer_than_a_reply_is_only_played_in_ranges() {
    let world = World::new(Shelf::with_giant(REPLY_LIMIT + 1));
    let answer = world.get(&[]).await;
    assert_eq!(answer.error(), (400, "range_required".to_owned()));
    assert_eq!(answer.header("accept-ranges"), Some("bytes"));
    assert_eq!(world.head(&[]).await.status, 200);
    assert!(world.shelf.log().iter().all(|line| line.starts_with("open")));
}

#[tokio::test]
async fn an_empty_recording_plays_and_has_no_ranges() {
    let world = World::new(Shelf::with(&plaintext(0)));
    let answer = world.get(&[]).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
    let answer = world.get(&[("range", "bytes=0-")]).await;
    assert_eq!(answer.header("content-range"), Some("bytes */0"));
}

#[tokio::test]
async fn a_download_is_named_after_the_recording() {
    let world = World::new(Shelf::with(&plaintext(10)));
    let with = |parameter: &str| {
        let SignedLink { path, query, .. } = link();
        request(&Method::GET, &path, &format!("{query}&{parameter}"), &[])
    };
    let answer = world.send(with("download=1")).await;
    assert_eq!(
        answer.header("content-disposition"),
        Some("attachment; filename=\"RE00000000000000000000000000000001.wav\"")
    );
    let answer = world.send(with("download=0")).await;
    assert_eq!(answer.header("content-disposition"), None);
}

fn faults() -> [(ReadError, u16, &'static str, Option<&'static str>); 4] {
    [
        (ReadError::NotFound, 404, "recording_not_found", Some("30")),
        (ReadError::Archived, 409, "archived", None),
        (Damage::Empty.into(), 502, "damaged", None),
        (Outage::RangeRefused.into(), 503, "unavailable", Some("2")),
    ]
}

#[tokio::test]
async fn each_failure_to_open_has_its_status() {
    let world = World::new(Shelf::with(&plaintext(100)));
    for (fault, status, code, retry_after) in faults() {
        world.shelf.fail_open(fault);
        let answer = world.get(&[]).await;
        assert_eq!(answer.error(), (status, code.to_owned()));
        assert_eq!(answer.header("retry-after"), retry_after);
        let body = String::from_utf8_lossy(&answer.body);
        assert!(!body.contains("GetObject") && !body.contains("empty"), "{body}");
    }
}

#[tokio::test]
async fn a_first_frame_that_fails_still_has_a_status() {
    let world = World::new(Shelf::with(&plaintext(100)));
    for (fault, status, code, _) in faults() {
        world.shelf.fail_read(fault);
        for_range(&world, status, code).await;
    }
}

async fn for_range(world: &World, status: u16, code: &str) {
    let answer = world.get(&[("range", "bytes=0-9")]).await;
    assert_eq!(answer.error(), (status, code.to_owned()));
    assert_eq!(answer.header("content-range"), None);
}

#[tokio::test]
async fn a_recording_replaced_meanwhile_is_opened_once_more() {
    let world = World::new(Shelf::with(&plaintext(100)));
    world.shelf.fail_read(ReadError::Changed);
    assert_eq!(world.get(&[]).await.status, 200);
    world.shelf.fail_read(ReadError::Changed);
    world.shelf.fail_read(ReadError::Changed);
    assert_eq!(world.get(&[]).await.error(), (503, "unavailable".to_owned()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_played_bytes_are_those_of_content_range(
        len in 1_usize..300_000, first in 0_usize..300_000, more in 0_usize..300_000,
    ) {
        let recording = plaintext(len);
        let world = World::new(Shelf::with(&recording));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let answer = runtime.block_on(world.get(&[("range", &format!("bytes={first}-{}", first + more))]));
        if first < len {
            let end = len.min(first + more + 1);
            prop_assert_eq!(answer.status, 206);
            let content_range = format!("bytes {first}-{}/{len}", end - 1);
            prop_assert_eq!(answer.header("content-range"), Some(content_range.as_str()));
            prop_assert_eq!(&answer.body[..], &recording[first..end]);
        } else {
            prop_assert_eq!(answer.status, 416);
        }
    }
}
