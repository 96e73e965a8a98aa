//! A call, recognized from the request alone, for every AWS protocol in use.

use http::{
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, IF_MATCH, IF_NONE_MATCH, RANGE},
    request::Parts,
};

use crate::{Role, operations};

/// The header that names service and operation in the AWS JSON protocols.
const TARGET: &str = "x-amz-target";

/// The length of `RE` and 32 hexadecimal digits.
const RECORDING_SID_LEN: usize = 34;

/// One call to AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call<R> {
    /// The role that called.
    pub role: R,
    /// The service as the signature names it: `s3`, `kms`, `sqs`, `secretsmanager`, …
    pub service: String,
    /// The API operation: `GetObject`, `Decrypt`, …
    pub operation: String,
    /// The subject of the call. S3: the object's key, decoded, or the prefix of a list. Scheduler: the schedule's name.
    /// Other services: the recording that the request names, if it names one.
    pub key: String,
    /// The `Range` header.
    pub range: Option<String>,
    /// The `If-Match` header.
    pub if_match: Option<String>,
    /// The `If-None-Match` header.
    pub if_none_match: Option<String>,
}

impl<R: Role> Call<R> {
    /// Reads `body` only if the request names its subject there, as those of AWS JSON protocols do.
    ///
    /// Public for checks of what a request needs, such as the local stack's check of IAM rights.
    #[must_use]
    pub fn of(role: R, request: &Parts, body: &[u8]) -> Self {
        let headers = &request.headers;
        let service = header(headers, AUTHORIZATION.as_str()).and_then(signed_service);
        let service = service.unwrap_or("unsigned");
        let (path, query) = (request.uri.path(), request.uri.query().unwrap_or_default());
        let key = key_of(path);
        let (operation, key) = match header(headers, TARGET) {
            // `TrentService.Decrypt`, `AmazonSQS.SendMessage`: the AWS JSON protocols.
            Some(target) => (target.rsplit('.').next().unwrap_or(target), recording_in(body)),
            None if is_form(headers) => (action(body).unwrap_or("unnamed"), String::new()),
            None if service == "scheduler" => (operations::of_scheduler(&request.method, path), key.to_owned()),
            None => {
                let has_copy_source = headers.contains_key("x-amz-copy-source");
                let operation = operations::of_s3(&request.method, key, query, has_copy_source);
                (operation, if key.is_empty() { prefix(query) } else { decode(key) })
            }
        };
        let owned = |name| header(headers, name).map(str::to_owned);
        Self {
            role,
            service: service.to_owned(),
            operation: operation.to_owned(),
            key,
            range: owned(RANGE.as_str()),
            if_match: owned(IF_MATCH.as_str()),
            if_none_match: owned(IF_NONE_MATCH.as_str()),
        }
    }

    /// Whether this is the operation of the service.
    #[must_use]
    pub fn is(&self, service: &str, operation: &str) -> bool {
        self.service == service && self.operation == operation
    }

    /// Whether this call requests the last bytes of an object, whatever its length.
    #[must_use]
    pub fn has_suffix_range(&self) -> bool {
        self.range.as_ref().is_some_and(|range| range.starts_with("bytes=-"))
    }
}

/// Whether the body names the subject of the call. Such a body is small: it is one of an AWS JSON protocol or of Scheduler.
pub(crate) fn names_subject_in_body(request: &Parts) -> bool {
    request.headers.contains_key(TARGET)
        || is_form(&request.headers)
        || request.uri.path().starts_with(operations::SCHEDULES)
}

/// Whether the request is of the AWS Query protocol, as CloudFormation and IAM use it.
fn is_form(headers: &HeaderMap) -> bool {
    header(headers, CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

/// The operation in the form of an AWS Query request. It is first, and its name needs no decoding.
fn action(body: &[u8]) -> Option<&str> {
    let form = std::str::from_utf8(body).ok()?;
    form.split('&').find_map(|pair| pair.strip_prefix("Action="))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
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

/// The first recording that a JSON text names.
fn recording_in(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let recordings = text
        .match_indices("RE")
        .filter_map(|(at, _)| text.get(at..at + RECORDING_SID_LEN))
        .find(|sid| sid[2..].bytes().all(|byte| byte.is_ascii_hexdigit()));
    recordings.unwrap_or_default().to_owned()
}

/// The prefix in the query of a list.
fn prefix(query: &str) -> String {
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "prefix")
        .map(|(_, prefix)| prefix.into_owned())
        .unwrap_or_default()
}

fn decode(key: &str) -> String {
    // In a path, `+` is a plus sign. In the form encoding that the decoder is for, it is a space.
    let form = format!("k={}", key.replace('+', "%2B").replace('&', "%26"));
    form_urlencoded::parse(form.as_bytes())
        .next()
        .map(|(_, key)| key.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn signed(service: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential=test/20261123/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
        )
    }

    #[test]
    fn s3_operations_are_recognized_from_method_and_query() {
        for (method, path, operation) in [
            ("GET", "/b/k?x-id=GetObject", "GetObject"),
            ("HEAD", "/b/k", "HeadObject"),
            ("PUT", "/b/k", "PutObject"),
            ("POST", "/b/k?uploads", "CreateMultipartUpload"),
            ("PUT", "/b/k?partNumber=1&uploadId=u", "UploadPart"),
            ("POST", "/b/k?uploadId=u", "CompleteMultipartUpload"),
            ("DELETE", "/b/k?uploadId=u", "AbortMultipartUpload"),
            ("GET", "/b?uploads&prefix=p", "ListMultipartUploads"),
            ("GET", "/b/?versions", "ListObjectVersions"),
            ("GET", "/b?list-type=2", "ListObjects"),
            ("DELETE", "/b/k?versionId=v", "DeleteObject"),
        ] {
            let request = Request::builder().method(method).uri(path).body(()).unwrap();
            assert_eq!(
                Call::of((), &request.into_parts().0, &[]).operation,
                operation,
                "{method} {path}"
            );
        }
    }

    #[test]
    fn schedules_are_recognized_by_method_and_name() {
        for (method, path, operation, name) in [
            ("POST", "/schedules/RE1", "CreateSchedule", "RE1"),
            ("GET", "/schedules/RE1?groupName=g", "GetSchedule", "RE1"),
            ("PUT", "/schedules/RE1", "UpdateSchedule", "RE1"),
            ("DELETE", "/schedules/RE1?groupName=g", "DeleteSchedule", "RE1"),
            ("GET", "/schedules?ScheduleGroup=g", "ListSchedules", ""),
        ] {
            let request = Request::builder().method(method).uri(path);
            let request = request.header("authorization", signed("scheduler")).body(()).unwrap();
            let call = Call::of((), &request.into_parts().0, &[]);
            assert!(call.is("scheduler", operation), "{method} {path}: {call:?}");
            assert_eq!(call.key, name);
        }
    }

    #[test]
    fn a_form_names_its_action() {
        let request = Request::post("/")
            .header("authorization", signed("cloudformation"))
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .body(());
        let request = request.unwrap().into_parts().0;
        assert!(names_subject_in_body(&request));
        let of = |body: &[u8]| Call::of((), &request, body);
        let call = of(b"Action=CreateChangeSet&Version=2010-05-15&StackName=s");
        assert!(call.is("cloudformation", "CreateChangeSet"), "{call:?}");
        assert_eq!(of(b"\xff").operation, "unnamed");
    }

    #[test]
    fn a_call_in_json_is_identified_by_its_recording() {
        let request = Request::builder()
            .header("x-amz-target", "AmazonSQS.SendMessage")
            .body(());
        let request = request.unwrap().into_parts().0;
        assert!(names_subject_in_body(&request));
        let key = |body: &str| Call::of((), &request, body.as_bytes()).key;
        let sid = "RE0123456789abcdefABCDEF0000000001";
        assert_eq!(
            key(&format!(
                r#"{{"QueueUrl":"REDRIVE","MessageBody":"{{\"recordingSid\":\"{sid}\"}}"}}"#
            )),
            sid
        );
        for body in [
            "",
            "{}",
            &sid[..33],
            "RECORDINGRECORDINGRECORDINGRECORDI",
            "\u{1f3a7}RE",
        ] {
            assert_eq!(key(body), "", "{body}");
        }
    }
}
