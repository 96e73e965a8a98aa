//! Secrets from AWS Secrets Manager, fetched when first needed and kept for a while.

mod typed;

use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::{Client, error::DisplayErrorContext};
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::Mutex;

pub use typed::Secret;

/// How long a value is used before it's asked for again: a rotated secret is in use within this time.
const MAX_AGE: Duration = Duration::from_secs(5 * 60);

/// A forced refresh goes out at most once in this time for each secret, so that a flood of forged requests can't
/// become a flood of calls to Secrets Manager.
const REFRESH_INTERVAL: Duration = Duration::from_secs(10);

/// Words that stand in templates and samples for a value still to come. Compared without case, `-`, `_` and spaces.
const PLACEHOLDERS: [&str; 5] = ["placeholder", "changeme", "replaceme", "todo", "none"];

/// Secrets by id (name or ARN). Clones share one cache.
#[derive(Clone)]
pub struct Secrets {
    client: Client,
    // Wall time, not a monotonic clock: that one stands still while Lambda has the process frozen.
    cache: Arc<Mutex<HashMap<String, Entry>>>,
}

struct Entry {
    value: Arc<SecretString>,
    fetched: SystemTime,
}

/// Why there's no secret to use. Never holds a value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// There's no such secret, it has no value yet, or a part of it is empty or a placeholder.
    #[error("the secret has no usable value")]
    Missing,
    /// Secrets Manager didn't answer, or refused.
    #[error("Secrets Manager: {0}")]
    Unavailable(String),
}

impl Secrets {
    /// Secrets of the account and region that `config` names.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
            cache: Arc::default(),
        }
    }

    /// The secret's text, at most five minutes old.
    ///
    /// # Errors
    /// [`SecretError::Missing`] where it can't be used, [`SecretError::Unavailable`] where it can't be had.
    pub async fn get(&self, id: &str) -> Result<Arc<SecretString>, SecretError> {
        self.younger_than(MAX_AGE, id).await
    }

    /// The secret's text, fresh (at most ten seconds old): for a caller that found the known one wanting.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn refresh(&self, id: &str) -> Result<Arc<SecretString>, SecretError> {
        self.younger_than(REFRESH_INTERVAL, id).await
    }

    async fn younger_than(&self, max_age: Duration, id: &str) -> Result<Arc<SecretString>, SecretError> {
        // Held across the call, so that concurrent misses make one.
        let mut cache = self.cache.lock().await;
        if let Some(entry) = cache.get(id)
            // A clock that went backwards makes the entry old.
            && entry.fetched.elapsed().is_ok_and(|age| age < max_age)
        {
            return Ok(Arc::clone(&entry.value));
        }
        let value = Arc::new(self.fetch(id).await?);
        let entry = Entry {
            value: Arc::clone(&value),
            fetched: SystemTime::now(),
        };
        cache.insert(id.to_owned(), entry);
        Ok(value)
    }

    async fn fetch(&self, id: &str) -> Result<SecretString, SecretError> {
        let answer = self
            .client
            .get_secret_value()
            .secret_id(id)
            .send()
            .await
            .map_err(|error| match error.as_service_error() {
                // A secret whose value was never set answers like one that isn't there.
                Some(service) if service.is_resource_not_found_exception() => SecretError::Missing,
                _ => SecretError::Unavailable(DisplayErrorContext(&error).to_string()),
            })?;
        let text = answer.secret_string.ok_or(SecretError::Missing)?;
        if is_usable(&text) {
            Ok(SecretString::from(text))
        } else {
            Err(SecretError::Missing)
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

/// Whether every text in the secret (the whole, or each field of a JSON object, nested ones included) is a value somebody
/// has set: an empty one or a placeholder would be a key that everybody knows.
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
mod tests {
    use super::*;

    #[test]
    fn values_are_usable() {
        for text in [
            "12345",
            r#"{"primary":"12345"}"#,
            r#"{"sid":"SK1","secret":"s"}"#,
            r#"{"k1":{"algorithm":"HMAC_SHA256","secret":"s"}}"#,
            "{broken",
        ] {
            assert!(is_usable(text), "{text}");
        }
    }

    #[test]
    fn empty_and_placeholder_values_are_not() {
        for text in [
            "",
            "  ",
            "{}",
            "change-me",
            "CHANGE_ME",
            "Placeholder",
            r#"{"primary":""}"#,
            r#"{"primary":"real","secondary":"replace me"}"#,
            r#"{"primary":1}"#,
            r#"{"primary":null}"#,
            r#"{"k1":{}}"#,
            r#"{"k1":{"algorithm":"HMAC_SHA256","secret":"change-me"}}"#,
            r#"{"k1":["s"]}"#,
        ] {
            assert!(!is_usable(text), "{text}");
        }
    }
}
