//! Erasures, in the vault and at Twilio.

use sid::RecordingSid;
use vault::{Bucket, ContentType, DeletionNotices, Eraser, GoAhead, Presence};

use super::{twilio::Twilio, *};
use crate::schedules::Schedules;

async fn world() -> World {
    let world = World::deleting_unlinked(Twilio::with(vec![twilio::recording(&sid(1))]).await).await;
    world.aws.store(&recording(), ContentType::Wav, vec![7; 100]).await;
    world
}

fn recording() -> RecordingSid {
    RecordingSid::parse(&sid(1)).unwrap()
}

async fn presence(world: &World) -> Presence {
    world.operator.clients.catalog.presence(&recording()).await.unwrap()
}

#[tokio::test]
async fn an_erased_recording_is_gone_here_and_at_twilio() {
    let world = world().await;
    let recording_sid = ::sid::RecordingSid::parse(&sid(1)).unwrap();
    let deletions = world.operator.clients.deletions.as_ref().unwrap();
    deletions.schedule(&recording_sid, Some(5)).await.unwrap();

    let answer = world.invoke(json!({"erase": sid(1)})).await.unwrap();
    let erased = json!({
        "recordingSid": sid(1),
        "versions": 1,
        "deleteMarkers": 0,
        "uploads": 0,
        "receipts": 0,
        "indexEntries": 0,
        "catalogFiles": 0,
        "held": [],
        "original": "deleted",
        "scheduledDeletionCancelled": true,
    });
    assert_eq!(answer, json!({"erased": erased}));
    assert_eq!(presence(&world).await, Presence::Erased);
    assert_eq!(world.twilio.deletions(&sid(1)), 1);
    assert!(world.scheduled().await.is_empty());
}

#[tokio::test]
async fn an_original_is_kept_on_request() {
    let world = world().await;
    let event = json!({"erase": {"recordingSid": sid(1), "keepOriginal": true}});
    let answer = world.invoke(event).await.unwrap();
    assert_eq!(answer["erased"]["original"], "kept");
    assert_eq!(presence(&world).await, Presence::Erased);
    assert_eq!(world.twilio.deletions(&sid(1)), 0);
}

fn keeping() -> Value {
    json!({"erase": {"recordingSid": sid(1), "keepOriginal": true}})
}

/// The job that deletes originals does this before it calls Twilio.
async fn give_notice(world: &World) -> GoAhead {
    let notices = DeletionNotices::new(world.aws.bucket());
    notices.give(&recording()).await.unwrap()
}

#[tokio::test]
async fn an_original_whose_deletion_has_begun_is_not_said_to_be_kept() {
    let world = world().await;
    assert_eq!(give_notice(&world).await, GoAhead::Yes);
    let answer = world.invoke(keeping()).await.unwrap();
    assert_eq!(answer["erased"]["original"], "deletionUnderWay");

    world.twilio.refuse(404);
    let answer = world.invoke(keeping()).await.unwrap();
    assert_eq!(answer["erased"]["original"], "alreadyGone");
}

#[tokio::test]
async fn no_deletion_can_begin_once_an_original_is_said_to_be_kept() {
    let world = world().await;
    let answer = world.invoke(keeping()).await.unwrap();
    assert_eq!(answer["erased"]["original"], "kept");
    assert_eq!(give_notice(&world).await, GoAhead::Erased);
}

#[tokio::test]
async fn an_original_that_was_deleted_before_is_not_said_to_be_kept() {
    let world = World::start(Twilio::with(Vec::new()).await).await;
    let answer = world.invoke(keeping()).await.unwrap();
    assert_eq!(answer["erased"]["original"], "alreadyGone");
}

#[tokio::test]
async fn facts_that_twilio_does_not_report_are_not_reported() {
    let world = world().await;
    world.twilio.refuse(503);
    let error = world.invoke(keeping()).await.unwrap_err().to_string();
    assert!(error.contains("whether its original is still at Twilio"), "{error}");
    assert_eq!(presence(&world).await, Presence::Erased);
}

/// The object's versions cannot be listed: the erasure fails half-way.
#[tokio::test]
async fn the_deletion_of_an_original_is_called_off_before_anything_is_removed() {
    let mut world = world().await;
    let recording_sid = ::sid::RecordingSid::parse(&sid(1)).unwrap();
    let deletions = world.operator.clients.deletions.as_ref().unwrap();
    deletions.schedule(&recording_sid, Some(5)).await.unwrap();

    let refusing = Loopback::start(|received| match received.what.split(' ').next().unwrap() {
        "PUT" => (200, Some("\"1\""), json!(null)),
        _ => (403, None, json!(null)),
    })
    .await;
    world.operator.clients.eraser = Eraser::new(Bucket::new(aws_sdk_s3::Client::new(&refusing.aws()), &world.aws.name));
    let error = world.invoke(keeping()).await.unwrap_err().to_string();
    assert!(error.contains("not everything was removed"), "{error}");
    assert!(world.scheduled().await.is_empty());
}

#[tokio::test]
async fn a_schedule_that_cannot_be_cancelled_keeps_nothing_from_being_removed() {
    let mut world = world().await;
    let mut config = world.aws.schedules();
    config.group = "no-such-group".to_owned();
    let refusing = Loopback::start(|_| (403, None, json!({"message": "canary"}))).await;
    world.operator.clients.schedules = Schedules::new(&refusing.aws(), config);
    let error = world.invoke(keeping()).await.unwrap_err().to_string();
    assert!(
        error.contains("scheduled deletion at Twilio was not cancelled"),
        "{error}"
    );
    assert_eq!(world.stored().await, 0);
}

#[tokio::test]
async fn a_recording_is_erased_here_even_if_twilio_refuses_and_again_later() {
    let world = world().await;
    world.twilio.refuse(503);
    let error = world.invoke(json!({"erase": sid(1)})).await.unwrap_err().to_string();
    assert!(error.contains("erased in the vault, not at Twilio"), "{error}");
    assert_eq!(presence(&world).await, Presence::Erased);

    world.twilio.refuse(404);
    let answer = world.invoke(json!({"erase": sid(1)})).await.unwrap();
    assert_eq!(answer["erased"]["original"], "alreadyGone");
}
