//! Faults between the commit of a recording and its receipt: failed requests, killed copiers, and erasures.

use fault_proxy::Hook;
use local_stack::{Fault, Role, Rule};
use serde_json::json;
use tokio::sync::oneshot;

use super::{Kind, Trial, processes::kill};
use crate::{
    receipts::{keys_of, receipt_of},
    support::{OwnStack, eventually, options},
};

/// The copier sends a request four times before its job fails.
const ALL_ATTEMPTS: u64 = 4;

const SMALL: usize = 100_000;

fn internal_error() -> Fault {
    Fault::Error(500, "InternalError")
}

impl Trial<'_> {
    /// Makes the next `times` writes to a folder of the recording's records fail.
    fn break_record(&self, folder: &str, fault: Fault, times: u64) {
        let sid = &self.recording.sid;
        let key = match folder {
            "receipts/" => format!("receipts/{sid}"),
            _ => format!("{folder}{}/{sid}", self.recording.call),
        };
        let rule = Rule::new("s3", "PutObject", fault).role(Role::Copier).key(&key);
        self.stack.wire().inject(rule.times(times));
    }

    /// Waits until every fault about the recording has struck.
    async fn struck(&self) {
        let armed = || async { (self.stack.wire().armed(&self.recording.sid) == 0).then_some(()) };
        eventually("the faults", armed).await;
    }

    async fn recorded_from(&self) -> String {
        let receipt = receipt_of(self.stack, &self.recording.sid).await.unwrap();
        receipt["recordedFrom"].as_str().unwrap().to_owned()
    }

    async fn erase(&self) {
        let event = json!({"erase": {"recordingSid": self.recording.sid, "keepOriginal": true}});
        let answer = self.stack.invoke(Role::Operator, &event).await.unwrap();
        assert!(!answer.failed, "{answer:?}");
    }

    async fn has_left_nothing(&self) {
        assert_eq!(keys_of(self.stack, &self.recording.sid).await, [""; 0]);
    }
}

/// The folders of a record, in the order in which they are written.
const FOLDERS: [&str; 2] = ["index/call/", "receipts/"];

#[tokio::test]
async fn a_record_whose_requests_fail_for_a_moment_is_written() {
    for folder in FOLDERS {
        for fault in [internal_error(), Fault::LoseAnswer] {
            let trial = Trial::small().await;
            trial.break_record(folder, fault, 1);
            trial.call_back().await;
            trial.ends_well(1, 1).await;
            assert_eq!(trial.recorded_from().await, "copy", "{folder}");
        }
    }
}

#[tokio::test]
async fn a_copy_that_cannot_write_its_record_comes_back_and_writes_it() {
    for folder in FOLDERS {
        let trial = Trial::small().await;
        trial.break_record(folder, internal_error(), ALL_ATTEMPTS);
        trial.call_back().await;
        trial.comes_back(Kind::Copy, 1).await;
        trial.ends_well(1, 2).await;
        assert_eq!(trial.recorded_from().await, "reading", "{folder}");
    }
}

/// The folders name the write before which the copier is killed.
#[tokio::test]
async fn a_copier_killed_between_commit_and_receipt_is_followed_by_one_that_writes_it() {
    for folder in FOLDERS {
        let stack = OwnStack::start(options()).await;
        let trial = Trial::on(&stack, SMALL);
        trial.break_record(folder, Fault::Hang, 1);
        trial.call_back().await;
        trial.struck().await;
        kill(&stack, Role::Copier);
        trial.failed(Kind::Copy, 1).await;
        assert_eq!(receipt_of(&stack, &trial.recording.sid).await, None, "{folder}");
        trial.comes_back(Kind::Copy, 1).await;
        trial.ends_well(1, 2).await;
        assert_eq!(trial.recorded_from().await, "reading", "{folder}");
    }
}

/// The killed copier has left a commit and entries. The erasure removes them, and the job's next delivery leaves nothing.
#[tokio::test]
async fn an_erasure_after_a_copier_was_killed_between_commit_and_receipt_leaves_nothing() {
    for folder in FOLDERS {
        let stack = OwnStack::start(options()).await;
        let trial = Trial::on(&stack, SMALL);
        trial.break_record(folder, Fault::Hang, 1);
        trial.call_back().await;
        trial.struck().await;
        kill(&stack, Role::Copier);
        trial.failed(Kind::Copy, 1).await;
        trial.erase().await;
        trial.has_left_nothing().await;
        trial.comes_back(Kind::Copy, 1).await;
        trial.done(Kind::Copy, 1, 2).await;
        trial.has_left_nothing().await;
    }
}

/// The copier's write waits until the erasure is done, so the copier writes a record of an erased recording.
#[tokio::test]
async fn a_copier_that_an_erasure_overtakes_takes_its_record_back() {
    let stack = OwnStack::start(options()).await;
    for folder in FOLDERS {
        let trial = Trial::on(&stack, SMALL);
        let waiting = waits_before(&trial, folder);
        trial.call_back().await;
        let erased = waiting.await;
        trial.erase().await;
        trial.has_left_nothing().await;
        erased.send(()).unwrap();
        trial.done(Kind::Copy, 1, 1).await;
        trial.has_left_nothing().await;
    }
}

/// A copier that was killed after an erasure has overtaken it cannot take its record back. The next delivery does.
#[tokio::test]
async fn the_next_delivery_takes_back_what_a_copier_left_of_an_erased_recording() {
    for folder in FOLDERS {
        let stack = OwnStack::start(options()).await;
        let trial = Trial::on(&stack, SMALL);
        let waiting = waits_before(&trial, folder);
        // The write is done, but the copier does not get the answer.
        trial.break_record(folder, Fault::LoseAnswer, 1);
        trial.call_back().await;
        let erased = waiting.await;
        trial.erase().await;
        // The copier repeats the write whose answer it did not get. This one never ends.
        trial.break_record(folder, Fault::Hang, 1);
        erased.send(()).unwrap();
        trial.struck().await;
        kill(&stack, Role::Copier);
        trial.failed(Kind::Copy, 1).await;
        assert_ne!(keys_of(&stack, &trial.recording.sid).await, [""; 0], "{folder}");
        trial.comes_back(Kind::Copy, 1).await;
        trial.done(Kind::Copy, 1, 2).await;
        trial.has_left_nothing().await;
    }
}

/// Makes the copier's next write to a folder wait. Returns when it waits, with the sender that lets it continue.
fn waits_before(trial: &Trial<'_>, folder: &str) -> impl Future<Output = oneshot::Sender<()>> + use<> {
    let (reached, is_reached) = oneshot::channel();
    let (go_on, goes_on) = oneshot::channel();
    let hook = async move {
        reached.send(()).unwrap();
        goes_on.await.unwrap();
    };
    let part = match folder {
        "receipts/" => format!("receipts/{}", trial.recording.sid),
        _ => format!("{folder}{}/", trial.recording.call),
    };
    let rule = fault_proxy::Rule::new("s3", "PutObject", Box::pin(hook) as Hook).role(Role::Copier);
    trial.stack.wire().before(rule.key(&part));
    async move {
        is_reached.await.unwrap();
        go_on
    }
}
