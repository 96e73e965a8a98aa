//! Functions that are killed or run out of time.

use std::time::Duration;

use local_stack::{Role, Stack};
use twilio_double::{FaultAction, Operation};

use super::{Kind, Trial, trial::LARGE};
use crate::support::{OwnStack, eventually, options};

/// Longer than any test here waits.
const FOREVER: u64 = 60_000;

/// Lambda also ends a failed instance with a signal that no process can handle.
pub(super) fn kill(stack: &Stack, role: Role) {
    let ids = stack.process_ids(role);
    let ids = ids.iter().map(ToString::to_string);
    let killed = std::process::Command::new("kill").arg("-9").args(ids).status();
    assert!(killed.unwrap().success());
}

/// The upload of the killed copier is left open. The next copy cannot distinguish it from the upload of a live
/// neighbor, and therefore aborts it only after the recording is stored.
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
    trial.comes_back(Kind::Copy, 1).await;
    trial.ends_well(1, 2).await;
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
    eventually("the request for the task", || async {
        let calls = stack.twilio().calls();
        let fetched = calls.iter().any(|call| call.path.contains(&trial.recording.task));
        fetched.then_some(())
    })
    .await;
    kill(&stack, Role::Linker);
    trial.comes_back(Kind::Link, 1).await;
    trial.ends_well(2, 1).await;
}

/// The copy gives up early enough to abort its upload before Lambda freezes or kills the function.
#[tokio::test]
async fn a_copy_that_runs_out_of_time_aborts_its_upload_and_comes_back() {
    // The copier reserves six seconds of the timeout: one for the answer and five for the abort.
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
    assert_eq!(trial.versions_and_uploads().await, (0, 0), "the upload must be aborted");
    assert_eq!(stack.process_ids(Role::Copier), instances, "no process may be killed");
    trial.comes_back(Kind::Copy, 1).await;
    trial.ends_well(1, 2).await;
}
