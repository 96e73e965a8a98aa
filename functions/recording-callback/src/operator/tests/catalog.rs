//! Writing the catalog in pieces.

use super::{twilio::Twilio, *};

/// Puts an entry of the index and a receipt for a recording that began on this day of the year 2026.
async fn record(world: &World, number: u32, month: u32, day: u32) {
    let sid = sid(number);
    let receipt = json!({
        "version": 1,
        "recordingSid": sid,
        "accountSid": crate::testing::loopback::ACCOUNT,
        "startTime": format!("2026-{month:02}-{day:02}T09:15:00Z"),
        "mediaType": "audio/x-wav",
        "length": 5,
        "sha256": "00",
        "objectKey": format!("recordings/{sid}"),
        "kmsKeyArn": world.aws.key.as_str(),
        "headerSha256": "11",
        "copiedAt": "2026-12-01T09:15:00Z",
        "recordedFrom": "copy",
        "softwareVersion": "0.3.0",
    });
    for (key, body) in [
        (format!("index/day/2026/{month:02}/{day:02}/{sid}"), String::new()),
        (format!("receipts/{sid}.json"), receipt.to_string()),
    ] {
        let put = world.aws.s3().put_object().bucket(&world.aws.name).key(key);
        put.body(body.into_bytes().into()).send().await.unwrap();
    }
}

#[tokio::test]
async fn a_catalog_of_many_days_is_written_in_pieces() {
    let world = World::start(Twilio::with(Vec::new()).await).await;
    for number in 0..40 {
        record(&world, number, 1 + number / 20, 1 + number % 20).await;
    }
    let counts = |days: u64, written: u64, unchanged: u64| {
        json!({
            "days": days, "recordings": days, "written": written, "unchanged": unchanged, "removed": 0, "deferred": 0,
            "withoutReceipt": 0, "unreadable": 0,
        })
    };
    let first = world.invoke_briefly(json!({"catalog": {}})).await.unwrap();
    assert_eq!(first["status"], "running");
    assert!(
        first["operation"].as_str().unwrap().starts_with("catalog-20"),
        "{first}"
    );
    assert_eq!(first["work"]["catalog"]["counts"], counts(31, 31, 0));
    assert_eq!(first["work"]["catalog"]["after"], "2026-02-11");
    let last = world.see_through(first).await.unwrap();
    assert_eq!(last["status"], "done");
    assert_eq!(last["work"]["catalog"]["counts"], counts(40, 40, 0));
    assert_eq!(world.keys("catalog/").await.len(), 40);

    let again = world.invoke(json!({"catalog": {}})).await.unwrap();
    assert_eq!(again["work"]["catalog"]["counts"], counts(40, 0, 40));
}

#[tokio::test]
async fn an_empty_bucket_has_an_empty_catalog() {
    let world = World::start(Twilio::with(Vec::new()).await).await;
    let answer = world.invoke(json!({"catalog": {}})).await.unwrap();
    assert_eq!(
        (&answer["status"], &answer["work"]["catalog"]["counts"]["days"]),
        (&json!("done"), &json!(0))
    );
}
