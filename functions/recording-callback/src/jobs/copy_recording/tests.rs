use serde_json::{Value, json};
use service::secrets::{Secret, Secrets};
use sid::AccountSid;
use twilio::client::Credentials;
use vault::{Bucket, KeyArn, ReaderConfig, WriterConfig};

use super::*;
use crate::{
    job::Job,
    testing::{
        loopback::{ACCOUNT, Loopback, Received},
        sample_events::COPY_RECORDING,
    },
};

const GET_SECRET: &str = "secretsmanager.GetSecretValue";

fn copier(server: &Loopback, format: MediaFormat) -> Copier {
    let aws = server.aws();
    let vault = WriterConfig {
        bucket: "recordings".to_owned(),
        account: AccountSid::parse(ACCOUNT).unwrap(),
        kms_key: KeyArn::parse("arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000001").unwrap(),
    };
    Copier {
        twilio: TwilioAccount::new(
            server.twilio(),
            Secret::new(&Secrets::new(&aws), "api-key".to_owned(), Credentials::parse_api_key),
        ),
        records: Records::new(Bucket::new(aws_sdk_s3::Client::new(&aws), &vault.bucket)),
        reader: Reader::new(
            aws_sdk_s3::Client::new(&aws),
            aws_sdk_kms::Client::new(&aws),
            ReaderConfig {
                bucket: vault.bucket.clone(),
                account: vault.account.clone(),
                kms_keys: vec![vault.kms_key.clone()],
            },
        ),
        writer: Writer::new(aws_sdk_s3::Client::new(&aws), aws_sdk_kms::Client::new(&aws), vault),
        max_receives: 5,
        formats: Formats {
            usual: format,
            mp3_above_s: None,
        },
        media_keys: None,
    }
}

/// The job of the sample event.
fn job() -> CopyRecording {
    let event: Value = serde_json::from_str(COPY_RECORDING).unwrap();
    match Job::from_message(event["Records"][0]["body"].as_str().unwrap()) {
        Ok(Job::CopyRecording(job)) => job,
        other => panic!("{other:?}"),
    }
}

/// Opens the sample recording's media while Twilio answers with this status.
async fn open(server: &Loopback, format: MediaFormat) -> Result<SourceReply, SourceError> {
    let copier = copier(server, format);
    let recording = job().recording_sid;
    let media = RecordingMedia {
        copier: &copier,
        recording: &recording,
        format,
    };
    media.open(0, None).await
}

fn twilio_answers(status: u16) -> impl Fn(&Received) -> (u16, Option<&'static str>, Value) + Clone {
    move |received| match received.what.as_str() {
        GET_SECRET => (200, None, json!({"SecretString": r#"{"sid":"SK1","secret":"s"}"#})),
        _ => (status, None, json!({})),
    }
}

/// The duration and the channels are those that the media was compared with, which Twilio may have corrected.
#[test]
fn the_facts_of_the_callback_are_stored_with_the_recording() {
    let expected = [
        ("callsid", "CA00000000000000000000000000000001"),
        ("channels", "1"),
        ("duration", "20"),
        ("reservationsid", "WR00000000000000000000000000000001"),
        ("source", "OutboundAPI"),
        ("starttime", "2019-05-28T02:18:02Z"),
        ("tasksid", "WT00000000000000000000000000000001"),
        ("track", "both"),
    ];
    let corrected = Reported {
        channels: Some(1),
        duration_s: Some(20),
    };
    let attributes = facts(&job(), &corrected).to_attributes();
    let pairs: Vec<_> = attributes
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(pairs, expected);
}

#[tokio::test]
async fn media_is_requested_by_the_two_sids_and_in_the_configured_format() {
    for (format, extension) in [(MediaFormat::Wav, "wav"), (MediaFormat::Mp3, "mp3")] {
        let server = Loopback::start(twilio_answers(200)).await;
        let reply = open(&server, format).await.unwrap();
        assert_eq!((reply.start, reply.total_len), (0, Some(2)));
        let path =
            format!("GET /2010-04-01/Accounts/{ACCOUNT}/Recordings/RE00000000000000000000000000000001.{extension}");
        assert_eq!(server.count(&path), 1);
    }
}

#[tokio::test]
async fn a_recording_that_twilio_still_processes_is_retried() {
    let server = Loopback::start(twilio_answers(404)).await;
    let error = open(&server, MediaFormat::Wav).await.unwrap_err();
    assert!(error.retryable, "{error}");
}

#[tokio::test]
async fn refused_credentials_are_read_again_once_and_then_fail_for_good() {
    for status in [401, 403] {
        let server = Loopback::start(twilio_answers(status)).await;
        let error = open(&server, MediaFormat::Wav).await.unwrap_err();
        assert!(!error.retryable, "{error}");
        assert_eq!(server.count("GET "), 2);
    }
}

#[tokio::test]
async fn a_missing_api_key_is_retried_without_a_call_to_twilio() {
    let server = Loopback::start(|_: &Received| (200, None, json!({"SecretString": "change-me"}))).await;
    let error = open(&server, MediaFormat::Wav).await.unwrap_err();
    assert!(error.retryable, "{error}");
    assert_eq!(server.count("GET "), 0);
}

#[tokio::test]
async fn media_that_twilio_encrypted_is_not_stored_as_if_it_were_audio() {
    let server = Loopback::start(|received: &Received| panic!("not to be called: {}", received.what)).await;
    let mut job = job();
    let details = json!({"public_key_sid": "CR1", "encrypted_cek": "", "iv": ""});
    job.encryption_details = Some(serde_json::from_value(details).unwrap());
    let deadline = Instant::now() + Duration::from_secs(30);
    let error = copier(&server, MediaFormat::Wav)
        .run(&job, Try::Nth(1), deadline)
        .await
        .unwrap_err();
    assert!(matches!(error, CopyError::Encrypted) && !error.is_retryable());
    assert_eq!(server.received().len(), 0);
}

/// The format in which an attempt fetches the sample recording. The callback says five seconds, the recording seven.
async fn format_of(duration_s: Option<u64>, limit_s: u64, nth: Try) -> MediaFormat {
    let server = Loopback::start(|received: &Received| match received.what.as_str() {
        GET_SECRET => (200, None, json!({"SecretString": r#"{"sid":"SK1","secret":"s"}"#})),
        _ => (
            200,
            None,
            json!({"sid": job().recording_sid, "channels": 2, "duration": "7"}),
        ),
    })
    .await;
    let mut copier = copier(&server, MediaFormat::Wav);
    copier.formats.mp3_above_s = Some(limit_s);
    let mut job = job();
    job.facts.duration_s = duration_s;
    let expected = copier.expected(&job, nth, false).await.unwrap();
    copier.format(&job, &expected)
}

#[tokio::test]
async fn every_attempt_requests_the_format_for_the_callbacks_duration() {
    for nth in 1..=4 {
        assert_eq!(format_of(Some(5), 4, Try::Nth(nth)).await, MediaFormat::Mp3);
        assert_eq!(format_of(Some(5), 5, Try::Nth(nth)).await, MediaFormat::Wav);
        assert_eq!(format_of(Some(5), 6, Try::Nth(nth)).await, MediaFormat::Wav);
    }
}

#[tokio::test]
async fn a_duration_that_the_callback_leaves_out_is_the_recordings_own() {
    for nth in 1..=4 {
        assert_eq!(format_of(None, 6, Try::Nth(nth)).await, MediaFormat::Mp3);
        assert_eq!(format_of(None, 7, Try::Nth(nth)).await, MediaFormat::Wav);
    }
}

/// Only the format that Twilio encrypted exists, whatever a URL's extension says.
#[tokio::test]
async fn encrypted_media_is_fetched_in_the_usual_format() {
    let server = Loopback::start(twilio_answers(404)).await;
    let mut copier = copier(&server, MediaFormat::Wav);
    copier.formats.mp3_above_s = Some(1);
    let mut job = job();
    assert_eq!(copier.format(&job, &Reported::default()), MediaFormat::Mp3);
    let details = json!({"public_key_sid": "CR1", "encrypted_cek": "", "iv": ""});
    job.encryption_details = Some(serde_json::from_value(details).unwrap());
    assert_eq!(copier.format(&job, &Reported::default()), MediaFormat::Wav);
}
