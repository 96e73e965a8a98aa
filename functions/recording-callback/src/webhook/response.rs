//! The webhook's answers on the wire.

use aws_lambda_events::{apigw::ApiGatewayV2httpResponse, encodings::Body};
use http::{
    HeaderValue, StatusCode,
    header::{ALLOW, CONTENT_TYPE},
};
use serde_json::json;

use super::rejection::Rejection;

/// 204 without a body, or the rejection's status with `{"error", "message", "requestId"}`.
pub(crate) fn render(outcome: &Result<(), Rejection>, request_id: &str) -> ApiGatewayV2httpResponse {
    let mut response = ApiGatewayV2httpResponse::default();
    let Err(rejection) = outcome else {
        response.status_code = StatusCode::NO_CONTENT.as_u16().into();
        return response;
    };
    response.status_code = rejection.status().as_u16().into();
    response
        .headers
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if matches!(rejection, Rejection::MethodNotAllowed) {
        response.headers.insert(ALLOW, HeaderValue::from_static("GET, POST"));
    }
    let body = json!({"error": rejection.code(), "message": rejection.to_string(), "requestId": request_id});
    response.body = Some(Body::Text(body.to_string()));
    response
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use service::{http_event::Malformed, secrets::SecretError};
    use twilio::signature::SignatureError;

    use super::*;

    #[test]
    fn a_taken_callback_is_answered_204_without_a_body() {
        let response = serde_json::to_value(render(&Ok(()), "request-1")).unwrap();
        assert_eq!(response["statusCode"], 204);
        assert_eq!(response.get("body"), None);
        assert_eq!(response["headers"], json!({}));
    }

    #[test]
    fn a_rejection_is_answered_with_its_status_and_code() {
        for (rejection, status, code) in [
            (Malformed.into(), 400, "malformed_request"),
            (Rejection::NotFound, 404, "not_found"),
            (Rejection::MethodNotAllowed, 405, "method_not_allowed"),
            (Rejection::BodyTooLarge, 413, "body_too_large"),
            (Rejection::Unsigned, 403, "unsigned"),
            (Rejection::Signature(SignatureError::Mismatch), 403, "invalid_signature"),
            (Rejection::ForeignAccount, 403, "foreign_account"),
            (
                Rejection::Malformed("RecordingSid is missing".to_owned()),
                400,
                "malformed_callback",
            ),
            (
                Rejection::AuthToken(SecretError::Missing),
                503,
                "auth_token_unavailable",
            ),
            (
                Rejection::SharedKeys(SecretError::Missing),
                503,
                "shared_keys_unavailable",
            ),
            (Rejection::NotQueued, 503, "not_queued"),
            (Rejection::OutOfTime, 503, "out_of_time"),
            (Rejection::JobsUnfinished, 503, "jobs_unfinished"),
            (Rejection::JobsFailed, 500, "jobs_failed"),
        ] {
            let message = rejection.to_string();
            let response = serde_json::to_value(render(&Err(rejection), "request-1")).unwrap();
            assert_eq!(response["statusCode"], status, "{code}");
            assert_eq!(response["headers"]["content-type"], "application/json");
            assert_eq!(response["isBase64Encoded"], false);
            let body: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
            assert_eq!(
                body,
                json!({"error": code, "message": message, "requestId": "request-1"})
            );
        }
    }

    #[test]
    fn a_refused_method_is_told_the_allowed_ones() {
        let response = render(&Err(Rejection::MethodNotAllowed), "request-1");
        assert_eq!(response.headers[ALLOW], "GET, POST");
    }

    #[test]
    fn the_sender_is_not_told_what_is_wrong_with_the_secret() {
        let secret = SecretError::Unavailable("canary".to_owned());
        let response = render(&Err(Rejection::AuthToken(secret)), "request-1");
        assert!(!serde_json::to_string(&response).unwrap().contains("canary"));
    }
}
