//! Looking up and listing recordings.

use sid::RecordingSid;
use vault::{Catalog, ObjectKeys, Presence};

use crate::support::{World, proxy::Fault, recording};

fn catalog(world: &World) -> Catalog {
    Catalog::new(world.proxied_bucket())
}

async fn store(world: &World, recording: &RecordingSid) {
    world.put_object(&recording.object_key(), b"sealed".to_vec()).await;
}

#[tokio::test]
async fn a_recording_is_stored_absent_expired_or_erased_and_a_mark_wins() {
    let world = World::start_versioned().await;
    let presence = async |number| catalog(&world).presence(&recording(number)).await.unwrap();
    store(&world, &recording(1)).await;
    assert_eq!(presence(1).await, Presence::Stored);
    assert_eq!(presence(2).await, Presence::Absent);

    let client = world.direct_s3();
    let delete = client.delete_object().bucket(&world.bucket);
    delete.key(recording(1).object_key()).send().await.unwrap();
    assert_eq!(presence(1).await, Presence::Expired);
    // A lifecycle rule leaves only the marker in the end.
    let [object, _] = &world.versions(&recording(1).object_key()).await[..] else {
        panic!("a version and a delete marker");
    };
    let delete = client.delete_object().bucket(&world.bucket);
    let delete = delete.key(recording(1).object_key()).version_id(object);
    delete.send().await.unwrap();
    assert_eq!(presence(1).await, Presence::Expired);

    for number in [3, 4] {
        world
            .put_object(&recording(number).erasure_mark_key(), Vec::new())
            .await;
    }
    store(&world, &recording(4)).await;
    world.put_object(&recording(1).erasure_mark_key(), Vec::new()).await;
    for number in [1, 3, 4] {
        assert_eq!(presence(number).await, Presence::Erased, "{number}");
    }
}

#[tokio::test]
async fn pages_of_any_size_list_every_recording_once_and_in_order() {
    let world = World::start().await;
    let numbers: Vec<u32> = (0..12).map(|n| n * n * 7919).collect();
    for number in numbers.iter().rev() {
        store(&world, &recording(*number)).await;
    }
    // Objects before, between and after the recordings, and outside their prefix.
    for key in [
        "recordings/0",
        "recordings/RE",
        "recordings/REx",
        "recordings/z",
        "operations/1",
    ] {
        world.put_object(key, Vec::new()).await;
    }
    world
        .put_object(&format!("{}.json", recording(7919).object_key()), Vec::new())
        .await;
    world.put_object(&recording(5).erasure_mark_key(), Vec::new()).await;

    let all: Vec<_> = numbers.iter().map(|number| recording(*number)).collect();
    for max in 1..=all.len() as u16 + 1 {
        let mut listed: Vec<RecordingSid> = Vec::new();
        loop {
            let page = catalog(&world).list(listed.last(), max).await.unwrap();
            let is_last = page.len() < usize::from(max);
            listed.extend(page);
            if is_last {
                break;
            }
        }
        assert_eq!(listed, all, "{max}");
    }
    assert_eq!(catalog(&world).list(None, 0).await.unwrap(), []);
    // A recording that is not stored has a place in the order nevertheless.
    assert_eq!(catalog(&world).list(Some(&recording(1)), 2).await.unwrap(), all[1..3]);
}

#[tokio::test]
async fn an_outage_is_no_absence() {
    let world = World::start().await;
    store(&world, &recording(1)).await;
    for operation in ["HeadObject", "ListObjects"] {
        world
            .proxy
            .inject(operation, 0..usize::MAX, Fault::Error(503, "SlowDown"));
    }
    assert!(
        catalog(&world)
            .presence(&recording(1))
            .await
            .unwrap_err()
            .is_retryable()
    );
    assert!(catalog(&world).list(None, 10).await.unwrap_err().is_retryable());
    world.proxy.heal();
    world
        .proxy
        .inject("HeadObject", 0..usize::MAX, Fault::Error(403, "AccessDenied"));
    assert!(
        !catalog(&world)
            .presence(&recording(1))
            .await
            .unwrap_err()
            .is_retryable()
    );
}
