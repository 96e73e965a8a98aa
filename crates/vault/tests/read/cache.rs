//! The cache of opened recordings: each is opened once, confirmed, replaced and dropped at the end of its age.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use futures_util::future::{join, join_all};
use vault::{Expectation, ObjectKeys, ReadError, Reader};

use crate::{
    sealed::{F, Shape, bytes, drain, read, reader, store},
    support::{World, noise, proxy::Fault, recording},
};

/// A wall clock that the test moves. The monotonic clock hardly moves meanwhile, as in a frozen instance.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    fn reader(&self, world: &World) -> Reader {
        let (seconds, start) = (self.0.clone(), SystemTime::now());
        let now = move || start + Duration::from_secs(seconds.load(Ordering::Relaxed));
        reader(world).with_clock(&cache::Clock::new(now))
    }

    fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

fn costs(world: &World) -> [usize; 3] {
    ["GetObject", "HeadObject", "Decrypt"].map(|operation| world.proxy.count(operation))
}

#[tokio::test]
async fn concurrent_first_opens_call_kms_once() {
    let world = World::start().await;
    let plaintext = noise(8 * F, 1);
    store(&world, &recording(1), &plaintext, &Shape::default()).await;
    let reader = reader(&world);
    let readers = (0..8).map(|n| {
        let (reader, plaintext) = (&reader, &plaintext);
        async move {
            let range = n * F..(n + 1) * F;
            let (seen, error) = read(reader, &recording(1), range.clone()).await;
            assert!(error.is_none() && seen == plaintext[range]);
        }
    });
    join_all(readers).await;
    assert_eq!(costs(&world)[2], 1);
}

#[tokio::test]
async fn a_failed_open_is_not_kept() {
    let world = World::start().await;
    store(&world, &recording(1), &noise(F, 1), &Shape::default()).await;
    let reader = reader(&world);
    world
        .proxy
        .inject("Decrypt", 0..1, Fault::Error(400, "DisabledException"));
    let open = async || reader.open(&recording(1), Expectation::Facts).await;
    // The second call waits for the first, and then tries by itself.
    let (first, second) = join(open(), open()).await;
    assert!(matches!(first, Err(ReadError::Unavailable(_))));
    assert!(second.is_ok());
    assert_eq!(costs(&world)[2], 2);
    open().await.unwrap();
    assert_eq!(costs(&world)[2], 2);
}

#[tokio::test]
async fn facts_are_confirmed_with_s3_once_they_are_a_minute_old() {
    let (world, clock) = (World::start().await, Clock::default());
    store(&world, &recording(1), &noise(F, 1), &Shape::default()).await;
    let reader = clock.reader(&world);
    let open = async || reader.open(&recording(1), Expectation::Facts).await;
    open().await.unwrap();
    clock.pass(59);
    open().await.unwrap();
    assert_eq!(costs(&world), [1, 0, 1]);
    clock.pass(1);
    let opened = open().await.unwrap();
    assert_eq!(costs(&world), [1, 1, 1]);
    let calls = world.proxy.calls();
    assert_eq!(calls.last().unwrap().if_match.as_deref(), Some(opened.etag()));
    // The confirmation makes the facts current again.
    clock.pass(59);
    open().await.unwrap();
    assert_eq!(costs(&world), [1, 1, 1]);
}

/// The facts are a minute old. Another server answers in S3's place, or S3 ignores the condition.
#[tokio::test]
async fn an_answer_that_does_not_name_the_version_confirms_nothing() {
    let (world, clock) = (World::start().await, Clock::default());
    store(&world, &recording(1), &noise(F, 1), &Shape::default()).await;
    let reader = clock.reader(&world);
    let open = async || reader.open(&recording(1), Expectation::Facts).await;
    let opened = open().await.unwrap();
    clock.pass(61);
    world.proxy.inject("HeadObject", 0..1, Fault::WithoutEtag);
    let answer = open().await;
    assert!(matches!(answer, Err(ReadError::Unavailable(_))), "{answer:?}");

    store(&world, &recording(1), &noise(F, 2), &Shape::default()).await;
    world.proxy.heal();
    world.proxy.inject("HeadObject", 0..1, Fault::IgnoreIfMatch);
    let newer = open().await.unwrap();
    assert_ne!(newer.etag(), opened.etag());
}

#[tokio::test]
async fn reading_bytes_confirms_the_facts() {
    let (world, clock) = (World::start().await, Clock::default());
    store(&world, &recording(1), &noise(F, 1), &Shape::default()).await;
    let reader = clock.reader(&world);
    reader.open(&recording(1), Expectation::Facts).await.unwrap();
    clock.pass(61);
    reader.open(&recording(1), bytes(0..10)).await.unwrap();
    reader.open(&recording(1), Expectation::Facts).await.unwrap();
    assert_eq!(costs(&world), [2, 0, 1]);
}

#[tokio::test]
async fn bytes_that_are_not_there_are_facts() {
    let (world, clock) = (World::start().await, Clock::default());
    store(&world, &recording(1), &noise(F, 1), &Shape::default()).await;
    let reader = clock.reader(&world);
    reader.open(&recording(1), Expectation::Facts).await.unwrap();
    clock.pass(61);
    // The caller answers 416 with this length.
    reader.open(&recording(1), bytes(F..F + 10)).await.unwrap();
    assert_eq!(costs(&world), [1, 1, 1]);
}

#[tokio::test]
async fn old_facts_of_a_replaced_recording_are_opened_again() {
    let (world, clock) = (World::start().await, Clock::default());
    store(&world, &recording(1), &noise(F, 1), &Shape::default()).await;
    let reader = clock.reader(&world);
    let old = reader.open(&recording(1), Expectation::Facts).await.unwrap();
    store(&world, &recording(1), &noise(2 * F, 2), &Shape::default()).await;
    clock.pass(61);
    let new = reader.open(&recording(1), Expectation::Facts).await.unwrap();
    assert_eq!((old.len(), new.len()), (F as u64, 2 * F as u64));
    assert_ne!(old.etag(), new.etag());
    assert_eq!(costs(&world), [2, 1, 2]);
}

#[tokio::test]
async fn a_deleted_recording_is_not_found_and_not_kept() {
    let (world, clock) = (World::start().await, Clock::default());
    let key = recording(1).object_key();
    for expectation in [Expectation::Facts, bytes(0..10)] {
        store(&world, &recording(1), &noise(F, 1), &Shape::default()).await;
        let reader = clock.reader(&world);
        reader.open(&recording(1), expectation).await.unwrap();
        world
            .direct_s3()
            .delete_object()
            .bucket(&world.bucket)
            .key(&key)
            .send()
            .await
            .unwrap();
        clock.pass(61);
        for _ in 0..2 {
            let error = reader.open(&recording(1), expectation).await.err();
            assert!(matches!(error, Some(ReadError::NotFound)), "{error:?}");
        }
    }
}

/// The versions are deleted, as after an erasure. A request that reaches S3 shows this at once.
#[tokio::test]
async fn an_erased_recording_is_gone_at_once_for_reads_and_within_a_minute_for_facts() {
    let (world, clock) = (World::start().await, Clock::default());
    store(&world, &recording(1), &noise(F, 1), &Shape::default()).await;
    let instances: Vec<_> = (0..3).map(|_| clock.reader(&world)).collect();
    for reader in &instances {
        reader.open(&recording(1), Expectation::Facts).await.unwrap();
    }
    let (s3, key) = (world.direct_s3(), recording(1).object_key());
    let listed = s3.list_object_versions().bucket(&world.bucket).prefix(&key);
    for version in listed.send().await.unwrap().versions() {
        let delete = s3.delete_object().bucket(&world.bucket).key(&key);
        delete.set_version_id(version.version_id.clone()).send().await.unwrap();
    }

    let read = instances[0].open(&recording(1), bytes(0..10)).await;
    assert!(matches!(read, Err(ReadError::NotFound)));
    // S3's last confirmation is used for a minute.
    instances[1].open(&recording(1), Expectation::Facts).await.unwrap();
    clock.pass(61);
    for reader in &instances {
        let facts = reader.open(&recording(1), Expectation::Facts).await;
        assert!(matches!(facts, Err(ReadError::NotFound)));
    }
}

#[tokio::test]
async fn an_entry_is_opened_anew_after_five_minutes() {
    let (world, clock) = (World::start().await, Clock::default());
    store(&world, &recording(1), &noise(F, 1), &Shape::default()).await;
    let reader = clock.reader(&world);
    let open = async || reader.open(&recording(1), bytes(0..10)).await;
    open().await.unwrap();
    clock.pass(299);
    open().await.unwrap();
    assert_eq!(costs(&world)[2], 1);
    clock.pass(1);
    open().await.unwrap();
    assert_eq!(costs(&world)[2], 2);
}

/// The state of an instance after a freeze.
#[tokio::test]
async fn an_opened_recording_is_not_read_a_thousand_seconds_after_its_key_was_disabled() {
    let (world, clock) = (World::start().await, Clock::default());
    store(&world, &recording(1), &noise(F, 1), &Shape::default()).await;
    let reader = clock.reader(&world);
    reader.open(&recording(1), bytes(0..10)).await.unwrap();
    let disabled = world.direct_kms().disable_key().key_id(world.key.as_str());
    disabled.send().await.unwrap();
    clock.pass(1_000);
    for expectation in [bytes(0..10), Expectation::Facts] {
        let error = reader.open(&recording(1), expectation).await.err();
        assert!(matches!(error, Some(ReadError::Unavailable(_))), "{error:?}");
    }
}

/// The facts for HEAD and `/media-url` in an instance after a freeze.
#[tokio::test]
async fn facts_of_a_recording_that_was_erased_fifty_minutes_ago_are_not_returned() {
    let (world, clock) = (World::start().await, Clock::default());
    store(&world, &recording(1), &noise(F, 1), &Shape::default()).await;
    let reader = clock.reader(&world);
    reader.open(&recording(1), Expectation::Facts).await.unwrap();
    let delete = world.direct_s3().delete_object().bucket(&world.bucket);
    delete.key(recording(1).object_key()).send().await.unwrap();
    clock.pass(50 * 60);
    let error = reader.open(&recording(1), Expectation::Facts).await.err();
    assert!(matches!(error, Some(ReadError::NotFound)), "{error:?}");
}

#[tokio::test]
async fn an_outage_of_s3_does_not_cost_the_entry() {
    let world = World::start().await;
    store(&world, &recording(1), &noise(F, 1), &Shape::default()).await;
    let reader = reader(&world);
    reader.open(&recording(1), Expectation::Facts).await.unwrap();
    world
        .proxy
        .inject("GetObject", 0..usize::MAX, Fault::Error(503, "SlowDown"));
    let error = reader.open(&recording(1), bytes(0..10)).await.err();
    assert!(matches!(error, Some(ReadError::Unavailable(_))));
    world.proxy.heal();
    reader.open(&recording(1), bytes(0..10)).await.unwrap();
    assert_eq!(costs(&world)[2], 1);
}

#[tokio::test]
async fn a_clone_shares_the_cache_and_a_handle_outlives_it() {
    let (world, clock) = (World::start().await, Clock::default());
    let plaintext = noise(F, 1);
    store(&world, &recording(1), &plaintext, &Shape::default()).await;
    let reader = clock.reader(&world);
    let opened = reader.open(&recording(1), Expectation::Facts).await.unwrap();
    reader.clone().open(&recording(1), Expectation::Facts).await.unwrap();
    assert_eq!(costs(&world)[2], 1);
    clock.pass(1_000);
    reader.open(&recording(2), Expectation::Facts).await.unwrap_err();
    let (seen, error) = drain(reader.read(&opened, 0..F as u64).await.unwrap()).await;
    assert!(error.is_none() && seen == plaintext);
    assert_eq!(costs(&world)[2], 1);
}
