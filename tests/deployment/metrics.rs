//! Alarms and dashboard name the metrics that the functions emit, and all of them are looked at.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use toolbox::workspace_root;

use crate::template::{FUNCTIONS, MONITORING, TEMPLATE, of_type, properties};

const NAMESPACE: &str = "RecordingVault";

#[test]
fn every_metric_that_is_emitted_is_on_the_dashboard_and_no_other() {
    let shown: BTreeSet<_> = on_dashboard().into_iter().map(|(metric, _)| metric).collect();
    assert_eq!(shown, emitted());
}

#[test]
fn alarms_watch_metrics_that_are_emitted() {
    let emitted = emitted();
    let alarms = of_type(&MONITORING, "AWS::CloudWatch::Alarm");
    let own: Vec<_> = alarms
        .iter()
        .filter(|(_, alarm)| alarm["Properties"]["Namespace"] == NAMESPACE)
        .collect();
    assert!(own.len() >= 6, "{} alarms on own metrics", own.len());
    for (name, alarm) in own {
        let metric = alarm["Properties"]["MetricName"].as_str().unwrap();
        assert!(emitted.contains(metric), "{name} watches {metric}, which nothing emits");
        assert_eq!(alarm["Properties"]["Dimensions"][0]["Name"], "Function", "{name}");
    }
}

#[test]
fn the_dashboard_shows_whatever_an_alarm_watches() {
    let of = |namespace: &Value, metric: &Value| format!("{namespace} {metric}");
    let shown: BTreeSet<_> = dashboard_metrics()
        .iter()
        .map(|metric| of(&metric[0], &metric[1]))
        .collect();
    for (name, alarm) in of_type(&MONITORING, "AWS::CloudWatch::Alarm") {
        let properties = &alarm["Properties"];
        let watched = of(&properties["Namespace"], &properties["MetricName"]);
        assert!(shown.contains(&watched), "{name} watches {watched}");
    }
}

#[test]
fn every_alarm_tells_somebody_and_says_what_it_means() {
    let operations = fs::read_to_string(workspace_root().join("docs/OPERATIONS.md")).unwrap();
    for (name, alarm) in of_type(&MONITORING, "AWS::CloudWatch::Alarm") {
        let properties = &alarm["Properties"];
        assert!(properties["AlarmDescription"].is_string(), "{name}");
        assert!(properties["AlarmActions"]["Fn::If"].is_array(), "{name}");
        assert!(
            operations.contains(&format!("`{name}`")),
            "docs/OPERATIONS.md is silent about {name}"
        );
    }
}

#[test]
fn the_part_gets_every_parameter_that_it_asks_for() {
    let asked: BTreeSet<_> = MONITORING["Parameters"].as_object().unwrap().keys().collect();
    let given: BTreeSet<_> = properties("Monitoring")["Parameters"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert_eq!(asked, given);
    for (function, role) in FUNCTIONS {
        let name = function.strip_suffix("Function").unwrap();
        assert_eq!(
            TEMPLATE.pointer(&format!("/Resources/Monitoring/Properties/Parameters/{name}/Ref")),
            Some(&Value::from(function)),
            "{role}"
        );
    }
}

/// Metric and function in `["RecordingVault", "Name", "Function", "${Function}", …]` of the dashboard's widgets.
pub(crate) fn on_dashboard() -> BTreeSet<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let metrics = dashboard_metrics().into_iter();
    metrics
        .filter(|metric| metric[0] == NAMESPACE)
        .map(|metric| (text(&metric[1]), text(&metric[3])))
        .collect()
}

/// What the dashboard's widgets show, each as CloudWatch has it: namespace, name, dimensions.
fn dashboard_metrics() -> Vec<Value> {
    let body = MONITORING
        .pointer("/Resources/Dashboard/Properties/DashboardBody/Fn::Sub")
        .unwrap();
    let body: Value = serde_json::from_str(body.as_str().unwrap()).unwrap();
    let widgets = body["widgets"].as_array().unwrap();
    widgets
        .iter()
        .flat_map(|widget| widget["properties"]["metrics"].as_array().unwrap())
        .cloned()
        .collect()
}

/// The names in `("Name", …, Unit::…)` of the functions' sources and of what they share, and in the tables of names that
/// some emit by.
fn emitted() -> BTreeSet<String> {
    let mut sources = Vec::new();
    for folder in ["functions", "crates/service/src"] {
        read_sources(&workspace_root().join(folder), &mut sources);
    }
    let names: BTreeSet<_> = sources.iter().flat_map(|source| metric_names(source)).collect();
    assert!(names.len() > 15, "{names:?}");
    names
}

/// `("Name", value, Unit::Count)` on one line, or `=> "Name"` in the table that a name is chosen from.
fn metric_names(source: &str) -> BTreeSet<String> {
    let shipped = source.split("#[cfg(test)]").next().unwrap();
    if !shipped.contains("metrics::emit") {
        return BTreeSet::new();
    }
    let lines = shipped
        .lines()
        .filter(|line| line.contains("Unit::") || line.contains("=> \""));
    let literals = lines.filter_map(|line| line.split('"').nth(1));
    literals
        .filter(|literal| literal.starts_with(|first: char| first.is_ascii_uppercase()))
        .map(str::to_owned)
        .collect()
}

fn read_sources(folder: &Path, sources: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") {
            read_sources(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            sources.push(fs::read_to_string(path).unwrap());
        }
    }
}
