//! No resource may depend on itself. CloudFormation would refuse the deployment, but the linters check only the source.

use std::collections::{BTreeMap, BTreeSet};

use deployment::{MONITORING, TEMPLATE, resources};
use serde_json::{Value, json};

/// The dependencies of each resource, by name.
type Graph<'a> = BTreeMap<&'a str, BTreeSet<String>>;

#[test]
fn no_resource_of_the_templates_waits_for_itself() {
    for template in [&*TEMPLATE, &*MONITORING] {
        assert_eq!(cycle(template), None);
    }
    let graph = graph(&TEMPLATE);
    // Checks that the graph contains known dependencies.
    for (from, to) in [
        ("CopierFunction", "CopierRole"),
        ("CopierRole", "RecordingsKey"),
        ("RecordingsBucket", "RecordingsKey"),
        ("LinkerFunction", "PlaybackFunctionUrl"),
    ] {
        assert!(graph[from].contains(to), "{from} depends on {to}");
    }
}

#[test]
fn a_cycle_is_found_whatever_it_is_made_of() {
    let to_key = [
        json!({"Properties": {"Key": {"Ref": "Key"}}}),
        json!({"Properties": {"Key": {"Fn::GetAtt": ["Key", "Arn"]}}}),
        json!({"Properties": {"Key": {"Fn::GetAtt": "Key.Arn"}}}),
        json!({"Properties": {"Key": {"Fn::Sub": "${Key.Arn}/*"}}}),
        json!({"Properties": {"Key": {"Fn::Sub": ["${Name}-${Key}", {"Name": "a"}]}}}),
        json!({"Properties": {"Key": {"Fn::Sub": ["${Name}", {"Name": {"Ref": "Key"}}]}}}),
        json!({"Properties": [{"Key": {"Fn::If": ["On", {"Ref": "AWS::NoValue"}, [{"Ref": "Key"}]]}}]}),
        json!({"DependsOn": "Key"}),
        json!({"DependsOn": ["Bucket", "Key"]}),
    ];
    for role in to_key {
        let policy = json!({"Properties": {"KeyPolicy": {"Fn::Sub": "${Role.Arn}"}}});
        let template = json!({"Resources": {"Bucket": {}, "Key": policy, "Role": role}});
        assert_eq!(
            cycle(&template),
            Some(vec!["Key".to_owned(), "Role".to_owned()]),
            "{role}"
        );
    }
    let itself = json!({"Resources": {"Function": {"Properties": {"Url": {"Ref": "Function"}}}}});
    assert_eq!(cycle(&itself), Some(vec!["Function".to_owned()]));
}

#[test]
fn a_text_that_only_looks_like_a_reference_is_none() {
    for harmless in [
        json!({"Ref": "AWS::Region"}),
        json!({"Ref": "Parameter"}),
        json!({"Fn::Sub": "${!Role}"}),
        json!({"Fn::Sub": ["${Role}", {"Role": "a"}]}),
        json!("${Role}"),
        json!({"Fn::If": ["Role", "a", "b"]}),
    ] {
        let template = json!({"Resources": {"Role": {"Properties": {"Value": harmless}}}});
        assert_eq!(cycle(&template), None, "{harmless}");
    }
}

/// Returns a ring of resources that depend on each other, if there is one.
fn cycle(template: &Value) -> Option<Vec<String>> {
    let mut waiting = graph(template);
    // A resource without dependencies can be created, and then no other resource waits for it.
    while let Some(ready) = waiting.iter().find(|(_, others)| others.is_empty()) {
        let ready = (*ready.0).to_owned();
        waiting.remove(&*ready);
        for others in waiting.values_mut() {
            others.remove(&ready);
        }
    }
    // The rest consists of rings and of resources that depend on rings. A path from any of them ends in a ring.
    let mut path = vec![(*waiting.keys().next()?).to_owned()];
    loop {
        let next = waiting[&**path.last()?].first()?.clone();
        if let Some(begin) = path.iter().position(|name| *name == next) {
            let mut ring = path.split_off(begin);
            ring.sort();
            return Some(ring);
        }
        path.push(next);
    }
}

fn graph(template: &Value) -> Graph<'_> {
    let resources = resources(template);
    let waits = |resource: &Value| {
        let mut names = BTreeSet::new();
        references(resource, &mut names);
        names.extend(depends_on(&resource["DependsOn"]));
        names.retain(|name| resources.contains_key(name));
        names
    };
    resources
        .iter()
        .map(|(name, resource)| (name.as_str(), waits(resource)))
        .collect()
}

/// The names in `Ref`, `Fn::GetAtt` and `Fn::Sub`, in every branch of every condition.
fn references(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| references(value, names)),
        Value::Object(fields) => {
            for (field, value) in fields {
                match (field.as_str(), value) {
                    ("Ref", Value::String(name)) => names.extend([name.clone()]),
                    ("Fn::GetAtt", Value::String(path)) => names.extend(before_dot(path)),
                    ("Fn::GetAtt", Value::Array(path)) => names.extend(path[0].as_str().map(str::to_owned)),
                    ("Fn::Sub", Value::String(text)) => names.extend(substituted(text)),
                    ("Fn::Sub", Value::Array(arguments)) => {
                        let own = arguments[1].as_object().unwrap();
                        let text = arguments[0].as_str().unwrap();
                        names.extend(substituted(text).filter(|name| !own.contains_key(name)));
                        references(&arguments[1], names);
                    }
                    (_, value) => references(value, names),
                }
            }
        }
        _ => {}
    }
}

fn depends_on(value: &Value) -> Vec<String> {
    let names = match value {
        Value::Array(names) => names.iter().collect(),
        one => vec![one],
    };
    names.into_iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// `Role` and `Key` of `${Role} ${Key.Arn} ${!literal}`.
fn substituted(text: &str) -> impl Iterator<Item = String> + '_ {
    let inside = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
    inside
        .filter(|(name, _)| !name.starts_with('!'))
        .filter_map(|(name, _)| before_dot(name))
}

fn before_dot(path: &str) -> Option<String> {
    path.split('.').next().map(str::to_owned)
}
