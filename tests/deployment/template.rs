//! The templates, each expanded once.

#![allow(clippy::unwrap_used, reason = "a helper that fails here fails its test")]

use std::{path::Path, process::Command, sync::LazyLock};

use serde_json::{Map, Value};
use toolbox::{Venv, python, workspace_root};

/// The functions with their names in the local stack.
pub const FUNCTIONS: [(&str, &str); 6] = [
    ("WebhookFunction", "webhook"),
    ("LinkerFunction", "linker"),
    ("LateLinkerFunction", "late-linker"),
    ("CopierFunction", "copier"),
    ("OperatorFunction", "operator"),
    ("PlaybackFunction", "playback"),
];

/// `template.yaml` as CloudFormation receives it.
pub static TEMPLATE: LazyLock<Value> = LazyLock::new(|| expand(Path::new("template.yaml")));
/// `monitoring.yaml` as CloudFormation receives it.
pub static MONITORING: LazyLock<Value> = LazyLock::new(|| expand(Path::new("monitoring.yaml")));

/// A template as CloudFormation receives it. Relative paths begin at the root of the workspace.
///
/// # Panics
/// When the file is not a template.
#[must_use]
pub fn expand(file: &Path) -> Value {
    let expanded = Command::new(python(Venv::Lint).unwrap())
        .args(["-c", include_str!("expand.py")])
        .arg(file)
        .current_dir(workspace_root())
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&expanded.stderr);
    assert!(expanded.status.success(), "{errors}");
    serde_json::from_slice(&expanded.stdout).unwrap()
}

/// The resources of a template by name.
#[must_use]
pub fn resources(template: &Value) -> &Map<String, Value> {
    template["Resources"].as_object().unwrap()
}

/// The resources of a type, with their names.
#[must_use]
pub fn of_type<'a>(template: &'a Value, kind: &str) -> Vec<(&'a str, &'a Value)> {
    resources(template)
        .iter()
        .filter(|(_, resource)| resource["Type"] == kind)
        .map(|(name, resource)| (name.as_str(), resource))
        .collect()
}

/// The properties of a resource of `template.yaml`.
#[must_use]
pub fn properties(name: &str) -> &'static Value {
    &TEMPLATE["Resources"][name]["Properties"]
}

/// A list as it is, or a single value as a list.
#[must_use]
pub fn listed(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        one => vec![one],
    }
}
