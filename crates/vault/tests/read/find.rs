//! Recordings that are found before they are opened: what their first read requests, and what is not taken from the find.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use tokio::sync::Barrier;
use vault::{Expectation, ObjectKeys, ReadError};

use crate::{
    sealed::{F, Shape, bytes, read, reader, seal, store},
    support::{World, noise, proxy::Fault, recording},
};

/// The operations since the last look, in order of arrival.
fn calls(world: &World) -> Vec<String> {
    let calls = world.proxy.calls();
    world.proxy.forget_calls();
    calls.into_iter().map(|call| call.operation).collect()
}

#[tokio::test]
async fn finding_a_recording_is_one_get_of_its_header_and_no_decrypt() {
    let world = World::start().await;
    store(&world, &recording(1), &noise(3 * F, 1), &Shape::default()).await;
    let reader = reader(&world);
    for _ in 0..3 {
        reader.find(&recording(1)).await.unwrap();
    }
    let calls = world.proxy.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].range.as_deref(), Some("bytes=0-4095"));
}

#[tokio::test]
async fn the_first_read_of_a_found_recording_asks_s3_and_kms_at_once() {
    for range in [0..F, F + 5..2 * F + 5, 5 * F..5 * F + 17] {
        let world = World::start().await;
        let plaintext = noise(5 * F + 17, 1);
        let stored = store(&world, &recording(1), &plaintext, &Shape::default()).await;
        let reader = reader(&world);
        reader.find(&recording(1)).await.unwrap();
        world.proxy.forget_calls();

        // If one of the two waited for the other's answer, the barrier would never be full.
        let barrier = Arc::new(Barrier::new(2));
        for operation in ["GetObject", "Decrypt"] {
            let barrier = barrier.clone();
            world.proxy.before(operation, 0, async move {
                barrier.wait().await;
            });
        }
        let (seen, error) = read(&reader, &recording(1), range.clone()).await;
        assert!(error.is_none() && seen == plaintext[range.clone()], "{range:?}");
        let calls = world.proxy.calls();
        assert_eq!(calls.len(), 2, "{range:?}");
        let get = calls.iter().find(|call| call.operation == "GetObject").unwrap();
        assert!(get.if_match.is_some(), "bytes of the version that was found");
        // A header that was not authenticated would not have opened the frames, and no byte beside them was requested.
        let (first, last) = get.range.as_deref().unwrap()[6..].split_once('-').unwrap();
        let len = last.parse::<usize>().unwrap() + 1 - first.parse::<usize>().unwrap();
        assert!(len < stored.len().min(range.len() + 2 * (F + 40)), "{range:?}: {len}");

        world.proxy.forget_calls();
        let (seen, error) = read(&reader, &recording(1), 7..9).await;
        assert!(error.is_none() && seen == plaintext[7..9]);
        assert_eq!(self::calls(&world), ["GetObject"], "it is open now");
    }
}

#[tokio::test]
async fn a_recording_that_was_replaced_since_it_was_found_is_opened_again() {
    let world = World::start().await;
    store(&world, &recording(1), &noise(F, 1), &Shape::default()).await;
    let reader = reader(&world);
    reader.find(&recording(1)).await.unwrap();
    let replaced = noise(2 * F, 2);
    store(&world, &recording(1), &replaced, &Shape::default()).await;
    let (seen, error) = read(&reader, &recording(1), 0..2 * F).await;
    assert!(error.is_none() && seen == replaced);
}

#[tokio::test]
async fn an_erased_recording_is_not_found_by_what_was_found_before() {
    for expectation in [Expectation::Facts, bytes(0..10)] {
        let world = World::start().await;
        let reader = reader(&world);
        assert!(matches!(reader.find(&recording(1)).await, Err(ReadError::NotFound)));
        store(&world, &recording(1), &noise(F, 1), &Shape::default()).await;
        reader.find(&recording(1)).await.unwrap();
        let erasure = world.direct_s3().delete_object().bucket(&world.bucket);
        erasure.key(recording(1).object_key()).send().await.unwrap();
        let opened = reader.open(&recording(1), expectation).await;
        assert!(matches!(opened, Err(ReadError::NotFound)), "{opened:?}");
    }
}

/// The facts of an answer without bytes must be authenticated, and as fresh as S3's last answer.
#[tokio::test]
async fn the_facts_of_a_found_recording_are_not_taken_from_the_find() {
    for expectation in [Expectation::Facts, bytes(9 * F..9 * F + 1)] {
        let world = World::start().await;
        store(&world, &recording(1), &noise(F, 1), &Shape::default()).await;
        let reader = reader(&world);
        reader.find(&recording(1)).await.unwrap();
        world.proxy.forget_calls();
        reader.open(&recording(1), expectation).await.unwrap();
        let calls = calls(&world);
        assert!(calls.contains(&"GetObject".to_owned()), "{calls:?}");
        assert_eq!(calls.last().map(String::as_str), Some("Decrypt"), "{calls:?}");
    }
}

#[tokio::test]
async fn what_was_found_is_forgotten_after_a_minute() {
    let (world, seconds) = (World::start().await, Arc::<AtomicU64>::default());
    store(&world, &recording(1), &noise(F, 1), &Shape::default()).await;
    let (now_s, start) = (seconds.clone(), SystemTime::now());
    let clock = cache::Clock::new(move || start + Duration::from_secs(now_s.load(Ordering::Relaxed)));
    let reader = reader(&world).with_clock(&clock);
    for (at, gets) in [(0, 1), (59, 1), (60, 2)] {
        seconds.store(at, Ordering::Relaxed);
        reader.find(&recording(1)).await.unwrap();
        assert_eq!(world.proxy.count("GetObject"), gets, "after {at} s");
    }
}

#[tokio::test]
async fn a_changed_header_is_found_and_gives_nothing() {
    let world = World::start().await;
    let object = seal(&world, &recording(1), &noise(1_000, 1), &Shape::default()).await;
    let header_len = object.len() - 1_000 - 40;
    let mut found_headers = 0;
    for at in (0..header_len).step_by(5) {
        let mut damaged = object.clone();
        damaged[at] ^= 0x20;
        world.put_object(&recording(1).object_key(), damaged).await;
        let reader = reader(&world);
        let found = reader.find(&recording(1)).await;
        found_headers += usize::from(found.is_ok());
        let (seen, error) = read(&reader, &recording(1), 0..1_000).await;
        assert!(seen.is_empty() && error.is_some(), "byte {at}, {found:?}");
    }
    // Most bytes of a header are only checked with the key.
    assert!(found_headers > header_len / 5 / 2, "{found_headers}");
}

#[tokio::test]
async fn an_object_of_another_length_than_its_header_says_gives_nothing() {
    let world = World::start().await;
    let object = seal(&world, &recording(1), &noise(3 * F + 9, 1), &Shape::default()).await;
    for cut in [object.len() - 1, object.len() - 49, object.len() / 2] {
        world
            .put_object(&recording(1).object_key(), object[..cut].to_vec())
            .await;
        let reader = reader(&world);
        reader.find(&recording(1)).await.unwrap();
        let (seen, error) = read(&reader, &recording(1), 0..100).await;
        assert!(seen.is_empty(), "{cut}");
        assert!(matches!(error, Some(ReadError::Damaged(_))), "{cut}: {error:?}");
    }
}

#[tokio::test]
async fn another_recordings_object_is_not_found() {
    let world = World::start().await;
    let object = seal(&world, &recording(2), &noise(F, 1), &Shape::default()).await;
    world.put_object(&recording(1).object_key(), object).await;
    let found = reader(&world).find(&recording(1)).await;
    assert!(matches!(found, Err(ReadError::Damaged(_))), "{found:?}");
    assert_eq!(world.proxy.count("Decrypt"), 0);
}

#[tokio::test]
async fn a_recording_whose_header_has_no_length_is_found_and_opened_as_ever() {
    let world = World::start().await;
    let plaintext = noise(3 * F + 17, 1);
    store(&world, &recording(1), &plaintext, &Shape::length_unknown()).await;
    let reader = reader(&world);
    reader.find(&recording(1)).await.unwrap();
    let (seen, error) = read(&reader, &recording(1), F..2 * F).await;
    assert!(error.is_none() && seen == plaintext[F..2 * F]);
}

#[tokio::test]
async fn an_outage_after_the_find_passes() {
    for operation in ["Decrypt", "GetObject"] {
        let world = World::start().await;
        let plaintext = noise(F, 1);
        store(&world, &recording(1), &plaintext, &Shape::default()).await;
        let reader = reader(&world);
        reader.find(&recording(1)).await.unwrap();
        world
            .proxy
            .inject(operation, 0..1, Fault::Error(400, "DisabledException"));
        let (seen, error) = read(&reader, &recording(1), 0..F).await;
        assert!(seen.is_empty(), "{operation}");
        assert!(
            matches!(error, Some(ReadError::Unavailable(_))),
            "{operation}: {error:?}"
        );
        let (seen, error) = read(&reader, &recording(1), 0..F).await;
        assert!(error.is_none() && seen == plaintext, "{operation}");
    }
}
