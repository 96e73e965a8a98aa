//! Erasing, here and at Twilio.

use vault::{ContentType, Presence, RecordingId};

use super::{twilio::Twilio, *};

async fn world() -> World {
    let world = World::deleting_unlinked(Twilio::with(Vec::new()).await).await;
    world.aws.store(&recording(), ContentType::Wav, vec![7; 100]).await;
    world
}

fn recording() -> RecordingId {
    RecordingId::parse(&sid(1)).unwrap()
}

async fn presence(world: &World) -> Presence {
    world.operator.catalog.presence(&recording()).await.unwrap()
}

#[tokio::test]
async fn an_erased_recording_is_gone_here_and_at_twilio() {
    let world = world().await;
    let recording_sid = ::twilio::sid::RecordingSid::parse(&sid(1)).unwrap();
    let deletions = world.operator.deletions.as_ref().unwrap();
    deletions.schedule(&recording_sid, Some(5)).await.unwrap();

    let answer = world.invoke(json!({"erase": sid(1)})).await.unwrap();
    let erased = json!({
        "recordingSid": sid(1),
        "versions": 1,
        "deleteMarkers": 0,
        "uploads": 0,
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
async fn an_original_is_kept_where_that_is_asked_for() {
    let world = world().await;
    let event = json!({"erase": {"recordingSid": sid(1), "keepOriginal": true}});
    let answer = world.invoke(event).await.unwrap();
    assert_eq!(answer["erased"]["original"], "kept");
    assert_eq!(presence(&world).await, Presence::Erased);
    assert_eq!(world.twilio.deletions(&sid(1)), 0);
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
