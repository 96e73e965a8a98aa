use std::time::Duration;

use serde_json::{Value, json};
use service::secrets::{Secret, Secrets};
use sid::RecordingSid;
use twilio::client::Credentials;
use vault::{Bucket, ContentType, ObjectKeys, Receipt};

use super::*;
use crate::testing::{
    emulated::Emulated,
    loopback::{ACCOUNT, Loopback, Received},
};

const GET_SECRET: &str = "secretsmanager.GetSecretValue";

/// Five seconds of silence as Twilio serves it: 8 kHz, 16 bit, mono.
fn wav() -> Vec<u8> {
    let samples = [0_u8; 5 * 16_000];
    let mut file =
        b"RIFF\xa4\x38\x01\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x80\x38\x01\0"
            .to_vec();
    file.extend_from_slice(&samples);
    file
}

fn recording() -> RecordingSid {
    RecordingSid::parse(job(None).recording_sid.as_str()).unwrap()
}

fn job(duration_s: Option<u64>) -> DeleteOriginal {
    DeleteOriginal {
        recording_sid: RecordingSid::parse("RE00000000000000000000000000000001").unwrap(),
        duration_s,
    }
}

/// Twilio with the recording, whose reported duration is five seconds.
fn twilio(received: &Received) -> (u16, Option<&'static str>, Value) {
    match received.what.split(' ').next().unwrap() {
        GET_SECRET => (200, None, json!({"SecretString": r#"{"sid":"SK1","secret":"s"}"#})),
        "DELETE" => (204, None, json!(null)),
        _ => (
            200,
            None,
            json!({
                "sid": "RE00000000000000000000000000000001",
                "account_sid": ACCOUNT,
                "status": "completed",
                "duration": "5",
                "channels": 1,
                "date_created": "Tue, 28 May 2019 02:18:02 +0000",
            }),
        ),
    }
}

/// Runs the job. Returns its outcome and whether the original was deleted.
async fn run(
    aws: &Emulated,
    job: &DeleteOriginal,
    twilio: impl Fn(&Received) -> (u16, Option<&'static str>, Value) + Clone + Send + Sync + 'static,
) -> (Result<(), DeleteError>, usize) {
    let server = Loopback::start(twilio).await;
    let deleter = OriginalDeleter {
        twilio: TwilioAccount::new(
            server.twilio(),
            Secret::new(
                &Secrets::new(&server.aws()),
                "api-key".to_owned(),
                Credentials::parse_api_key,
            ),
        ),
        reader: Reader::new(aws.s3(), aws.kms(), aws.reader_config()),
        catalog: Catalog::new(aws.bucket()),
        notices: DeletionNotices::new(aws.bucket()),
        pending: PendingDeletions::new(aws.bucket()),
        records: Records::new(aws.bucket()),
        deleted: DeletedOriginals::new(aws.bucket()),
    };
    let outcome = deleter.run(job, Instant::now() + Duration::from_secs(60)).await;
    let deletions = server.count(&format!(
        "DELETE /2010-04-01/Accounts/{ACCOUNT}/Recordings/{}.json",
        job.recording_sid
    ));
    (outcome, deletions)
}

#[tokio::test]
async fn an_original_goes_once_the_stored_recording_has_proved_whole() {
    let aws = Emulated::start().await;
    aws.store(&recording(), ContentType::Wav, wav()).await;
    // With the duration from the message, and from Twilio.
    for job in [job(Some(5)), job(None)] {
        let (outcome, deletions) = run(&aws, &job, twilio).await;
        outcome.unwrap();
        assert_eq!(deletions, 1);
    }
}

#[tokio::test]
async fn a_recording_that_is_missing_stays_at_twilio() {
    let aws = Emulated::start().await;
    let (outcome, deletions) = run(&aws, &job(Some(5)), twilio).await;
    let error = outcome.unwrap_err();
    assert!(matches!(error, DeleteError::Unverified(ReadError::NotFound)), "{error}");
    assert!(!error.is_retryable());
    assert_eq!(deletions, 0);
}

#[tokio::test]
async fn a_recording_that_is_damaged_stays_at_twilio() {
    let aws = Emulated::start().await;
    aws.store(&recording(), ContentType::Wav, wav()).await;
    aws.damage(&recording()).await;
    let (outcome, deletions) = run(&aws, &job(Some(5)), twilio).await;
    let error = outcome.unwrap_err();
    assert!(
        matches!(error, DeleteError::Unverified(ReadError::Damaged(_))),
        "{error}"
    );
    assert!(!error.is_retryable());
    assert_eq!(deletions, 0);
}

#[tokio::test]
async fn a_recording_that_lasts_shorter_than_twilio_said_stays_there() {
    let aws = Emulated::start().await;
    aws.store(&recording(), ContentType::Wav, wav()).await;
    let (outcome, deletions) = run(&aws, &job(Some(8)), twilio).await;
    let error = outcome.unwrap_err();
    assert!(
        matches!(error, DeleteError::Incomplete(_)) && !error.is_retryable(),
        "{error}"
    );
    assert_eq!(deletions, 0);
}

async fn mark(aws: &Emulated) {
    let key = recording().erasure_mark_key();
    aws.s3().put_object().bucket(&aws.name).key(key).send().await.unwrap();
}

/// Runs on a thread of its own, because the caller cannot await it.
fn mark_now(config: &aws_config::SdkConfig, bucket: &str) {
    let (s3, bucket) = (aws_sdk_s3::Client::new(config), bucket.to_owned());
    let marking = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let put = s3.put_object().bucket(bucket).key(recording().erasure_mark_key());
        runtime.block_on(put.send()).unwrap();
    });
    marking.join().unwrap();
}

#[tokio::test]
async fn an_erased_recording_leaves_nothing_to_do() {
    let aws = Emulated::start().await;
    mark(&aws).await;
    let (outcome, deletions) = run(&aws, &job(Some(5)), twilio).await;
    outcome.unwrap();
    assert_eq!(deletions, 0);
}

/// The mark exists, and so does the recording.
#[tokio::test]
async fn an_original_stays_after_an_erasure_that_failed_half_way() {
    let aws = Emulated::start().await;
    aws.store(&recording(), ContentType::Wav, wav()).await;
    mark(&aws).await;
    for job in [job(Some(5)), job(None)] {
        let (outcome, deletions) = run(&aws, &job, twilio).await;
        outcome.unwrap();
        assert_eq!(deletions, 0);
    }
}

#[tokio::test]
async fn an_original_stays_if_its_recording_is_erased_while_it_is_verified() {
    let aws = Emulated::start().await;
    aws.store(&recording(), ContentType::Wav, wav()).await;
    // The job requests the duration from Twilio between the verification and the deletion.
    let (config, bucket) = (aws.config.clone(), aws.name.clone());
    let erased_meanwhile = move |received: &Received| {
        if received.what.starts_with("GET") {
            mark_now(&config, &bucket);
        }
        twilio(received)
    };
    let (outcome, deletions) = run(&aws, &job(None), erased_meanwhile).await;
    outcome.unwrap();
    assert_eq!(deletions, 0);
}

#[tokio::test]
async fn a_recording_that_is_damaged_and_erased_is_no_error() {
    let aws = Emulated::start().await;
    aws.store(&recording(), ContentType::Wav, wav()).await;
    aws.damage(&recording()).await;
    mark(&aws).await;
    run(&aws, &job(Some(5)), twilio).await.0.unwrap();
}

#[tokio::test]
async fn a_deletion_gives_notice_before_it_calls_twilio() {
    let aws = Emulated::start().await;
    aws.store(&recording(), ContentType::Wav, wav()).await;
    let down = |received: &Received| match twilio(received) {
        _ if received.what.starts_with("DELETE") => (500, None, json!(null)),
        answer => answer,
    };
    let notices = DeletionNotices::new(aws.bucket());
    let under_way = async || {
        notices
            .is_deletion_under_way(&recording(), std::time::SystemTime::now())
            .await
    };
    assert_eq!(under_way().await, Ok(false));
    let (outcome, deletions) = run(&aws, &job(Some(5)), down).await;
    assert!(outcome.unwrap_err().is_retryable());
    assert_eq!((deletions, under_way().await), (1, Ok(true)));
}

#[tokio::test]
async fn nothing_is_deleted_without_notice() {
    let aws = Emulated::start().await;
    aws.store(&recording(), ContentType::Wav, wav()).await;
    let server = Loopback::start(twilio).await;
    let deleter = OriginalDeleter {
        twilio: TwilioAccount::new(
            server.twilio(),
            Secret::new(
                &Secrets::new(&server.aws()),
                "api-key".to_owned(),
                Credentials::parse_api_key,
            ),
        ),
        reader: Reader::new(aws.s3(), aws.kms(), aws.reader_config()),
        catalog: Catalog::new(aws.bucket()),
        notices: DeletionNotices::new(Bucket::new(aws.s3(), "no-such-bucket")),
        pending: PendingDeletions::new(aws.bucket()),
        records: Records::new(aws.bucket()),
        deleted: DeletedOriginals::new(aws.bucket()),
    };
    let outcome = deleter
        .run(&job(Some(5)), Instant::now() + Duration::from_secs(60))
        .await;
    assert!(matches!(outcome, Err(DeleteError::Catalog(_))), "{outcome:?}");
    assert_eq!(server.count("DELETE"), 0);
}

#[tokio::test]
async fn a_deletion_is_pending_until_nothing_is_left_to_do() {
    let aws = Emulated::start().await;
    aws.store(&recording(), ContentType::Wav, wav()).await;
    let pending = PendingDeletions::new(aws.bucket());
    let is_pending = async || !pending.list(None, 1).await.unwrap().is_empty();
    pending.mark(&recording()).await.unwrap();
    let down = |received: &Received| match twilio(received) {
        _ if received.what.starts_with("DELETE") => (500, None, json!(null)),
        answer => answer,
    };
    run(&aws, &job(Some(5)), down).await.0.unwrap_err();
    // The stored recording is longer than reported, so the original stays.
    run(&aws, &job(Some(50)), twilio).await.0.unwrap_err();
    assert!(is_pending().await);
    run(&aws, &job(Some(5)), twilio).await.0.unwrap();
    assert!(!is_pending().await);
}

#[tokio::test]
async fn an_original_that_is_gone_leaves_nothing_to_do() {
    let aws = Emulated::start().await;
    aws.store(&recording(), ContentType::Wav, wav()).await;
    let gone = |received: &Received| match twilio(received) {
        secret if received.what == GET_SECRET => secret,
        _ => (404, None, json!({"code": 20404})),
    };
    for job in [job(Some(5)), job(None)] {
        run(&aws, &job, gone).await.0.unwrap();
    }
}

#[tokio::test]
async fn a_failure_of_twilio_is_retried() {
    let aws = Emulated::start().await;
    aws.store(&recording(), ContentType::Wav, wav()).await;
    let down = |received: &Received| match twilio(received) {
        secret if received.what == GET_SECRET => secret,
        _ => (500, None, json!(null)),
    };
    let (outcome, _) = run(&aws, &job(Some(5)), down).await;
    let error = outcome.unwrap_err();
    assert!(error.is_retryable(), "{error}");
}

#[tokio::test]
async fn refused_credentials_are_read_again_once() {
    let aws = Emulated::start().await;
    aws.store(&recording(), ContentType::Wav, wav()).await;
    let refused = |received: &Received| match twilio(received) {
        secret if received.what == GET_SECRET => secret,
        _ if received.what.starts_with("DELETE") => (401, None, json!({"code": 20003})),
        answer => answer,
    };
    let (outcome, deletions) = run(&aws, &job(Some(5)), refused).await;
    assert!(!outcome.unwrap_err().is_retryable());
    assert_eq!(deletions, 2);
}

/// MPEG audio in one channel, with 36 ms in each frame.
fn mp3(frames: usize) -> Vec<u8> {
    let mut frame = [0; 288];
    frame[..4].copy_from_slice(&[0xff, 0xfb, 0x58, 0xc0]);
    frame.repeat(frames)
}

#[tokio::test]
async fn an_original_goes_once_an_mp3_of_its_length_is_stored_and_not_before() {
    for (bytes, deleted) in [
        (mp3(139), true),
        // 16 bytes of text; 4,000 bytes of a recording of five seconds; nothing but noise behind a first frame.
        (b"sixteen of text!".to_vec(), false),
        (mp3(13), false),
        ([mp3(1), vec![7; 40_000]].concat(), false),
    ] {
        let aws = Emulated::start().await;
        aws.store(&recording(), ContentType::Mp3, bytes).await;
        let (outcome, deletions) = run(&aws, &job(Some(5)), twilio).await;
        assert_eq!(
            (outcome.is_ok(), deletions),
            (deleted, usize::from(deleted)),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn an_original_of_more_channels_than_are_stored_stays() {
    let aws = Emulated::start().await;
    aws.store(&recording(), ContentType::Wav, wav()).await;
    let dual = |received: &Received| {
        let (status, header, mut body) = twilio(received);
        if body.get("channels").is_some() {
            body["channels"] = json!(2);
        }
        (status, header, body)
    };
    let (outcome, deletions) = run(&aws, &job(Some(5)), dual).await;
    let error = outcome.unwrap_err();
    assert!(
        matches!(
            error,
            DeleteError::Incomplete(Incomplete::Differs(Difference::Channels { .. }))
        ),
        "{error}"
    );
    assert_eq!(deletions, 0);
}

#[tokio::test]
async fn the_original_of_a_suspect_recording_stays() {
    let aws = Emulated::start().await;
    let reported = Reported {
        channels: Some(2),
        duration_s: None,
    };
    aws.store_as(&recording(), ContentType::Wav, reported, wav()).await;
    let (outcome, deletions) = run(&aws, &job(Some(5)), twilio).await;
    let error = outcome.unwrap_err();
    assert!(matches!(error, DeleteError::Incomplete(Incomplete::Suspect)), "{error}");
    assert_eq!(deletions, 0);
}

#[test]
fn every_reported_fact_must_match_and_some_must_be_reported() {
    let reported = |channels, duration_s| Reported { channels, duration_s };
    let verified = |verdict| Verified {
        receipt: receipt(),
        verdict,
    };
    let audio = verified(Verdict::Audio(vault::Audio {
        format: vault::Format::Wav,
        channels: 1,
        duration: Duration::from_secs(5),
    }));
    assert_eq!(
        check_complete(&audio, &[reported(Some(1), Some(5)), reported(None, Some(6))]),
        Ok(())
    );
    assert_eq!(
        check_complete(&audio, &[reported(Some(1), None), reported(None, Some(5))]),
        Ok(())
    );
    for other in [
        [reported(Some(1), Some(5)), reported(None, Some(8))],
        [reported(Some(2), Some(5)), reported(None, None)],
    ] {
        assert!(
            matches!(check_complete(&audio, &other), Err(Incomplete::Differs(_))),
            "{other:?}"
        );
    }
    for silent in [
        [reported(None, Some(5)), reported(None, Some(5))],
        [reported(Some(1), None), reported(None, None)],
    ] {
        assert_eq!(check_complete(&audio, &silent), Err(Incomplete::NothingToCompareWith));
    }
    for verdict in [Verdict::Unknown, Verdict::NotAudio(vault::NotAudio::Nothing)] {
        assert_eq!(
            check_complete(&verified(verdict), &[reported(Some(1), Some(5))]),
            Err(Incomplete::Unrecognized)
        );
    }
}

fn receipt() -> Receipt {
    let json = format!(
        r#"{{"version":1,"recordingSid":"{0}","accountSid":"AC00000000000000000000000000000001","mediaType":"audio/x-wav",
        "length":44,"sha256":"{1}","objectKey":"recordings/{0}","kmsKeyArn":"arn:aws:kms:us-east-1:111122223333:key/k",
        "headerSha256":"{1}","copiedAt":"2026-11-28T10:00:00Z","recordedFrom":"reading","softwareVersion":"0.3.0"}}"#,
        recording(),
        "00".repeat(32),
    );
    Receipt::parse(json.as_bytes(), &recording()).unwrap()
}

#[tokio::test]
async fn an_original_goes_with_a_receipt_and_a_mark() {
    let aws = Emulated::start().await;
    aws.store(&recording(), ContentType::Wav, wav()).await;
    let (records, deleted) = (Records::new(aws.bucket()), DeletedOriginals::new(aws.bucket()));
    assert!(!records.exists(&recording()).await.unwrap() && !deleted.is_marked(&recording()).await.unwrap());
    for _ in 0..2 {
        let (outcome, deletions) = run(&aws, &job(Some(5)), twilio).await;
        outcome.unwrap();
        assert_eq!(deletions, 1);
        let receipt = records.read(&recording()).await.unwrap().unwrap();
        assert_eq!(receipt.length, wav().len() as u64);
        assert!(deleted.is_marked(&recording()).await.unwrap());
    }
}

#[tokio::test]
async fn an_original_stays_where_the_recording_differs_from_its_receipt() {
    let aws = Emulated::start().await;
    aws.store(&recording(), ContentType::Wav, wav()).await;
    let reader = Reader::new(aws.s3(), aws.kms(), aws.reader_config());
    let mut receipt = reader.verify(&recording()).await.unwrap().receipt;
    receipt.length += 1;
    let put = aws.s3().put_object().bucket(&aws.name).key(recording().receipt_key());
    put.body(receipt.to_json().into_bytes().into()).send().await.unwrap();
    let (outcome, deletions) = run(&aws, &job(Some(5)), twilio).await;
    let error = outcome.unwrap_err();
    assert!(
        matches!(error, DeleteError::Incomplete(Incomplete::DiffersFromReceipt)) && !error.is_retryable(),
        "{error}"
    );
    assert_eq!(deletions, 0);
    assert!(
        !DeletedOriginals::new(aws.bucket())
            .is_marked(&recording())
            .await
            .unwrap()
    );
}
