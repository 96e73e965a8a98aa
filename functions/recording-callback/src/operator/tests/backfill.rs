//! Backfills.

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use sid::RecordingSid;
use vault::{ContentType, ObjectKeys};

use super::{
    twilio::{Twilio, recording},
    *,
};

/// Six recordings: 1 is stored, 2 erased, 3 still running; 4 to 6 are missing.
async fn world(delete_unlinked: bool) -> World {
    let mut recordings: Vec<_> = (1..=6).map(|number| recording(&sid(number))).collect();
    recordings[2]["status"] = json!("in-progress");
    let twilio = Twilio::with(recordings).await;
    let world = if delete_unlinked {
        World::deleting_unlinked(twilio).await
    } else {
        World::start(twilio).await
    };
    let stored = RecordingSid::parse(&sid(1)).unwrap();
    world.aws.store(&stored, ContentType::Wav, vec![7; 100]).await;
    world.set_receipt(&sid(1), "{}").await;
    world.mark_as_erased(&sid(2)).await;
    world
}

fn backfill() -> Value {
    json!({"backfill": {"from": "2026-05-01", "to": "2026-05-31", "pageSize": 4}})
}

#[tokio::test]
async fn recordings_that_are_neither_stored_nor_erased_are_queued() {
    let world = world(false).await;
    let answer = world.invoke(backfill()).await.unwrap();
    assert_eq!(answer["status"], "done");
    let counts = json!({
        "found": 6, "skipped": 0, "stored": 1, "erased": 1, "expired": 0, "notReady": 1, "missing": 3, "queued": 3, "failed": 0,
        "withoutReceipt": 0,
    });
    assert_eq!(answer["work"]["backfill"]["counts"], counts);
    let message = |number| {
        json!({
            "version": 1,
            "kind": "CopyRecording",
            "recordingSid": sid(number),
            "callSid": "CA00000000000000000000000000000001",
            "channels": 2,
            "durationS": 5,
            "startTimeMs": 1_777_629_600_000_i64,
            "source": "OutboundAPI",
        })
    };
    assert_eq!(world.queued().await, [4, 5, 6].map(message));
    assert_eq!(world.state("backfill-2026-05-01-2026-05-31").await, answer);
    assert_eq!(world.scheduled().await, [""; 0]);
}

#[tokio::test]
async fn a_dry_run_counts_and_does_nothing() {
    let world = world(true).await;
    let mut event = backfill();
    event["backfill"]["dryRun"] = json!(true);
    let answer = world.invoke(event).await.unwrap();
    let counts = &answer["work"]["backfill"]["counts"];
    assert_eq!((&counts["missing"], &counts["queued"]), (&json!(3), &json!(0)));
    assert_eq!(answer["operation"], "backfill-2026-05-01-2026-05-31-dry-run");
    assert!(world.queued().await.is_empty() && world.scheduled().await.is_empty());
}

#[tokio::test]
async fn recordings_of_other_days_are_not_looked_at() {
    let world = world(false).await;
    let event = json!({"backfill": {"from": "2026-05-02", "to": "2026-05-31"}});
    let answer = world.invoke(event).await.unwrap();
    assert_eq!(answer["work"]["backfill"]["counts"]["found"], 0);
    assert!(world.queued().await.is_empty());
}

#[tokio::test]
async fn recordings_that_were_stored_and_deleted_are_not_queued() {
    let world = world(false).await;
    let s3 = world.aws.s3();
    let versioning = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled);
    let enable = s3.put_bucket_versioning().bucket(&world.aws.name);
    enable
        .versioning_configuration(versioning.build())
        .send()
        .await
        .unwrap();
    // A lifecycle rule deletes in the same way.
    for number in [4, 5] {
        let recording = RecordingSid::parse(&sid(number)).unwrap();
        world.aws.store(&recording, ContentType::Wav, vec![7; 100]).await;
        let delete = s3.delete_object().bucket(&world.aws.name).key(recording.object_key());
        delete.send().await.unwrap();
    }
    let answer = world.invoke(backfill()).await.unwrap();
    let counts = &answer["work"]["backfill"]["counts"];
    assert_eq!((&counts["expired"], &counts["missing"]), (&json!(2), &json!(1)));
    let queued = world.queued().await;
    assert_eq!((queued.len(), &queued[0]["recordingSid"]), (1, &json!(sid(6))));
}

#[tokio::test]
async fn an_odd_element_of_twilios_list_is_skipped_and_counted() {
    let mut recordings: Vec<_> = (1..=5).map(|number| recording(&sid(number))).collect();
    recordings[0]["date_created"] = json!(null);
    recordings[1]["date_created"] = json!("2026-05-01T10:00:00Z");
    recordings[2]["status"] = json!(null);
    let world = World::start(Twilio::with(recordings).await).await;
    let answer = world.invoke(backfill()).await.unwrap();
    assert_eq!(answer["status"], "done");
    let counts = json!({
        "found": 5, "skipped": 3, "stored": 0, "erased": 0, "expired": 0, "notReady": 0, "missing": 2, "queued": 2,
        "failed": 0, "withoutReceipt": 0,
    });
    assert_eq!(answer["work"]["backfill"]["counts"], counts);
}

#[tokio::test]
async fn originals_that_nothing_links_to_are_deleted_where_the_operator_says_so() {
    let world = world(true).await;
    world.invoke(backfill()).await.unwrap();
    assert_eq!(world.scheduled().await, [4, 5, 6].map(sid));
    let (target, message) = world.fire(&sid(4)).await;
    assert_eq!(target, "arn:aws:sqs:us-east-1:000000000000:copies");
    let expected = json!({"version": 1, "kind": "DeleteOriginal", "recordingSid": sid(4), "durationS": 5});
    assert_eq!(message, expected);
}

/// Not even the deletion of its original is scheduled anew.
#[tokio::test]
async fn a_stored_recording_without_a_receipt_is_queued_and_not_missing() {
    for delete_unlinked in [false, true] {
        let world = world(delete_unlinked).await;
        let receipt = world.aws.s3().delete_object().bucket(&world.aws.name);
        receipt.key(format!("receipts/{}.json", sid(1))).send().await.unwrap();
        let mut event = backfill();
        event["backfill"]["dryRun"] = json!(true);
        let answer = world.invoke(event).await.unwrap();
        let counts = &answer["work"]["backfill"]["counts"];
        assert_eq!((&counts["withoutReceipt"], &counts["queued"]), (&json!(1), &json!(0)));
        let answer = world.invoke(backfill()).await.unwrap();
        let counts = json!({
            "found": 6, "skipped": 0, "stored": 1, "erased": 1, "expired": 0, "notReady": 1, "missing": 3, "queued": 4,
            "failed": 0, "withoutReceipt": 1,
        });
        assert_eq!(answer["work"]["backfill"]["counts"], counts);
        let queued = world.queued().await;
        let queued: Vec<_> = queued
            .iter()
            .map(|message| message["recordingSid"].as_str().unwrap())
            .collect();
        assert_eq!(queued, [1, 4, 5, 6].map(sid));
        let scheduled = if delete_unlinked {
            vec![sid(4), sid(5), sid(6)]
        } else {
            Vec::new()
        };
        assert_eq!(world.scheduled().await, scheduled);
    }
}
