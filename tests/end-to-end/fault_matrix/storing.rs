//! What S3 and KMS do wrong.

use std::time::Duration;

use local_stack::{Fault, Role};

use super::{Kind, Trial};

/// The copier asks four times before its job fails.
const ALL_ATTEMPTS: u64 = 4;

/// Longer than the copier waits for an answer (15 s).
const TIMEOUT: Fault = Fault::Delay(Duration::from_secs(17));

fn s3(status: u16, code: &str) -> Fault {
    Fault::Answer {
        status,
        body: format!("<Error><Code>{code}</Code><Message>m</Message></Error>"),
    }
}

fn kms(status: u16, code: &str) -> Fault {
    Fault::Answer {
        status,
        body: format!(r#"{{"__type":"{code}","message":"m"}}"#),
    }
}

fn internal_error() -> Fault {
    s3(500, "InternalError")
}

fn slow_down() -> Fault {
    s3(503, "SlowDown")
}

/// A recording is stored whole, although so many calls of an operation go wrong; the copy's message is delivered so often.
macro_rules! calls {
    ($($name:ident: $size:ident, $service:literal $operation:literal, $times:expr, $fault:expr, delivered $deliveries:expr;)+) => {$(
        #[tokio::test]
        async fn $name() {
            let trial = Trial::$size().await;
            trial.break_copier($service, $operation, $fault, $times);
            trial.call_back().await;
            trial.comes_back(Kind::Copy, $deliveries - 1).await;
            trial.ends_well(1, $deliveries).await;
        }
    )+}
}

calls! {
    head_500: small, "s3" "HeadObject", 1, internal_error(), delivered 1;
    head_down: small, "s3" "HeadObject", 2 * ALL_ATTEMPTS, internal_error(), delivered 2;

    put_500: small, "s3" "PutObject", 1, internal_error(), delivered 1;
    put_slow_down: small, "s3" "PutObject", 2, slow_down(), delivered 1;
    put_timeout: small, "s3" "PutObject", 1, TIMEOUT, delivered 1;
    put_down: small, "s3" "PutObject", ALL_ATTEMPTS, internal_error(), delivered 2;
    put_done_but_answer_lost: small, "s3" "PutObject", 1, Fault::LoseAnswer, delivered 1;
    put_connection_dropped: small, "s3" "PutObject", 1, Fault::Drop, delivered 1;
    put_200_without_proof: small, "s3" "PutObject", 1, Fault::Answer { status: 200, body: String::new() }, delivered 2;
    put_conflicts_with_another: small, "s3" "PutObject", 1, s3(409, "ConditionalRequestConflict"), delivered 1;

    create_500: large, "s3" "CreateMultipartUpload", 1, internal_error(), delivered 1;
    create_slow_down: large, "s3" "CreateMultipartUpload", 2, slow_down(), delivered 1;
    create_timeout: large, "s3" "CreateMultipartUpload", 1, TIMEOUT, delivered 1;
    create_down: large, "s3" "CreateMultipartUpload", ALL_ATTEMPTS, internal_error(), delivered 2;
    create_done_but_answer_lost: large, "s3" "CreateMultipartUpload", 1, Fault::LoseAnswer, delivered 1;

    part_500: large, "s3" "UploadPart", 1, internal_error(), delivered 1;
    part_slow_down: large, "s3" "UploadPart", 2, slow_down(), delivered 1;
    part_timeout: large, "s3" "UploadPart", 1, TIMEOUT, delivered 1;
    part_done_but_answer_lost: large, "s3" "UploadPart", 1, Fault::LoseAnswer, delivered 1;
    part_of_an_upload_that_is_gone: large, "s3" "UploadPart", 1, s3(404, "NoSuchUpload"), delivered 1;

    complete_500: large, "s3" "CompleteMultipartUpload", 1, internal_error(), delivered 1;
    complete_slow_down: large, "s3" "CompleteMultipartUpload", 2, slow_down(), delivered 1;
    complete_timeout: large, "s3" "CompleteMultipartUpload", 1, TIMEOUT, delivered 1;
    complete_down: large, "s3" "CompleteMultipartUpload", ALL_ATTEMPTS, internal_error(), delivered 2;
    complete_done_but_answer_lost: large, "s3" "CompleteMultipartUpload", 1, Fault::LoseAnswer, delivered 1;
    complete_200_that_is_an_error: large, "s3" "CompleteMultipartUpload", 1, s3(200, "InternalError"), delivered 1;
    complete_200_of_half_a_document: large, "s3" "CompleteMultipartUpload", 1, Fault::Answer { status: 200, body: "<CompleteMultipartUploadResult><Loc".to_owned() }, delivered 2;
    complete_conflicts_with_another: large, "s3" "CompleteMultipartUpload", 1, s3(409, "ConditionalRequestConflict"), delivered 1;

    list_of_uploads_down: small, "s3" "ListMultipartUploads", ALL_ATTEMPTS, internal_error(), delivered 1;

    kms_throttled: small, "kms" "GenerateDataKey", 2, kms(400, "ThrottlingException"), delivered 1;
    kms_throttled_for_long: small, "kms" "GenerateDataKey", ALL_ATTEMPTS, kms(400, "ThrottlingException"), delivered 2;
    kms_down: small, "kms" "GenerateDataKey", ALL_ATTEMPTS, kms(500, "KMSInternalException"), delivered 2;
    kms_answer_lost: small, "kms" "GenerateDataKey", 1, Fault::LoseAnswer, delivered 1;
    kms_key_disabled_for_a_while: small, "kms" "GenerateDataKey", 2, kms(400, "DisabledException"), delivered 3;
}

/// Two parts may be on their way at once: each has four attempts.
#[tokio::test]
async fn part_down() {
    let trial = Trial::large().await;
    trial.break_copier("s3", "UploadPart", internal_error(), 2 * ALL_ATTEMPTS);
    trial.call_back().await;
    trial.failed(Kind::Copy, 1).await;
    assert_eq!(trial.versions_and_uploads().await, (0, 0), "the upload was aborted");
    // Whichever part failed first has ended the copy, and the other one's attempts with it.
    trial.stack.wire().clear_faults_about(&trial.recording.sid);
    trial.comes_back(Kind::Copy, 1).await;
    trial.ends_well(1, 2).await;
}

/// A failed copy aborts its upload, if not at the first try.
macro_rules! aborts {
    ($($name:ident: $times:expr, $fault:expr;)+) => {$(
        #[tokio::test]
        async fn $name() {
            let trial = Trial::large().await;
            trial.break_copier("s3", "CompleteMultipartUpload", s3(403, "AccessDenied"), 1);
            trial.break_copier("s3", "AbortMultipartUpload", $fault, $times);
            trial.call_back().await;
            trial.failed(Kind::Copy, 1).await;
            assert_eq!(trial.versions_and_uploads().await, (0, 0), "the upload was aborted");
            trial.comes_back(Kind::Copy, 1).await;
            trial.ends_well(1, 2).await;
        }
    )+}
}

aborts! {
    abort_at_once: 0, Fault::Drop;
    abort_500: 1, internal_error();
    abort_slow_down: 2, slow_down();
    abort_timeout: 1, TIMEOUT;
    abort_done_but_answer_lost: 1, Fault::LoseAnswer;
}

/// An upload that can't be aborted is told in the log, and aborted by the next copy when the recording is stored; without
/// one, by the bucket's lifecycle rule.
#[tokio::test]
async fn abort_down_is_told_and_made_up_for_by_the_next_copy() {
    let trial = Trial::large().await;
    trial.break_copier("s3", "CompleteMultipartUpload", s3(403, "AccessDenied"), 1);
    trial.break_copier("s3", "AbortMultipartUpload", internal_error(), ALL_ATTEMPTS);
    trial.call_back().await;
    trial.failed(Kind::Copy, 1).await;
    assert_eq!(trial.versions_and_uploads().await, (0, 1), "left behind");
    trial.comes_back(Kind::Copy, 1).await;
    trial.ends_well(1, 2).await;
    let log = trial.stack.log(Role::Copier).unwrap();
    let told = log
        .lines()
        .any(|line| line.contains(&trial.recording.sid) && line.contains("upload not aborted"));
    assert!(told);
}

/// Nothing is stored under a key that's gone for good, and the message is kept.
#[tokio::test]
async fn kms_key_disabled_for_good_ends_in_the_dead_letters() {
    let trial = Trial::small().await;
    trial.break_copier("kms", "GenerateDataKey", kms(400, "DisabledException"), 5);
    trial.call_back().await;
    trial.done(Kind::Link, 1, 1).await;
    trial.dies(Kind::Copy).await;
    trial.every_fault_struck();
    assert_eq!(trial.versions_and_uploads().await, (0, 0));
}
