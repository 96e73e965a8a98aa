//! The known texts of secrets, and the requests to Secrets Manager.

use std::{fmt, sync::Arc, time::Duration};

use aws_config::{SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_runtime::retries::classifiers::{THROTTLING_ERRORS, TRANSIENT_ERRORS};
use aws_sdk_secretsmanager::{
    Client,
    config::Builder,
    error::{ProvideErrorMetadata, SdkError},
    operation::get_secret_value::GetSecretValueError,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use cache::{Cache, Clock, Place};
use secrecy::SecretString;
use serde_json::Value;

use super::error::SecretError;
use crate::{
    aws::connect_only,
    metrics::{self, Unit},
};

/// How long a value is used before it is read again. A rotated secret is in use within this time.
const MAX_AGE: Duration = Duration::from_secs(5 * 60);

/// How long a known value stays in use while Secrets Manager cannot be reached, unless its user sets another limit.
pub(super) const MAX_OUTAGE: Duration = Duration::from_secs(60 * 60);

/// The shortest time between two reads of a secret, after one that failed or for callers whose known value was refused. A
/// flood of forged requests can therefore not become a flood of calls.
const READ_INTERVAL: Duration = Duration::from_secs(10);

/// Limit on a whole call. A healthy Secrets Manager in the same Region answers in tens of milliseconds. The webhook may need
/// two secrets, and must answer within ten seconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// Higher than the number of secrets in a deployment.
const MAX_SECRETS: usize = 16;

/// Words that templates and samples have in place of a value. They are compared without case, `-`, `_` and spaces.
const PLACEHOLDERS: [&str; 5] = ["placeholder", "changeme", "replaceme", "todo", "none"];

/// Secrets by id (name or ARN). Clones share the known values.
#[derive(Clone)]
pub struct Secrets {
    client: Client,
    known: Arc<Known>,
}

struct Known {
    values: Cache<Arc<str>, Arc<SecretString>>,
    failures: Cache<Arc<str>, SecretError>,
}

impl Secrets {
    /// Secrets of the account and Region that `config` names.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self::with_clock(config, &Clock::wall())
    }

    /// The same, with ages measured by `clock`.
    #[must_use]
    pub fn with_clock(config: &SdkConfig, clock: &Clock) -> Self {
        // With retries, a throttled call would become four.
        let config = Builder::from(config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().operation_timeout(CALL_TIMEOUT).build())
            .build();
        let known = Known {
            values: Cache::new(MAX_SECRETS, MAX_OUTAGE, clock.clone()),
            failures: Cache::new(MAX_SECRETS, READ_INTERVAL, clock.clone()),
        };
        Self {
            client: Client::from_conf(config),
            known: Arc::new(known),
        }
    }

    /// Connects to Secrets Manager for the first read.
    pub async fn connect_ahead(&self) {
        let request = self.client.get_secret_value().secret_id("-").customize();
        // The outcome is an error in any case.
        let _ = request.mutate_request(connect_only(1)).send().await;
    }

    /// Reads a secret before its first user needs it. A failure is logged, but neither counted nor kept, so that the first
    /// user reads the secret without a pause.
    pub async fn read_ahead(&self, id: &str) {
        let mut place = self.known.values.place(&Arc::from(id)).await;
        match self.fetch(id).await {
            Ok(value) => place.put(Arc::new(value)),
            Err(error) => tracing::info!(secret = %id, %error, "secret not read ahead"),
        }
    }

    /// The secret's text, younger than five minutes, or younger than `max_outage` while Secrets Manager cannot be reached.
    pub(super) async fn get(&self, id: &Arc<str>, max_outage: Duration) -> Result<Arc<SecretString>, SecretError> {
        let mut place = self.known.values.place(id).await;
        if let Some(value) = place.younger_than(MAX_AGE) {
            return Ok(Arc::clone(value));
        }
        match self.read(id, &mut place).await {
            Err(error @ SecretError::Unavailable(_)) => place.younger_than(max_outage).cloned().ok_or(error),
            answer => answer,
        }
    }

    /// The secret's text, younger than ten seconds, for a caller whose known value was refused.
    pub(super) async fn refresh(&self, id: &Arc<str>) -> Result<Arc<SecretString>, SecretError> {
        let mut place = self.known.values.place(id).await;
        match place.younger_than(READ_INTERVAL) {
            Some(value) => Ok(Arc::clone(value)),
            None => self.read(id, &mut place).await,
        }
    }

    /// Reads the secret from Secrets Manager, unless such a read has just failed.
    async fn read(
        &self,
        id: &Arc<str>,
        place: &mut Place<Arc<SecretString>>,
    ) -> Result<Arc<SecretString>, SecretError> {
        let mut failure = self.known.failures.place(id).await;
        if let Some(error) = failure.get() {
            return Err(error.clone());
        }
        let answer = self.fetch(id).await.map(Arc::new);
        match &answer {
            Ok(value) => place.put(Arc::clone(value)),
            Err(error) => {
                if matches!(error, SecretError::Unavailable(_)) {
                    tracing::warn!(secret = %id, %error, "secret not read");
                    metrics::emit(&[("SecretsUnreachable", 1.0, Unit::Count)]);
                } else {
                    place.clear();
                }
                failure.put(error.clone());
            }
        }
        answer
    }

    async fn fetch(&self, id: &str) -> Result<SecretString, SecretError> {
        let request = || self.client.get_secret_value().secret_id(id).send();
        let answer = match request().await {
            // The connection died while Lambda had the instance frozen, so Secrets Manager did not get the request.
            Err(SdkError::DispatchFailure(failure)) if failure.is_io() => request().await,
            answer => answer,
        };
        let answer = answer.map_err(|error| match error.as_service_error() {
            // Secrets Manager returns the same error for a secret whose value was never set.
            Some(service) if service.is_resource_not_found_exception() => SecretError::Missing,
            _ => failure(&error),
        })?;
        let text = match (answer.secret_string, answer.secret_binary) {
            (Some(text), _) => text,
            (None, Some(_)) => return Err(SecretError::Missing),
            // Secrets Manager never returns this. For a secret without a value, it returns an error.
            (None, None) => return Err(SecretError::Unavailable("an answer without a value".to_owned())),
        };
        if is_usable(&text) {
            Ok(SecretString::from(text))
        } else {
            Err(SecretError::Missing)
        }
    }
}

/// Decides whether Secrets Manager refused the request or could not be reached. The error holds only the code and the status,
/// because a message or a body may quote more than a log should hold.
fn failure(error: &SdkError<GetSecretValueError, HttpResponse>) -> SecretError {
    let unavailable = |reason: &str| SecretError::Unavailable(reason.to_owned());
    match error {
        SdkError::TimeoutError(_) => unavailable("no answer in time"),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => unavailable("no answer in time"),
        SdkError::DispatchFailure(_) => unavailable("no connection"),
        SdkError::ServiceError(_) => {
            let code = error.code().unwrap_or("no code");
            let status = error.raw_response().map_or(0, |response| response.status().as_u16());
            // This includes a success that cannot be parsed.
            let may_pass = !(400..500).contains(&status)
                || status == 429
                || THROTTLING_ERRORS.contains(&code)
                || TRANSIENT_ERRORS.contains(&code);
            let reason = format!("{code}, {status}");
            if may_pass {
                SecretError::Unavailable(reason)
            } else {
                SecretError::Refused(reason)
            }
        }
        SdkError::ConstructionFailure(_) => SecretError::Refused("the request could not be built".to_owned()),
        _ => unavailable("an answer that could not be read"),
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

/// Whether every text in the secret is a value that somebody has set. The texts are the whole secret, or all fields of a JSON
/// object, nested ones included. An empty text or a placeholder would be a key that everybody knows.
fn is_usable(text: &str) -> bool {
    match serde_json::from_str(text) {
        Ok(fields @ Value::Object(_)) => is_set(&fields),
        _ => is_value(text),
    }
}

fn is_set(value: &Value) -> bool {
    match value {
        Value::Object(fields) => !fields.is_empty() && fields.values().all(is_set),
        Value::String(text) => is_value(text),
        _ => false,
    }
}

fn is_value(text: &str) -> bool {
    let word: String = text
        .chars()
        .filter(|c| !matches!(c, '-' | '_') && !c.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect();
    !word.is_empty() && !PLACEHOLDERS.contains(&word.as_str())
}

#[cfg(test)]
mod tests;
