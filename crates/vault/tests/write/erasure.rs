//! A copy and an erasure of the same recording at the same time. In any order, nothing is left.

use tokio::sync::oneshot;
use vault::{Eraser, Erasure, ObjectKeys, Outcome};

use super::{
    PART,
    scripted::Scripted,
    support::{World, audio, proxy::Fault, recording},
};

fn one_part() -> Scripted {
    Scripted::whole(audio(70_000, 1))
}

fn two_parts() -> Scripted {
    Scripted::whole(audio(PART + 1, 2))
}

impl World {
    /// A whole erasure, which a hook runs in the middle of a copy.
    fn erasure(&self) -> impl Future<Output = ()> + Send + 'static {
        let eraser = Eraser::new(self.direct_bucket());
        async move {
            eraser.mark(&recording(1)).await.unwrap().remove().await.unwrap();
        }
    }

    /// The mark exists, and there is no version and no upload.
    async fn assert_erased(&self) {
        assert!(self.object(&recording(1).erasure_mark_key()).await.is_some());
        assert_eq!(self.versions(&recording(1).object_key()).await, [""; 0]);
        assert_eq!(self.open_uploads().await, []);
    }
}

#[tokio::test]
async fn an_erasure_before_the_commit_wins() {
    for (operation, source) in [
        // The copy commits after the erasure has ended. Its look after the commit finds the mark.
        ("PutObject", one_part()),
        ("CreateMultipartUpload", two_parts()),
        // The erasure aborts the upload.
        ("UploadPart", two_parts()),
        ("CompleteMultipartUpload", two_parts()),
    ] {
        for world in [World::start().await, World::start_versioned().await] {
            world.proxy.before(operation, 0, world.erasure());
            let outcome = world.store(&source).await;
            assert!(matches!(outcome, Ok(Outcome::Erased)), "{operation}: {outcome:?}");
            world.assert_erased().await;
        }
    }
}

#[tokio::test]
async fn an_erasure_between_the_commit_and_the_look_wins() {
    for (commit, source) in [("PutObject", one_part()), ("CompleteMultipartUpload", two_parts())] {
        let world = World::start_versioned().await;
        world.proxy.after(commit, 0, world.erasure());
        let outcome = world.store(&source).await;
        assert!(matches!(outcome, Ok(Outcome::Erased)), "{commit}: {outcome:?}");
        world.assert_erased().await;
    }
}

#[tokio::test]
async fn an_erasure_after_the_look_finds_the_copy() {
    let world = World::start_versioned().await;
    // The copy looks for the mark and the object before it begins, and for the mark after the commit.
    world.proxy.after("HeadObject", 2, world.erasure());
    assert!(matches!(world.store(&one_part()).await, Ok(Outcome::Stored(_))));
    assert_eq!(world.proxy.count("HeadObject"), 3);
    world.assert_erased().await;
}

#[tokio::test]
async fn a_commit_between_the_mark_and_the_erasures_look_is_taken_back() {
    // The copy's own list of open uploads comes after its end.
    for look in ["ListMultipartUploads", "ListObjectVersions"] {
        let world = World::start_versioned().await;
        let (begin, begun) = oneshot::channel();
        let (marked, is_marked) = oneshot::channel();
        let (copied, is_copied) = oneshot::channel();
        world.proxy.before("PutObject", 0, async move {
            begin.send(()).unwrap();
            is_marked.await.unwrap();
        });
        world.proxy.before(look, 0, async move {
            marked.send(()).unwrap();
            is_copied.await.unwrap();
        });
        let copying = async {
            let outcome = world.store(&one_part()).await;
            copied.send(()).unwrap();
            outcome
        };
        let erasing = async {
            begun.await.unwrap();
            let eraser = Eraser::new(world.proxied_bucket());
            eraser.mark(&recording(1)).await?.remove().await
        };
        let (outcome, erasure) = tokio::join!(copying, erasing);
        assert!(matches!(outcome, Ok(Outcome::Erased)), "{look}: {outcome:?}");
        assert_eq!(erasure, Ok(Erasure::default()), "{look}");
        world.assert_erased().await;
    }
}

#[tokio::test]
async fn only_its_own_version_is_taken_back() {
    let world = World::start_versioned().await;
    let (s3, bucket) = (world.direct_s3(), world.bucket.clone());
    let erasure = world.erasure();
    world.proxy.after("PutObject", 0, async move {
        erasure.await;
        // An object of another writer, which the mark does not bind.
        let put = s3.put_object().bucket(bucket).key(recording(1).object_key());
        put.send().await.unwrap();
    });
    assert!(matches!(world.store(&one_part()).await, Ok(Outcome::Erased)));
    assert_eq!(world.versions(&recording(1).object_key()).await.len(), 1);
}

#[tokio::test]
async fn the_remains_of_a_killed_copy_are_removed_by_its_next_delivery() {
    let world = World::start_versioned().await;
    world.erasure().await;
    world.put_object(&recording(1).object_key(), b"sealed".to_vec()).await;
    let source = one_part();
    assert!(matches!(world.store(&source).await, Ok(Outcome::Erased)));
    assert!(source.opened().is_empty());
    world.assert_erased().await;
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_taken_back_as_well() {
    for (commit, source) in [("PutObject", one_part()), ("CompleteMultipartUpload", two_parts())] {
        let world = World::start_versioned().await;
        world.proxy.inject(commit, 0..usize::MAX, Fault::LoseAnswer);
        // Two looks before the copy, two for the result of the commit, and the last one for the mark.
        world.proxy.before("HeadObject", 4, world.erasure());
        let outcome = world.store(&source).await;
        assert!(matches!(outcome, Ok(Outcome::Erased)), "{commit}: {outcome:?}");
        world.assert_erased().await;
    }
}

#[tokio::test]
async fn a_recording_that_was_stored_and_deleted_does_not_come_back() {
    let world = World::start_versioned().await;
    let key = recording(1).object_key();
    assert!(matches!(world.store(&one_part()).await, Ok(Outcome::Stored(_))));
    let client = world.direct_s3();
    let delete = client.delete_object().bucket(&world.bucket).key(&key);
    let deleted = delete.send().await.unwrap();

    let source = one_part();
    assert!(matches!(world.store(&source).await, Ok(Outcome::Expired)));
    assert!(source.opened().is_empty());
    assert_eq!(world.object(&key).await, None);

    // Removing the marker allows the copy again.
    for version in world.versions(&key).await {
        let delete = client.delete_object().bucket(&world.bucket).key(&key);
        delete.version_id(version).send().await.unwrap();
    }
    assert!(deleted.delete_marker().unwrap());
    assert!(matches!(world.store(&one_part()).await, Ok(Outcome::Stored(_))));
}

#[tokio::test]
async fn a_version_that_cannot_be_taken_back_is_reported() {
    for (fault, retryable) in [
        (Fault::Error(403, "AccessDenied"), false),
        (Fault::Error(503, "SlowDown"), true),
    ] {
        let world = World::start_versioned().await;
        world.proxy.before("PutObject", 0, world.erasure());
        world.proxy.inject("DeleteObject", 0..usize::MAX, fault);
        for _ in 0..2 {
            let error = world.store(&one_part()).await.unwrap_err();
            assert!(error.to_string().contains("DeleteObject"), "{error}");
            assert_eq!(error.is_retryable(), retryable);
        }
        world.proxy.heal();
        assert!(matches!(world.store(&one_part()).await, Ok(Outcome::Erased)));
        world.assert_erased().await;
    }
}

#[tokio::test]
async fn a_copy_that_cannot_look_does_not_say_that_it_is_stored() {
    let world = World::start_versioned().await;
    world
        .proxy
        .inject("HeadObject", 2..usize::MAX, Fault::Error(503, "SlowDown"));
    let error = world.store(&one_part()).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    world.proxy.heal();
    assert!(matches!(world.store(&one_part()).await, Ok(Outcome::AlreadyStored)));
}
