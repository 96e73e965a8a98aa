//! Copies without any faults.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use aws_lc_rs::digest::{SHA256, digest};
use tokio::sync::Barrier;
use vault::{Incoming, ObjectKeys, Outcome};

use super::{
    PART, commit_of, incoming,
    scripted::Scripted,
    support::{World, audio, recording},
};

#[tokio::test]
async fn recordings_of_one_part_or_less_take_one_conditional_put() {
    for len in [1, 65_535, 65_536, 65_537, 131_072, 196_625, PART - 1, PART] {
        let world = World::start().await;
        let source = Scripted::whole(audio(len, 1));
        let commit = commit_of(world.store(&source).await);
        assert_eq!(commit.receipt.length, len as u64);
        assert_eq!(commit.receipt.sha256, hex::encode(digest(&SHA256, &source.bytes)));
        assert_eq!(commit.parts, 1);
        assert!(commit.receipt.etag.is_some());
        world.assert_stored(&source).await;
        assert_eq!(world.proxy.count("CreateMultipartUpload"), 0);
        assert_eq!(world.proxy.count("GenerateDataKey"), 1);
        let calls = world.proxy.calls();
        let put = calls.iter().find(|call| call.operation == "PutObject").unwrap();
        assert_eq!(put.if_none_match.as_deref(), Some("*"));
    }
}

#[tokio::test]
async fn longer_recordings_take_a_multipart_upload_with_a_conditional_commit() {
    for (len, parts) in [(2 * PART, 2), (2 * PART + 65_536, 3)] {
        let world = World::start().await;
        let source = Scripted::whole(audio(len, 2));
        let commit = commit_of(world.store(&source).await);
        assert_eq!((commit.receipt.length, commit.parts), (len as u64, parts));
        assert_eq!(commit.receipt.sha256, hex::encode(digest(&SHA256, &source.bytes)));
        world.assert_stored(&source).await;
        assert_eq!(world.proxy.count("PutObject"), 0);
        assert_eq!(world.proxy.count("UploadPart"), parts as usize);
        assert_eq!(world.proxy.count("AbortMultipartUpload"), 0);
        let calls = world.proxy.calls();
        let commit = calls
            .iter()
            .find(|call| call.operation == "CompleteMultipartUpload")
            .unwrap();
        assert_eq!(commit.if_none_match.as_deref(), Some("*"));
    }
}

#[tokio::test]
async fn four_parts_and_no_more_are_on_their_way_at_once() {
    let world = World::start().await;
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let four = Arc::new(Barrier::new(4));
    for nth in 0..6 {
        let (begun, ended, most, four) = (running.clone(), running.clone(), most.clone(), four.clone());
        world.proxy.before("UploadPart", nth, async move {
            most.fetch_max(begun.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            if nth < 4 {
                // The barrier opens only when four copies have reached it.
                four.wait().await;
            }
        });
        world.proxy.after("UploadPart", nth, async move {
            ended.fetch_sub(1, Ordering::SeqCst);
        });
    }
    let source = Scripted::whole(audio(5 * PART + 1, 8));
    assert_eq!(commit_of(world.store(&source).await).parts, 6);
    assert_eq!(most.load(Ordering::SeqCst), 4);
    assert_eq!(running.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_recording_without_an_announced_length_is_stored_all_the_same() {
    for len in [65_536, PART + 1] {
        let world = World::start().await;
        let mut source = Scripted::whole(audio(len, 3));
        source.announced = None;
        assert_eq!(commit_of(world.store(&source).await).receipt.length, len as u64);
        world.assert_stored(&source).await;
    }
}

#[tokio::test]
async fn a_stored_recording_is_not_even_downloaded_again() {
    let world = World::start().await;
    let source = Scripted::whole(audio(1000, 4));
    commit_of(world.store(&source).await);
    let other = Scripted::whole(audio(2000, 5));
    assert!(matches!(world.store(&other).await, Ok(Outcome::AlreadyStored)));
    assert!(other.opened().is_empty());
    assert_eq!(world.proxy.count("GenerateDataKey"), 1);
    world.assert_stored(&source).await;
}

#[tokio::test]
async fn an_erased_recording_does_not_come_back() {
    let world = World::start().await;
    world.put_object(&recording(1).erasure_mark_key(), Vec::new()).await;
    let source = Scripted::whole(audio(1000, 6));
    assert!(matches!(world.store(&source).await, Ok(Outcome::Erased)));
    assert!(source.opened().is_empty());
    world.assert_absent().await;
}

#[tokio::test]
async fn attributes_become_metadata_and_what_s3_would_not_take_costs_only_itself() {
    let world = World::start().await;
    let source = Scripted::whole(audio(1000, 7));
    let attributes = [
        ("channels", "2"),
        ("source", "\u{e9}"),
        ("track", "both "),
        ("Call", "CA1"),
        ("long", &"v".repeat(2048)),
    ];
    let odd = Incoming {
        attributes: attributes.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        ..incoming()
    };
    let deadline = Instant::now() + Duration::from_secs(600);
    let outcome = world.writer().store(&recording(1), &odd, &source, deadline).await;
    commit_of(outcome);

    let head = world.direct_s3().head_object().bucket(&world.bucket);
    let head = head.key(recording(1).object_key()).send().await.unwrap();
    let mut stored: Vec<_> = head.metadata().unwrap().keys().map(String::as_str).collect();
    stored.sort_unstable();
    assert_eq!(stored, ["channels", "header-sha256"]);
}
