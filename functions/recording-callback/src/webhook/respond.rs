//! The webhook's HTTP answers.

use aws_lambda_events::{apigw::ApiGatewayV2httpResponse, encodings::Body};
use http::{
    HeaderValue, StatusCode,
    header::{ALLOW, CONTENT_TYPE},
};
use serde_json::json;

use super::refusal::Refusal;

/// 204 without a body, or the refusal's status with `{"error", "message", "requestId"}`.
pub(crate) fn respond(outcome: &Result<(), Refusal>, request_id: &str) -> ApiGatewayV2httpResponse {
    let mut response = ApiGatewayV2httpResponse::default();
    let Err(refusal) = outcome else {
        response.status_code = StatusCode::NO_CONTENT.as_u16().into();
        return response;
    };
    response.status_code = refusal.status().as_u16().into();
    response
        .headers
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if matches!(refusal, Refusal::MethodNotAllowed) {
        response.headers.insert(ALLOW, HeaderValue::from_static("GET, POST"));
    }
    let body = json!({"error": refusal.code(), "message": refusal.to_string(), "requestId": request_id});
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
        let response = serde_json::to_value(respond(&Ok(()), "request-1")).unwrap();
        assert_eq!(response["statusCode"], 204);
        assert_eq!(response.get("body"), None);
        assert_eq!(response["headers"], json!({}));
    }

    #[test]
    fn a_rejection_is_answered_with_its_status_and_code() {
        for (refusal, status, code) in [
            (Malformed.into(), 400, "malformed_request"),
            (Refusal::NotFound, 404, "not_found"),
            (Refusal::MethodNotAllowed, 405, "method_not_allowed"),
            (Refusal::BodyTooLarge { limit: 1 }, 413, "body_too_large"),
            (Refusal::Unsigned, 403, "unsigned"),
            (Refusal::Signature(SignatureError::Mismatch), 403, "invalid_signature"),
            (Refusal::ForeignAccount, 403, "foreign_account"),
            (
                Refusal::Malformed("RecordingSid is missing".to_owned()),
                400,
                "malformed_callback",
            ),
            (Refusal::AuthToken(SecretError::Missing), 503, "auth_token_unavailable"),
            (
                Refusal::SharedKeys(SecretError::Missing),
                503,
                "shared_keys_unavailable",
            ),
            (Refusal::NotQueued, 503, "not_queued"),
            (Refusal::OutOfTime, 503, "out_of_time"),
            (Refusal::JobsUnfinished, 503, "jobs_unfinished"),
            (Refusal::JobsFailed, 500, "jobs_failed"),
        ] {
            let message = refusal.to_string();
            let response = serde_json::to_value(respond(&Err(refusal), "request-1")).unwrap();
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
    fn a_refused_method_is_answered_with_the_allowed_ones() {
        let response = respond(&Err(Refusal::MethodNotAllowed), "request-1");
        assert_eq!(response.headers[ALLOW], "GET, POST");
    }

    #[test]
    fn the_sender_does_not_learn_what_is_wrong_with_the_secret() {
        let secret = SecretError::Unavailable("canary".to_owned());
        let response = respond(&Err(Refusal::AuthToken(secret)), "request-1");
        assert!(!serde_json::to_string(&response).unwrap().contains("canary"));
    }
}
