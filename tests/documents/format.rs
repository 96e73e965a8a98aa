//! Compares `docs/FORMAT.md` with the tests and the script that it shows.

use crate::sources::{read, rust_text};

#[test]
fn every_must_names_a_test_that_exists() {
    let sources = rust_text(&["crates/esdk-message/src", "crates/esdk-message/tests"]);
    let document = read("docs/FORMAT.md");
    let musts: Vec<&str> = document
        .lines()
        .filter(|line| line.starts_with('|') && line.contains(" MUST "))
        .collect();
    assert!(!musts.is_empty());
    for must in musts {
        let (_, guards) = must.trim_end_matches(" |").rsplit_once(" | ").unwrap();
        for guard in guards.split(", ").map(|name| name.trim_matches('`')) {
            assert!(
                sources.contains(&format!("fn {guard}(")),
                "test `{guard}` does not exist, but is named for: {must}"
            );
        }
    }
}

#[test]
fn the_script_shown_is_the_script() {
    let script = read("scripts/recover.py");
    assert!(
        read("docs/FORMAT.md").contains(&format!("```python\n{script}```\n")),
        "the script in docs/FORMAT.md differs from scripts/recover.py"
    );
}
