//! Rebuilds of the index.

use super::{twilio::Twilio, *};

/// Three recordings with their receipts and entries.
async fn world() -> World {
    let world = World::start(Twilio::with(Vec::new()).await).await;
    let versioned = aws_sdk_s3::types::VersioningConfiguration::builder()
        .status(aws_sdk_s3::types::BucketVersioningStatus::Enabled)
        .build();
    let s3 = world.aws.s3();
    let set = s3
        .put_bucket_versioning()
        .bucket(&world.aws.name)
        .versioning_configuration(versioned);
    set.send().await.unwrap();
    for number in 1..=3 {
        world.record(number, 2).await;
    }
    world
}

impl World {
    async fn entries(&self) -> Vec<String> {
        let list = self.aws.s3().list_objects_v2().bucket(&self.aws.name).prefix("index/");
        let listed = list.send().await.unwrap();
        listed
            .contents()
            .iter()
            .map(|object| object.key().unwrap().to_owned())
            .collect()
    }

    async fn delete(&self, key: &str) {
        let delete = self.aws.s3().delete_object().bucket(&self.aws.name).key(key);
        delete.send().await.unwrap();
    }

    async fn put(&self, key: &str) {
        let put = self.aws.s3().put_object().bucket(&self.aws.name).key(key);
        put.send().await.unwrap();
    }

    async fn rebuild(&self) -> Value {
        let answer = self.invoke(json!({"index": {"rebuild": true}})).await.unwrap();
        assert_eq!(
            (&answer["operation"], &answer["status"]),
            (&json!("index-rebuild"), &json!("done"))
        );
        answer["work"]["index"]["counts"].clone()
    }
}

#[tokio::test]
async fn a_deleted_index_is_rebuilt_as_it_was() {
    let world = world().await;
    let before = world.entries().await;
    assert_eq!(before.len(), 15);
    for key in &before {
        world.delete(key).await;
    }
    assert_eq!(world.entries().await, [""; 0]);
    let counts = world.rebuild().await;
    assert_eq!(world.entries().await, before);
    assert_eq!((&counts["receipts"], &counts["written"]), (&json!(3), &json!(15)));
    let again = world.rebuild().await;
    assert_eq!((&again["written"], &again["removed"]), (&json!(0), &json!(0)));
    assert_eq!(world.entries().await, before);
}

/// A copy under way has written its entries, but not its receipt yet.
#[tokio::test]
async fn an_entry_that_may_get_its_receipt_stays_and_one_of_an_erased_recording_goes() {
    let world = world().await;
    let [of_copy, of_erased] = [7, 8].map(|number| format!("index/call/CA{}/{}", "0".repeat(32), sid(number)));
    world.put(&of_copy).await;
    world.put(&of_erased).await;
    world.mark_as_erased(&sid(8)).await;
    let counts = world.rebuild().await;
    assert_eq!((&counts["recent"], &counts["removed"]), (&json!(1), &json!(1)));
    let entries = world.entries().await;
    assert!(
        entries.contains(&of_copy) && !entries.contains(&of_erased),
        "{entries:?}"
    );
}

/// The erasure was killed while it removed the entries. The others lead to it.
#[tokio::test]
async fn an_erasure_that_broke_off_is_named_and_its_entries_are_neither_written_nor_removed() {
    let world = world().await;
    let gone = format!("index/task/WT{:032x}/{}", 1, sid(2));
    world.delete(&gone).await;
    world.mark_as_erased(&sid(2)).await;
    let before = world.entries().await;
    let answer = world
        .invoke(json!({"index": {"rebuild": true, "restart": true}}))
        .await
        .unwrap();
    let index = &answer["work"]["index"];
    assert_eq!(index["unfinishedErasures"], json!([sid(2)]));
    let counts = &index["counts"];
    assert_eq!(
        (&counts["unfinishedErasures"], &counts["written"], &counts["removed"]),
        (&json!(1), &json!(0), &json!(0))
    );
    assert_eq!(world.entries().await, before);

    world.invoke(json!({"erase": sid(2)})).await.unwrap();
    let entries = world.entries().await;
    assert!(!entries.iter().any(|key| key.ends_with(&sid(2))), "{entries:?}");
    let counts = world.rebuild().await;
    assert_eq!(
        (&counts["unfinishedErasures"], &counts["receipts"]),
        (&json!(0), &json!(2))
    );
}

#[tokio::test]
async fn a_receipt_that_cannot_be_read_is_counted_and_its_entries_stay() {
    let world = world().await;
    let put = world
        .aws
        .s3()
        .put_object()
        .bucket(&world.aws.name)
        .key(format!("receipts/{}.json", sid(2)));
    put.body(b"{}".to_vec().into()).send().await.unwrap();
    let counts = world.rebuild().await;
    assert_eq!((&counts["unreadable"], &counts["removed"]), (&json!(1), &json!(0)));
    assert_eq!(world.entries().await.len(), 15);
}
