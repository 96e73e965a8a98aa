use serde_json::{Value, json};
use service::secrets::{Secret, Secrets};
use twilio::sid::RecordingSid;

use super::*;
use crate::{
    emulated::Emulated,
    loopback::{ACCOUNT, Asked, Loopback},
    secret::api_key,
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

fn recording() -> RecordingId {
    RecordingId::parse(job(None).recording_sid.as_str()).unwrap()
}

fn job(duration_s: Option<u64>) -> DeleteOriginal {
    DeleteOriginal {
        recording_sid: RecordingSid::parse("RE00000000000000000000000000000001").unwrap(),
        duration_s,
    }
}

/// Twilio with the recording, of which it says that it lasts five seconds.
fn twilio(asked: &Asked) -> (u16, Option<&'static str>, Value) {
    match asked.what.split(' ').next().unwrap() {
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
                "date_created": "Tue, 28 May 2019 02:18:02 +0000",
            }),
        ),
    }
}

/// Runs the job; says how it went and whether the original was deleted.
async fn run(
    aws: &Emulated,
    job: &DeleteOriginal,
    twilio: impl Fn(&Asked) -> (u16, Option<&'static str>, Value) + Clone + Send + Sync + 'static,
) -> (Result<(), DeleteError>, usize) {
    let server = Loopback::start(twilio).await;
    let deleter = OriginalDeleter {
        originals: Originals {
            twilio: server.twilio(),
            api_key: Secret::new(&Secrets::new(&server.aws()), "api-key".to_owned(), api_key),
        },
        reader: Reader::new(aws.s3(), aws.kms(), aws.reader_config()),
        catalog: Catalog::new(aws.s3(), aws.name.clone()),
        notices: DeletionNotices::new(aws.s3(), aws.name.clone()),
        pending: PendingDeletions::new(aws.s3(), aws.name.clone()),
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
        matches!(error, DeleteError::NotWhole(_)) && !error.is_retryable(),
        "{error}"
    );
    assert_eq!(deletions, 0);
}

async fn mark(aws: &Emulated) {
    let key = recording().erasure_mark_key();
    aws.s3().put_object().bucket(&aws.name).key(key).send().await.unwrap();
}

/// From a place that cannot wait for it: on a thread of its own.
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

/// The mark is there, and so is the recording.
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
    // Twilio is asked for the duration between the verification and the deletion.
    let (config, bucket) = (aws.config.clone(), aws.name.clone());
    let erased_meanwhile = move |asked: &Asked| {
        if asked.what.starts_with("GET") {
            mark_now(&config, &bucket);
        }
        twilio(asked)
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
async fn a_deletion_gives_notice_before_it_asks_twilio() {
    let aws = Emulated::start().await;
    aws.store(&recording(), ContentType::Wav, wav()).await;
    let down = |asked: &Asked| match twilio(asked) {
        _ if asked.what.starts_with("DELETE") => (500, None, json!(null)),
        answer => answer,
    };
    let notices = DeletionNotices::new(aws.s3(), aws.name.clone());
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
        originals: Originals {
            twilio: server.twilio(),
            api_key: Secret::new(&Secrets::new(&server.aws()), "api-key".to_owned(), api_key),
        },
        reader: Reader::new(aws.s3(), aws.kms(), aws.reader_config()),
        catalog: Catalog::new(aws.s3(), aws.name.clone()),
        notices: DeletionNotices::new(aws.s3(), "no-such-bucket".to_owned()),
        pending: PendingDeletions::new(aws.s3(), aws.name.clone()),
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
    let pending = PendingDeletions::new(aws.s3(), aws.name.clone());
    let is_pending = async || !pending.list(None, 1).await.unwrap().is_empty();
    pending.mark(&recording()).await.unwrap();
    let down = |asked: &Asked| match twilio(asked) {
        _ if asked.what.starts_with("DELETE") => (500, None, json!(null)),
        answer => answer,
    };
    run(&aws, &job(Some(5)), down).await.0.unwrap_err();
    // It lasts longer than it should: the original stays.
    run(&aws, &job(Some(50)), twilio).await.0.unwrap_err();
    assert!(is_pending().await);
    run(&aws, &job(Some(5)), twilio).await.0.unwrap();
    assert!(!is_pending().await);
}

#[tokio::test]
async fn an_original_that_is_gone_leaves_nothing_to_do() {
    let aws = Emulated::start().await;
    aws.store(&recording(), ContentType::Wav, wav()).await;
    let gone = |asked: &Asked| match twilio(asked) {
        secret if asked.what == GET_SECRET => secret,
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
    let down = |asked: &Asked| match twilio(asked) {
        secret if asked.what == GET_SECRET => secret,
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
    let refused = |asked: &Asked| match twilio(asked) {
        secret if asked.what == GET_SECRET => secret,
        _ => (401, None, json!({"code": 20003})),
    };
    let (outcome, deletions) = run(&aws, &job(Some(5)), refused).await;
    assert!(!outcome.unwrap_err().is_retryable());
    assert_eq!(deletions, 2);
}

#[test]
fn durations_are_compared_with_the_tolerance() {
    let verified = |content_type, plaintext_len, wav_ms: Option<u64>| Verified {
        plaintext_len,
        content_type,
        sha256: [0; 32],
        version_id: None,
        wav_duration: wav_ms.map(Duration::from_millis),
    };
    let wav = |wav_ms, told_s| is_whole(&verified(ContentType::Wav, 44, wav_ms), told_s);
    for (wav_ms, told_s) in [(0, 0), (3_000, 5), (5_000, 5), (7_000, 5), (0, 2)] {
        assert_eq!(wav(Some(wav_ms), Some(told_s)), Ok(()), "{wav_ms} ms, {told_s} s");
    }
    for (wav_ms, told_s) in [(2_999, 5), (7_001, 5), (0, 3), (0, u64::MAX)] {
        let outcome = wav(Some(wav_ms), Some(told_s));
        assert!(
            matches!(outcome, Err(NotWhole::OtherDuration { .. })),
            "{wav_ms} ms, {told_s} s"
        );
    }
    assert_eq!(wav(None, Some(5)), Err(NotWhole::NoDuration { told_s: 5 }));
    assert_eq!(wav(Some(5_000), None), Err(NotWhole::NothingToCompareWith));
    let mp3 = |plaintext_len| is_whole(&verified(ContentType::Mp3, plaintext_len, None), None);
    assert_eq!((mp3(1), mp3(0)), (Ok(()), Err(NotWhole::Empty)));
}
