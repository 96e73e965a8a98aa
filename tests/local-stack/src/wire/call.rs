//! What a call is: told from the request alone, for every AWS protocol in use.

use http::header::{AUTHORIZATION, RANGE};
use http::{Method, request::Parts};

use crate::Role;

/// One call of a function to AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Who called.
    pub role: Role,
    /// The service as the signature names it: `s3`, `kms`, `sqs`, `secretsmanager`, …
    pub service: String,
    /// The API operation: `GetObject`, `Decrypt`, …
    pub operation: String,
    /// S3: the object's key, decoded. Empty for the other services.
    pub key: String,
    /// S3: the `Range` asked for.
    pub range: Option<String>,
}

impl Call {
    pub(super) fn of(role: Role, request: &Parts) -> Self {
        let header = |name| request.headers.get(name).and_then(|value| value.to_str().ok());
        let service = header(AUTHORIZATION.as_str())
            .and_then(signed_service)
            .unwrap_or("unsigned");
        let query = request.uri.query().unwrap_or_default();
        let key = key_of(request.uri.path());
        let (operation, key) = match header("x-amz-target") {
            // `TrentService.Decrypt`, `AmazonSQS.SendMessage`: the AWS JSON protocols.
            Some(target) => (target.rsplit('.').next().unwrap_or(target).to_owned(), String::new()),
            None => {
                let source = header("x-amz-copy-source").is_some();
                (
                    s3_operation(&request.method, key, query, source).to_owned(),
                    decode(key),
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

    /// Whether this is the operation of the service.
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

fn decode(key: &str) -> String {
    // In a path `+` is a plus sign, unlike in the form encoding that the decoder is for.
    let form = format!("k={}", key.replace('+', "%2B").replace('&', "%26"));
    form_urlencoded::parse(form.as_bytes())
        .next()
        .map(|(_, key)| key.into_owned())
        .unwrap_or_default()
}
