//! Compares `docs/OPERATIONS.md` with the alarms and the Regions of the templates.

use std::collections::BTreeSet;

use deployment::{MONITORING, TEMPLATE, of_type};

use crate::sources::read;

#[test]
fn every_alarm_notifies_and_says_what_it_means() {
    let operations = read("docs/OPERATIONS.md");
    for (name, alarm) in of_type(&MONITORING, "AWS::CloudWatch::Alarm") {
        let properties = &alarm["Properties"];
        assert!(properties["AlarmDescription"].is_string(), "{name}");
        assert!(properties["AlarmActions"]["Fn::If"].is_array(), "{name}");
        assert!(
            operations.contains(&format!("`{name}`")),
            "docs/OPERATIONS.md does not name {name}"
        );
    }
}

#[test]
fn the_regions_without_function_urls_are_listed() {
    let operations = read("docs/OPERATIONS.md");
    let [assertion] = TEMPLATE["Rules"]["RegionHasFunctionUrls"]["Assertions"]
        .as_array()
        .unwrap()
        .as_slice()
    else {
        panic!("one assertion");
    };
    let refused = assertion.pointer("/Assert/Fn::Not/0/Fn::Contains/0").unwrap();
    let refused = refused
        .as_array()
        .unwrap()
        .iter()
        .map(|region| region.as_str().unwrap());
    assert_eq!(listed_regions(&operations), refused.collect::<BTreeSet<_>>());
}

/// The Regions in the section `Regions`.
fn listed_regions(operations: &str) -> BTreeSet<&str> {
    let (_, section) = operations.split_once("\n## Regions\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let names = section.split('`').skip(1).step_by(2);
    names
        .filter(|name| name.contains('-') && name.ends_with(|last: char| last.is_ascii_digit()))
        .collect()
}
