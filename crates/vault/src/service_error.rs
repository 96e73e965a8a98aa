//! The parts of an AWS error that may be shown: the operation, the code, the status and the request id. The message and
//! the body are never shown, because they can quote the request.

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

/// Codes that have a 4xx status but are retryable (AWS General Reference, "Common errors"; KMS API Reference, "Common
/// errors").
const RETRYABLE_CODES: [&str; 6] = [
    "RequestTimeout",
    "RequestTimeTooSkewed",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "OperationAborted",
];

impl ServiceError {
    /// Makes an error from the parts of `error` that may be shown, for the `operation` that failed.
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
                // If an error comes with status 200, S3 reported it after it had started to answer, or the answer is
                // not from S3.
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

    /// There was no answer because the runtime ended, or the answer lacks a required part.
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

    /// Whether the same request may succeed later: there was no connection or no answer, or the service was throttling
    /// or failing.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }

    /// The service's error code, for example `PreconditionFailed`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The HTTP status of the reply, if there was one.
    pub(crate) fn status(&self) -> Option<u16> {
        self.status
    }

    /// Whether the current version of the object is a delete marker.
    pub(crate) fn is_delete_marker(&self) -> bool {
        self.is_delete_marker
    }
}

/// S3 reports a delete marker in a header of the error (API Reference, "HeadObject"). The SDK exposes this header only
/// in the raw response.
fn is_delete_marker(response: &HttpResponse) -> bool {
    response.headers().get("x-amz-delete-marker") == Some("true")
}
