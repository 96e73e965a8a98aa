//! Twilio's error answers: `{"code", "message", "more_info", "status"}`.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// An error as Twilio reports it: HTTP status and Twilio's own code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) code: u32,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: 20001,
            message: message.into(),
        }
    }

    pub(super) fn unauthorized() -> Self {
        Self::of(StatusCode::UNAUTHORIZED)
    }

    pub(super) fn not_found() -> Self {
        Self::of(StatusCode::NOT_FOUND)
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::of(StatusCode::METHOD_NOT_ALLOWED)
    }

    pub(super) fn precondition_failed() -> Self {
        Self::of(StatusCode::PRECONDITION_FAILED)
    }

    pub(super) fn too_many_requests() -> Self {
        Self::of(StatusCode::TOO_MANY_REQUESTS)
    }

    /// Twilio's answer for a status without a specific error.
    pub(super) fn of(status: StatusCode) -> Self {
        let (code, message) = match status {
            StatusCode::UNAUTHORIZED => (20003, "Authenticate"),
            StatusCode::METHOD_NOT_ALLOWED => (20004, "Method not allowed"),
            StatusCode::NOT_FOUND => (20404, "The requested resource was not found"),
            StatusCode::PRECONDITION_FAILED => (20412, "Precondition failed"),
            StatusCode::TOO_MANY_REQUESTS => (20429, "Too Many Requests"),
            // Unless there is an older code, the last three digits of Twilio's codes 20000 to 20599 are the HTTP
            // status.
            other => (
                20000 + u32::from(other.as_u16()),
                other.canonical_reason().unwrap_or("Error"),
            ),
        };
        Self {
            status,
            code,
            message: message.to_owned(),
        }
    }
}

/// An error that is not the client's: the double could not read its own files.
impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        let message = format!("the double could not read its recordings: {error}");
        Self {
            message,
            ..Self::of(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "code": self.code,
            "message": self.message,
            "more_info": format!("https://www.twilio.com/docs/errors/{}", self.code),
            "status": self.status.as_u16(),
        });
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(r#"Basic realm="Twilio API""#),
            );
        }
        response
    }
}
