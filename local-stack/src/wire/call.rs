//! What a call is: told from the request alone, for every AWS protocol in use.

use http::{
    Method,
    header::{AUTHORIZATION, RANGE},
    request::Parts,
};

use crate::Role;

/// Names service and operation in the AWS JSON protocols.
const TARGET: &str = "x-amz-target";

/// Scheduler's paths. A bucket of that name isn't among the stack's.
const SCHEDULES: &str = "/schedules";

/// `RE` and 32 hexadecimal digits.
const RECORDING_SID_LEN: usize = 34;

/// One call of a function to AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Who called.
    pub role: Role,
    /// The service as the signature names it: `s3`, `kms`, `sqs`, `secretsmanager`, …
    pub service: String,
    /// The API operation: `GetObject`, `Decrypt`, …
    pub operation: String,
    /// What it's about. S3: the object's key, decoded, or the prefix of a list; Scheduler: the schedule's name; the other services: the recording
    /// that the request names, if it names one.
    pub key: String,
    /// S3: the `Range` asked for.
    pub range: Option<String>,
}

impl Call {
    /// `body` is looked at where [`names_itself_in_body`](Self::names_itself_in_body).
    pub(super) fn of(role: Role, request: &Parts, body: &[u8]) -> Self {
        let header = |name| request.headers.get(name).and_then(|value| value.to_str().ok());
        let service = header(AUTHORIZATION.as_str())
            .and_then(signed_service)
            .unwrap_or("unsigned");
        let query = request.uri.query().unwrap_or_default();
        let key = key_of(request.uri.path());
        let (operation, key) = match header(TARGET) {
            // `TrentService.Decrypt`, `AmazonSQS.SendMessage`: the AWS JSON protocols.
            Some(target) => (
                target.rsplit('.').next().unwrap_or(target).to_owned(),
                recording_in(body),
            ),
            None if service == "scheduler" => (
                scheduler_operation(&request.method, request.uri.path()).to_owned(),
                key.to_owned(),
            ),
            None => {
                let source = header("x-amz-copy-source").is_some();
                (
                    s3_operation(&request.method, key, query, source).to_owned(),
                    if key.is_empty() { prefix(query) } else { decode(key) },
                )
            }
        };
        Self {
            role,
            service: service.to_owned(),
            operation,
            key,
            range: header(RANGE.as_str()).map(str::to_owned),
        }
    }

    /// Whether a request's body tells what it's about: a small one, in an AWS JSON protocol or to Scheduler.
    pub(super) fn names_itself_in_body(request: &Parts) -> bool {
        request.headers.contains_key(TARGET) || request.uri.path().starts_with(SCHEDULES)
    }

    /// Whether this is the operation of the service.
    #[must_use]
    pub fn is(&self, service: &str, operation: &str) -> bool {
        self.service == service && self.operation == operation
    }
}

/// The service in `Credential=<key>/<date>/<region>/<service>/aws4_request` (Signature Version 4).
fn signed_service(authorization: &str) -> Option<&str> {
    let scope = authorization.split_once("Credential=")?.1.split(',').next()?;
    scope.split('/').nth(3)
}

/// The key in a path-style S3 path, `/bucket/key`. The SDK uses that style for endpoints that are an IP address.
fn key_of(path: &str) -> &str {
    path.trim_start_matches('/').split_once('/').map_or("", |(_, key)| key)
}

/// The first recording that a JSON text names, wherever it stands.
fn recording_in(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let recordings = text
        .match_indices("RE")
        .filter_map(|(at, _)| text.get(at..at + RECORDING_SID_LEN))
        .find(|sid| sid[2..].bytes().all(|byte| byte.is_ascii_hexdigit()));
    recordings.unwrap_or_default().to_owned()
}

/// The operations on schedules; anything else is named by its method.
fn scheduler_operation<'a>(method: &'a Method, path: &str) -> &'a str {
    match (method.as_str(), path.strip_prefix(SCHEDULES)) {
        ("GET", Some("")) => "ListSchedules",
        ("POST", Some(_)) => "CreateSchedule",
        ("GET", Some(_)) => "GetSchedule",
        ("PUT", Some(_)) => "UpdateSchedule",
        ("DELETE", Some(_)) => "DeleteSchedule",
        (other, _) => other,
    }
}

/// Of S3's some hundred operations the ones that this service could ever call; anything else is named by its method.
fn s3_operation<'a>(method: &'a Method, key: &str, query: &str, copy: bool) -> &'a str {
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    match (method.as_str(), key.is_empty()) {
        ("GET", true) if has("uploads") => "ListMultipartUploads",
        ("GET", true) if has("versions") => "ListObjectVersions",
        ("GET", true) => "ListObjects",
        ("POST", true) if has("delete") => "DeleteObjects",
        ("HEAD", true) => "HeadBucket",
        ("HEAD", false) => "HeadObject",
        ("GET", false) if has("uploadId") => "ListParts",
        ("GET", false) if has("tagging") => "GetObjectTagging",
        ("GET", false) => "GetObject",
        ("PUT", false) if has("uploadId") => "UploadPart",
        ("PUT", false) if has("tagging") => "PutObjectTagging",
        ("PUT", false) if copy => "CopyObject",
        ("PUT", false) => "PutObject",
        ("POST", false) if has("uploads") => "CreateMultipartUpload",
        ("POST", false) if has("uploadId") => "CompleteMultipartUpload",
        ("DELETE", false) if has("uploadId") => "AbortMultipartUpload",
        ("DELETE", false) => "DeleteObject",
        (other, _) => other,
    }
}

/// What the keys of a list begin with.
fn prefix(query: &str) -> String {
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "prefix")
        .map(|(_, prefix)| prefix.into_owned())
        .unwrap_or_default()
}

fn decode(key: &str) -> String {
    // In a path `+` is a plus sign, unlike in the form encoding that the decoder is for.
    let form = format!("k={}", key.replace('+', "%2B").replace('&', "%26"));
    form_urlencoded::parse(form.as_bytes())
        .next()
        .map(|(_, key)| key.into_owned())
        .unwrap_or_default()
}
