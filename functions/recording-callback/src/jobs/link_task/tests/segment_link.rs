//! A task has one segment link, which never expires.

use super::*;

#[tokio::test]
async fn a_segment_link_plays_for_good() {
    let server = Loopback::start(neighbors).await;
    linker(&server, true).outcome_of(&job_with_task()).await.unwrap();
    let attributes = written(&server);
    let link = attributes["conversations"]["segment_link"].as_str().unwrap();
    let target = link.strip_prefix("https://playback.example.com").unwrap();
    let (path, query) = target.split_once('?').unwrap();
    let verified = verify(&key_ring(KEY_RING).unwrap(), path, query, u64::MAX).unwrap();
    assert_eq!(verified.recording.as_str(), "RE00000000000000000000000000000001");
    assert_eq!(verified.expiry, Expiry::Never);
}

/// The neighbors, with a task that keeps its attributes.
fn with_memory() -> impl Fn(&Received) -> Answer + Clone + Send + Sync + 'static {
    let kept = Arc::new(Mutex::new(r#"{"x":1}"#.to_owned()));
    move |received| match neighbors(received) {
        (200, Some(etag), mut task) => {
            let mut kept = kept.lock().unwrap();
            if is_update(received) {
                *kept = attributes_in(received);
            }
            task["attributes"] = json!(*kept);
            (200, Some(etag), task)
        }
        other => other,
    }
}

#[tokio::test]
async fn a_duplicate_of_a_segment_link_is_not_written() {
    let server = Loopback::start(with_memory()).await;
    let linker = linker(&server, true);
    for outcome in [linked(), linked_before(), linked_before()] {
        assert_eq!(linker.outcome_of(&job_with_task()).await.unwrap(), outcome);
    }
    assert_eq!(server.count("POST "), 1);
}

#[tokio::test]
async fn the_first_recordings_segment_link_is_kept() {
    let server = Loopback::start(with_memory()).await;
    let linker = Linker {
        deletions: Some(deletions(&server, false)),
        ..linker(&server, true)
    };
    linker.outcome_of(&job_with_task()).await.unwrap();
    let first = written(&server);
    let second = LinkTask {
        recording_sid: RecordingSid::parse("RE00000000000000000000000000000002").unwrap(),
        ..job_with_task()
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    linker.run(&second, deadline).await.unwrap();
    assert_eq!(server.count("POST /v1/Workspaces/"), 1);
    assert_eq!(written(&server), first);
    // The recording has no link, so its original stays.
    assert_eq!(server.count("POST /schedules/"), 0);
}
