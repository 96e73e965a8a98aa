//! No upload stays open: not after a deadline, not after a dropped future, and not permanently after a killed process.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use tokio::sync::Notify;
use vault::{Eraser, ObjectKeys, Outcome, StoreError};

use super::{
    PART, commit_of, incoming,
    scripted::{Ending, Scripted},
    store,
    support::{World, audio, proxy::Fault, recording},
};

/// The interval at which the tests poll.
const POLL: Duration = Duration::from_millis(5);

impl World {
    async fn store_until(&self, source: &Scripted, deadline: Instant) -> Result<Outcome, StoreError> {
        self.writer().store(&recording(1), &incoming(), source, deadline).await
    }

    /// Opens an upload as another process would.
    async fn open_upload(&self, key: &str) -> String {
        let client = self.direct_s3();
        let created = client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await;
        created.unwrap().upload_id().unwrap().to_owned()
    }

    /// The job is delivered again after the queue's 20 minutes, and succeeds.
    pub(super) async fn next_delivery(&self, source: &Scripted) {
        let later = self
            .writer()
            .with_clock(|| SystemTime::now() + Duration::from_secs(21 * 60));
        commit_of(store(&later, source).await);
        self.assert_stored(source).await;
    }

    /// Waits until no upload is open.
    async fn until_nothing_is_open(&self) {
        while !self.open_uploads().await.is_empty() {
            tokio::time::sleep(POLL).await;
        }
    }
}

#[tokio::test]
async fn the_deadline_aborts_the_upload_while_there_is_time_to() {
    let world = World::start().await;
    let source = Scripted::new(audio(PART + 200_000, 1), [Ending::Stall(PART + 100_000)]);
    let deadline = Instant::now() + Duration::from_secs(8);
    let error = world.store_until(&source, deadline).await.unwrap_err();
    assert!(matches!(error, StoreError::Deadline), "{error}");
    assert!(error.is_retryable());
    assert!(Instant::now() < deadline);
    world.assert_absent().await;
}

#[tokio::test]
async fn a_deadline_too_near_for_anything_is_reported_at_once() {
    let world = World::start().await;
    let source = Scripted::new(audio(100, 1), [Ending::Stall(0)]);
    for time in [Duration::ZERO, Duration::from_secs(4)] {
        let error = world.store_until(&source, Instant::now() + time).await.unwrap_err();
        assert!(matches!(error, StoreError::Deadline), "{error}");
    }
    world.assert_absent().await;
}

#[tokio::test]
async fn a_dropped_copy_aborts_its_upload() {
    let world = Arc::new(World::start().await);
    world.proxy.inject("UploadPart", 0..usize::MAX, Fault::Hang);
    let copying = tokio::spawn({
        let world = world.clone();
        async move {
            world
                .store(&Scripted::whole(audio(PART + 200_000, 1)))
                .await
                .map(|_| ())
        }
    });
    while world.proxy.count("UploadPart") == 0 {
        tokio::time::sleep(POLL).await;
    }
    assert_eq!(world.open_uploads().await.len(), 1);
    copying.abort();
    world.until_nothing_is_open().await;
    world.assert_absent().await;
}

#[tokio::test]
async fn a_copy_dropped_while_its_upload_is_being_opened_aborts_it() {
    let world = Arc::new(World::start().await);
    let answer = Arc::new(Notify::new());
    world.proxy.after("CreateMultipartUpload", 0, {
        let answer = answer.clone();
        async move { answer.notified().await }
    });
    let copying = tokio::spawn({
        let world = world.clone();
        async move {
            world
                .store(&Scripted::whole(audio(PART + 200_000, 1)))
                .await
                .map(|_| ())
        }
    });
    while world.open_uploads().await.is_empty() {
        tokio::time::sleep(POLL).await;
    }
    copying.abort();
    assert!(copying.await.unwrap_err().is_cancelled());
    answer.notify_one();
    world.until_nothing_is_open().await;
    world.assert_absent().await;
}

#[tokio::test]
async fn a_killed_copys_upload_is_aborted_by_the_next_one_after_twenty_minutes() {
    let world = World::start().await;
    let key = recording(1).object_key();
    world.open_upload(&key).await;
    let foreign = world.open_upload(&recording(2).object_key()).await;
    let later = world
        .writer()
        .with_clock(|| SystemTime::now() + Duration::from_secs(21 * 60));
    // A copy that stores the recording aborts every upload. This one fails, so that only the age counts.
    let source = Scripted::new(audio(1000, 1), [Ending::Refused { retryable: false }]);
    store(&later, &source).await.unwrap_err();
    assert_eq!(world.open_uploads().await, [(recording(2).object_key(), foreign)]);
}

/// The queue delivers a killed copy's message again 20 minutes after its first delivery. The upload was opened a moment
/// later, and is therefore younger than 20 minutes.
#[tokio::test]
async fn a_younger_upload_is_aborted_once_the_recording_is_stored() {
    let world = World::start().await;
    world.open_upload(&recording(1).object_key()).await;
    let foreign = world.open_upload(&recording(2).object_key()).await;
    let source = Scripted::whole(audio(1000, 1));
    commit_of(world.store(&source).await);
    assert_eq!(world.open_uploads().await, [(recording(2).object_key(), foreign)]);
}

#[tokio::test]
async fn an_upload_is_aborted_by_the_copy_that_finds_the_recording_stored() {
    let world = World::start().await;
    let source = Scripted::whole(audio(1000, 1));
    commit_of(world.store(&source).await);
    world.open_upload(&recording(1).object_key()).await;
    assert!(matches!(world.store(&source).await, Ok(Outcome::AlreadyStored)));
    world.assert_stored(&source).await;
}

#[tokio::test]
async fn an_upload_of_an_erased_or_expired_recording_is_aborted() {
    let source = Scripted::whole(audio(1000, 1));
    let erased = World::start_versioned().await;
    let eraser = Eraser::new(erased.direct_bucket());
    eraser.mark(&recording(1)).await.unwrap().remove().await.unwrap();
    erased.open_upload(&recording(1).object_key()).await;
    assert!(matches!(erased.store(&source).await, Ok(Outcome::Erased)));
    assert_eq!(erased.open_uploads().await, []);

    let expired = World::start_versioned().await;
    commit_of(expired.store(&source).await);
    let key = recording(1).object_key();
    let deletion = expired.direct_s3().delete_object().bucket(&expired.bucket).key(&key);
    deletion.send().await.unwrap();
    expired.open_upload(&key).await;
    assert!(matches!(expired.store(&source).await, Ok(Outcome::Expired)));
    assert_eq!(expired.open_uploads().await, []);
}

#[tokio::test]
async fn a_live_neighbors_upload_is_left_alone_until_it_is_void() {
    let world = World::start().await;
    let key = recording(1).object_key();
    let neighbors = world.open_upload(&key).await;
    let soon = world
        .writer()
        .with_clock(|| SystemTime::now() + Duration::from_secs(19 * 60));
    let source = Scripted::new(audio(1000, 1), [Ending::Refused { retryable: false }]);
    store(&soon, &source).await.unwrap_err();
    assert_eq!(world.open_uploads().await, [(key, neighbors)]);
}

/// The slower of two copies finds that its upload is gone, and then that the faster one has stored the recording.
#[tokio::test]
async fn the_slower_of_two_copies_ends_well_without_its_upload() {
    let world = Arc::new(World::start().await);
    let bytes = audio(PART + 200_000, 1);
    let go_on = Arc::new(Notify::new());
    world.proxy.after("UploadPart", 0, {
        let go_on = go_on.clone();
        async move { go_on.notified().await }
    });
    let slower = tokio::spawn({
        let (world, source) = (world.clone(), Scripted::whole(bytes.clone()));
        async move { world.store(&source).await }
    });
    while world.proxy.count("UploadPart") == 0 {
        tokio::time::sleep(POLL).await;
    }
    let source = Scripted::whole(bytes);
    commit_of(world.store(&source).await);
    world.assert_stored(&source).await;
    go_on.notify_one();
    assert!(matches!(slower.await.unwrap(), Ok(Outcome::AlreadyStored)));
    world.assert_stored(&source).await;
}

#[tokio::test]
async fn an_upload_whose_opening_was_never_answered_is_aborted_after_the_commit() {
    let world = World::start().await;
    world.proxy.inject("CreateMultipartUpload", 0..1, Fault::LoseAnswer);
    let foreign = world.open_upload(&recording(2).object_key()).await;
    let source = Scripted::whole(audio(PART + 1, 1));
    commit_of(world.store(&source).await);
    assert!(world.stored().await.as_deref() == Some(&source.bytes[..]));
    assert_eq!(world.open_uploads().await, [(recording(2).object_key(), foreign)]);
}

#[tokio::test]
async fn uploads_whose_opening_was_never_answered_are_aborted_by_the_next_copy() {
    let world = World::start().await;
    world
        .proxy
        .inject("CreateMultipartUpload", 0..usize::MAX, Fault::LoseAnswer);
    let source = Scripted::whole(audio(PART + 1, 1));
    let error = world.store(&source).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    assert!(!world.open_uploads().await.is_empty());

    world.proxy.heal();
    world.next_delivery(&source).await;
}
