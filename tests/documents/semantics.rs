//! Compares `docs/SEMANTICS.md` with the tests that it names.

use crate::sources::{read, rust_text};

#[test]
fn every_promise_names_tests_that_exist() {
    let sources = rust_text(&["benches", "crates", "functions", "local-stack", "tests"]);
    let document = read("docs/SEMANTICS.md");
    let promises: Vec<_> = document
        .lines()
        .filter(|line| line.starts_with('|') && !line.starts_with("| promise |") && !line.starts_with("| ---"))
        .collect();
    assert!(promises.len() > 20, "{} promises", promises.len());
    for promise in promises {
        let (_, guards) = promise.trim_end_matches(" |").rsplit_once(" | ").unwrap();
        for guard in guards.split(", ") {
            let name = guard.trim_matches('`');
            assert!(
                sources.contains(&format!("fn {name}(")),
                "test {guard} does not exist, but is named for: {promise}"
            );
        }
    }
}

/// A blank line separates a row from its table, and the row is then shown as text.
#[test]
fn every_row_belongs_to_a_table() {
    for document in [
        "README.md",
        "docs/REFERENCE.md",
        "docs/SEMANTICS.md",
        "docs/FLEX.md",
        "docs/OPERATIONS.md",
        "flex-plugin/README.md",
    ] {
        for block in read(document).split("\n\n").filter(|block| block.starts_with('|')) {
            let rule = block.lines().nth(1);
            assert!(
                rule.is_some_and(|line| line.starts_with("| ---")),
                "{document}: {block}"
            );
        }
    }
}
