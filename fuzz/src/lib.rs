//! An AWS that answers at once without a socket, for the targets of whole functions.

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{json, value::RawValue};

/// The id of every invocation.
pub const REQUEST_ID: &str = "fuzzed-request";

/// An event as the runtime passes it on. The runtime itself refuses text that is not JSON.
pub fn event(bytes: &[u8]) -> Option<LambdaEvent<Box<RawValue>>> {
    let mut context = Context::default();
    context.request_id = REQUEST_ID.to_owned();
    Some(LambdaEvent::new(serde_json::from_slice(bytes).ok()?, context))
}

/// A runtime whose clock does not wait, so that retries follow at once.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime needs nothing but memory and descriptors")
}

/// An AWS in which every secret has the same value, queues accept every message, and S3 is empty.
pub fn aws(secret: &'static str) -> SdkConfig {
    let credentials = Credentials::new("key-id", "secret-key", None, None, "fuzz");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
        .http_client(http_client_fn(move |_, _| SharedHttpConnector::new(Aws { secret })))
        .build()
}

#[derive(Debug)]
struct Aws {
    secret: &'static str,
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (status, body) = match request.headers().get("x-amz-target") {
            Some("secretsmanager.GetSecretValue") => (200, json!({"SecretString": self.secret}).to_string()),
            Some("AmazonSQS.SendMessage") => (200, json!({"MessageId": "message-1"}).to_string()),
            Some(_) => (400, json!({"__type": "AccessDeniedException"}).to_string()),
            None => (404, "<Error><Code>NoSuchKey</Code></Error>".to_owned()),
        };
        let status = StatusCode::try_from(status).expect("200, 400 and 404 are status codes");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
    }
}
