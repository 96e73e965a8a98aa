//! Erasures by list and by call, on the whole stack.

use std::{fs, process::Stdio, time::Duration};

use local_stack::{Delivery, DeliveryState, Fault, Role, Rule, Stack, values};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command};
use toolbox::Venv;
use twilio_double::{FaultAction, Operation};

use crate::{
    audit::audit_lines,
    support::{OwnStack, Recording, alone, among_others, eventually, options},
};

async fn operate(stack: &Stack, event: &Value) -> Value {
    let answer = stack.invoke(Role::Operator, event).await.unwrap();
    assert!(!answer.failed, "{answer:?}");
    answer.payload
}

/// Fires every schedule of an erasure until the operation has ended.
async fn see_through(stack: &Stack, mut answer: Value) -> Value {
    while answer["status"] == "running" {
        let schedules = stack.schedules("erase-").await.unwrap();
        let fired = stack.fire(&schedules.first().unwrap().name).await.unwrap();
        let local_stack::Fired::Invoked(invoked) = fired else {
            panic!("{fired:?}")
        };
        answer = invoked.payload;
    }
    answer
}

/// Every version and delete marker of the bucket: key, id, ETag and time.
async fn versions(stack: &Stack) -> Vec<String> {
    let mut found = Vec::new();
    let mut pages = stack.s3().list_object_versions().bucket(values::BUCKET);
    loop {
        let page = pages.send().await.unwrap();
        found.extend(page.versions().iter().map(|version| format!("{version:?}")));
        found.extend(page.delete_markers().iter().map(|marker| format!("{marker:?}")));
        if page.is_truncated() != Some(true) {
            return found;
        }
        pages = stack.s3().list_object_versions().bucket(values::BUCKET);
        pages = pages.set_key_marker(page.next_key_marker);
        pages = pages.set_version_id_marker(page.next_version_id_marker);
    }
}

/// The entry of a recording in a plan or a report.
fn entry<'a>(document: &'a Value, recording: &Recording) -> &'a Value {
    let entries = document["recordings"].as_array().unwrap();
    let mut found = entries.iter().filter(|entry| entry["recordingSid"] == recording.sid);
    let entry = found.next().unwrap_or_else(|| panic!("{document}"));
    assert!(found.next().is_none(), "{document}");
    entry
}

async fn is_erased(stack: &Stack, recording: &Recording) -> bool {
    let key = format!("erased/{}", recording.sid);
    stack
        .s3()
        .head_object()
        .bucket(values::BUCKET)
        .key(key)
        .send()
        .await
        .is_ok()
}

async fn is_stored(stack: &Stack, recording: &Recording) -> bool {
    let head = stack
        .s3()
        .head_object()
        .bucket(values::BUCKET)
        .key(recording.object_key());
    head.send().await.is_ok()
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_says_what_would_be_erased() {
    let (stack, _turn) = alone().await;
    let [stored, absent, before] = [(); 3].map(|()| Recording::new(stack, 20_000));
    stored.bring_in(stack).await;
    operate(stack, &json!({"erase": before.sid})).await;

    let (found, mark) = (versions(stack).await, stack.wire().mark());
    let twilio = stack.twilio().mark();
    let listed = [&stored.sid, &absent.sid, &before.sid];
    let answer = operate(stack, &json!({"erase": {"recordings": listed, "dryRun": true}})).await;
    let plan = &answer["erasurePlan"];
    for (recording, vault, original) in [
        (&stored, "stored", "atTwilio"),
        (&absent, "absent", "atTwilio"),
        (&before, "erasedBefore", "gone"),
    ] {
        let planned = entry(plan, recording);
        assert_eq!(
            (&planned["vault"], &planned["original"]),
            (&json!(vault), &json!(original)),
            "{plan}"
        );
    }
    let writes = [
        "PutObject",
        "DeleteObject",
        "DeleteObjects",
        "CreateSchedule",
        "DeleteSchedule",
        "SendMessage",
    ];
    let wrote = |call: &local_stack::Call| writes.iter().any(|write| call.operation.contains(write));
    assert_eq!(stack.wire().count(mark, wrote), 0);
    let calls = stack.twilio().calls_since(twilio);
    assert!(calls.iter().all(|call| call.method == "GET"), "{calls:?}");
    assert_eq!(versions(stack).await, found);
}

#[tokio::test]
async fn one_recording_that_fails_does_not_keep_the_others_and_the_report_has_them_all() {
    let (stack, _turn) = alone().await;
    let [stored, absent, before, failing] = [(); 4].map(|()| Recording::new(stack, 20_000));
    for recording in [&stored, &failing] {
        recording.bring_in(stack).await;
    }
    operate(stack, &json!({"erase": before.sid})).await;
    let refused = Fault::Answer {
        status: 403,
        body: "<Error><Code>AccessDenied</Code></Error>".to_owned(),
    };
    let rule = Rule::new("s3", "PutObject", refused).role(Role::Operator);
    stack
        .wire()
        .inject(rule.key(&format!("erased/{}", failing.sid)).times(1_000));

    let listed = [&stored.sid, &absent.sid, &before.sid, &failing.sid];
    let event = json!({"erase": {"recordings": listed}});
    let answer = operate(stack, &event).await;
    assert_eq!(answer["status"], "running", "the failing one is tried again later");
    assert!(!is_stored(stack, &stored).await && is_stored(stack, &failing).await);
    let answer = see_through(stack, answer).await;
    stack.wire().clear_faults();
    assert_eq!(answer["status"], "done");
    let report = &answer["work"]["eraseList"];
    for (recording, result, original) in [
        (&stored, "erased", json!("deleted")),
        (&absent, "absent", json!("deleted")),
        (&before, "erasedBefore", json!("alreadyGone")),
        (&failing, "failed", json!(null)),
    ] {
        let erased = entry(report, recording);
        assert_eq!(
            (&erased["result"], &erased["original"]),
            (&json!(result), &original),
            "{report}"
        );
    }
    let problem = entry(report, &failing)["problem"].as_str().unwrap();
    assert!(problem.contains("the erasure mark was not written"), "{problem}");
    assert!(is_erased(stack, &absent).await);
    // The absent one never comes.
    stack.post_callback(&absent.callback()).await.unwrap();

    // The same list again completes what failed.
    let answer = operate(stack, &event).await;
    let report = &answer["work"]["eraseList"];
    assert_eq!(answer["status"], "done");
    assert_eq!(entry(report, &failing)["result"], "erased", "{report}");
    assert_eq!(report["counts"]["erasedBefore"], 3, "{report}");
    assert!(!is_stored(stack, &absent).await && !is_stored(stack, &failing).await);

    let log = stack.log(Role::Operator).unwrap();
    let operation = answer["operation"].as_str().unwrap();
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let of_list = |line: &&Value| line["target"] == "audit" && line["operation"] == operation;
    let trail: Vec<_> = lines.iter().filter(of_list).collect();
    let has = |event: &str, outcome: &str, recording: Option<&Recording>| {
        let sid = recording.map_or(Value::Null, |recording| json!(recording.sid));
        trail
            .iter()
            .any(|line| line["event"] == event && line["outcome"] == outcome && line["recordingSid"] == sid)
    };
    assert!(
        has("erase_list", "begun", None) && has("erase_list", "ended", None),
        "{trail:?}"
    );
    assert!(has("erase", "failed", Some(&failing)), "{trail:?}");
    for recording in [&stored, &absent, &before] {
        assert!(
            has("erase", "begun", Some(recording)) && has("erase", "removed", Some(recording)),
            "{trail:?}"
        );
    }
}

/// Until the faults are cleared.
fn twilio_refuses_deletions(stack: &Stack) {
    let action = FaultAction::Answer {
        status: 403,
        body: None,
        retry_after: None,
    };
    let fault = twilio_double::Fault::once(Operation::RecordingDelete, action);
    stack.twilio().fault(fault.times(1_000));
}

/// S3 or Twilio refuses a part of an erasure for a while. By its task, only the index leads to the recording.
#[tokio::test]
async fn a_question_finds_what_an_erasure_left() {
    let (stack, _turn) = alone().await;
    for refused in ["recordings/", "index/", "Twilio"] {
        let recording = Recording::new(stack, 20_000);
        recording.bring_in(stack).await;
        if refused == "Twilio" {
            twilio_refuses_deletions(stack);
        } else {
            let answer = Fault::Answer {
                status: 403,
                body: "<Error><Code>AccessDenied</Code></Error>".to_owned(),
            };
            let rule = Rule::new("s3", "DeleteObject", answer).role(Role::Operator);
            stack.wire().inject(rule.key(refused).times(1_000));
        }
        let erasure = json!({"erase": recording.sid});
        assert!(stack.invoke(Role::Operator, &erasure).await.unwrap().failed);
        stack.wire().clear_faults();
        stack.twilio().clear_faults();

        let question = json!({"erase": {"task": recording.task, "dryRun": true}});
        let plan = operate(stack, &question).await;
        let planned = entry(&plan["erasurePlan"], &recording);
        let is_stored = refused == "recordings/";
        let expected = if is_stored { "stored" } else { "erasedBefore" };
        assert_eq!(planned["vault"], expected, "{refused}");
        let found = operate(stack, &json!({"find": {"recording": recording.sid}})).await;
        let state = if is_stored { "erasing" } else { "erased" };
        assert_eq!(found["found"][0]["state"], state, "{refused}");
        operate(stack, &erasure).await;
        let plan = operate(stack, &question).await;
        assert_eq!(plan["erasurePlan"]["recordings"], json!([]), "{refused}");
    }
}

/// Twilio refuses to delete the original, and the copy's message comes once more.
#[tokio::test]
async fn a_copy_leaves_the_record_of_an_erasure_that_has_not_ended() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 20_000);
    recording.bring_in(stack).await;
    // S3's times have whole seconds.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    twilio_refuses_deletions(stack);
    let erasure = json!({"erase": recording.sid});
    assert!(stack.invoke(Role::Operator, &erasure).await.unwrap().failed);
    stack.twilio().clear_faults();
    stack.post_callback(&recording.callback()).await.unwrap();
    eventually("the second copy's end", || async {
        let lines = audit_lines(stack, Role::Copier, &recording);
        let is_end = |line: &Value| line["event"] == "copy" && line["outcome"] == "erased";
        lines.iter().any(is_end).then_some(())
    })
    .await;
    eventually("the end of its jobs", || async {
        let deliveries = stack.deliveries(&recording.sid);
        let is_done = |delivery: &Delivery| delivery.state == DeliveryState::Done;
        deliveries.iter().all(is_done).then_some(())
    })
    .await;
    let question = json!({"erase": {"task": recording.task, "dryRun": true}});
    let plan = operate(stack, &question).await;
    assert_eq!(entry(&plan["erasurePlan"], &recording)["original"], "atTwilio");
    operate(stack, &erasure).await;
    let plan = operate(stack, &question).await;
    assert_eq!(plan["erasurePlan"]["recordings"], json!([]));
}

/// The operator's process ends after the last recording was removed here, and before its original was deleted.
#[tokio::test]
async fn an_erasure_that_was_killed_goes_on_and_its_report_is_right() {
    let stack = OwnStack::start(options()).await;
    let recordings: Vec<_> = (0..25).map(|_| Recording::new(&stack, 2_000)).collect();
    for recording in &recordings {
        recording.bring_in(&stack).await;
    }
    let listed: Vec<_> = recordings.iter().map(|recording| &recording.sid).collect();
    let event = json!({"erase": {"recordings": listed}});
    let hang = Rule::new("s3", "DeleteObject", Fault::Hang).role(Role::Operator);
    let last = listed.iter().max().unwrap();
    stack.wire().inject(hang.key(&format!("deletions/{last}")).times(1));
    let invoking = stack.invoke(Role::Operator, &event);
    let killing = async {
        eventually("the last recording's erasure", || async {
            let last = recordings.last().unwrap();
            (is_erased(&stack, last).await && !is_stored(&stack, last).await).then_some(())
        })
        .await;
        for id in stack.process_ids(Role::Operator) {
            Command::new("kill")
                .args(["-9", &id.to_string()])
                .status()
                .await
                .unwrap();
        }
    };
    let (ended, ()) = tokio::join!(invoking, killing);
    assert!(ended.is_err() || ended.unwrap().failed);
    stack.wire().clear_faults();

    let answer = operate(&stack, &event).await;
    assert_eq!(answer["status"], "done", "{answer}");
    let report = &answer["work"]["eraseList"];
    assert_eq!(report["counts"]["erased"], 25, "{report}");
    for recording in &recordings {
        assert_eq!(entry(report, recording)["result"], "erased");
        assert!(!is_stored(&stack, recording).await && !recording.is_at_twilio(&stack).await);
    }
}

/// Has Twilio's recording belong to a conference, without a call.
fn recorded_in(stack: &Stack, recording: &Recording, conference: &str) {
    let origin = json!({"call_sid": null, "conference_sid": conference}).to_string();
    fs::write(
        stack.recordings_dir().join(format!("{}.origin.json", recording.sid)),
        origin,
    )
    .unwrap();
}

#[tokio::test]
async fn recordings_of_a_conference_are_planned_whether_copied_or_not() {
    let (stack, _turn) = among_others().await;
    let [copied, later, other] = [(); 3].map(|()| Recording::new(stack, 20_000));
    let conference = copied.sid.replacen("RE", "CF", 1);
    for recording in [&copied, &later] {
        recorded_in(stack, recording, &conference);
    }
    for recording in [&copied, &other] {
        recording.bring_in(stack).await;
    }
    let answer = operate(stack, &json!({"erase": {"conference": conference, "dryRun": true}})).await;
    let plan = &answer["erasurePlan"];
    assert_eq!(plan["recordings"].as_array().unwrap().len(), 2, "{plan}");
    assert_eq!(entry(plan, &copied)["vault"], "stored", "{plan}");
    assert_eq!(entry(plan, &later)["vault"], "absent", "{plan}");
    let answer = operate(stack, &json!({"erase": {"call": other.call, "dryRun": true}})).await;
    assert_eq!(entry(&answer["erasurePlan"], &other)["original"], "atTwilio");
    assert!(is_stored(stack, &copied).await, "the question erases nothing");
    let refused = stack
        .invoke(Role::Operator, &json!({"erase": {"call": other.call}}))
        .await
        .unwrap();
    assert!(
        refused.failed && refused.payload.to_string().contains("always with"),
        "{refused:?}"
    );
}

/// Runs the operator's script. Returns its exit code, and its output.
async fn script(stack: &Stack, arguments: &[&str], typed: &str) -> (i32, String) {
    let python = tokio::task::spawn_blocking(|| toolbox::python(Venv::Interop));
    let mut child = Command::new(python.await.unwrap().unwrap())
        .arg(toolbox::workspace_root().join("scripts/operate.py"))
        .args(["--function", Role::Operator.name(), "--bucket", values::BUCKET])
        .args(["--endpoint-url", stack.aws_endpoint()])
        .args(arguments)
        .env("AWS_ENDPOINT_URL_LAMBDA", stack.lambda_endpoint())
        .env("AWS_DEFAULT_REGION", values::REGION)
        .env("AWS_ACCESS_KEY_ID", values::ACCESS_KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", values::SECRET_ACCESS_KEY)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    // The script may end without reading.
    let _ = input.write_all(typed.as_bytes()).await;
    drop(input);
    let output = child.wait_with_output().await.unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(printed).unwrap())
}

#[tokio::test]
async fn the_script_erases_a_file_once_the_number_of_recordings_is_typed() {
    let (stack, _turn) = among_others().await;
    let recordings = [(); 2].map(|()| Recording::new(stack, 20_000));
    for recording in &recordings {
        recording.bring_in(stack).await;
    }
    let [first, second] = &recordings;
    let file = stack.recordings_dir().join(format!("{}.list", first.sid));
    let csv = format!(
        "# both\nstart,recordingSid\n\n2026,{0}\n2026,{1}\n2026,{0}\n",
        first.sid, second.sid
    );
    fs::write(&file, csv).unwrap();
    let file = file.to_str().unwrap();

    let (code, printed) = script(stack, &["erase", "--from-file", file, "--dry-run"], "").await;
    assert!(code == 0 && printed.contains("plan: stored 2"), "{printed}");
    for typed in ["", "3\n", "y\n"] {
        let (code, printed) = script(stack, &["erase", "--from-file", file], typed).await;
        assert!(
            code == 1 && printed.contains("plan: stored 2") && printed.contains("not erased"),
            "{printed}"
        );
        assert!(is_stored(stack, first).await);
    }
    let (code, printed) = script(stack, &["erase", "--from-file", file, "--keep-original"], "2\n").await;
    assert!(code == 0 && printed.contains("erased: erased 2"), "{printed}");
    assert!(
        printed.contains(&format!("{}  erased, original kept", first.sid)),
        "{printed}"
    );
    assert!(!is_stored(stack, first).await && first.is_at_twilio(stack).await);

    let (code, printed) = script(stack, &["erase", "--yes", "--call", &second.call], "").await;
    assert!(
        code == 0 && printed.contains("erasedBefore, original deleted"),
        "{printed}"
    );
    assert!(
        printed.contains("had been erased before, which did no harm"),
        "{printed}"
    );
    assert!(!second.is_at_twilio(stack).await);
}
