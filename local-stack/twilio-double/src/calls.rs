//! The log of received requests, with every secret masked.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::{auth::AuthKind, query::Query, route::Operation};

/// A request that the double received (JSON in camel case).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// HTTP method.
    pub method: String,
    /// Path as sent.
    pub path: String,
    /// The decoded query. The values of unknown parameters and of the account's secrets are `***`. Empty if there is no
    /// query.
    pub query: String,
    /// None for a path or method that the double does not have.
    pub operation: Option<Operation>,
    /// Status of the answer's head. None if a fault dropped the connection.
    pub status: Option<u16>,
    /// How the caller was authenticated.
    pub auth: AuthKind,
    /// The request's `Range` header.
    pub range: Option<String>,
}

/// A position in the log, for a later request for the calls after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallMark(pub(super) usize);

/// Calls in the order of their answers.
#[derive(Debug, Default)]
pub(super) struct CallLog(Mutex<Vec<Call>>);

impl CallLog {
    pub(super) fn record(&self, call: Call) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    pub(super) fn mark(&self) -> CallMark {
        CallMark(self.0.lock().unwrap_or_else(PoisonError::into_inner).len())
    }

    pub(super) fn since(&self, mark: CallMark) -> Vec<Call> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .skip(mark.0)
            .cloned()
            .collect()
    }
}

/// `path` and `query` as the log may show them. If a defect puts a secret into a path or into a known parameter, the
/// secret is masked by its value.
pub(super) fn masked(path: &str, query: &Query, secrets: &[String]) -> (String, String) {
    let mask = |text: &str| {
        let present = secrets.iter().filter(|secret| !secret.is_empty());
        present.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
    };
    (mask(path), mask(&query.masked()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_at_any_position() {
        let secrets = ["first-secret".to_owned(), String::new(), "second-secret".to_owned()];
        for secret in ["first-secret", "second-secret"] {
            let query = Query::default()
                .with("EvaluateTaskAttributes", format!("a == '{secret}'"))
                .with("x", secret);
            let (path, query) = masked(&format!("/v1/{secret}/Tasks"), &query, &secrets);
            assert_eq!(path, "/v1/***/Tasks");
            assert_eq!(query, "EvaluateTaskAttributes=a == '***'&x=***");
        }
    }
}
