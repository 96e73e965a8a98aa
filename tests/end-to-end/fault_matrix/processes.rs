//! Functions that are killed, or run out of time.

use std::time::Duration;

use local_stack::{
    Role, Stack,
    twilio_double::{FaultAction, Operation},
    values,
};

use super::{Kind, Trial, trial::LARGE};
use crate::support::{OwnStack, eventually, options};

/// Longer than anything here waits.
const FOREVER: u64 = 60_000;

/// As Lambda does with an instance that has gone wrong: no signal that could be handled.
fn kill(stack: &Stack, role: Role) {
    let ids = stack.process_ids(role);
    let ids = ids.iter().map(ToString::to_string);
    let killed = std::process::Command::new("kill").arg("-9").args(ids).status();
    assert!(killed.unwrap().success());
}

/// Its upload is nobody's then. It could be a live neighbour's, so that the next copy aborts it only when it's older than
/// 20 minutes; this one is made to look so.
#[tokio::test]
async fn a_copier_killed_in_mid_copy_is_followed_by_another() {
    let stack = OwnStack::start(options()).await;
    let trial = Trial::on(&stack, LARGE);
    let after_the_first_part = LARGE as u64 - 1;
    trial.break_source(
        FaultAction::Stall {
            after_bytes: after_the_first_part,
            millis: FOREVER,
        },
        1,
    );
    trial.call_back().await;
    eventually("an upload", || async {
        (trial.versions_and_uploads().await == (0, 1)).then_some(())
    })
    .await;
    kill(&stack, Role::Copier);
    trial.failed(Kind::Copy, 1).await;
    assert_eq!(trial.versions_and_uploads().await, (0, 1), "left behind");
    trial.uploads_look_abandoned();
    trial.comes_back(Kind::Copy, 1).await;
    trial.ends_well(1, 2).await;
}

/// A copy that began lately may be at work still: its upload is let be, and nothing is lost by that.
#[tokio::test]
async fn a_young_upload_of_another_copy_is_let_be() {
    let trial = Trial::large().await;
    let (s3, key) = (trial.stack.s3(), trial.recording.object_key());
    let neighbour = s3.create_multipart_upload().bucket(values::BUCKET).key(&key);
    let id = neighbour.send().await.unwrap().upload_id.unwrap();
    trial.call_back().await;
    trial.done(Kind::Copy, 1, 1).await;
    assert_eq!(trial.versions_and_uploads().await, (1, 1));
    let abort = s3
        .abort_multipart_upload()
        .bucket(values::BUCKET)
        .key(&key)
        .upload_id(id);
    abort.send().await.unwrap();
    trial.ends_well(1, 1).await;
}

#[tokio::test]
async fn a_linker_killed_in_mid_link_is_followed_by_another() {
    let stack = OwnStack::start(options()).await;
    let trial = Trial::on(&stack, 100_000);
    trial.break_task(
        Operation::TaskFetch,
        FaultAction::Stall {
            after_bytes: 0,
            millis: FOREVER,
        },
        1,
    );
    trial.call_back().await;
    eventually("the task's fetch", || async {
        let calls = stack.twilio().calls();
        let fetched = calls.iter().any(|call| call.path.contains(&trial.recording.task));
        fetched.then_some(())
    })
    .await;
    kill(&stack, Role::Linker);
    trial.comes_back(Kind::Link, 1).await;
    trial.ends_well(2, 1).await;
}

/// The copy gives up in time to abort its upload, before Lambda freezes or kills it.
#[tokio::test]
async fn a_copy_that_runs_out_of_time_aborts_its_upload_and_comes_back() {
    // Six seconds are kept back from the timeout: one for the answer, five for the abort.
    let stack = OwnStack::start(options().timeout(Role::Copier, Duration::from_secs(12))).await;
    let trial = Trial::on(&stack, LARGE);
    trial.break_source(
        FaultAction::Stall {
            after_bytes: LARGE as u64 - 1,
            millis: FOREVER,
        },
        1,
    );
    let instances = stack.process_ids(Role::Copier);
    trial.call_back().await;
    trial.failed(Kind::Copy, 1).await;
    assert_eq!(trial.versions_and_uploads().await, (0, 0), "the upload was aborted");
    assert_eq!(stack.process_ids(Role::Copier), instances, "nobody was killed");
    trial.comes_back(Kind::Copy, 1).await;
    trial.ends_well(1, 2).await;
}
