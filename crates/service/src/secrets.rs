//! Secrets from AWS Secrets Manager, fetched when they are first needed, or ahead of that, and kept for a while.

mod error;
mod source;
mod store;
mod typed;

use std::time::Duration;

pub use self::{
    error::SecretError,
    source::{SecretSource, retry_refused},
    store::Secrets,
    typed::Secret,
};

/// How long a known link key stays in use while Secrets Manager cannot be reached. It is shorter than for other secrets,
/// because a link key gives access by itself, and a withdrawn one must soon stop working.
pub const MAX_OUTAGE_OF_LINK_KEYS: Duration = Duration::from_secs(15 * 60);
