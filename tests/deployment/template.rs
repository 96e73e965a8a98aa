//! The templates, expanded once.

use std::{process::Command, sync::LazyLock};

use serde_json::{Map, Value};
use toolbox::{Venv, python, workspace_root};

/// The functions, and what each is called in the local stack.
pub(crate) const FUNCTIONS: [(&str, &str); 6] = [
    ("WebhookFunction", "webhook"),
    ("LinkerFunction", "linker"),
    ("LateLinkerFunction", "late-linker"),
    ("CopierFunction", "copier"),
    ("OperatorFunction", "operator"),
    ("PlaybackFunction", "playback"),
];

pub(crate) static TEMPLATE: LazyLock<Value> = LazyLock::new(|| expand("template.yaml"));
pub(crate) static MONITORING: LazyLock<Value> = LazyLock::new(|| expand("monitoring.yaml"));

fn expand(file: &str) -> Value {
    let expanded = Command::new(python(Venv::Lint).unwrap())
        .args(["-c", include_str!("expand.py"), file])
        .current_dir(workspace_root())
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&expanded.stderr);
    assert!(expanded.status.success(), "{errors}");
    serde_json::from_slice(&expanded.stdout).unwrap()
}

pub(crate) fn resources(template: &Value) -> &Map<String, Value> {
    template["Resources"].as_object().unwrap()
}

/// The resources of a type, with their names.
pub(crate) fn of_type<'a>(template: &'a Value, kind: &str) -> Vec<(&'a str, &'a Value)> {
    resources(template)
        .iter()
        .filter(|(_, resource)| resource["Type"] == kind)
        .map(|(name, resource)| (name.as_str(), resource))
        .collect()
}

pub(crate) fn properties(name: &str) -> &'static Value {
    &TEMPLATE["Resources"][name]["Properties"]
}

/// A value, or a list of them, as a list.
pub(crate) fn listed(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        one => vec![one],
    }
}
