//! Compares `docs/FORMAT.md` with the tests and the script that it shows.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::sources::{read, rust_text};

/// The sources with the tests of receipts. The tests of the message format are in its crate.
const OF_RECEIPTS: [&str; 4] = [
    "crates/vault/src",
    "local-stack/src",
    "tests/deployment",
    "tests/end-to-end",
];

#[test]
fn every_must_names_a_test_that_exists() {
    let document = read("docs/FORMAT.md");
    let (before, rest) = document.split_once("\n## Receipts\n").unwrap();
    let (receipts, after) = rest.split_once("\n## ").unwrap();
    let of_format = rust_text(&["crates/esdk-message/src", "crates/esdk-message/tests"]);
    for (part, sources) in [
        (before, &of_format),
        (receipts, &rust_text(&OF_RECEIPTS)),
        (after, &of_format),
    ] {
        every_must_is_guarded(part, sources);
    }
    assert!([before, receipts].iter().all(|part| musts(part).next().is_some()));
}

fn musts(document: &str) -> impl Iterator<Item = &str> {
    document
        .lines()
        .filter(|line| line.starts_with('|') && line.contains(" MUST "))
}

fn every_must_is_guarded(document: &str, sources: &str) {
    for must in musts(document) {
        let (_, guards) = must.trim_end_matches(" |").rsplit_once(" | ").unwrap();
        for guard in guards.split(", ").map(|name| name.trim_matches('`')) {
            assert!(
                sources.contains(&format!("fn {guard}(")),
                "test `{guard}` does not exist, but is named for: {must}"
            );
        }
    }
}

/// The table has the fields of the schema, in which they are optional if the table says so.
#[test]
fn the_table_of_receipts_has_the_fields_of_the_schema() {
    let document = read("docs/FORMAT.md");
    let (_, receipts) = document.split_once("\n## Receipts\n").unwrap();
    let (receipts, _) = receipts.split_once("\n## ").unwrap();
    let rows = receipts
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let rows = rows.filter(|(_, rest)| !rest.contains(" MUST "));
    let documented: BTreeMap<_, _> = rows
        .map(|(field, rest)| (field, !rest.contains(", optional | ")))
        .collect();
    let schema: Value = serde_json::from_str(&read("docs/receipt.schema.json")).unwrap();
    let required: Vec<_> = schema["required"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let fields = schema["properties"].as_object().unwrap().keys().map(String::as_str);
    let expected: BTreeMap<_, _> = fields.map(|field| (field, required.contains(&field))).collect();
    assert_eq!(documented, expected);
}

#[test]
fn the_script_shown_is_the_script() {
    let script = read("scripts/recover.py");
    assert!(
        read("docs/FORMAT.md").contains(&format!("```python\n{script}```\n")),
        "the script in docs/FORMAT.md differs from scripts/recover.py"
    );
}
