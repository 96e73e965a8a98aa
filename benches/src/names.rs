//! The names in the test bed, and the settings that contain them.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::server::seconds_of;

pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";
/// The workspace of the linker, and the task and the call of the sample events.
pub(crate) const WORKSPACE: &str = "WS00000000000000000000000000000001";
pub(crate) const TASK: &str = "WT00000000000000000000000000000001";
pub(crate) const CALL: &str = "CA00000000000000000000000000000001";
pub(crate) const BUCKET: &str = "recordings";
pub(crate) const KMS_KEY: &str = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000";
pub(crate) const API_KEY_SECRET: &str = "api-key";
pub(crate) const API_KEY: &str = r#"{"sid":"SK00000000000000000000000000000001","secret":"benchmarks"}"#;
pub(crate) const LINK_KEYS_SECRET: &str = "link-keys";
/// A key of the form that Secrets Manager generates. It protects nothing.
pub(crate) const LINK_KEYS: &str = r#"{"current":"k1","k1":"0123456789012345678901234567890123456789012"}"#;

/// The token that signs the sample events.
pub(crate) const AUTH_TOKEN_SECRET: &str = "auth-token";
pub(crate) const AUTH_TOKEN: &str = r#"{"primary":"local-stack-auth-token"}"#;

/// The variables that every AWS SDK reads in any language.
pub(crate) fn aws(endpoint: &str) -> Vec<(String, String)> {
    own([
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "benchmarks"),
        ("AWS_SECRET_ACCESS_KEY", "benchmarks"),
        ("AWS_ENDPOINT_URL", endpoint),
    ])
}

/// The variables that give each service of a first playback an address of its own on loopback.
pub(crate) fn endpoints(scheme: &str, ports: [u16; 3]) -> Vec<(String, String)> {
    let services = ["S3", "KMS", "SECRETS_MANAGER"];
    services
        .into_iter()
        .zip(ports)
        .map(|(service, port)| {
            (
                format!("AWS_ENDPOINT_URL_{service}"),
                format!("{scheme}://127.0.0.1:{port}"),
            )
        })
        .collect()
}

/// Settings of `recording-callback` as the copier.
pub(crate) fn copier(twilio: &str) -> Vec<(String, String)> {
    own([
        ("ROLE", "copier"),
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
        ("TWILIO_API_BASE", twilio),
        ("TWILIO_API_KEY_SECRET", API_KEY_SECRET),
        ("RECORDINGS_BUCKET", BUCKET),
        ("KMS_KEY_ARN", KMS_KEY),
    ])
}

/// Settings of `recording-callback` as the webhook.
pub(crate) fn webhook(queues: &str) -> Vec<(String, String)> {
    own([
        ("ROLE", "webhook"),
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
        ("TWILIO_AUTH_TOKEN_SECRET", AUTH_TOKEN_SECRET),
        ("LINKS_QUEUE_URL", &format!("{queues}/links")),
        ("COPIES_QUEUE_URL", &format!("{queues}/copies")),
    ])
}

/// Settings of `recording-callback` as the linker.
pub(crate) fn linker(twilio: &str) -> Vec<(String, String)> {
    own([
        ("ROLE", "linker"),
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
        ("TWILIO_WORKSPACE_SID", WORKSPACE),
        ("TWILIO_TASKROUTER_BASE", twilio),
        ("TWILIO_API_KEY_SECRET", API_KEY_SECRET),
        ("PLAYBACK_BASE_URL", "https://playback.invalid"),
    ])
}

/// Settings of `recording-callback` as the operator.
pub(crate) fn operator(twilio: &str) -> Vec<(String, String)> {
    own([
        ("ROLE", "operator"),
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
        ("TWILIO_API_BASE", twilio),
        ("TWILIO_API_KEY_SECRET", API_KEY_SECRET),
        ("RECORDINGS_BUCKET", BUCKET),
        ("KMS_DECRYPT_KEY_ARNS", KMS_KEY),
        ("COPIES_QUEUE_URL", &format!("{twilio}/copies")),
        ("SCHEDULE_GROUP", "benchmarks"),
        ("SCHEDULE_ROLE_ARN", "arn:aws:iam::000000000000:role/benchmarks"),
    ])
}

/// Settings of `recording-playback`.
pub(crate) fn playback() -> Vec<(String, String)> {
    own([
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
        ("RECORDINGS_BUCKET", BUCKET),
        ("KMS_DECRYPT_KEY_ARNS", KMS_KEY),
        ("LINK_KEYS_SECRET", LINK_KEYS_SECRET),
    ])
}

/// More settings of `recording-playback`, for browsers that reach it at `origin`.
pub(crate) fn for_browsers(twilio: &str, origin: &str) -> Vec<(String, String)> {
    own([("TWILIO_FLEX_API_BASE", twilio), ("PLAYBACK_BASE_URL", origin)])
}

fn own<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// The object key of a recording in the vault.
pub(crate) fn object_key(sid: &str) -> String {
    format!("recordings/{sid}")
}

/// The path of a recording at Twilio, below its base URL.
pub(crate) fn media_path(sid: &str) -> String {
    format!("/2010-04-01/Accounts/{ACCOUNT}/Recordings/{sid}.wav?RequestedChannels=2")
}

/// An event from the queue with a job to copy a recording of one channel, whose SID contains its length.
pub(crate) fn copy_event(sid: &str) -> Value {
    copy_event_of(sid, 1, seconds_of(sid))
}

/// An event from the queue with a job to copy.
pub(crate) fn copy_event_of(sid: &str, channels: u8, seconds: Option<u64>) -> Value {
    // The values of Twilio's callback. Without them, the copier would request them.
    let job = json!({
        "version": 1,
        "kind": "CopyRecording",
        "recordingSid": sid,
        "channels": channels,
        "durationS": seconds,
    });
    json!({"Records": [{
        "messageId": "1",
        "receiptHandle": "1",
        "body": job.to_string(),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:copies",
        "awsRegion": "us-east-1",
    }]})
}

/// An event of a function URL for a GET request.
pub(crate) fn get_event(path: &str, query: &str, range: Option<&str>) -> Value {
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "benchmarks.invalid", "x-forwarded-proto": "https"},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "benchmarks",
            "domainName": "benchmarks.invalid",
            "domainPrefix": "benchmarks",
            "http": {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "-"},
            "requestId": "1",
            "routeKey": "$default",
            "stage": "$default",
            "time": "23/Nov/2026:06:00:00 +0000",
            "timeEpoch": 1_795_413_600_000_u64,
        },
        "isBase64Encoded": false,
    });
    if let Some(range) = range {
        event["headers"]["range"] = range.into();
    }
    event
}

/// An event of a function URL for a link to a recording, with a Flex token.
pub(crate) fn media_url_event(sid: &str, token: &str) -> Value {
    let mut event = get_event("/media-url", &format!("recordingSid={sid}"), None);
    event["headers"]["authorization"] = format!("Basic {}", STANDARD.encode(format!("token:{token}"))).into();
    event
}
