//! Questions for recordings.

use sid::RecordingSid;
use vault::{ContentType, DeletedOriginals, Records};

use super::{
    twilio::{Twilio, recording},
    *,
};

const CALL: &str = "CA00000000000000000000000000000001";
const CONFERENCE: &str = "CF00000000000000000000000000000001";
const TASK: &str = "WT00000000000000000000000000000001";
const RESERVATION: &str = "WR00000000000000000000000000000001";

fn recording_sid(number: u32) -> RecordingSid {
    RecordingSid::parse(&sid(number)).unwrap()
}

/// A receipt of a recording of that day in November 2026.
pub(super) fn receipt(number: u32, day: u8) -> Value {
    json!({
        "version": 1,
        "recordingSid": sid(number),
        "accountSid": crate::testing::loopback::ACCOUNT,
        "callSid": CALL,
        "conferenceSid": CONFERENCE,
        "taskSid": TASK,
        "reservationSid": RESERVATION,
        "startTime": format!("2026-11-{day:02}T10:00:00Z"),
        "durationS": 5,
        "channels": 2,
        "source": "OutboundAPI",
        "track": "both",
        "mediaType": "audio/x-wav",
        "length": 1_000,
        "sha256": "0".repeat(64),
        "objectKey": format!("recordings/{}", sid(number)),
        "kmsKeyArn": "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000",
        "headerSha256": "0".repeat(64),
        "copiedAt": "2026-11-29T00:00:00Z",
        "recordedFrom": "copy",
        "softwareVersion": "0.3.0",
    })
}

impl World {
    /// Writes the records of a recording.
    pub(super) async fn record(&self, number: u32, day: u8) {
        let receipt = vault::Receipt::parse(receipt(number, day).to_string().as_bytes(), &recording_sid(number));
        Records::new(self.aws.bucket()).write(&receipt.unwrap()).await.unwrap();
    }

    async fn store(&self, number: u32) {
        let recording = recording_sid(number);
        self.aws.store(&recording, ContentType::Wav, vec![7; 1_000]).await;
    }

    async fn find(&self, question: Value) -> Value {
        self.invoke(json!({ "find": question })).await.unwrap()
    }

    /// The state and the original of each recording found.
    async fn states(&self, question: Value) -> Vec<(String, String, String)> {
        let answer = self.find(question).await;
        assert_eq!(answer.get("next"), None);
        let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
        let rows = answer["found"].as_array().unwrap().iter();
        rows.map(|row| (text(row, "recordingSid"), text(row, "state"), text(row, "original")))
            .collect()
    }
}

fn row(number: u32, state: &str, original: &str) -> (String, String, String) {
    (sid(number), state.to_owned(), original.to_owned())
}

/// Recordings 1 to 5: stored with its original at Twilio; stored, and the original deleted; without an object; erased, with
/// everything left; of another day, and stored.
async fn world() -> World {
    let world = World::start(Twilio::with(vec![recording(&sid(1))]).await).await;
    for number in [1, 2, 4, 5] {
        world.store(number).await;
    }
    for (number, day) in [(1, 1), (2, 2), (3, 2), (4, 2), (5, 28)] {
        world.record(number, day).await;
    }
    let deleted = DeletedOriginals::new(world.aws.bucket());
    deleted.mark(&recording_sid(2)).await.unwrap();
    world.mark_as_erased(&sid(4)).await;
    world
}

#[tokio::test]
async fn each_question_is_answered_and_never_names_an_erased_recording() {
    let world = world().await;
    let days = |from, to| json!({"from": from, "to": to});
    assert_eq!(
        world.states(days("2026-11-01", "2026-11-01")).await,
        [row(1, "stored", "notDeleted")]
    );
    let second = [row(2, "stored", "deleted"), row(3, "absent", "notDeleted")];
    assert_eq!(world.states(days("2026-11-02", "2026-11-27")).await, second);
    assert_eq!(world.states(days("2026-11-03", "2026-11-27")).await, []);
    let mut asked = days("2026-11-01", "2026-11-01");
    asked["originals"] = json!(true);
    assert_eq!(world.states(asked).await, [row(1, "stored", "atTwilio")]);
    let all = [
        row(1, "stored", "atTwilio"),
        row(2, "stored", "deleted"),
        row(3, "absent", "deleted"),
        row(5, "stored", "deleted"),
    ];
    for (name, value) in [
        ("call", CALL),
        ("conference", CONFERENCE),
        ("task", TASK),
        ("reservation", RESERVATION),
    ] {
        assert_eq!(world.states(json!({ name: value })).await, all, "{name}");
    }
    assert_eq!(
        world.states(json!({"recording": sid(5)})).await,
        [row(5, "stored", "deleted")]
    );
    assert_eq!(
        world.states(json!({"recording": sid(9)})).await,
        [row(9, "absent", "deleted")]
    );
    // Its erasure broke off: the object is still there.
    let erased = world.find(json!({"recording": sid(4)})).await;
    let expected = json!([{"recordingSid": sid(4), "state": "erasing", "original": "deleted"}]);
    assert_eq!(erased, json!({ "found": expected }));
}

#[tokio::test]
async fn a_recording_is_described_by_its_receipt() {
    let world = world().await;
    let answer = world.find(json!({"recording": sid(1)})).await;
    let expected = json!({
        "recordingSid": sid(1), "start": "2026-11-01T10:00:00Z", "durationS": 5, "state": "stored", "original": "atTwilio",
        "callSid": CALL, "conferenceSid": CONFERENCE, "taskSid": TASK, "reservationSid": RESERVATION, "channels": 2,
        "source": "OutboundAPI", "track": "both", "mediaType": "audio/x-wav", "length": 1_000, "sha256": "0".repeat(64),
        "copiedAt": "2026-11-29T00:00:00Z",
    });
    assert_eq!(answer["found"], json!([expected]));
}

/// The recording is then described by its metadata. The bytes that these tests store are no audio.
#[tokio::test]
async fn a_receipt_that_cannot_be_read_hides_nothing() {
    let world = world().await;
    let key = format!("receipts/{}.json", sid(1));
    let put = world.aws.s3().put_object().bucket(&world.aws.name).key(key);
    put.body(b"{}".to_vec().into()).send().await.unwrap();
    assert_eq!(
        world.states(json!({"from": "2026-11-01", "to": "2026-11-01"})).await,
        [row(1, "suspect", "notDeleted")]
    );
}

#[tokio::test]
async fn while_twilio_does_not_answer_the_original_is_unknown() {
    let world = world().await;
    world.twilio.refuse(403);
    assert_eq!(
        world.states(json!({"recording": sid(1)})).await,
        [row(1, "stored", "unknown")]
    );
}

/// Every page but the last is full of entries, also if they are those of erased recordings.
#[tokio::test]
async fn pages_follow_each_other_without_gaps() {
    let world = world().await;
    for (question, pages) in [
        (
            json!({"from": "2026-11-01", "to": "2026-11-28"}),
            vec![vec![1, 2], vec![3], vec![5]],
        ),
        (json!({ "call": CALL }), vec![vec![1, 2], vec![3], vec![5]]),
    ] {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let mut page = question.clone();
            page["max"] = json!(2);
            if let Some(after) = after {
                page["after"] = after;
            }
            let answer = world.find(page).await;
            let rows = answer["found"].as_array().unwrap().iter();
            found.push(
                rows.map(|row| row["recordingSid"].as_str().unwrap().to_owned())
                    .collect::<Vec<_>>(),
            );
            after = answer.get("next").cloned();
            if after.is_none() {
                break;
            }
        }
        let pages: Vec<Vec<_>> = pages
            .into_iter()
            .map(|page| page.into_iter().map(sid).collect())
            .collect();
        assert_eq!(found, pages, "{question}");
    }
}

/// The state after each step of an erasure, whose process may be killed there.
#[tokio::test]
async fn a_recording_is_not_named_after_any_step_of_its_erasure() {
    let world = World::start(Twilio::with(Vec::new()).await).await;
    world.store(1).await;
    world.record(1, 2).await;
    let questions = [
        json!({"from": "2026-11-02", "to": "2026-11-02"}),
        json!({ "call": CALL }),
        json!({ "conference": CONFERENCE }),
        json!({ "task": TASK }),
        json!({ "reservation": RESERVATION }),
    ];
    for question in &questions {
        assert_eq!(world.states(question.clone()).await.len(), 1, "{question}");
    }
    let listed = world
        .aws
        .s3()
        .list_objects_v2()
        .bucket(&world.aws.name)
        .send()
        .await
        .unwrap();
    let mut steps: Vec<_> = listed
        .contents()
        .iter()
        .map(|object| object.key().unwrap().to_owned())
        .collect();
    // The recording, then the index, then the receipt.
    steps.sort_by_key(|key| (key.starts_with("receipts/"), key.starts_with("index/"), key.clone()));
    assert_eq!(steps.len(), 7, "{steps:?}");
    world.mark_as_erased(&sid(1)).await;
    for step in [None].into_iter().chain(steps.into_iter().map(Some)) {
        if let Some(key) = &step {
            let delete = world.aws.s3().delete_object().bucket(&world.aws.name).key(key);
            delete.send().await.unwrap();
        }
        for question in &questions {
            assert_eq!(world.states(question.clone()).await, [], "{question} after {step:?}");
        }
        let erased = world.find(json!({"recording": sid(1)})).await;
        let state = if step.is_none() { "erasing" } else { "erased" };
        let expected = json!([{"recordingSid": sid(1), "state": state, "original": "deleted"}]);
        assert_eq!(erased["found"], expected, "after {step:?}");
    }
}
