//! Invokes by hand.

use std::sync::LazyLock;

use reqwest::{Client, Response};
use serde_json::Value;

use crate::{Role, Stack, lambda_api::invocations_path};

/// One client for thousands of invocations, because making it costs more than they do. It keeps no connections, which
/// would belong to the runtime of one test.
static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let client = Client::builder().pool_max_idle_per_host(0).build();
    client.expect("the default TLS settings are good")
});

/// A function's answer to an invocation.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Invoked {
    /// The answer. If the function failed, it has `errorType` and `errorMessage`.
    pub payload: Value,
    /// Whether the function failed.
    pub failed: bool,
}

impl Stack {
    /// Invokes a function and waits for its answer.
    ///
    /// # Errors
    /// If the function is not invoked, because it does not exist or all its instances are busy.
    pub async fn invoke(&self, role: Role, event: &Value) -> reqwest::Result<Invoked> {
        let answer = self.invoke_with(role, event.to_string()).await?;
        Ok(Invoked {
            failed: answer.headers().contains_key("x-amz-function-error"),
            payload: answer.json().await?,
        })
    }

    /// Invokes a function with an event that `serde_json::Value` may be unable to hold, and returns the answer as it
    /// arrives.
    ///
    /// # Errors
    /// If the function is not invoked, because the event is not JSON, the function does not exist, or all its instances
    /// are busy.
    pub async fn invoke_with(&self, role: Role, event: String) -> reqwest::Result<Response> {
        let url = format!("{}{}", self.lambda_endpoint(), invocations_path(role));
        let answer = CLIENT.post(url).body(event).send().await?;
        answer.error_for_status()
    }
}
