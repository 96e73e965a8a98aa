//! Logs as JSON lines on standard output, in the format that Lambda's own log filter reads.

use std::env;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{Layer, filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// Set by Lambda from the function's `ApplicationLogLevel`.
const ENV_LOG_LEVEL: &str = "AWS_LAMBDA_LOG_LEVEL";

/// The target of audit lines. They record who listened to a recording, and the fate of recordings, links and originals.
/// They are written at every log level. Each line has an `event`. If the event has ended, it also has an `outcome`. No
/// line holds a token, signature, query string or phone number.
pub const AUDIT: &str = "audit";

/// Libraries whose finer lines hold raw events, headers or bodies, and thus phone numbers, tokens and signatures. They
/// log at INFO at the finest, even if the log level is finer.
const NEVER_FINER_THAN_INFO: [&str; 7] = [
    "aws_config",
    "aws_runtime",
    "aws_sdk_secretsmanager",
    "aws_smithy_runtime",
    "hyper",
    "lambda_runtime",
    "reqwest",
];

/// Starts logging. Each line is one JSON object with `timestamp` (RFC 3339), `level`, `target`, the message and its
/// fields. The fields of the invocation's span (the request id) are under `span`.
///
/// Must be called once, at the beginning of `main`. The first line of each process names its version, also if its
/// settings are then refused. No answer to a request contains the version, so that strangers cannot look up its faults.
pub fn init() {
    let level = env::var(ENV_LOG_LEVEL)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(LevelFilter::INFO);
    let lines = fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_filter(filter(level));
    tracing_subscriber::registry().with(lines).init();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "starting");
}

fn filter(level: LevelFilter) -> Targets {
    Targets::new()
        .with_default(level)
        .with_target(AUDIT, level.max(LevelFilter::INFO))
        .with_targets(NEVER_FINER_THAN_INFO.map(|target| (target, level.min(LevelFilter::INFO))))
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn libraries_never_log_events_or_bodies() {
        let filter = filter(LevelFilter::TRACE);
        assert!(filter.would_enable("recording_callback::webhook", &Level::TRACE));
        for target in [
            "lambda_runtime::layers::api_response",
            "hyper::proto",
            "reqwest::connect",
        ] {
            assert!(filter.would_enable(target, &Level::INFO), "{target}");
            assert!(!filter.would_enable(target, &Level::DEBUG), "{target}");
        }
    }

    #[test]
    fn audit_lines_are_kept_at_every_level() {
        assert!(filter(LevelFilter::ERROR).would_enable("audit", &Level::INFO));
    }

    #[test]
    fn a_quieter_level_holds_for_libraries_too() {
        assert!(!filter(LevelFilter::ERROR).would_enable("hyper", &Level::INFO));
    }
}
