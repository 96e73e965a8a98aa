//! Faults of S3 and KMS, and objects that change while they are read.

use aws_sdk_s3::Client;
use futures_util::StreamExt;
use tokio::sync::oneshot;
use vault::{Expectation, ObjectKeys, ReadError};

use crate::{
    sealed::{F, Shape, bytes, drain, read, reader, seal, store},
    support::{World, noise, proxy::Fault, recording},
};

#[tokio::test]
async fn a_body_that_breaks_off_goes_on_from_the_next_byte() {
    for cut in [0, 1, 300, 1_000, F, F + 1_000, 2 * F + 2_000] {
        let world = World::start().await;
        let plaintext = noise(3 * F + 17, 1);
        store(&world, &recording(1), &plaintext, &Shape::default()).await;
        world.proxy.inject("GetObject", 0..1, Fault::CutBody(cut));
        let reader = reader(&world);
        let (seen, error) = read(&reader, &recording(1), 0..plaintext.len()).await;
        assert!(error.is_none() && seen == plaintext, "{cut}: {error:?}");

        let calls = world.proxy.calls();
        let gets: Vec<_> = calls.iter().filter(|call| call.operation == "GetObject").collect();
        assert_eq!(gets.len(), 2, "{cut}");
        assert!(
            gets[1].range.as_deref().unwrap().starts_with(&format!("bytes={cut}-")),
            "{cut}"
        );
        let etag = reader
            .open(&recording(1), Expectation::Facts)
            .await
            .unwrap()
            .etag()
            .to_owned();
        assert_eq!(gets[1].if_match.as_deref(), Some(&*etag));
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_for_good_ends_after_the_verified_frames() {
    let world = World::start().await;
    let plaintext = noise(3 * F + 17, 1);
    store(&world, &recording(1), &plaintext, &Shape::default()).await;
    // S3 sends the header and two and a half frames, and then nothing.
    world.proxy.inject("GetObject", 0..1, Fault::CutBody(2 * F + F / 2));
    world.proxy.inject("GetObject", 0..usize::MAX, Fault::CutBody(0));
    let (seen, error) = read(&reader(&world), &recording(1), 0..plaintext.len()).await;
    assert!(seen == plaintext[..2 * F]);
    assert!(matches!(error, Some(ReadError::Unavailable(_))), "{error:?}");
    assert_eq!(world.proxy.count("GetObject"), 4);
}

#[tokio::test]
async fn slow_progress_is_progress() {
    let world = World::start().await;
    let plaintext = noise(F + 17, 1);
    store(&world, &recording(1), &plaintext, &Shape::default()).await;
    world.proxy.inject("GetObject", 0..usize::MAX, Fault::CutBody(6_000));
    let (seen, error) = read(&reader(&world), &recording(1), 0..plaintext.len()).await;
    assert!(error.is_none() && seen == plaintext);
    assert_eq!(world.proxy.count("GetObject"), (F + 17 + 500) / 6_000 + 1);
}

#[tokio::test]
async fn an_object_replaced_under_a_stream_ends_it() {
    let world = World::start().await;
    let plaintext = noise(3 * F + 17, 1);
    store(&world, &recording(1), &plaintext, &Shape::default()).await;
    world.proxy.inject("GetObject", 0..1, Fault::CutBody(F + F / 2));
    let reader = reader(&world);
    let opened = reader.open(&recording(1), bytes(0..plaintext.len())).await.unwrap();
    let stream = reader.read(&opened, 0..plaintext.len() as u64).await.unwrap();
    store(&world, &recording(1), &noise(3 * F + 17, 2), &Shape::default()).await;
    let (seen, error) = drain(stream).await;
    assert!(seen == plaintext[..F]);
    assert!(matches!(error, Some(ReadError::Changed)), "{error:?}");
}

#[tokio::test]
async fn an_object_replaced_between_two_opens_is_opened_again_once() {
    let world = World::start().await;
    store(&world, &recording(1), &noise(F, 1), &Shape::default()).await;
    let reader = reader(&world);
    let old = reader.open(&recording(1), Expectation::Facts).await.unwrap();
    let replaced = noise(2 * F, 2);
    store(&world, &recording(1), &replaced, &Shape::default()).await;
    world.proxy.forget_calls();

    let (seen, error) = read(&reader, &recording(1), 0..2 * F).await;
    // The old recording ends at F, and so do the expected bytes. The caller gets the new recording.
    assert!(error.is_none() && seen == replaced);
    assert_eq!((world.proxy.count("GetObject"), world.proxy.count("Decrypt")), (2, 1));
    let new = reader.open(&recording(1), Expectation::Facts).await.unwrap();
    assert_ne!(new.etag(), old.etag());
}

#[tokio::test]
async fn an_object_replaced_between_open_and_read_is_reported() {
    let world = World::start().await;
    store(&world, &recording(1), &noise(F, 1), &Shape::default()).await;
    let reader = reader(&world);
    let old = reader.open(&recording(1), Expectation::Facts).await.unwrap();
    let replaced = noise(F, 2);
    store(&world, &recording(1), &replaced, &Shape::default()).await;
    // The ETag may already be in the header of a reply.
    assert!(matches!(reader.read(&old, 0..10).await.err(), Some(ReadError::Changed)));
    let new = reader.open(&recording(1), Expectation::Facts).await.unwrap();
    assert_ne!(new.etag(), old.etag());
    let (seen, error) = drain(reader.read(&new, 0..10).await.unwrap()).await;
    assert!(error.is_none() && seen == replaced[..10]);
}

#[tokio::test]
async fn bytes_of_another_version_are_not_used_whatever_s3_makes_of_the_condition() {
    let world = World::start().await;
    store(&world, &recording(1), &noise(F, 1), &Shape::default()).await;
    let reader = reader(&world);
    let old = reader.open(&recording(1), Expectation::Facts).await.unwrap();
    store(&world, &recording(1), &noise(F, 2), &Shape::default()).await;
    world.proxy.inject("GetObject", 0..usize::MAX, Fault::IgnoreIfMatch);
    let error = reader.read(&old, 0..10).await.err();
    assert!(matches!(error, Some(ReadError::Changed)), "{error:?}");
}

/// Puts `object` between the answers to two parallel GETs. The second GET is not forwarded before.
fn replace_between(world: &World, nth: usize, s3: Client, object: Vec<u8>) {
    let (replaced, wait) = oneshot::channel();
    let put = s3
        .put_object()
        .bucket(&world.bucket)
        .key(recording(1).object_key())
        .body(object.into());
    world.proxy.after("GetObject", nth, async move {
        put.send().await.unwrap();
        replaced.send(()).unwrap();
    });
    world
        .proxy
        .before("GetObject", nth + 1, async move { wait.await.unwrap() });
}

#[tokio::test]
async fn answers_of_two_versions_are_requested_again_once() {
    let world = World::start().await;
    let versions: Vec<_> = (0..3).map(|seed| noise(3 * F, seed)).collect();
    store(&world, &recording(1), &versions[0], &Shape::default()).await;
    let second = seal(&world, &recording(1), &versions[1], &Shape::default()).await;
    replace_between(&world, 0, world.direct_s3(), second);
    let (seen, error) = read(&reader(&world), &recording(1), F..2 * F).await;
    assert!(error.is_none() && seen == versions[1][F..2 * F], "{error:?}");
    assert_eq!((world.proxy.count("GetObject"), world.proxy.count("Decrypt")), (4, 1));

    for (nth, version) in [(0, &versions[2]), (2, &versions[0])] {
        let object = seal(&world, &recording(1), version, &Shape::default()).await;
        replace_between(&world, nth, world.direct_s3(), object);
    }
    let (seen, error) = read(&reader(&world), &recording(1), F..2 * F).await;
    assert!(
        seen.is_empty() && matches!(error, Some(ReadError::Changed)),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_dropped_stream_cancels_the_read() {
    let world = World::start().await;
    let plaintext = noise(3 * F, 1);
    store(&world, &recording(1), &plaintext, &Shape::default()).await;
    world.proxy.inject("GetObject", 0..1, Fault::StallBody(F + F / 2));
    let reader = reader(&world);
    let opened = reader.open(&recording(1), bytes(0..3 * F)).await.unwrap();
    let mut stream = reader.read(&opened, 0..3 * F as u64).await.unwrap();
    assert!(stream.next().await.unwrap().unwrap() == plaintext[..F]);
    drop(stream);
    world.proxy.abandoned().await;
}

#[tokio::test]
async fn refusals_of_s3_are_distinguished() {
    let world = World::start().await;
    store(&world, &recording(1), &noise(F, 1), &Shape::default()).await;
    let everything = 0..usize::MAX;
    for (status, code, expected) in [
        (404, "NoSuchKey", "no such recording"),
        (403, "InvalidObjectState", "the object is in an archive class"),
        (
            403,
            "AccessDenied",
            "unavailable: GetObject: refused, AccessDenied, 403",
        ),
        (
            404,
            "NoSuchBucket",
            "unavailable: GetObject: refused, NoSuchBucket, 404",
        ),
        (503, "SlowDown", "unavailable: GetObject: refused, SlowDown, 503"),
        (
            500,
            "InternalError",
            "unavailable: GetObject: refused, InternalError, 500",
        ),
    ] {
        world.proxy.heal();
        world
            .proxy
            .inject("GetObject", everything.clone(), Fault::Error(status, code));
        let (seen, error) = read(&reader(&world), &recording(1), 0..F).await;
        assert!(seen.is_empty());
        let error = error.unwrap();
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.is_retryable(), expected.starts_with("unavailable"), "{error}");
    }
    world.proxy.heal();
    world.proxy.inject("GetObject", everything, Fault::Drop);
    let (_, error) = read(&reader(&world), &recording(1), 0..F).await;
    assert_eq!(error.unwrap().to_string(), "unavailable: GetObject: no connection");
}

#[tokio::test]
async fn refusals_of_kms_are_distinguished() {
    let world = World::start().await;
    store(&world, &recording(1), &noise(F, 1), &Shape::default()).await;
    for (code, expected) in [
        ("InvalidCiphertextException", "damaged"),
        ("IncorrectKeyException", "damaged"),
        ("DisabledException", "unavailable"),
        ("KMSInvalidStateException", "unavailable"),
        ("KeyUnavailableException", "unavailable"),
        ("ThrottlingException", "unavailable"),
        ("NotFoundException", "KMS refuses the data key"),
        ("AccessDeniedException", "KMS refuses the data key"),
        ("InvalidKeyUsageException", "KMS refuses the data key"),
    ] {
        world.proxy.heal();
        world.proxy.inject("Decrypt", 0..usize::MAX, Fault::Error(400, code));
        let (seen, error) = read(&reader(&world), &recording(1), 0..F).await;
        assert!(seen.is_empty());
        let error = error.unwrap();
        assert!(
            error.to_string().starts_with(&format!("{expected}: ")),
            "{code}: {error}"
        );
        assert_eq!(error.is_retryable(), expected == "unavailable", "{code}: {error}");
    }
}

#[tokio::test]
async fn a_fault_that_passes_is_not_seen() {
    let world = World::start().await;
    let plaintext = noise(2 * F, 1);
    store(&world, &recording(1), &plaintext, &Shape::default()).await;
    for fault in [
        Fault::Error(503, "SlowDown"),
        Fault::Error(500, "InternalError"),
        Fault::Drop,
    ] {
        world.proxy.heal();
        world.proxy.inject("GetObject", 0..1, fault.clone());
        world.proxy.inject("Decrypt", 0..1, fault.clone());
        let (seen, error) = read(&reader(&world), &recording(1), F..2 * F).await;
        assert!(error.is_none() && seen == plaintext[F..], "{fault:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_recording_that_is_not_there_costs_no_decrypt() {
    let world = World::start().await;
    for expectation in [
        Expectation::Facts,
        bytes(0..10),
        bytes(F..F + 10),
        Expectation::Tail { len: 5 },
    ] {
        let error = reader(&world).open(&recording(1), expectation).await.err();
        assert!(matches!(error, Some(ReadError::NotFound)), "{error:?}");
    }
    assert_eq!(world.proxy.count("Decrypt"), 0);
}
