//! Faults of S3 and KMS.

use std::time::Duration;

use local_stack::{Fault, Role};

use super::{Kind, Trial};

/// The copier sends a request four times before its job fails.
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

/// A recording is stored completely although `times` calls of an operation fail. The copy's message is delivered the
/// given number of times.
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

/// Two parts may be uploaded in parallel, and each has four attempts.
#[tokio::test]
async fn part_down() {
    let trial = Trial::large().await;
    trial.break_copier("s3", "UploadPart", internal_error(), 2 * ALL_ATTEMPTS);
    trial.call_back().await;
    trial.failed(Kind::Copy, 1).await;
    assert_eq!(trial.versions_and_uploads().await, (0, 0), "the upload must be aborted");
    // The part that failed first has ended the copy, so that the other part's remaining faults are not used.
    trial.stack.wire().clear_faults_about(&trial.recording.sid);
    trial.comes_back(Kind::Copy, 1).await;
    trial.ends_well(1, 2).await;
}

/// A failed copy aborts its upload, even if the first attempt to abort fails.
macro_rules! aborts {
    ($($name:ident: $times:expr, $fault:expr;)+) => {$(
        #[tokio::test]
        async fn $name() {
            let trial = Trial::large().await;
            trial.break_copier("s3", "CompleteMultipartUpload", s3(403, "AccessDenied"), 1);
            trial.break_copier("s3", "AbortMultipartUpload", $fault, $times);
            trial.call_back().await;
            trial.failed(Kind::Copy, 1).await;
            assert_eq!(trial.versions_and_uploads().await, (0, 0), "the upload must be aborted");
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

/// An upload that cannot be aborted is logged. The next copy aborts it after it has stored the recording. If there is
/// no next copy, the bucket's lifecycle rule does so.
#[tokio::test]
async fn abort_down_is_reported_and_repaired_by_the_next_copy() {
    let trial = Trial::large().await;
    trial.break_copier("s3", "CompleteMultipartUpload", s3(403, "AccessDenied"), 1);
    trial.break_copier("s3", "AbortMultipartUpload", internal_error(), ALL_ATTEMPTS);
    trial.call_back().await;
    trial.failed(Kind::Copy, 1).await;
    assert_eq!(trial.versions_and_uploads().await, (0, 1), "left behind");
    trial.comes_back(Kind::Copy, 1).await;
    trial.ends_well(1, 2).await;
    let log = trial.stack.log(Role::Copier).unwrap();
    let logged = log
        .lines()
        .any(|line| line.contains(&trial.recording.sid) && line.contains("upload not aborted"));
    assert!(logged);
}

/// Nothing is stored under a key that is disabled permanently, and the message is kept.
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
