//! How much of a call a listener's Chromium fetches, and how long it occupies an instance, for each `MAX_RANGE_BYTES`.

use local_stack::Stack;
use serde_json::{Value, json};

use super::{HEADER, RATE};
use crate::{
    browser::drive,
    support::{Recording, alone},
};

const MIB: u64 = 1024 * 1024;

/// The last value is large enough that nothing is shortened.
const MAX_RANGES: [u64; 4] = [MIB, 2 * MIB, 4 * MIB, 190_000_000];

/// Five minutes.
const CALL_S: usize = 300;

/// Prints the values of the table "The longest reply" in `docs/COST.md`.
#[tokio::test]
#[ignore = "listens for six minutes; see docs/COST.md"]
async fn the_bytes_that_a_listener_takes_by_the_longest_reply() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, HEADER + CALL_S * RATE);
    recording.bring_in(stack).await;
    let measured = measure(stack, &recording).await;
    println!("| listener | longest reply | replies | MB | held, s | of it by Lambda alone, s |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for case in measured.as_array().unwrap() {
        let (max, bytes) = (case["maxBytes"].as_u64().unwrap(), case["bytes"].as_f64().unwrap());
        let max = if max % MIB == 0 {
            format!("{} MiB", max / MIB)
        } else {
            "whole".to_owned()
        };
        println!(
            "| {} | {max} | {} | {:.1} | {:.1} | {:.1} |",
            case["listener"].as_str().unwrap(),
            case["replies"],
            bytes / 1e6,
            case["seconds"].as_f64().unwrap(),
            case["unheldSeconds"].as_f64().unwrap(),
        );
        assert!(case["replies"].as_u64().unwrap() >= 1);
    }
}

async fn measure(stack: &Stack, recording: &Recording) -> Value {
    let job = json!({
        "link": recording.link(stack, 3_600),
        "maxBytes": MAX_RANGES,
        "settleMs": 60_000,
    });
    drive(stack, "measures.mjs", job).await
}
