//! The operator's commands, and the deletion of originals when it is due, on the whole stack.

use std::{
    fs::File,
    time::{Duration, SystemTime},
};

use aws_sdk_sqs::types::QueueAttributeName;
use local_stack::{Fault, Fired, Role, Rule, Stack, values};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::process::Command;
use toolbox::Venv;

use crate::support::{Recording, alone, among_others, eventually};

/// A day without other recordings at Twilio, in seconds of Unix time: noon on 10 January of that year.
fn noon(year: u64) -> SystemTime {
    // The leap years since 1970 are those since 1972. No century is among the few years that the tests use.
    let days = (year - 1970) * 365 + (year - 1969) / 4 + 9;
    SystemTime::UNIX_EPOCH + Duration::from_secs(days * 86_400 + 43_200)
}

/// Sets the end of Twilio's recording to `time`.
fn date(stack: &Stack, recording: &Recording, time: SystemTime) {
    let path = stack.recordings_dir().join(format!("{}.wav", recording.sid));
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(time)
        .unwrap();
}

/// A recording from that year.
fn recording_of(stack: &Stack, year: u64) -> Recording {
    let recording = Recording::new(stack, 20_000);
    date(stack, &recording, noon(year));
    recording
}

/// Invokes the operator's function with an event.
async fn operate(stack: &Stack, event: &Value) -> Value {
    let answer = stack.invoke(Role::Operator, event).await.unwrap();
    assert!(!answer.failed, "{answer:?}");
    answer.payload
}

async fn damage(stack: &Stack, recording: &Recording) {
    let mut object = recording.stored(stack).await;
    *object.last_mut().unwrap() ^= 1;
    let put = stack
        .s3()
        .put_object()
        .bucket(values::BUCKET)
        .key(recording.object_key());
    put.body(object.into()).send().await.unwrap();
}

async fn plays(stack: &Stack, recording: &Recording) {
    let url = recording.media_url(stack).await;
    let whole = crate::support::get(&url, &[]).await;
    assert!(whole.bytes().await.unwrap() == recording.audio);
}

/// Sets the visibility timeout of the copies queue, in seconds.
async fn set_visibility(stack: &Stack, seconds: &str) {
    let url = &stack.resources().copies.url;
    let set = stack.sqs().set_queue_attributes().queue_url(url);
    let set = set.attributes(QueueAttributeName::VisibilityTimeout, seconds);
    set.send().await.unwrap();
}

/// Sends the recording's DeleteOriginal job until it is in the dead-letter queue. A poll that was open when the
/// visibility timeout was set still uses the old one.
async fn dead_letter(stack: &Stack, message: &str) {
    let (sqs, queue) = (stack.sqs(), &stack.resources().copies);
    eventually("the dead letter", || async {
        sqs.send_message()
            .queue_url(&queue.url)
            .message_body(message)
            .send()
            .await
            .unwrap();
        // Five deliveries, one second apart.
        let receive = sqs
            .receive_message()
            .queue_url(&queue.dead_letters_url)
            .wait_time_seconds(10);
        let received = receive.max_number_of_messages(10).send().await.unwrap();
        let mut bodies = received.messages().iter().filter_map(|found| found.body());
        bodies.any(|body| body == message).then_some(())
    })
    .await;
}

/// Whether a mark exists that the recording's original is to be deleted.
async fn is_deletion_pending(stack: &Stack, recording: &Recording) -> bool {
    let key = format!("deletions/{}", recording.sid);
    let mark = stack.s3().head_object().bucket(values::BUCKET).key(key);
    mark.send().await.is_ok()
}

/// Runs the operator's script. Returns whether it succeeded, and its output.
async fn script(stack: &Stack, arguments: &[&str]) -> (bool, String) {
    let python = tokio::task::spawn_blocking(|| toolbox::python(Venv::Interop));
    let output = Command::new(python.await.unwrap().unwrap())
        .arg(toolbox::workspace_root().join("scripts/operate.py"))
        .args(["--function", Role::Operator.name(), "--bucket", values::BUCKET])
        .args(["--endpoint-url", stack.aws_endpoint()])
        .args(arguments)
        .env("AWS_ENDPOINT_URL_LAMBDA", stack.lambda_endpoint())
        .env("AWS_DEFAULT_REGION", values::REGION)
        .env("AWS_ACCESS_KEY_ID", values::ACCESS_KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", values::SECRET_ACCESS_KEY)
        .output()
        .await
        .unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(printed).unwrap())
}

/// Fires the schedule that continues an operation.
async fn fire_next(stack: &Stack, operation: &str) -> Value {
    let schedules = stack.schedules(operation).await.unwrap();
    match stack.fire(&schedules.first().unwrap().name).await.unwrap() {
        Fired::Invoked(answer) => answer.payload,
        other => panic!("{other:?}"),
    }
}

/// Fires every such schedule soon after it is created. Never returns.
async fn fire_as_they_come<T>(stack: &Stack, operation: &str) -> T {
    loop {
        for schedule in stack.schedules(operation).await.unwrap() {
            stack.fire(&schedule.name).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn a_backfill_brings_in_what_is_missing_and_goes_on_after_an_interruption() {
    let (stack, _turn) = alone().await;
    let recordings: Vec<_> = (0..25).map(|_| recording_of(stack, 2001)).collect();
    let [first, second, third, erased, missing @ ..] = &*recordings else {
        unreachable!()
    };
    for stored in [first, second, third] {
        stored.bring_in(stack).await;
    }
    operate(
        stack,
        &json!({"erase": {"recordingSid": erased.sid, "keepOriginal": true}}),
    )
    .await;

    let days = json!({"from": "2001-01-01", "to": "2001-01-31", "pageSize": 10});
    let mut dry_run = json!({ "backfill": days });
    dry_run["backfill"]["dryRun"] = json!(true);
    let answer = operate(stack, &dry_run).await;
    let counts = |queued| {
        json!({
            "found": 25, "skipped": 0, "stored": 3, "erased": 1, "expired": 0, "notReady": 0, "missing": 21,
            "queued": queued, "failed": 0, "withoutReceipt": 0,
        })
    };
    assert_eq!(answer["work"]["backfill"]["counts"], counts(0));

    // S3 is unavailable while the last page is looked up, for all attempts of the SDK.
    let last = missing.iter().map(|recording| &recording.sid).max().unwrap();
    let down = Fault::Answer {
        status: 503,
        body: String::new(),
    };
    let rule = Rule::new("s3", "HeadObject", down).role(Role::Operator);
    stack.wire().inject(rule.key(&format!("recordings/{last}")).times(4));
    let answer = operate(stack, &json!({ "backfill": days })).await;
    assert_eq!((&answer["status"], &answer["failures"]), (&json!("running"), &json!(1)));
    assert_eq!(answer["work"]["backfill"]["counts"]["found"], 20);
    stack.wire().clear_faults();

    let answer = fire_next(stack, "backfill-2001-01-01-2001-01-31").await;
    assert_eq!(answer["status"], "done");
    assert_eq!(answer["work"]["backfill"]["counts"], counts(21));
    for recording in missing {
        recording.stored(stack).await;
    }
    plays(stack, &missing[0]).await;
    let task = stack.twilio().task(&missing[0].task).unwrap();
    assert!(
        !task.attributes.contains(&missing[0].sid),
        "backfilled recordings must not be linked"
    );

    let again = operate(stack, &json!({ "backfill": days })).await;
    assert_eq!(again["work"]["backfill"]["counts"]["stored"], 24);
    assert_eq!(again["work"]["backfill"]["counts"]["missing"], 0);
}

#[tokio::test]
async fn reconciliation_finds_a_recording_whose_callback_never_came() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 20_000);
    date(stack, &recording, SystemTime::now() - Duration::from_secs(2 * 60 * 60));
    let answer = operate(stack, &json!({"reconcile": {}})).await;
    assert_eq!(answer["status"], "done");
    recording.stored(stack).await;
    let log = stack.log(Role::Operator).unwrap();
    let logged = log.lines().find(|line| line.contains(&recording.sid));
    assert!(logged.unwrap().contains("the recording was missing"));
    assert!(log.contains(r#""Reconciled":"#));
}

#[tokio::test]
async fn an_erased_recording_does_not_come_back() {
    let (stack, _turn) = among_others().await;
    let recording = recording_of(stack, 2002);
    recording.bring_in(stack).await;
    let url = recording.media_url(stack).await;
    // Linking the task has scheduled the deletion of the original.
    eventually("the schedule", || async { stack.schedule(&recording.sid).await.ok() }).await;

    let event = json!({"erase": {"recordingSid": recording.sid, "keepOriginal": true}});
    let answer = operate(stack, &event).await;
    assert_eq!(
        (&answer["erased"]["versions"], &answer["erased"]["held"]),
        (&json!(1), &json!([]))
    );
    assert_eq!(answer["erased"]["scheduledDeletionCancelled"], true);
    assert!(stack.schedule(&recording.sid).await.is_err());

    let posted = stack.post_callback(&recording.callback()).await.unwrap();
    assert_eq!(posted.status(), StatusCode::NO_CONTENT);
    let backfill = json!({"backfill": {"from": "2002-01-01", "to": "2002-01-31"}});
    let answer = operate(stack, &backfill).await;
    assert_eq!(answer["work"]["backfill"]["counts"]["erased"], 1);
    eventually("the copier's check of the mark", || async {
        let log = stack.log(Role::Copier).unwrap();
        let logged = |line: &str| line.contains(&recording.sid) && line.contains("erased");
        log.lines().any(logged).then_some(())
    })
    .await;
    assert_eq!(crate::support::get(&url, &[]).await.status(), StatusCode::NOT_FOUND);

    assert!(recording.is_at_twilio(stack).await);
    operate(stack, &json!({"erase": recording.sid})).await;
    assert!(!recording.is_at_twilio(stack).await);
}

#[tokio::test]
async fn verification_names_a_recording_that_was_tampered_with() {
    let (stack, _turn) = among_others().await;
    let (good, bad) = (Recording::new(stack, 200_000), Recording::new(stack, 200_000));
    for recording in [&good, &bad] {
        recording.bring_in(stack).await;
    }
    damage(stack, &bad).await;
    let answer = operate(stack, &json!({"verify": {"recordings": [good.sid, bad.sid]}})).await;
    let verification = &answer["work"]["verify"];
    let counts = json!({"verified": 1, "bytes": 200_000, "bad": 1, "unreadable": 0, "gone": 0, "receipts": 0});
    assert_eq!(verification["counts"], counts);
    assert_eq!(verification["badRecordings"][0]["recordingSid"], bad.sid);
}

#[tokio::test]
async fn a_recording_that_cannot_be_read_is_named_and_the_script_ends_with_1() {
    let (stack, _turn) = alone().await;
    let (good, unreadable) = (Recording::new(stack, 200_000), Recording::new(stack, 200_000));
    for recording in [&good, &unreadable] {
        recording.bring_in(stack).await;
    }
    let refused = Fault::Answer {
        status: 403,
        body: String::new(),
    };
    let rule = Rule::new("s3", "GetObject", refused).role(Role::Operator);
    stack.wire().inject(rule.key(&unreadable.object_key()).times(1_000));

    let arguments = ["verify", &unreadable.sid, &good.sid];
    let (well, printed) = tokio::select! {
        ended = script(stack, &arguments) => ended,
        never = fire_as_they_come(stack, "verify-") => never,
    };
    stack.wire().clear_faults();
    assert!(!well && printed.contains("verified 1"), "{printed}");
    assert!(
        printed.contains(&format!("unreadable: {}: unavailable", unreadable.sid)),
        "{printed}"
    );

    let (well, printed) = script(stack, &arguments).await;
    assert!(well && printed.contains("verified 2"), "{printed}");
}

#[tokio::test]
async fn a_recording_that_retention_deleted_is_not_brought_back() {
    let (stack, _turn) = among_others().await;
    let recording = recording_of(stack, 2004);
    recording.bring_in(stack).await;
    // The bucket's lifecycle first adds a delete marker, and later removes the version below it.
    let (s3, key) = (stack.s3(), recording.object_key());
    let version = s3.head_object().bucket(values::BUCKET).key(&key).send().await.unwrap();
    let delete = s3.delete_object().bucket(values::BUCKET).key(&key);
    assert_eq!(delete.send().await.unwrap().delete_marker(), Some(true));
    let delete = s3.delete_object().bucket(values::BUCKET).key(&key);
    delete.set_version_id(version.version_id).send().await.unwrap();

    let backfill = json!({"backfill": {"from": "2004-01-01", "to": "2004-01-31"}});
    let answer = operate(stack, &backfill).await;
    let counts = &answer["work"]["backfill"]["counts"];
    assert_eq!((&counts["expired"], &counts["queued"]), (&json!(1), &json!(0)));

    stack.post_callback(&recording.callback()).await.unwrap();
    eventually("the copier's check of the delete marker", || async {
        let log = stack.log(Role::Copier).unwrap();
        let logged = |line: &str| line.contains(&recording.sid) && line.contains(r#""outcome":"expired""#);
        log.lines().any(logged).then_some(())
    })
    .await;
    assert!(s3.head_object().bucket(values::BUCKET).key(&key).send().await.is_err());
}

#[tokio::test]
async fn an_original_is_deleted_when_its_time_has_come() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 100_000);
    let duration_s = 3;
    let callback = recording
        .callback()
        .parameter("RecordingDuration", &duration_s.to_string());
    stack.post_callback(&callback).await.unwrap();
    recording.stored(stack).await;
    let schedule = eventually("the schedule", || async { stack.schedule(&recording.sid).await.ok() }).await;
    assert_eq!(schedule.target, stack.resources().copies.arn);
    assert!(schedule.runs_once);
    let message: Value = serde_json::from_str(&schedule.input).unwrap();
    let expected = json!({
        "version": 1, "kind": "DeleteOriginal", "recordingSid": recording.sid, "durationS": duration_s,
    });
    assert_eq!(message, expected);
    assert!(is_deletion_pending(stack, &recording).await);

    assert_eq!(stack.fire(&recording.sid).await.unwrap(), Fired::Queued);
    eventually("the original's deletion", || async {
        (!recording.is_at_twilio(stack).await).then_some(())
    })
    .await;
    eventually("the removal of its mark", || async {
        (!is_deletion_pending(stack, &recording).await).then_some(())
    })
    .await;
    plays(stack, &recording).await;
}

#[tokio::test]
async fn an_original_stays_where_the_stored_recording_is_damaged_or_missing() {
    let (stack, _turn) = alone().await;
    let (damaged, missing) = (Recording::new(stack, 100_000), Recording::new(stack, 100_000));
    for recording in [&damaged, &missing] {
        recording.bring_in(stack).await;
        eventually("the schedule", || async { stack.schedule(&recording.sid).await.ok() }).await;
    }
    damage(stack, &damaged).await;
    let delete = stack
        .s3()
        .delete_object()
        .bucket(values::BUCKET)
        .key(missing.object_key());
    delete.send().await.unwrap();

    // The five deliveries follow one another within seconds, not every 20 minutes.
    set_visibility(stack, "1").await;
    for recording in [&damaged, &missing] {
        let message = stack.schedule(&recording.sid).await.unwrap().input;
        assert_eq!(stack.fire(&recording.sid).await.unwrap(), Fired::Queued);
        dead_letter(stack, &message).await;
    }
    set_visibility(stack, "1200").await;
    for recording in [&damaged, &missing] {
        assert!(recording.is_at_twilio(stack).await);
    }
}

#[tokio::test]
async fn the_operators_script_does_what_its_commands_say() {
    let (stack, _turn) = among_others().await;
    let recording = recording_of(stack, 2003);
    let days = ["backfill", "--from", "2003-01-01", "--to", "2003-01-31", "--follow"];
    let (well, printed) = script(stack, &[&days[..], &["--dry-run"]].concat()).await;
    assert!(
        well && printed.contains("done: found 1, skipped 0, stored 0"),
        "{printed}"
    );
    let (well, printed) = script(stack, &days).await;
    assert!(well && printed.contains("missing 1, queued 1, failed 0"), "{printed}");
    recording.stored(stack).await;

    let (well, printed) = script(stack, &["status", "backfill-2003-01-01-2003-01-31"]).await;
    assert!(
        well && printed.contains("backfill-2003-01-01-2003-01-31 done"),
        "{printed}"
    );
    let (well, printed) = script(stack, &["verify", &recording.sid]).await;
    assert!(well && printed.contains("verified 1"), "{printed}");
    damage(stack, &recording).await;
    let (well, printed) = script(stack, &["verify", &recording.sid]).await;
    assert!(
        !well && printed.contains(&format!("bad: {}: damaged", recording.sid)),
        "{printed}"
    );

    let (well, printed) = script(stack, &["erase", &recording.sid, "--yes"]).await;
    assert!(well && printed.contains("original deleted"), "{printed}");
    let (well, printed) = script(stack, &["erase", "canary", "--yes"]).await;
    assert!(!well && printed.contains("not a RecordingSid"), "{printed}");
    let (well, printed) = script(stack, &["verify"]).await;
    assert!(!well && printed.contains("verify either --all or"), "{printed}");
}
