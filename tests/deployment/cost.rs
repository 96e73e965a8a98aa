//! Compares the input of the cost sheet with the templates.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use deployment::{FUNCTIONS, MONITORING, TEMPLATE, of_type, properties};
use toolbox::workspace_root;

use crate::metrics::{on_dashboard, watched};

#[test]
fn monthly_costs_are_counted_in_the_templates() {
    let documented: BTreeMap<String, usize> = lines("usage")
        .into_iter()
        .filter(|line| line[3] == "template")
        .map(|line| (line[0].clone(), line[2].parse().unwrap()))
        .collect();
    // Resources that depend on an option, like the RSA key, are left out.
    let unconditional = |kind: &str| {
        let all = of_type(&TEMPLATE, kind);
        all.iter().filter(|(_, one)| one.get("Condition").is_none()).count()
    };
    let counted = [
        ("kms-key-month", unconditional("AWS::KMS::Key")),
        ("secret-month", unconditional("AWS::SecretsManager::Secret")),
        ("alarm-month", watched_at_all_times()),
        (
            "dashboard-month",
            of_type(&MONITORING, "AWS::CloudWatch::Dashboard").len(),
        ),
        ("metric-month", on_dashboard().len()),
    ];
    assert_eq!(documented, counted.map(|(item, count)| (item.to_owned(), count)).into());
}

/// The number of metrics in all alarms, because CloudWatch charges per metric. Alarms that depend on an option are left
/// out.
fn watched_at_all_times() -> usize {
    let resources = &MONITORING["Resources"];
    let watched = watched().into_iter();
    watched
        .filter(|(alarm, _)| resources[*alarm].get("Condition").is_none())
        .count()
}

#[test]
fn functions_are_billed_by_the_memory_that_they_have() {
    let billed = lines("functions");
    for line in &billed {
        let (function, _) = FUNCTIONS.into_iter().find(|(_, role)| line[0] == *role).unwrap();
        assert_eq!(properties(function)["MemorySize"].to_string(), line[4], "{function}");
    }
    let roles: BTreeSet<_> = billed.iter().map(|line| line[0].as_str()).collect();
    assert_eq!(
        roles,
        BTreeSet::from(["copier", "linker", "operator", "playback", "webhook"])
    );
}

/// The fields of a table of `docs/cost`, without its head.
fn lines(table: &str) -> Vec<Vec<String>> {
    let table = fs::read_to_string(workspace_root().join(format!("docs/cost/{table}.csv"))).unwrap();
    let lines = table.lines().skip(1);
    lines.map(|line| line.split(',').map(str::to_owned).collect()).collect()
}
