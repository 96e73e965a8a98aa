//! Alarms and the dashboard use only metrics that the functions emit, and every metric is used.

use std::{collections::BTreeSet, fs, path::Path};

use deployment::{FUNCTIONS, MONITORING, TEMPLATE, of_type, properties};
use serde_json::Value;
use toolbox::workspace_root;

const NAMESPACE: &str = "RecordingVault";

#[test]
fn every_metric_that_is_emitted_is_on_the_dashboard_and_no_other() {
    let shown: BTreeSet<_> = on_dashboard().into_iter().map(|(metric, _)| metric).collect();
    assert_eq!(shown, emitted());
}

#[test]
fn alarms_watch_metrics_that_their_function_emits() {
    let mut own = 0;
    for (alarm, metric) in watched() {
        if metric["Namespace"] != NAMESPACE {
            continue;
        }
        own += 1;
        let name = metric["MetricName"].as_str().unwrap();
        let [dimension] = &*metric["Dimensions"].as_array().unwrap().clone() else {
            panic!("{alarm}: metrics have one dimension");
        };
        assert_eq!(dimension["Name"], "Function", "{alarm}");
        let function = dimension["Value"]["Ref"].as_str().unwrap();
        let sources = sources_of(function);
        assert!(
            sources.iter().any(|source| metric_names(source).contains(name)),
            "{alarm} watches {name} of {function}, which does not emit it"
        );
    }
    assert!(own >= 16, "{own} metrics of our own");
}

#[test]
fn the_dashboard_shows_whatever_an_alarm_watches() {
    let of = |namespace: &Value, metric: &Value| format!("{namespace} {metric}");
    let shown: BTreeSet<_> = dashboard_metrics()
        .iter()
        .map(|metric| of(&metric[0], &metric[1]))
        .collect();
    for (alarm, metric) in watched() {
        let watched = of(&metric["Namespace"], &metric["MetricName"]);
        assert!(shown.contains(&watched), "{alarm} watches {watched}");
    }
}

#[test]
fn the_part_gets_every_parameter_that_it_declares() {
    let declared: BTreeSet<_> = MONITORING["Parameters"].as_object().unwrap().keys().collect();
    let given: BTreeSet<_> = properties("Monitoring")["Parameters"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert_eq!(declared, given);
    for (function, role) in FUNCTIONS {
        let name = function.strip_suffix("Function").unwrap();
        assert_eq!(
            TEMPLATE.pointer(&format!("/Resources/Monitoring/Properties/Parameters/{name}/Ref")),
            Some(&Value::from(function)),
            "{role}"
        );
    }
}

/// The metric and function in each `["RecordingVault", "Name", "Function", "${Function}", …]` of the dashboard's
/// widgets.
pub(crate) fn on_dashboard() -> BTreeSet<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let metrics = dashboard_metrics().into_iter();
    metrics
        .filter(|metric| metric[0] == NAMESPACE)
        .map(|metric| (text(&metric[1]), text(&metric[3])))
        .collect()
}

/// The metrics of the dashboard's widgets in CloudWatch's form: namespace, name, dimensions.
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

/// Every metric of every alarm, with the alarm's name.
pub(crate) fn watched() -> Vec<(&'static str, &'static Value)> {
    let alarms = of_type(&MONITORING, "AWS::CloudWatch::Alarm").into_iter();
    let metrics = alarms.flat_map(|(alarm, resource)| {
        let properties = &resource["Properties"];
        let metrics: Vec<_> = match properties["Metrics"].as_array() {
            Some(metrics) => {
                let metrics = metrics.iter().map(|metric| &metric["MetricStat"]["Metric"]);
                metrics.filter(|metric| metric.is_object()).collect()
            }
            None => vec![properties],
        };
        assert!(!metrics.is_empty(), "{alarm} watches nothing");
        metrics.into_iter().map(move |metric| (alarm, metric))
    });
    metrics.collect()
}

/// The source files of a function, by the function's parameter in `monitoring.yaml`.
fn sources_of(function: &str) -> Vec<String> {
    let (binary, parts): (_, &[&str]) = match function {
        "Playback" => ("recording-playback", &[""]),
        "Webhook" => ("recording-callback", &["webhook", "webhook.rs"]),
        "Linker" | "LateLinker" => (
            "recording-callback",
            &["jobs/link_task.rs", "jobs/links_queue.rs", "jobs/dispatch.rs"],
        ),
        "Copier" => (
            "recording-callback",
            &[
                "jobs/copy_recording.rs",
                "jobs/delete_original.rs",
                "jobs/batch.rs",
                "jobs/dispatch.rs",
            ],
        ),
        "Operator" => ("recording-callback", &["operator", "operator.rs"]),
        other => panic!("a function {other}"),
    };
    let mut sources = Vec::new();
    for part in parts {
        read_source(
            &workspace_root().join(format!("functions/{binary}/src")).join(part),
            &mut sources,
        );
    }
    read_source(&workspace_root().join("crates/service/src"), &mut sources);
    sources
}

/// The names in `("Name", …, Unit::…)` of the functions' sources and shared code, and in the tables from which some
/// names are chosen.
fn emitted() -> BTreeSet<String> {
    let mut sources = Vec::new();
    for folder in ["functions", "crates/service/src"] {
        read_source(&workspace_root().join(folder), &mut sources);
    }
    let names: BTreeSet<_> = sources.iter().flat_map(|source| metric_names(source)).collect();
    assert!(names.len() > 15, "{names:?}");
    names
}

/// `("Name", value, Unit::Count)` on one line, or `=> "Name"` in a table of names.
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

/// A file, or the files in a folder, without tests.
fn read_source(path: &Path, sources: &mut Vec<String>) {
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        for entry in entries.filter(|entry| !entry.ends_with("tests") && !entry.ends_with("tests.rs")) {
            read_source(&entry, sources);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        sources.push(fs::read_to_string(path).unwrap());
    }
}
