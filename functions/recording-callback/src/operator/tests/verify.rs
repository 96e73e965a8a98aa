//! Verification of what is stored.

use vault::{ContentType, RecordingId};

use super::{twilio::Twilio, *};

/// Recordings 1 to 20, of which 9 and 17 are damaged.
async fn world() -> World {
    let world = World::start(Twilio::with(Vec::new()).await).await;
    for number in 1..=20 {
        let recording = RecordingId::parse(&sid(number)).unwrap();
        world.aws.store(&recording, ContentType::Wav, vec![7; 1_000]).await;
        if [9, 17].contains(&number) {
            world.aws.damage(&recording).await;
        }
    }
    world
}

fn bad(answer: &Value) -> Vec<&str> {
    let bad = answer["work"]["verify"]["badRecordings"].as_array().unwrap();
    bad.iter().map(|bad| bad["recordingSid"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn damaged_recordings_are_named() {
    let world = world().await;
    let answer = world.invoke(json!({"verify": {"all": true}})).await.unwrap();
    assert_eq!(
        (&answer["operation"], &answer["status"]),
        (&json!("verify-all"), &json!("done"))
    );
    let counts = json!({"verified": 18, "bytes": 18_000, "bad": 2, "gone": 0});
    assert_eq!(answer["work"]["verify"]["counts"], counts);
    assert_eq!(bad(&answer), [sid(9), sid(17)]);
}

#[tokio::test]
async fn a_verification_of_everything_goes_on_where_it_ended() {
    let world = world().await;
    let mut answer = world.invoke_briefly(json!({"verify": {"all": true}})).await.unwrap();
    let mut invocations = 1;
    while answer["status"] == "running" {
        let [name] = <[_; 1]>::try_from(world.scheduled().await).unwrap();
        let (_, event) = world.fire(&name).await;
        answer = world.invoke_briefly(event).await.unwrap();
        invocations += 1;
    }
    // Eight at a time.
    assert_eq!(invocations, 3);
    assert_eq!(answer["work"]["verify"]["counts"]["verified"], 18);
    assert_eq!(bad(&answer), [sid(9), sid(17)]);
}

#[tokio::test]
async fn listed_recordings_are_verified_and_a_missing_one_is_bad() {
    let world = world().await;
    world.mark_as_erased(&sid(31)).await;
    let recordings = [1, 9, 30, 31].map(sid);
    let answer = world
        .invoke(json!({"verify": {"recordings": recordings}}))
        .await
        .unwrap();
    let counts = json!({"verified": 1, "bytes": 1_000, "bad": 2, "gone": 1});
    assert_eq!(answer["work"]["verify"]["counts"], counts);
    assert_eq!(bad(&answer), [sid(9), sid(30)]);
}

#[tokio::test]
async fn an_empty_bucket_verifies() {
    let world = World::start(Twilio::with(Vec::new()).await).await;
    let answer = world.invoke(json!({"verify": {"all": true}})).await.unwrap();
    assert_eq!(answer["status"], "done");
}
