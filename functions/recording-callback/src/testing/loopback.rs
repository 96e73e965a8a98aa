//! A stand-in for AWS and Twilio in tests: an HTTP server on loopback that gives the test's answers and records requests.

use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use axum::{Router, body::Bytes, extract::Request, response::IntoResponse};
use http::HeaderMap;
use serde_json::Value;
use sid::AccountSid;
use twilio::client::{Client, Endpoints};

/// The account of every test.
pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";

pub(crate) struct Loopback {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// `POST /v1/Tasks`; an AWS JSON call's operation, `secretsmanager.GetSecretValue`.
    pub(crate) what: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Loopback {
    /// Answers with `answer`'s status, ETag and body from now on.
    pub(crate) async fn start(
        answer: impl Fn(&Asked) -> (u16, Option<&'static str>, Value) + Clone + Send + Sync + 'static,
    ) -> Self {
        Self::start_with_text(move |asked| {
            let (status, etag, body) = answer(asked);
            (status, etag, body.to_string())
        })
        .await
    }

    /// The same with bodies that need not be JSON.
    pub(crate) async fn start_with_text(
        answer: impl Fn(&Asked) -> (u16, Option<&'static str>, String) + Clone + Send + Sync + 'static,
    ) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let memory = Arc::clone(&asked);
        let handler = async move |request: Request| {
            let asked = Asked::read(request).await;
            let (status, etag, body) = answer(&asked);
            memory.lock().unwrap().push(asked);
            let headers: HeaderMap = etag
                .map(|etag| (http::header::ETAG, etag.parse().unwrap()))
                .into_iter()
                .collect();
            let status = http::StatusCode::from_u16(status).unwrap();
            (status, headers, body).into_response()
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(handler)).await });
        Self { url, asked }
    }

    /// The requests, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The number of requests that begin with this text.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.asked().iter().filter(|asked| asked.what.starts_with(what)).count()
    }

    /// AWS at this address, without retries.
    pub(crate) fn aws(&self) -> SdkConfig {
        aws_at(&self.url)
    }

    /// Twilio at this address.
    pub(crate) fn twilio(&self) -> Client {
        let base: url::Url = self.url.parse().unwrap();
        let endpoints = Endpoints {
            api: base.clone(),
            taskrouter: base.clone(),
            iam: base.clone(),
            flex: base,
        };
        Client::new(AccountSid::parse(ACCOUNT).unwrap(), endpoints).unwrap()
    }
}

/// AWS at `url`, without retries.
pub(crate) fn aws_at(url: &str) -> SdkConfig {
    let credentials = Credentials::new("key-id", "secret-key", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
        .build()
}

impl Asked {
    async fn read(request: Request) -> Self {
        let (parts, body) = request.into_parts();
        let body: Bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let what = match parts.headers.get("x-amz-target") {
            Some(target) => target.to_str().unwrap().to_owned(),
            None => format!("{} {}", parts.method, parts.uri),
        };
        Self {
            what,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}
