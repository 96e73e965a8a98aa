//! Compares any range of any recording with the same range of the plaintext.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use vault::{Expectation, ReadError, Reader};

use crate::{
    sealed::{F, Shape, drain, read, reader, store},
    support::{World, noise, recording},
};

/// Half-open ranges within `len` that are not empty. They begin and end anywhere, but mostly around frame boundaries.
fn ranges(len: usize, frame_length: usize, seed: u64) -> impl Iterator<Item = (usize, usize)> {
    let numbers = noise(16 * 64, seed);
    let point = move |bytes: &[u8]| {
        let number = u64::from_le_bytes(bytes.try_into().unwrap()) as usize;
        let near_boundary = (number >> 8) % (len / frame_length + 2) * frame_length;
        match number % 4 {
            0 => (number >> 8) % (len + 1),
            n => (near_boundary + n).saturating_sub(2).min(len),
        }
    };
    let pairs: Vec<_> = numbers
        .chunks(16)
        .map(|pair| (point(&pair[..8]), point(&pair[8..])))
        .collect();
    pairs
        .into_iter()
        .map(|(a, b)| (a.min(b), a.max(b)))
        .filter(|(start, end)| start < end)
}

async fn check(reader: &Reader, plaintext: &[u8], start: usize, end: usize) {
    let (seen, error) = read(reader, &recording(1), start..end).await;
    assert!(error.is_none(), "{error:?}");
    assert!(seen == plaintext[start..end]);
}

#[tokio::test]
async fn reftest_ranges_are_those_of_the_plaintext_cold_and_warm() {
    let world = World::start().await;
    for frame_length in [4_096, F] {
        for len in [
            0,
            1,
            frame_length - 1,
            frame_length,
            frame_length + 1,
            2 * frame_length,
            3 * frame_length + 17,
        ] {
            for (empty_final_frame, length_known) in [(false, false), (false, true), (true, false), (true, true)] {
                let shape = Shape {
                    frame_length,
                    empty_final_frame,
                    length_known,
                    ..Shape::default()
                };
                let plaintext = noise(len, 7);
                store(&world, &recording(1), &plaintext, &shape).await;
                let warm = reader(&world);
                for (start, end) in ranges(len, frame_length, len as u64).take(5).chain([(0, len)]) {
                    let case = async {
                        check(&reader(&world), &plaintext, start, end).await;
                        check(&warm, &plaintext, start, end).await;
                    };
                    let outcome = AssertUnwindSafe(case).catch_unwind().await;
                    assert!(outcome.is_ok(), "{start}..{end} of {len}, {shape:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn tails_are_those_of_the_plaintext() {
    let world = World::start().await;
    for len in [1, F, F + 1, 2 * F, 3 * F + 17] {
        for (empty_final_frame, length_known) in [(false, false), (true, false), (true, true)] {
            let shape = Shape {
                empty_final_frame,
                length_known,
                ..Shape::default()
            };
            let plaintext = noise(len, 7);
            store(&world, &recording(1), &plaintext, &shape).await;
            for tail in [1, 17, 18, F, 3 * F, usize::MAX] {
                let reader = reader(&world);
                let opened = reader
                    .open(&recording(1), Expectation::Tail { len: tail as u64 })
                    .await
                    .unwrap();
                let start = len.saturating_sub(tail);
                let (seen, error) = drain(reader.read(&opened, start as u64..len as u64).await.unwrap()).await;
                assert!(
                    error.is_none() && seen == plaintext[start..],
                    "{tail} of {len}, {shape:?}"
                );
                let gets = ["GetObject", "GetObjectSuffix"].map(|name| world.proxy.count(name));
                // If the tail is too long to check its final frame first, a second, short tail is requested.
                let suffixes = if tail == usize::MAX { 2 } else { 1 };
                assert_eq!(gets, [1, suffixes], "{tail} of {len}, {shape:?}");
                world.proxy.forget_calls();
            }
        }
    }
}

#[tokio::test]
async fn empty_ranges_are_empty_and_others_are_refused() {
    let world = World::start().await;
    store(&world, &recording(1), &noise(100, 1), &Shape::default()).await;
    let reader = reader(&world);
    let opened = reader.open(&recording(1), Expectation::Facts).await.unwrap();
    for at in [0, 50, 100] {
        let (seen, error) = drain(reader.read(&opened, at..at).await.unwrap()).await;
        assert!(seen.is_empty() && error.is_none());
    }
    for range in [0..101, 100..101, 101..101, 200..300, 0..u64::MAX] {
        let refused = reader.read(&opened, range).await.err();
        assert!(
            matches!(refused, Some(ReadError::OutOfBounds { len: 100, .. })),
            "{refused:?}"
        );
    }
    assert_eq!(world.proxy.count("GetObject"), 1);
}
