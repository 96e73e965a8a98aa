//! A behavior that AWS documents, and the requests that test it on a server.

use std::panic::AssertUnwindSafe;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use futures_util::{FutureExt, future::LocalBoxFuture};

use crate::server::Server;

pub(crate) struct Expectation {
    pub(crate) name: &'static str,
    pub(crate) run: for<'a> fn(&'a Server) -> LocalBoxFuture<'a, Observed>,
}

impl Expectation {
    /// A request that only prepares the trial panics if it fails. Other servers may lack a whole service, and the
    /// remaining expectations are still tested.
    pub(crate) async fn try_on(&self, server: &Server) -> Observed {
        let observed = AssertUnwindSafe((self.run)(server)).catch_unwind().await;
        observed.unwrap_or_else(|_| Observed::new("success", "the preparation failed"))
    }
}

/// A table of expectations from the functions that test them. A function's name is the name of its expectation.
macro_rules! expectations {
    ($($function:ident),* $(,)?) => {
        &[$(crate::expectation::Expectation {
            name: stringify!($function),
            run: |server| Box::pin($function(server)),
        }),*]
    };
}
pub(crate) use expectations;

/// The behavior of a server next to the behavior that AWS documents, both in the words of [`said`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) expected: &'static str,
    pub(crate) seen: String,
}

impl Observed {
    pub(crate) fn new(expected: &'static str, seen: impl Into<String>) -> Self {
        let seen = seen.into();
        Self { expected, seen }
    }

    /// Several replies in a row.
    pub(crate) fn in_turn<const N: usize>(expected: &'static str, seen: [String; N]) -> Self {
        Self::new(expected, seen.join(", then "))
    }

    pub(crate) fn is_met(&self) -> bool {
        self.seen == self.expected
    }
}

/// `done`, or the status and code of the error.
pub(crate) fn said<T, E: ProvideErrorMetadata>(result: &Result<T, SdkError<E, HttpResponse>>) -> String {
    match result {
        Ok(_) => "done".to_owned(),
        Err(error) => format!("{} {}", status(error), error.code().unwrap_or("without a code")),
    }
}

/// The same for HEAD, whose errors have no body with a code.
pub(crate) fn said_to_head<T, E>(result: &Result<T, SdkError<E, HttpResponse>>) -> String {
    result
        .as_ref()
        .map_or_else(|error| status(error).to_string(), |_| "done".to_owned())
}

/// The status of a reply, or 0 if there was none.
fn status<E>(error: &SdkError<E, HttpResponse>) -> u16 {
    error.raw_response().map_or(0, |reply| reply.status().as_u16())
}
