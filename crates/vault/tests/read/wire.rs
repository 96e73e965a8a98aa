//! The number of requests that a read takes.

use std::sync::Arc;

use esdk_message::EncryptedDataKey;
use tokio::sync::Barrier;
use vault::{ContentType, Expectation};

use crate::{
    sealed::{F, Shape, bytes, drain, read, reader, store},
    support::{World, noise, proxy::Fault, recording},
};

/// Holds the requests back until the barrier is full. If they were sent one after another, the first would wait forever.
fn meet(world: &World, operation: &'static str, nth: usize, barrier: &Arc<Barrier>) {
    let barrier = barrier.clone();
    world.proxy.before(operation, nth, async move {
        barrier.wait().await;
    });
}

/// The numbers of requests to S3 and to KMS.
fn costs(world: &World) -> (usize, usize) {
    let [range, suffix, decrypt] = ["GetObject", "GetObjectSuffix", "Decrypt"].map(|name| world.proxy.count(name));
    (range + suffix, decrypt)
}

#[tokio::test]
async fn a_cold_read_of_the_beginning_is_two_gets_at_once_and_one_decrypt() {
    let world = World::start().await;
    let plaintext = noise(3 * F + 17, 1);
    store(&world, &recording(1), &plaintext, &Shape::default()).await;
    let barrier = Arc::new(Barrier::new(2));
    meet(&world, "GetObject", 0, &barrier);
    meet(&world, "GetObjectSuffix", 0, &barrier);
    let reader = reader(&world);

    let opened = reader.open(&recording(1), bytes(0..2 * F)).await.unwrap();
    assert_eq!(opened.len(), plaintext.len() as u64);
    assert_eq!(opened.content_type(), ContentType::Wav);
    assert!(opened.etag().starts_with('"') && opened.etag().ends_with('"'));
    assert_eq!(costs(&world), (2, 1));

    let stream = reader.read(&opened, 0..2 * F as u64).await.unwrap();
    let (seen, error) = drain(stream).await;
    assert!(error.is_none() && seen == plaintext[..2 * F]);
    assert_eq!(costs(&world), (2, 1));
}

#[tokio::test]
async fn a_cold_read_further_on_requests_header_bytes_and_tail_in_one_round_trip() {
    for shape in [Shape::default(), Shape::length_unknown()] {
        let world = World::start().await;
        // So long that the wanted bytes end far before the object's end.
        let plaintext = noise(5 * F + 17, 1);
        store(&world, &recording(1), &plaintext, &shape).await;
        let barrier = Arc::new(Barrier::new(3));
        meet(&world, "GetObject", 0, &barrier);
        meet(&world, "GetObject", 1, &barrier);
        meet(&world, "GetObjectSuffix", 0, &barrier);

        let reader = reader(&world);
        let opened = reader.open(&recording(1), bytes(F + 5..2 * F + 5)).await.unwrap();
        assert_eq!(opened.len(), plaintext.len() as u64);
        let wanted = reader.read(&opened, F as u64 + 5..2 * F as u64 + 5).await.unwrap();
        let (seen, error) = drain(wanted).await;
        assert!(error.is_none() && seen == plaintext[F + 5..2 * F + 5]);
        assert_eq!(costs(&world), (3, 1), "{shape:?}");
        let calls = world.proxy.calls();
        let asked = |range| calls.iter().any(|call| call.range.as_deref() == Some(range));
        assert!(asked("bytes=0-4095") && asked("bytes=-65576"));
        // Only the request to KMS follows S3's answers.
        assert_eq!(calls.last().map(|call| &*call.operation), Some("Decrypt"));
    }
}

#[tokio::test]
async fn a_failed_tail_is_requested_again_if_the_length_depends_on_it() {
    for (shape, gets) in [(Shape::default(), 3), (Shape::length_unknown(), 4)] {
        let world = World::start().await;
        let plaintext = noise(5 * F + 17, 1);
        store(&world, &recording(1), &plaintext, &shape).await;
        let refused = Fault::Error(403, "AccessDenied");
        world.proxy.inject("GetObjectSuffix", 0..usize::MAX, refused);
        let opened = reader(&world).open(&recording(1), bytes(F..2 * F)).await.unwrap();
        assert_eq!(opened.len(), plaintext.len() as u64);
        assert_eq!(costs(&world), (gets, 1), "{shape:?}");
    }
}

#[tokio::test]
async fn a_short_recording_is_two_gets_whatever_its_context() {
    for shape in [Shape::default(), Shape::length_unknown()] {
        let world = World::start().await;
        let plaintext = noise(F + 100, 1);
        store(&world, &recording(1), &plaintext, &shape).await;
        let (seen, error) = read(&reader(&world), &recording(1), 0..F + 100).await;
        assert!(error.is_none() && seen == plaintext);
        assert_eq!(costs(&world), (2, 1), "{shape:?}");
    }
}

#[tokio::test]
async fn a_cold_read_of_the_tail_is_two_gets_at_once() {
    for shape in [Shape::default(), Shape::length_unknown()] {
        let world = World::start().await;
        let plaintext = noise(3 * F + 17, 1);
        store(&world, &recording(1), &plaintext, &shape).await;
        let barrier = Arc::new(Barrier::new(2));
        meet(&world, "GetObject", 0, &barrier);
        meet(&world, "GetObjectSuffix", 0, &barrier);

        let reader = reader(&world);
        let opened = reader
            .open(&recording(1), Expectation::Tail { len: 100 })
            .await
            .unwrap();
        let stream = reader.read(&opened, opened.len() - 100..opened.len()).await.unwrap();
        let (seen, error) = drain(stream).await;
        assert!(error.is_none() && seen == plaintext[3 * F - 83..]);
        assert_eq!(costs(&world), (2, 1), "{shape:?}");
    }
}

#[tokio::test]
async fn a_warm_read_is_one_conditional_get() {
    let world = World::start().await;
    let plaintext = noise(3 * F + 17, 1);
    store(&world, &recording(1), &plaintext, &Shape::default()).await;
    let reader = reader(&world);
    let etag = reader
        .open(&recording(1), Expectation::Facts)
        .await
        .unwrap()
        .etag()
        .to_owned();
    assert_eq!(costs(&world), (2, 1));

    for range in [0..1, F - 1..F + 1, 3 * F..3 * F + 17] {
        world.proxy.forget_calls();
        let (seen, error) = read(&reader, &recording(1), range.clone()).await;
        assert!(error.is_none() && seen == plaintext[range]);
        let calls = world.proxy.calls();
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].operation, "GetObject");
        assert_eq!(calls[0].if_match.as_deref(), Some(&*etag));
    }
}

#[tokio::test]
async fn another_range_than_was_expected_is_one_more_get() {
    let world = World::start().await;
    let plaintext = noise(9 * F, 1);
    store(&world, &recording(1), &plaintext, &Shape::default()).await;
    let reader = reader(&world);
    let opened = reader.open(&recording(1), bytes(0..10)).await.unwrap();
    let (seen, error) = drain(reader.read(&opened, 8 * F as u64..9 * F as u64).await.unwrap()).await;
    assert!(error.is_none() && seen == plaintext[8 * F..]);
    assert_eq!(costs(&world), (3, 1));
    // The expected bytes are still available.
    let (seen, error) = drain(reader.read(&opened, 0..10).await.unwrap()).await;
    assert!(error.is_none() && seen == plaintext[..10]);
    assert_eq!(costs(&world), (3, 1));
}

#[tokio::test]
async fn more_than_was_expected_goes_on_where_the_first_reply_ended() {
    let world = World::start().await;
    let plaintext = noise(9 * F, 1);
    store(&world, &recording(1), &plaintext, &Shape::default()).await;
    let reader = reader(&world);
    let opened = reader.open(&recording(1), bytes(0..10)).await.unwrap();
    let (seen, error) = drain(reader.read(&opened, 0..9 * F as u64).await.unwrap()).await;
    assert!(error.is_none() && seen == plaintext);
    assert_eq!(costs(&world), (3, 1));
}

#[tokio::test]
async fn bytes_past_the_end_still_give_the_facts() {
    let world = World::start().await;
    let plaintext = noise(F + 1, 1);
    store(&world, &recording(1), &plaintext, &Shape::default()).await;
    for offset in [F + 1, 2 * F, 9 * F, 1 << 45, usize::MAX] {
        let reader = reader(&world);
        let expectation = Expectation::Bytes {
            offset: offset as u64,
            len: 10,
        };
        for _ in 0..2 {
            let opened = reader.open(&recording(1), expectation).await.unwrap();
            assert_eq!(opened.len(), plaintext.len() as u64, "{offset}");
        }
    }
}

#[tokio::test]
async fn a_header_of_another_width_costs_one_more_get() {
    let other = |len| EncryptedDataKey {
        provider_id: "another provider".to_owned(),
        provider_info: "its key".to_owned(),
        ciphertext: vec![7; len],
    };
    // The second key makes the header longer than the head that a cold open requests.
    for (len, gets) in [(300, 4), (6_000, 5)] {
        let world = World::start().await;
        let plaintext = noise(3 * F, 1);
        let shape = Shape {
            other_keys: vec![other(len)],
            ..Shape::default()
        };
        store(&world, &recording(1), &plaintext, &shape).await;
        let (seen, error) = read(&reader(&world), &recording(1), F..F + 100).await;
        assert!(error.is_none() && seen == plaintext[F..F + 100]);
        assert!(costs(&world).0 <= gets && costs(&world).1 == 1, "{:?}", costs(&world));
    }
}
