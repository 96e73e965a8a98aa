//! Who opened a recording and who listened to it, by the audit lines of a real browser.

use local_stack::{Role, Stack};
use serde_json::json;

use crate::{
    browser::drive,
    support::{OwnStack, Recording, options},
};

#[tokio::test]
async fn explore() {
    let stack = OwnStack::start(options()).await;
    for len in [44 + 32_000 * 20, 44 + 32_000 * 300] {
        let recording = Recording::new(&stack, len);
        recording.bring_in(&stack).await;
        for places in [vec![], vec![0.0], vec![0.5], vec![0.9], vec![0.0, 0.9, 0.1]] {
            let mark = stack.exchanges().mark();
            let link = recording.media_url(&stack).await;
            let seen = drive(
                &stack,
                "opens.mjs",
                json!({"recordings": [{"link": link, "places": places}]}),
            )
            .await;
            println!("{len} {places:?} {seen}");
            for e in stack.exchanges().since(mark) {
                println!("  {:?} {} {:?}", e.asked.range, e.status, e.content_range);
            }
        }
    }
    let log = stack.log(Role::Playback).unwrap();
    for line in log.lines().filter(|l| l.contains("playback_")) {
        println!("{line}");
    }
    panic!();
}
