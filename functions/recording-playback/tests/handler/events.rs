//! The sample events in `events/` get the right answers.
//!
//! Their links are signed with [`LINK_KEYS`](crate::fakes::LINK_KEYS) and play until the year 2100.

use crate::fakes::{FRAME, RECORDING, Shelf, World, plaintext};

#[tokio::test]
async fn function_url_get_plays_the_whole() {
    let world = World::new(Shelf::with(&plaintext(100)));
    let answer = world
        .send_text(include_str!("../../../../events/function-url-get.json"))
        .await;
    assert_eq!((answer.status.as_u16(), answer.body), (200, plaintext(100)));
}

#[tokio::test]
async fn function_url_get_range_plays_from_the_second_frame_on() {
    let recording = plaintext(2 * FRAME);
    let world = World::new(Shelf::with(&recording));
    let answer = world
        .send_text(include_str!("../../../../events/function-url-get-range.json"))
        .await;
    assert_eq!(answer.status, 206);
    assert_eq!(answer.header("content-range"), Some("bytes 65536-131071/131072"));
    assert_eq!(answer.body, recording[FRAME..]);
}

#[tokio::test]
async fn function_url_media_url_gets_a_link() {
    let world = World::new(Shelf::with(&plaintext(100)));
    let answer = world
        .send_text(include_str!("../../../../events/function-url-media-url.json"))
        .await;
    assert_eq!(answer.status, 200);
    assert!(answer.json()["media_url"].as_str().unwrap().contains(RECORDING));
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://flex.twilio.com")
    );
    assert_eq!(world.flex.validations(), 1);
}
