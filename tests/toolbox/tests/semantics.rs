//! `docs/SEMANTICS.md` against the tests that it names.

// A helper fails as a test does.
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use toolbox::workspace_root;

#[test]
fn every_promise_names_tests_that_exist() {
    let mut sources = String::new();
    for folder in ["benches", "crates", "functions", "local-stack", "tests"] {
        read_rust_files(&workspace_root().join(folder), &mut sources);
    }
    let document = fs::read_to_string(workspace_root().join("docs/SEMANTICS.md")).unwrap();
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
                "no test {guard} guards: {promise}"
            );
        }
    }
}

/// A row that a blank line parts from its table is shown as text.
#[test]
fn every_row_stands_in_a_table() {
    for document in [
        "README.md",
        "docs/SEMANTICS.md",
        "docs/OPERATIONS.md",
        "flex-plugin/README.md",
    ] {
        let text = fs::read_to_string(workspace_root().join(document)).unwrap();
        for block in text.split("\n\n").filter(|block| block.starts_with('|')) {
            let rule = block.lines().nth(1);
            assert!(
                rule.is_some_and(|line| line.starts_with("| ---")),
                "{document}: {block}"
            );
        }
    }
}

fn read_rust_files(folder: &Path, sources: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_rust_files(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}
