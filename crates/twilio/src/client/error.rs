//! Why a call of Twilio's API failed.

/// The client can't be built: an endpoint isn't a base URL, or the system has no usable TLS roots.
#[derive(Debug, thiserror::Error)]
#[error("HTTP client: {0}")]
pub struct ClientError(pub String);

/// Why a call failed. `Display` never shows a URL's query, a credential or a body.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// 404 with one of Twilio's error codes. A 404 without one comes from another server and says nothing about Twilio's data.
    /// It is a [`Self::Status`].
    #[error("not found")]
    NotFound,
    /// 401 or 403.
    #[error("credentials refused")]
    Unauthorized,
    /// 429. Twilio did nothing, and the same call may be made again.
    #[error("rate limited")]
    RateLimited {
        /// The seconds to wait, if Twilio sent them.
        retry_after_s: Option<u64>,
    },
    /// 412. The task has changed since it was read.
    #[error("precondition failed")]
    PreconditionFailed,
    /// Any other status that isn't a success.
    #[error("Twilio answered {status}")]
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// There was no connection, no response in time, or the response ended early.
    #[error("could not reach Twilio: {0}")]
    Transport(String),
    /// The response doesn't have the documented form.
    #[error("unexpected answer: {0}")]
    Unexpected(&'static str),
}

impl ApiError {
    /// Whether the job that made the call may succeed if it is run again from its beginning.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::PreconditionFailed | Self::Transport(_) => true,
            // A proxy may have answered with its own error page, which is as temporary as an overload.
            Self::Unexpected(_) => true,
            Self::Status { status } => matches!(*status, 404 | 408) || *status >= 500,
            Self::NotFound | Self::Unauthorized => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_errors_are_retryable() {
        for error in [
            ApiError::RateLimited { retry_after_s: None },
            ApiError::PreconditionFailed,
            ApiError::Transport(String::new()),
            ApiError::Unexpected("x"),
            ApiError::Status { status: 500 },
            ApiError::Status { status: 503 },
            ApiError::Status { status: 408 },
            ApiError::Status { status: 404 },
        ] {
            assert!(error.is_retryable(), "{error}");
        }
        for error in [
            ApiError::NotFound,
            ApiError::Unauthorized,
            ApiError::Status { status: 400 },
            ApiError::Status { status: 302 },
        ] {
            assert!(!error.is_retryable(), "{error}");
        }
    }
}
