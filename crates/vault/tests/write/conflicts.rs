//! Another process writes the same recording.

use std::sync::Arc;

use futures_util::future::join_all;
use vault::{ObjectKeys, Outcome, StoreError, Writer};

use super::{
    PART, commit_of,
    scripted::Scripted,
    store,
    support::{World, audio, proxy::Fault, recording},
};

const CONFLICT: Fault = Fault::Error(409, "ConditionalRequestConflict");

fn sources() -> [(&'static str, Scripted); 2] {
    [
        ("PutObject", Scripted::whole(audio(70_000, 1))),
        ("CompleteMultipartUpload", Scripted::whole(audio(PART + 1, 2))),
    ]
}

#[tokio::test]
async fn exactly_one_of_concurrent_copies_is_stored() {
    for (_, source) in sources() {
        let world = World::start().await;
        let outcomes = join_all((0..4).map(|_| world.store(&source))).await;
        let stored = outcomes.iter().filter(|o| matches!(o, Ok(Outcome::Stored(_)))).count();
        let already = outcomes
            .iter()
            .filter(|o| matches!(o, Ok(Outcome::AlreadyStored)))
            .count();
        assert_eq!((stored, already), (1, 3), "{outcomes:?}");
        world.assert_stored(&source).await;
    }
}

#[tokio::test]
async fn a_copy_that_was_overtaken_does_not_overwrite() {
    for (commit, source) in sources() {
        let world = World::start().await;
        let other = Writer::new(world.direct_s3(), world.direct_kms(), world.config());
        let faster = Arc::new(Scripted::whole(audio(1000, 3)));
        let overtaking = faster.clone();
        world.proxy.before(commit, 0, async move {
            commit_of(store(&other, &overtaking).await);
        });
        assert!(matches!(world.store(&source).await, Ok(Outcome::AlreadyStored)));
        assert_eq!(source.opened(), [0]);
        world.assert_stored(&faster).await;
    }
}

#[tokio::test]
async fn a_conflict_with_nothing_there_starts_over_with_a_new_key() {
    for (commit, source) in sources() {
        let world = World::start().await;
        world.proxy.inject(commit, 0..1, CONFLICT);
        commit_of(world.store(&source).await);
        world.assert_stored(&source).await;
        assert_eq!(source.opened(), [0, 0]);
        assert_eq!(world.proxy.count("GenerateDataKey"), 2);
    }
}

#[tokio::test]
async fn a_conflict_with_an_object_there_is_done() {
    for (commit, source) in sources() {
        let world = World::start().await;
        let (s3, bucket) = (world.direct_s3(), world.bucket.clone());
        world.proxy.inject(commit, 0..1, CONFLICT);
        world.proxy.before(commit, 0, async move {
            let put = s3.put_object().bucket(bucket).key(recording(1).object_key());
            put.send().await.unwrap();
        });
        assert!(matches!(world.store(&source).await, Ok(Outcome::AlreadyStored)));
        assert_eq!(world.open_uploads().await, []);
    }
}

#[tokio::test]
async fn conflicts_without_end_end_the_copy() {
    for (commit, source) in sources() {
        let world = World::start().await;
        world.proxy.inject(commit, 0..usize::MAX, CONFLICT);
        let error = world.store(&source).await.unwrap_err();
        assert!(matches!(error, StoreError::StartedOver { copies: 4 }), "{error}");
        assert!(error.is_retryable());
        world.assert_absent().await;
    }
}
