//! AWS and Twilio in tests: one server on loopback that gives the test's answers and records the requests.

use ::loopback::{Request, Server, answer};
use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use http::HeaderMap;
use serde_json::Value;
use sid::AccountSid;
use twilio::client::{Client, Endpoints};

/// The account of every test.
pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";

pub(crate) struct Loopback {
    pub(crate) url: String,
    server: Server,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// `POST /v1/Tasks`; an AWS JSON call's operation, `secretsmanager.GetSecretValue`.
    pub(crate) what: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Loopback {
    /// Answers every request with the status, ETag and body that `answer_to` returns.
    pub(crate) async fn start(
        answer_to: impl Fn(&Received) -> (u16, Option<&'static str>, Value) + Clone + Send + Sync + 'static,
    ) -> Self {
        Self::start_with_text(move |received| {
            let (status, etag, body) = answer_to(received);
            (status, etag, body.to_string())
        })
        .await
    }

    /// The same with bodies that need not be JSON.
    pub(crate) async fn start_with_text(
        answer_to: impl Fn(&Received) -> (u16, Option<&'static str>, String) + Clone + Send + Sync + 'static,
    ) -> Self {
        let server = Server::start(move |_, request| {
            let (status, etag, body) = answer_to(&Received::from(request));
            let etag: Vec<_> = etag.map(|etag| ("etag", etag)).into_iter().collect();
            answer(status, &etag, &body)
        })
        .await;
        Self {
            url: server.endpoint().to_owned(),
            server,
        }
    }

    /// The requests, in order.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.server.requests().iter().map(Received::from).collect()
    }

    /// The number of requests that begin with this text.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.received()
            .iter()
            .filter(|received| received.what.starts_with(what))
            .count()
    }

    /// AWS at this address, without retries.
    pub(crate) fn aws(&self) -> SdkConfig {
        aws_at(&self.url)
    }

    /// Twilio at this address.
    pub(crate) fn twilio(&self) -> Client {
        let base = &self.server.url;
        let endpoints = Endpoints {
            api: base.clone(),
            taskrouter: base.clone(),
            iam: base.clone(),
            flex: base.clone(),
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

impl From<&Request> for Received {
    fn from(request: &Request) -> Self {
        let operation = request.header("x-amz-target").map(str::to_owned);
        Self {
            what: operation.unwrap_or_else(|| format!("{} {}", request.method, request.target)),
            headers: request.headers.clone(),
            body: request.body.clone(),
        }
    }
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}
