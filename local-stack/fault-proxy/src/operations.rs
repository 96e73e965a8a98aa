//! The operation that a request in a REST protocol makes. AWS JSON protocols name theirs in a header.

use http::Method;

/// The path prefix of `EventBridge` Scheduler. No bucket of the tests has this name.
pub(crate) const SCHEDULES: &str = "/schedules";

/// The operations of S3 that this project can make. Any other is named by its method. An empty `key` is a request to a
/// bucket.
pub(crate) fn of_s3<'a>(method: &'a Method, key: &str, query: &str, has_copy_source: bool) -> &'a str {
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
        ("PUT", false) if has_copy_source => "CopyObject",
        ("PUT", false) => "PutObject",
        ("POST", false) if has("uploads") => "CreateMultipartUpload",
        ("POST", false) if has("uploadId") => "CompleteMultipartUpload",
        ("DELETE", false) if has("uploadId") => "AbortMultipartUpload",
        ("DELETE", false) => "DeleteObject",
        (other, _) => other,
    }
}

/// The operations on schedules. Any other is named by its method.
pub(crate) fn of_scheduler<'a>(method: &'a Method, path: &str) -> &'a str {
    match (method.as_str(), path.strip_prefix(SCHEDULES)) {
        ("GET", Some("")) => "ListSchedules",
        ("POST", Some(_)) => "CreateSchedule",
        ("GET", Some(_)) => "GetSchedule",
        ("PUT", Some(_)) => "UpdateSchedule",
        ("DELETE", Some(_)) => "DeleteSchedule",
        (other, _) => other,
    }
}
