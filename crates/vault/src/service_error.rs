//! What of an AWS error may be told: the operation, the code, the status and the request id. Never the message or the
//! body, which can quote what was sent.

use aws_sdk_s3::{
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

/// A request to an AWS service that failed, after the SDK's own retries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {reason}")]
pub struct ServiceError {
    operation: &'static str,
    reason: String,
    code: Option<String>,
    status: Option<u16>,
    is_delete_marker: bool,
    retryable: bool,
}

/// Codes that come with a 4xx status and are worth another try all the same (AWS General Reference, "Common errors";
/// KMS API Reference, "Common errors").
const RETRYABLE_CODES: [&str; 6] = [
    "RequestTimeout",
    "RequestTimeTooSkewed",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "OperationAborted",
];

impl ServiceError {
    /// What may be told of `error`, by which `operation` failed.
    #[must_use]
    pub fn new<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let code = error.code().map(ToOwned::to_owned);
        let (kind, retryable) = match error {
            SdkError::ConstructionFailure(_) => ("the request could not be built", false),
            SdkError::TimeoutError(_) => ("timed out", true),
            SdkError::DispatchFailure(_) => ("no connection", true),
            SdkError::ResponseError(_) => ("the reply could not be read", true),
            _ => (
                "refused",
                // An error within a 200 is S3's own, told after it had begun to answer, or no answer of S3's at all.
                status.is_some_and(|status| status >= 500 || status == 429 || status < 300)
                    || code.as_deref().is_some_and(|code| RETRYABLE_CODES.contains(&code)),
            ),
        };
        let mut reason = kind.to_owned();
        for detail in [
            code.clone(),
            status.map(|status| status.to_string()),
            error.request_id().map(|id| format!("request {id}")),
        ]
        .into_iter()
        .flatten()
        {
            reason.push_str(", ");
            reason.push_str(&detail);
        }
        Self {
            operation,
            reason,
            code,
            status,
            is_delete_marker: error.raw_response().is_some_and(is_delete_marker),
            retryable,
        }
    }

    /// There was an answer, but not what it has to hold; or none, because the runtime ended.
    pub(crate) fn incomplete(operation: &'static str) -> Self {
        Self {
            operation,
            reason: "no usable answer".to_owned(),
            code: None,
            status: None,
            is_delete_marker: false,
            retryable: true,
        }
    }

    /// Whether the same request may succeed later: no connection, no answer, throttled, or the service's own fault.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }

    /// The error code that the service gave, `PreconditionFailed` for example.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The HTTP status of the reply, where there was one.
    pub(crate) fn status(&self) -> Option<u16> {
        self.status
    }

    /// Whether the current version of the object is a delete marker.
    pub(crate) fn is_delete_marker(&self) -> bool {
        self.is_delete_marker
    }
}

/// S3 reports a delete marker in a header of the refusal (API Reference, "HeadObject"). The SDK keeps this header in the raw
/// response only.
fn is_delete_marker(response: &HttpResponse) -> bool {
    response.headers().get("x-amz-delete-marker") == Some("true")
}
