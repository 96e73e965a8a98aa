//! Callbacks that arrive twice or out of order, or while a queue refuses their messages.

use futures_util::future::join_all;
use local_stack::{Callback, Fault, Role, Rule};
use reqwest::StatusCode;

use super::{Kind, Trial};

/// The webhook sends each message to SQS up to four times.
const ALL_ATTEMPTS: u64 = 4;

impl Trial<'_> {
    /// Makes SQS fail for `times` requests of the webhook with a message of this kind.
    fn break_queue(&self, kind: Kind, fault: Fault, times: u64) {
        let rule = Rule::new("sqs", "SendMessage", fault).role(Role::Webhook);
        let rule = rule.key(&self.recording.sid).words(kind.name());
        self.stack.wire().inject(rule.times(times));
    }

    async fn post(&self, callback: &Callback) -> StatusCode {
        self.stack.post_callback(callback).await.unwrap().status()
    }
}

fn down() -> Fault {
    Fault::Answer {
        status: 500,
        body: "{}".to_owned(),
    }
}

fn nothing() -> Fault {
    Fault::Answer {
        status: 200,
        body: String::new(),
    }
}

/// Twilio gets a 503 and calls again. One queue then has two messages, but the work is done once.
async fn takes_one_and_refuses_the_other(taken: Kind, refused: Kind, refusal: Fault, times: u64) {
    let trial = Trial::small().await;
    trial.break_queue(refused, refusal, times);
    assert_eq!(
        trial.post(&trial.recording.callback()).await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    trial.done(taken, 1, 1).await;
    assert!(trial.deliveries(refused).is_empty());
    trial.call_back().await;
    trial.done(taken, 2, 1).await;
    trial.done(refused, 1, 1).await;
    trial.is_right().await;
}

#[tokio::test]
async fn sqs_takes_the_link_and_refuses_the_copy() {
    takes_one_and_refuses_the_other(Kind::Link, Kind::Copy, down(), ALL_ATTEMPTS).await;
}

#[tokio::test]
async fn sqs_takes_the_copy_and_refuses_the_link() {
    takes_one_and_refuses_the_other(Kind::Copy, Kind::Link, down(), ALL_ATTEMPTS).await;
}

#[tokio::test]
async fn sqs_takes_neither_and_then_both() {
    let trial = Trial::small().await;
    for kind in [Kind::Link, Kind::Copy] {
        trial.break_queue(kind, down(), ALL_ATTEMPTS);
    }
    assert_eq!(
        trial.post(&trial.recording.callback()).await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert!(trial.stack.deliveries(&trial.recording.sid).is_empty());
    trial.call_back().await;
    trial.ends_well(1, 1).await;
}

#[tokio::test]
async fn sqs_takes_a_message_and_its_answer_is_lost() {
    let trial = Trial::small().await;
    trial.break_queue(Kind::Copy, Fault::LoseAnswer, 1);
    trial.call_back().await;
    trial.done(Kind::Link, 1, 1).await;
    trial.done(Kind::Copy, 2, 1).await;
    trial.is_right().await;
}

/// A success that names no message proves nothing, and the webhook does not send the message again.
#[tokio::test]
async fn sqs_answers_one_of_them_with_nothing() {
    for (taken, refused) in [(Kind::Link, Kind::Copy), (Kind::Copy, Kind::Link)] {
        takes_one_and_refuses_the_other(taken, refused, nothing(), 1).await;
    }
}

#[tokio::test]
async fn sqs_500_once_is_retried() {
    let trial = Trial::small().await;
    trial.break_queue(Kind::Link, down(), 1);
    trial.call_back().await;
    trial.ends_well(1, 1).await;
}

#[tokio::test]
async fn fifty_callbacks_at_once_make_one_object_and_one_link() {
    let trial = Trial::large().await;
    let callback = trial.recording.callback();
    let posts = (0..50).map(|_| trial.post(&callback));
    assert!(
        join_all(posts)
            .await
            .into_iter()
            .all(|status| status == StatusCode::NO_CONTENT)
    );
    trial.done(Kind::Link, 50, 1).await;
    trial.done(Kind::Copy, 50, 1).await;
    trial.is_right().await;
}

#[tokio::test]
async fn callbacks_out_of_order_change_nothing() {
    let trial = Trial::small().await;
    let callback = trial.recording.callback();
    trial.call_back().await;
    for status in ["in-progress", "absent", "failed", "in-progress"] {
        let late = callback.clone().parameter("RecordingStatus", status);
        assert_eq!(trial.post(&late).await, StatusCode::NO_CONTENT, "{status}");
    }
    trial.ends_well(1, 1).await;
}

#[tokio::test]
async fn an_in_progress_callback_before_the_recording_is_there_starts_nothing() {
    let trial = Trial::small().await;
    let early = trial.recording.callback().parameter("RecordingStatus", "in-progress");
    assert_eq!(trial.post(&early).await, StatusCode::NO_CONTENT);
    assert!(trial.stack.deliveries(&trial.recording.sid).is_empty());
    trial.call_back().await;
    trial.ends_well(1, 1).await;
}

/// SQS may deliver a message again after its job has ended.
#[tokio::test]
async fn messages_of_finished_jobs_that_come_again_change_nothing() {
    let trial = Trial::small().await;
    trial.call_back().await;
    trial.ends_well(1, 1).await;
    let before = trial.attributes();
    let queues = trial.stack.resources();
    for (kind, queue) in [(Kind::Link, &queues.links), (Kind::Copy, &queues.copies)] {
        let message = trial.deliveries(kind).pop().unwrap().body;
        let sent = trial
            .stack
            .sqs()
            .send_message()
            .queue_url(&queue.url)
            .message_body(message);
        sent.send().await.unwrap();
        trial.done(kind, 2, 1).await;
    }
    trial.is_right().await;
    assert_eq!(trial.attributes(), before);
}
