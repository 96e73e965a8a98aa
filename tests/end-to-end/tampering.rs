//! A damaged or forged object is never played.

use aws_sdk_s3::primitives::ByteStream;
use futures_util::StreamExt;
use local_stack::{Fault, Role, Rule, Stack, values};
use reqwest::StatusCode;

use crate::support::{OwnStack, Recording, alone, get, json, options};

/// Replaces the stored object.
async fn put(stack: &Stack, key: &str, object: Vec<u8>) {
    stack
        .s3()
        .put_object()
        .bucket(values::BUCKET)
        .key(key)
        .body(ByteStream::from(object))
        .send()
        .await
        .unwrap();
}

/// The body as far as it was received, and whether it ended properly.
async fn drain(answer: reqwest::Response) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    let mut chunks = answer.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        match chunk {
            Ok(chunk) => body.extend_from_slice(&chunk),
            Err(_) => return (body, false),
        }
    }
    (body, true)
}

#[tokio::test]
async fn a_flipped_bit_ends_the_stream_before_its_frame_and_the_client_notices() {
    let (stack, _turn) = alone().await;
    for frame in [1, 3, 45] {
        a_flipped_bit(stack, frame).await;
    }
}

/// Panics that abort and optimized code could change the result.
#[tokio::test]
#[ignore = "compiles the functions a second time, for minutes; .ci/run runs it"]
async fn released_binaries_break_off_in_the_same_places() {
    let stack = OwnStack::start(options().released()).await;
    a_flipped_bit(&stack, 3).await;
    an_s3_that_goes_away(&stack).await;
}

async fn a_flipped_bit(stack: &Stack, frame: usize) {
    let recording = Recording::new(stack, 3_000_000);
    recording.bring_in(stack).await;
    let url = recording.media_url(stack).await;
    let mut object = recording.stored(stack).await;
    // 46 frames, each with 12 bytes of IV, 16 of tag and 4 of number. The final one also has a marker and a length, 4
    // bytes each.
    let header_len = object.len() - 3_000_000 - 46 * 32 - 8;
    object[header_len + frame * (65_536 + 32) + 20_000] ^= 1;
    put(stack, &recording.object_key(), object).await;

    let whole = get(&url, &[]).await;
    assert_eq!(whole.status(), StatusCode::OK, "the first frame is valid");
    let (body, complete) = drain(whole).await;
    assert!(!complete, "a cut reply must not look complete");
    assert!(
        body == recording.audio[..frame * 65_536],
        "exactly the verified bytes must be sent"
    );

    let good = get(&url, &[("range", "bytes=1000000-1000099")]).await;
    assert_eq!(good.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(good.bytes().await.unwrap(), recording.audio[1_000_000..1_000_100]);
    let within = format!("bytes={}-{}", frame * 65_536 + 100, frame * 65_536 + 109);
    let bad = get(&url, &[("range", &within)]).await;
    assert_eq!(bad.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(json(bad).await["error"], "damaged");
}

#[tokio::test]
async fn another_recordings_object_in_its_place_is_refused() {
    let (stack, _turn) = alone().await;
    let (mine, other) = (Recording::new(stack, 200_000), Recording::new(stack, 200_000));
    mine.bring_in(stack).await;
    other.bring_in(stack).await;
    let url = mine.media_url(stack).await;
    put(stack, &mine.object_key(), other.stored(stack).await).await;
    for range in ["bytes=0-", "bytes=100000-100001"] {
        let answer = get(&url, &[("range", range)]).await;
        assert_eq!(answer.status(), StatusCode::BAD_GATEWAY, "{range}");
        assert_eq!(json(answer).await["error"], "damaged");
    }
}

#[tokio::test]
async fn a_truncated_object_states_no_length() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 400_000);
    recording.bring_in(stack).await;
    let url = recording.media_url(stack).await;
    let object = recording.stored(stack).await;
    // An object that is cut at a frame boundary still has the size of a whole one.
    for cut in [
        object.len() - 1,
        object.len() - (400_000 % 65_536 + 40),
        object.len() / 2,
        100,
        0,
    ] {
        put(stack, &recording.object_key(), object[..cut].to_vec()).await;
        for headers in [&[][..], &[("range", "bytes=0-99")], &[("range", "bytes=999999-")]] {
            let answer = get(&url, headers).await;
            assert_eq!(answer.status(), StatusCode::BAD_GATEWAY, "cut at {cut}, {headers:?}");
            assert!(!answer.headers().contains_key("content-range"));
        }
    }
    put(stack, &recording.object_key(), object).await;
    let answer = get(&url, &[("range", "bytes=399999-")]).await;
    assert_eq!(answer.bytes().await.unwrap(), recording.audio[399_999..]);
}

/// Makes playback's GET requests fail, one fault after the other.
fn break_gets(stack: &Stack, recording: &Recording, faults: &[(Fault, u64)]) {
    for (fault, times) in faults {
        let rule = Rule::new("s3", "GetObject", fault.clone());
        let rule = rule.role(Role::Playback).key(&recording.sid).times(*times);
        stack.wire().inject(rule);
    }
}

#[tokio::test]
async fn a_reply_of_s3_that_breaks_off_is_continued_and_nobody_notices() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 2_000_000);
    recording.bring_in(stack).await;
    let url = recording.media_url(stack).await;
    get(&url, &[("range", "bytes=0-0")]).await;
    break_gets(
        stack,
        &recording,
        &[(Fault::CutBody(700_000), 1), (Fault::CutBody(1), 1)],
    );
    let whole = get(&url, &[]).await;
    let (body, complete) = drain(whole).await;
    stack.wire().clear_faults();
    assert!(complete && body == recording.audio);
}

#[tokio::test]
async fn an_s3_that_goes_away_for_good_ends_the_stream_and_the_client_notices() {
    let (stack, _turn) = alone().await;
    an_s3_that_goes_away(stack).await;
}

async fn an_s3_that_goes_away(stack: &Stack) {
    let recording = Recording::new(stack, 2_000_000);
    recording.bring_in(stack).await;
    let url = recording.media_url(stack).await;
    get(&url, &[("range", "bytes=0-0")]).await;
    break_gets(stack, &recording, &[(Fault::CutBody(700_000), 1), (Fault::Drop, 100)]);
    let whole = get(&url, &[]).await;
    assert_eq!(whole.status(), StatusCode::OK);
    let (body, complete) = drain(whole).await;
    stack.wire().clear_faults();
    assert!(!complete, "a cut reply must not look complete");
    // Ten whole frames and their overhead are 655,680 of the 700,000 bytes.
    assert!(
        body == recording.audio[..10 * 65_536],
        "exactly the verified bytes must be sent"
    );

    let after = get(&url, &[("range", "bytes=655360-")]).await;
    assert_eq!(
        after.bytes().await.unwrap(),
        recording.audio[655_360..],
        "the next instance must continue"
    );
}
