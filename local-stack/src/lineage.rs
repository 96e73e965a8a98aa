//! Chains of invocations, counted and stopped like Lambda's recursive loop detection.
//!
//! Lambda counts the invocations of a function in the `Lineage` of the X-Ray trace header. The AWS SDK sends that
//! header with every call, SQS keeps it with the message (`AWSTraceHeader`), and Lambda reads it from there. If the
//! same chain has invoked a function about 16 times, Lambda does not invoke it again
//! (<https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>). EventBridge Scheduler does not pass the
//! header on, so a function that continues by a schedule is not a chain.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use http::{header::CONTENT_LENGTH, request::Parts};
use serde_json::{Value, json};

/// How often one chain may invoke a function.
pub(crate) const MOST_INVOCATIONS: u32 = 16;

/// The trace header of a request to AWS.
const HEADER: &str = "x-amzn-trace-id";

/// The trace header of each instance's current invocation, by the instance's name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traces(Arc<Mutex<BTreeMap<String, String>>>);

impl Traces {
    pub(crate) fn begin(&self, instance: &str, trace: Option<String>) {
        let mut traces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match trace {
            Some(trace) => traces.insert(instance.to_owned(), trace),
            None => traces.remove(instance),
        };
    }

    pub(crate) fn of(&self, instance: &str) -> Option<String> {
        let traces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        traces.get(instance).cloned()
    }
}

/// How often the chain of a trace header has invoked a function.
pub(crate) fn invocations(trace: Option<&str>, function: &str) -> u32 {
    lineage(trace)
        .find(|(name, _)| *name == function)
        .map_or(0, |(_, count)| count)
}

/// The trace header of one more invocation.
pub(crate) fn continued(trace: Option<&str>, function: &str) -> String {
    let count = invocations(trace, function) + 1;
    let others = lineage(trace).filter(|(name, _)| *name != function);
    let lineage: Vec<_> = others
        .chain([(function, count)])
        .map(|(name, count)| format!("{name}:{count}"))
        .collect();
    let root = fields(trace).find(|(name, _)| *name == "Root");
    let root = root.map_or_else(new_root, |(_, root)| root.to_owned());
    format!("Root={root};Sampled=0;Lineage={}", lineage.join("|"))
}

/// Puts a request's trace header into the messages that it sends, as SQS does.
pub(crate) fn kept_with_messages(operation: &str, parts: &mut Parts, body: Bytes) -> Bytes {
    let trace = parts.headers.get(HEADER).and_then(|trace| trace.to_str().ok());
    let (Some(trace), Ok(mut request)) = (trace, serde_json::from_slice::<Value>(&body)) else {
        return body;
    };
    let attributes = json!({"AWSTraceHeader": {"DataType": "String", "StringValue": trace}});
    match (operation, request.get_mut("Entries").and_then(Value::as_array_mut)) {
        ("SendMessage", None) => request["MessageSystemAttributes"] = attributes,
        ("SendMessageBatch", Some(entries)) => {
            for entry in entries {
                entry["MessageSystemAttributes"] = attributes.clone();
            }
        }
        _ => return body,
    }
    let body = request.to_string();
    parts.headers.insert(CONTENT_LENGTH, body.len().into());
    body.into()
}

/// Whether the function's entry in the template has `RecursiveLoop: Allow`.
pub(crate) fn is_allowed(template: &str, function: &str) -> bool {
    let entry = template
        .lines()
        .skip_while(|line| *line != format!("  {function}:"))
        .skip(1);
    let is_inside = |line: &&str| line.is_empty() || line.starts_with("   ");
    entry
        .take_while(is_inside)
        .any(|line| line.trim() == "RecursiveLoop: Allow")
}

fn lineage(trace: Option<&str>) -> impl Iterator<Item = (&str, u32)> {
    let lineage = fields(trace).filter(|(name, _)| *name == "Lineage");
    let functions = lineage.flat_map(|(_, functions)| functions.split('|'));
    functions.filter_map(|function| {
        let (name, count) = function.split_once(':')?;
        Some((name, count.parse().ok()?))
    })
}

fn fields(trace: Option<&str>) -> impl Iterator<Item = (&str, &str)> {
    let fields = trace.unwrap_or_default().split(';');
    fields.filter_map(|field| field.split_once('='))
}

fn new_root() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("1-00000000-{:024x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_invocation_of_a_chain_is_counted_for_its_function() {
        let mut trace = Some("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1".to_owned());
        for (function, count) in [("a", 1), ("b", 1), ("a", 2), ("b", 2), ("a", 3)] {
            trace = Some(continued(trace.as_deref(), function));
            assert_eq!(invocations(trace.as_deref(), function), count);
        }
        assert_eq!(
            trace.as_deref(),
            Some("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0;Lineage=b:2|a:3")
        );
        assert_eq!(invocations(trace.as_deref(), "c"), 0);
        assert_eq!(invocations(None, "a"), 0);
        assert_ne!(
            continued(None, "a"),
            continued(None, "a"),
            "each chain has its own root"
        );
    }

    #[test]
    fn sent_messages_carry_the_trace_of_who_sent_them() {
        let sent = |operation: &str, body: &Value| {
            let request = http::Request::post("/").header(HEADER, "Root=1-2-3");
            let (mut parts, ()) = request.body(()).unwrap().into_parts();
            let body = kept_with_messages(operation, &mut parts, body.to_string().into());
            serde_json::from_slice::<Value>(&body).unwrap()
        };
        let trace = json!({"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-2-3"}});
        assert_eq!(
            sent("SendMessage", &json!({"MessageBody": "m"})),
            json!({"MessageBody": "m", "MessageSystemAttributes": trace})
        );
        assert_eq!(
            sent("SendMessageBatch", &json!({"Entries": [{"Id": "1"}]})),
            json!({"Entries": [{"Id": "1", "MessageSystemAttributes": trace}]})
        );
        let other = json!({"ReceiptHandle": "r"});
        assert_eq!(sent("ChangeMessageVisibility", &other), other);
    }

    #[test]
    fn a_function_may_recurse_where_its_own_entry_says_so() {
        let template =
            "Resources:\n  A:\n    Properties:\n      RecursiveLoop: Allow\n\n  B:\n    Properties:\n      X: 1\n";
        assert!(is_allowed(template, "A"));
        assert!(!is_allowed(template, "B"));
        assert!(!is_allowed(template, "C"));
    }
}
