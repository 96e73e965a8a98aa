//! Metrics as CloudWatch Embedded Metric Format: one JSON line on standard output, no call to CloudWatch.
//!
//! Source: "Embedded metric format specification", Amazon CloudWatch User Guide.

use std::{
    env,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value, json};

/// The CloudWatch namespace of all metrics of this project.
pub const NAMESPACE: &str = "RecordingVault";

/// The only dimension. With a SID as dimension, each recording would be a metric of its own, with its own price.
const DIMENSION: &str = "Function";

/// Set by Lambda.
const ENV_FUNCTION_NAME: &str = "AWS_LAMBDA_FUNCTION_NAME";

/// The unit of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number of events.
    Count,
    /// Bytes.
    Bytes,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
}

/// Writes the metrics of one event, for example `emit(&[("Copied", 1.0, Unit::Count)])`.
pub fn emit(metrics: &[(&'static str, f64, Unit)]) {
    emit_at(
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
        metrics,
    );
}

/// Writes metrics with the time `at`, counted from the Unix epoch. CloudWatch accepts times of the last two weeks.
pub fn emit_at(at: Duration, metrics: &[(&'static str, f64, Unit)]) {
    let function = env::var(ENV_FUNCTION_NAME).unwrap_or_else(|_| "local".to_owned());
    println!("{}", render(metrics, &function, at.as_millis()));
}

fn render(metrics: &[(&'static str, f64, Unit)], function: &str, at_ms: u128) -> Value {
    let definitions: Vec<_> = metrics
        .iter()
        .map(|(name, _, unit)| json!({"Name": name, "Unit": unit.name()}))
        .collect();
    let directive = json!({
        "Timestamp": u64::try_from(at_ms).unwrap_or(u64::MAX),
        "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": definitions}],
    });
    let mut line = Map::new();
    line.insert("_aws".to_owned(), directive);
    line.insert(DIMENSION.to_owned(), function.into());
    for (name, value, _) in metrics {
        line.insert((*name).to_owned(), json!(value));
    }
    Value::Object(line)
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Bytes => "Bytes",
            Self::Milliseconds => "Milliseconds",
            Self::Seconds => "Seconds",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_shape_of_the_specification() {
        let line = render(
            &[("Copied", 1.0, Unit::Count), ("BytesCopied", 44.0, Unit::Bytes)],
            "copier",
            1_763_900_000_123,
        );
        assert_eq!(
            line,
            json!({
                "_aws": {
                    "Timestamp": 1_763_900_000_123_u64,
                    "CloudWatchMetrics": [{
                        "Namespace": "RecordingVault",
                        "Dimensions": [["Function"]],
                        "Metrics": [{"Name": "Copied", "Unit": "Count"}, {"Name": "BytesCopied", "Unit": "Bytes"}],
                    }],
                },
                "Function": "copier",
                "Copied": 1.0,
                "BytesCopied": 44.0,
            })
        );
    }
}
