//! Marks of pending deletions.

use std::time::{Duration, SystemTime};

use sid::RecordingSid;
use vault::PendingDeletions;

use crate::support::{World, proxy::Fault, recording};

fn pending(world: &World) -> PendingDeletions {
    PendingDeletions::new(world.proxied_bucket())
}

async fn listed(world: &World, after: Option<u32>, max: u16) -> Vec<RecordingSid> {
    let after = after.map(recording);
    let listed = pending(world).list(after.as_ref(), max).await.unwrap();
    listed.into_iter().map(|pending| pending.recording).collect()
}

#[tokio::test]
async fn a_deletion_is_pending_from_its_mark_until_it_is_settled() {
    let world = World::start_versioned().await;
    for number in [3, 1, 2] {
        pending(&world).mark(&recording(number)).await.unwrap();
    }
    assert_eq!(listed(&world, None, 2).await, [recording(1), recording(2)]);
    assert_eq!(listed(&world, Some(2), 2).await, [recording(3)]);
    assert_eq!(listed(&world, Some(3), 2).await, []);

    for _ in 0..2 {
        pending(&world).settle(&recording(2)).await.unwrap();
        assert_eq!(listed(&world, None, 9).await, [recording(1), recording(3)]);
    }
    pending(&world).mark(&recording(2)).await.unwrap();
    assert_eq!(listed(&world, None, 9).await.len(), 3);
}

#[tokio::test]
async fn a_mark_that_is_there_keeps_its_time() {
    let world = World::start().await;
    pending(&world).mark(&recording(1)).await.unwrap();
    let first = pending(&world).list(None, 1).await.unwrap();
    let age = SystemTime::now().duration_since(first[0].since.unwrap());
    assert!(age.is_ok_and(|age| age < Duration::from_secs(600)));
    // S3 reports times in whole seconds.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    pending(&world).mark(&recording(1)).await.unwrap();
    assert_eq!(pending(&world).list(None, 1).await.unwrap(), first);
}

#[tokio::test]
async fn a_mark_that_is_answered_without_proof_is_none() {
    let world = World::start().await;
    world.proxy.inject("PutObject", 0..usize::MAX, Fault::HtmlPage);
    let error = pending(&world).mark(&recording(1)).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    assert_eq!(listed(&world, None, 1).await, []);
}

#[tokio::test]
async fn an_outage_is_neither_a_mark_nor_its_absence() {
    let world = World::start().await;
    for operation in ["PutObject", "DeleteObject", "ListObjects"] {
        world
            .proxy
            .inject(operation, 0..usize::MAX, Fault::Error(503, "SlowDown"));
    }
    let pending = pending(&world);
    assert!(pending.mark(&recording(1)).await.unwrap_err().is_retryable());
    assert!(pending.settle(&recording(1)).await.unwrap_err().is_retryable());
    assert!(pending.list(None, 1).await.unwrap_err().is_retryable());
}
