//! Erasing recordings.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::types::{ObjectLockLegalHold, ObjectLockLegalHoldStatus, ObjectLockRetention, ObjectLockRetentionMode};
use futures_util::future::join_all;
use serde_json::Value;
use vault::{EraseError, Eraser, Erasure, LockedVersion, ObjectKeys, Traces};

use crate::support::{World, proxy::Fault, recording};

async fn erase(world: &World) -> Result<Erasure, EraseError> {
    let eraser = Eraser::new(world.proxied_bucket());
    eraser.mark(&recording(1)).await?.remove().await
}

/// Deletes without a version id.
async fn hide(world: &World, key: &str) {
    let client = world.direct_s3();
    client
        .delete_object()
        .bucket(&world.bucket)
        .key(key)
        .send()
        .await
        .unwrap();
}

async fn open_upload(world: &World, key: &str) {
    let client = world.direct_s3();
    let create = client.create_multipart_upload().bucket(&world.bucket).key(key);
    create.send().await.unwrap();
}

/// Two versions, each behind a delete marker, and two uploads.
async fn litter(world: &World, key: &str) {
    for body in [b"first", b"newer"] {
        world.put_object(key, body.to_vec()).await;
        hide(world, key).await;
        open_upload(world, key).await;
    }
}

async fn is_marked(world: &World) -> bool {
    world.object(&recording(1).erasure_mark_key()).await.is_some()
}

async fn assert_nothing_left(world: &World) {
    assert_eq!(world.versions(&recording(1).object_key()).await, [""; 0]);
    assert_eq!(world.open_uploads().await, []);
}

#[tokio::test]
async fn everything_of_one_recording_goes_and_nothing_else() {
    let world = World::start_versioned().await;
    // A key with the same prefix.
    let longer = format!("{}.json", recording(1).object_key());
    let others = [recording(2).object_key(), longer];
    for key in &others {
        litter(&world, key).await;
    }
    litter(&world, &recording(1).object_key()).await;

    let erasure = erase(&world).await.unwrap();
    let expected = Erasure {
        versions: 2,
        delete_markers: 2,
        uploads: 2,
        ..Erasure::default()
    };
    assert_eq!(erasure, expected);
    for key in &others {
        assert_eq!(world.versions(key).await.len(), 4, "{key}");
    }
    let uploads = world.open_uploads().await;
    assert!(
        uploads.len() == 4 && uploads.iter().all(|(key, _)| others.contains(key)),
        "{uploads:?}"
    );
    // The recording's prefix finds only the objects of the other key.
    assert_eq!(
        world.versions(&recording(1).object_key()).await,
        world.versions(&others[1]).await
    );
}

#[tokio::test]
async fn the_mark_says_when() {
    let world = World::start_versioned().await;
    erase(&world).await.unwrap();
    let mark = world.object(&recording(1).erasure_mark_key()).await.unwrap();
    let mark: Value = serde_json::from_slice(&mark).unwrap();
    let format = &time::format_description::well_known::Rfc3339;
    let time = time::OffsetDateTime::parse(mark["erasedAt"].as_str().unwrap(), format).unwrap();
    let age = SystemTime::now().duration_since(time.into()).unwrap();
    assert!(age < Duration::from_secs(600), "{age:?}");
}

#[tokio::test]
async fn absent_and_erased_recordings_are_marked_all_the_same() {
    let world = World::start_versioned().await;
    for _ in 0..2 {
        assert_eq!(erase(&world).await.unwrap(), Erasure::default());
        assert!(is_marked(&world).await);
    }
}

#[tokio::test]
async fn a_bucket_without_versions_has_one_of_each_object() {
    let world = World::start().await;
    world.put_object(&recording(1).object_key(), b"sealed".to_vec()).await;
    assert_eq!(erase(&world).await.unwrap().versions, 1);
    assert_nothing_left(&world).await;
}

/// An answer without an ETag was cut off or is not from S3, so that the mark may not be stored.
#[tokio::test]
async fn a_mark_that_is_answered_without_proof_is_none() {
    for fault in [Fault::HtmlPage, Fault::WithoutEtag] {
        let world = World::start_versioned().await;
        litter(&world, &recording(1).object_key()).await;
        world.proxy.inject("PutObject", 0..usize::MAX, fault.clone());
        let error = erase(&world).await.unwrap_err();
        assert!(
            matches!(error, EraseError::Mark(_)) && error.is_retryable(),
            "{fault:?}: {error}"
        );
        assert_eq!(world.versions(&recording(1).object_key()).await.len(), 4, "{fault:?}");
        world.proxy.heal();
        erase(&world).await.unwrap();
        assert!(is_marked(&world).await);
        assert_nothing_left(&world).await;
    }
}

#[tokio::test]
async fn without_a_mark_nothing_is_removed() {
    let world = World::start_versioned().await;
    litter(&world, &recording(1).object_key()).await;
    world
        .proxy
        .inject("PutObject", 0..usize::MAX, Fault::Error(503, "SlowDown"));
    let error = erase(&world).await.unwrap_err();
    assert!(matches!(error, EraseError::Mark(_)) && error.is_retryable(), "{error}");
    assert_eq!(world.versions(&recording(1).object_key()).await.len(), 4);
    assert_eq!(world.open_uploads().await.len(), 2);
}

#[tokio::test]
async fn an_erasure_that_broke_off_is_finished_by_the_next() {
    for operation in [
        "ListMultipartUploads",
        "AbortMultipartUpload",
        "ListObjectVersions",
        "DeleteObject",
    ] {
        // The SDK makes three attempts.
        for (from, fault) in [(0, Fault::Error(503, "SlowDown")), (1, Fault::Drop)] {
            let world = World::start_versioned().await;
            litter(&world, &recording(1).object_key()).await;
            world.proxy.inject(operation, from..usize::MAX, fault);
            let error = erase(&world).await.unwrap_err();
            assert!(
                matches!(error, EraseError::Unfinished(_)) && error.is_retryable(),
                "{error}"
            );
            assert!(error.to_string().contains(operation), "{error}");
            assert!(is_marked(&world).await);
            world.proxy.heal();
            erase(&world).await.unwrap();
            assert_nothing_left(&world).await;
        }
    }
}

#[tokio::test]
async fn a_missing_permission_is_no_hold() {
    let world = World::start_versioned().await;
    litter(&world, &recording(1).object_key()).await;
    world
        .proxy
        .inject("DeleteObject", 0..usize::MAX, Fault::Error(403, "AccessDenied"));
    let error = erase(&world).await.unwrap_err();
    assert!(
        matches!(error, EraseError::Unfinished(_)) && !error.is_retryable(),
        "{error}"
    );
}

#[tokio::test]
async fn a_copy_that_lands_during_the_erasure_is_found_by_another_check() {
    let world = World::start_versioned().await;
    let key = recording(1).object_key();
    world.put_object(&key, b"first".to_vec()).await;
    let (s3, bucket, late) = (world.direct_s3(), world.bucket.clone(), key.clone());
    world.proxy.before("DeleteObject", 0, async move {
        let put = s3.put_object().bucket(&bucket).key(&late).send();
        put.await.unwrap();
        let create = s3.create_multipart_upload().bucket(&bucket).key(&late).send();
        create.await.unwrap();
    });
    let erasure = erase(&world).await.unwrap();
    assert_eq!((erasure.versions, erasure.uploads), (2, 1));
    assert_nothing_left(&world).await;
}

#[tokio::test]
async fn more_than_a_page_of_versions_and_uploads_goes() {
    // S3 lists a thousand keys a page.
    const MANY: usize = 1_003;
    let world = World::start_versioned().await;
    let key = recording(1).object_key();
    for batch in (0..MANY).collect::<Vec<_>>().chunks(50) {
        join_all(batch.iter().map(async |_| {
            world.put_object(&key, Vec::new()).await;
            open_upload(&world, &key).await;
        }))
        .await;
    }
    let erasure = erase(&world).await.unwrap();
    assert_eq!((erasure.versions as usize, erasure.uploads as usize), (MANY, MANY));
    assert_nothing_left(&world).await;
}

#[derive(Clone, Copy, Debug)]
enum Lock {
    LegalHold,
    Retention,
}

impl Lock {
    /// Locks a version, or ends its lock.
    async fn set(self, world: &World, version_id: &str, on: bool) {
        let (s3, key) = (world.direct_s3(), recording(1).object_key());
        match self {
            Self::LegalHold => {
                let status = if on {
                    ObjectLockLegalHoldStatus::On
                } else {
                    ObjectLockLegalHoldStatus::Off
                };
                let hold = ObjectLockLegalHold::builder().status(status).build();
                let request = s3.put_object_legal_hold().bucket(&world.bucket).key(key);
                request.version_id(version_id).legal_hold(hold).send().await.unwrap();
            }
            Self::Retention => {
                let until = SystemTime::now() + Duration::from_secs(3_600);
                let retention = ObjectLockRetention::builder()
                    .mode(ObjectLockRetentionMode::Governance)
                    .retain_until_date(until.into());
                // An empty retention removes the lock.
                let retention = if on { retention } else { ObjectLockRetention::builder() };
                let request = s3.put_object_retention().bucket(&world.bucket).key(key);
                let request = request.version_id(version_id).bypass_governance_retention(true);
                request.retention(retention.build()).send().await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn locked_versions_are_kept_hidden_and_reported_while_the_rest_goes() {
    for lock in [Lock::LegalHold, Lock::Retention] {
        let world = World::start_with_locks().await;
        let key = recording(1).object_key();
        for body in [b"locked", b"newer.", b"newest"] {
            world.put_object(&key, body.to_vec()).await;
        }
        open_upload(&world, &key).await;
        let [_, free, locked] = &world.versions(&key).await[..] else {
            panic!("{lock:?}")
        };
        lock.set(&world, locked, true).await;

        let erasure = erase(&world).await.unwrap();
        assert_eq!(
            (erasure.versions, erasure.delete_markers, erasure.uploads),
            (2, 0, 1),
            "{lock:?}"
        );
        assert_eq!(erasure.held, std::slice::from_ref(locked), "{lock:?}");
        assert_eq!(world.object(&key).await, None, "{lock:?}");
        let kept = world.versions(&key).await;
        assert!(
            kept.len() == 2 && kept.contains(locked) && !kept.contains(free),
            "{lock:?}: {kept:?}"
        );

        // The erasure is repeated during the lock. The version is never uncovered, and not covered twice.
        let erasure = erase(&world).await.unwrap();
        assert_eq!((erasure.versions, erasure.delete_markers), (0, 0), "{lock:?}");
        assert_eq!(erasure.held, std::slice::from_ref(locked), "{lock:?}");
        assert_eq!(world.versions(&key).await, kept, "{lock:?}");

        lock.set(&world, locked, false).await;
        let erasure = erase(&world).await.unwrap();
        assert_eq!((erasure.versions, erasure.delete_markers), (1, 1), "{lock:?}");
        assert_eq!(erasure.held, [""; 0]);
        assert_nothing_left(&world).await;
    }
}

async fn find(world: &World) -> Traces {
    Eraser::new(world.proxied_bucket()).find(&recording(1)).await.unwrap()
}

async fn locked(world: &World) -> Vec<LockedVersion> {
    let versions = find(world).await.versions;
    let eraser = Eraser::new(world.proxied_bucket());
    eraser.locked(&recording(1), &versions).await.unwrap()
}

#[tokio::test]
async fn the_traces_of_a_recording_are_its_mark_and_its_versions() {
    let world = World::start_versioned().await;
    let traces = |is_marked, versions: &[String]| Traces {
        is_marked,
        versions: versions.to_vec(),
    };
    assert_eq!(find(&world).await, traces(false, &[]));
    let key = recording(1).object_key();
    litter(&world, &format!("{key}.json")).await;
    hide(&world, &key).await;
    open_upload(&world, &key).await;
    assert_eq!(
        find(&world).await,
        traces(false, &[]),
        "neither a marker nor an upload is a version"
    );
    world.put_object(&key, b"first".to_vec()).await;
    world.put_object(&key, b"newer".to_vec()).await;
    let found = find(&world).await;
    assert!(!found.is_marked && found.versions.len() == 2, "{found:?}");
    assert_eq!(locked(&world).await, []);
    erase(&world).await.unwrap();
    assert_eq!(find(&world).await, traces(true, &[]));
}

#[tokio::test]
async fn a_lock_is_found_before_the_erasure_with_its_end() {
    for lock in [Lock::LegalHold, Lock::Retention] {
        let world = World::start_with_locks().await;
        let key = recording(1).object_key();
        for body in [b"locked", b"newer."] {
            world.put_object(&key, body.to_vec()).await;
        }
        assert_eq!(locked(&world).await, [], "{lock:?}");
        let id = world.versions(&key).await.pop().unwrap();
        lock.set(&world, &id, true).await;
        // An earlier erasure has hidden it.
        for _ in 0..2 {
            let [found] = <[_; 1]>::try_from(locked(&world).await).unwrap();
            assert_eq!(found.id, id, "{lock:?}");
            assert_eq!(found.legal_hold, matches!(lock, Lock::LegalHold));
            let left = found.until.map(|until| until - time::OffsetDateTime::now_utc());
            match lock {
                Lock::LegalHold => assert_eq!(left, None),
                Lock::Retention => assert!((3_000..=3_600).contains(&left.unwrap().whole_seconds()), "{left:?}"),
            }
            erase(&world).await.unwrap();
        }
    }
}
