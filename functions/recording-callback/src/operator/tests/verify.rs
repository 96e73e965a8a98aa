//! Verifications of stored recordings.

use sid::RecordingSid;
use vault::ContentType;

use super::{twilio::Twilio, *};

/// Recordings 1 to 20, of which 9 and 17 are damaged.
async fn world() -> World {
    let world = World::start(Twilio::with(Vec::new()).await).await;
    for number in 1..=20 {
        let recording = RecordingSid::parse(&sid(number)).unwrap();
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
    let counts = json!({"verified": 18, "bytes": 18_000, "bad": 2, "unreadable": 0, "gone": 0, "receipts": 18});
    assert_eq!(answer["work"]["verify"]["counts"], counts);
    assert_eq!(bad(&answer), [sid(9), sid(17)]);
}

/// An earlier release stored whatever came with a 200.
#[tokio::test]
async fn a_stored_page_of_html_is_bad() {
    let world = World::start(Twilio::with(Vec::new()).await).await;
    for (number, bytes) in [
        (1, &b"<html>It works!</html>"[..]),
        (2, b"RIFF"),
        (3, b""),
        (4, &[7; 1_000]),
    ] {
        let recording = RecordingSid::parse(&sid(number)).unwrap();
        world.aws.store_unseen(&recording, bytes).await;
    }
    let answer = world.invoke(json!({"verify": {"all": true}})).await.unwrap();
    let counts = json!({"verified": 1, "bytes": 1_000, "bad": 3, "unreadable": 0, "gone": 0, "receipts": 1});
    assert_eq!(answer["work"]["verify"]["counts"], counts);
    assert_eq!(bad(&answer), [1, 2, 3].map(sid));
    let problem = &answer["work"]["verify"]["badRecordings"][0]["problem"];
    assert_eq!(problem, "the stored recording is a page of HTML or XML");
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
    let counts = json!({"verified": 1, "bytes": 1_000, "bad": 2, "unreadable": 0, "gone": 1, "receipts": 1});
    assert_eq!(answer["work"]["verify"]["counts"], counts);
    assert_eq!(bad(&answer), [sid(9), sid(30)]);
}

/// Recordings 1 to 10, of which the key of 4 and 7 is disabled.
async fn world_with_a_disabled_key() -> World {
    let world = World::start(Twilio::with(Vec::new()).await).await;
    for number in 1..=10 {
        let recording = RecordingSid::parse(&sid(number)).unwrap();
        let key = if [4, 7].contains(&number) {
            &world.aws.other_key
        } else {
            &world.aws.key
        };
        let writer = world.aws.writer_under(key);
        world
            .aws
            .store_by(&writer, &recording, ContentType::Wav, vec![7; 1_000])
            .await;
    }
    let key = world.aws.other_key.as_str();
    world.aws.kms().disable_key().key_id(key).send().await.unwrap();
    world
}

fn unreadable(answer: &Value) -> Vec<&str> {
    let named = answer["work"]["verify"]["unreadableRecordings"].as_array().unwrap();
    named
        .iter()
        .map(|named| named["recordingSid"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn an_unreadable_recording_is_named_after_retries_and_the_others_are_verified() {
    for event in [
        json!({"verify": {"all": true}}),
        json!({"verify": {"recordings": (1..=10).map(sid).collect::<Vec<_>>()}}),
    ] {
        let world = world_with_a_disabled_key().await;
        let answer = world.invoke(event.clone()).await.unwrap();
        // The recordings are tried again later.
        assert_eq!(answer["status"], "running", "{event}");
        let counts = json!({"verified": 8, "bytes": 8_000, "bad": 0, "unreadable": 0, "gone": 0, "receipts": 8});
        assert_eq!(answer["work"]["verify"]["counts"], counts, "{event}");

        let answer = world.see_through(answer).await.unwrap();
        assert_eq!(answer["status"], "done", "{event}");
        let counts = json!({"verified": 8, "bytes": 8_000, "bad": 0, "unreadable": 2, "gone": 0, "receipts": 8});
        assert_eq!(answer["work"]["verify"]["counts"], counts, "{event}");
        assert_eq!(unreadable(&answer), [sid(4), sid(7)], "{event}");
        let problem = &answer["work"]["verify"]["unreadableRecordings"][0]["problem"];
        assert!(problem.as_str().unwrap().contains("DisabledException"), "{problem}");
    }
}

#[tokio::test]
async fn a_recording_that_becomes_readable_meanwhile_is_verified() {
    let world = world_with_a_disabled_key().await;
    let answer = world.invoke(json!({"verify": {"all": true}})).await.unwrap();
    assert_eq!(answer["status"], "running");
    let key = world.aws.other_key.as_str();
    world.aws.kms().enable_key().key_id(key).send().await.unwrap();
    let answer = world.see_through(answer).await.unwrap();
    let counts = json!({"verified": 10, "bytes": 10_000, "bad": 0, "unreadable": 0, "gone": 0, "receipts": 10});
    assert_eq!(answer["work"]["verify"]["counts"], counts);
    assert_eq!(unreadable(&answer), [""; 0]);
}

#[tokio::test]
async fn a_recording_that_takes_longer_than_an_invocation_is_named_too() {
    let world = world().await;
    let event = json!({"verify": {"recordings": [sid(1)]}});
    // No time is left once the time for finishing the invocation is kept back.
    let mut answer = world.invoke_for(FINISHING, event).await.unwrap();
    while answer["status"] == "running" {
        let [name] = <[_; 1]>::try_from(world.scheduled().await).unwrap();
        let (_, event) = world.fire(&name).await;
        answer = world.invoke_for(FINISHING, event).await.unwrap();
    }
    assert_eq!(answer["status"], "done");
    assert_eq!(answer["work"]["verify"]["counts"]["unreadable"], 1);
    let named = &answer["work"]["verify"]["unreadableRecordings"][0];
    assert_eq!(named["problem"], "not read within one invocation");
}

/// Every field that describes the stored recording.
#[tokio::test]
async fn a_receipt_that_describes_something_else_is_bad() {
    let world = world().await;
    let event = json!({"verify": {"recordings": [sid(1)]}});
    world.invoke(event.clone()).await.unwrap();
    let written = world.receipt(&sid(1)).await;
    for (field, value, named) in [
        ("accountSid", json!(format!("AC{:032x}", 99)), "accountSid"),
        ("callSid", json!(format!("CA{:032x}", 99)), "facts"),
        ("startTime", json!("2001-01-01T00:00:00Z"), "facts"),
        ("durationS", json!(86_400), "facts"),
        ("mediaType", json!("audio/mpeg"), "mediaType"),
        ("length", json!(1), "length"),
        ("sha256", json!("00".repeat(32)), "sha256"),
        (
            "kmsKeyArn",
            json!("arn:aws:kms:us-east-1:123456789012:key/other"),
            "kmsKeyArn",
        ),
        ("headerSha256", json!("00".repeat(32)), "headerSha256"),
    ] {
        let mut receipt = written.clone();
        receipt[field] = value;
        world.set_receipt(&sid(1), &receipt.to_string()).await;
        let answer = world.invoke(event.clone()).await.unwrap();
        let problem = &answer["work"]["verify"]["badRecordings"][0]["problem"];
        assert_eq!(*problem, format!("it differs from its receipt: {named}"), "{answer}");
    }
    // Whoever can write receipts must not stop the function with one.
    for (field, value) in [
        ("startTime", json!("9999-12-31T23:59:59-08:00")),
        ("copiedAt", json!("9999-12-31T23:59:59-08:00")),
        ("startTime", json!("2026-11-28T10:00:00+01:00")),
        ("objectKey", json!("recordings/other")),
    ] {
        let mut receipt = written.clone();
        receipt[field] = value;
        world.set_receipt(&sid(1), &receipt.to_string()).await;
        let answer = world.invoke(event.clone()).await.unwrap();
        assert_eq!(bad(&answer), [sid(1)], "{answer}");
        let found = world.invoke(json!({"find": {"recording": sid(1)}})).await.unwrap();
        // It is described by its metadata.
        assert_eq!(found["found"][0]["state"], "suspect", "{field}");
    }
    // The last second of the calendar has no day after it.
    let mut receipt = written;
    receipt["copiedAt"] = json!("9999-12-31T23:59:59Z");
    receipt.as_object_mut().unwrap().remove("startTime");
    world.set_receipt(&sid(1), &receipt.to_string()).await;
    world.invoke(json!({"erase": sid(1)})).await.unwrap();
}

/// Flips a hexadecimal digit of the SHA-256 in a stored receipt.
async fn falsify_receipt(world: &World, recording: &str) {
    let mut receipt = world.receipt(recording).await;
    let sha256 = receipt["sha256"].as_str().unwrap();
    let other = if sha256.starts_with('0') { "1" } else { "0" };
    receipt["sha256"] = json!(format!("{other}{}", &sha256[1..]));
    world.set_receipt(recording, &receipt.to_string()).await;
}

#[tokio::test]
async fn a_recording_that_differs_from_its_receipt_is_bad() {
    let world = world().await;
    let recordings = [1, 2, 3].map(sid);
    let event = json!({"verify": {"recordings": recordings}});
    let answer = world.invoke(event.clone()).await.unwrap();
    assert_eq!(answer["work"]["verify"]["counts"]["receipts"], 3);
    assert_eq!(world.receipt(&sid(1)).await["recordedFrom"], "reading");
    falsify_receipt(&world, &sid(2)).await;
    world.set_receipt(&sid(3), "{}").await;
    let answer = world.invoke(event).await.unwrap();
    let counts = json!({"verified": 1, "bytes": 1_000, "bad": 2, "unreadable": 0, "gone": 0, "receipts": 0});
    assert_eq!(answer["work"]["verify"]["counts"], counts);
    assert_eq!(bad(&answer), [sid(2), sid(3)]);
    let problems = answer["work"]["verify"]["badRecordings"].as_array().unwrap();
    assert_eq!(problems[0]["problem"], "it differs from its receipt: sha256");
    assert_eq!(problems[1]["problem"], "the receipt: the receipt is malformed");
}

#[tokio::test]
async fn only_recordings_without_a_receipt_are_read_for_receipts() {
    let world = world().await;
    let recordings = [2, 3, 9].map(sid);
    let some = json!({"verify": {"recordings": recordings, "receipts": true}});
    let answer = world.invoke(some).await.unwrap();
    let counts = json!({"verified": 2, "bytes": 2_000, "bad": 1, "unreadable": 0, "gone": 0, "receipts": 2});
    assert_eq!(answer["work"]["verify"]["counts"], counts);
    // One that has a receipt is not read, so its damage is not found.
    world.aws.damage(&RecordingSid::parse(&sid(2)).unwrap()).await;

    let all = json!({"verify": {"all": true, "receipts": true}});
    let mut answer = world.invoke_briefly(all).await.unwrap();
    assert_eq!(answer["operation"], "receipts-all");
    while answer["status"] == "running" {
        let [name] = <[_; 1]>::try_from(world.scheduled().await).unwrap();
        let (_, event) = world.fire(&name).await;
        answer = world.invoke_briefly(event).await.unwrap();
    }
    let counts = json!({"verified": 16, "bytes": 16_000, "bad": 2, "unreadable": 0, "gone": 0, "receipts": 16});
    assert_eq!(answer["work"]["verify"]["counts"], counts);
    assert_eq!(bad(&answer), [sid(9), sid(17)]);
    assert_eq!(world.keys("receipts/").await.len(), 18);
    let again = world
        .invoke(json!({"verify": {"all": true, "receipts": true}}))
        .await
        .unwrap();
    assert_eq!(again["work"]["verify"]["counts"]["verified"], 0);
}

#[tokio::test]
async fn an_empty_bucket_verifies() {
    let world = World::start(Twilio::with(Vec::new()).await).await;
    let answer = world.invoke(json!({"verify": {"all": true}})).await.unwrap();
    assert_eq!(answer["status"], "done");
}
