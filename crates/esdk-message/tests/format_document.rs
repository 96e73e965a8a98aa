//! `docs/FORMAT.md` against what it speaks of.

// A helper fails as a test does.
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use toolbox::workspace_root;

#[test]
fn every_must_names_a_test_that_exists() {
    let mut sources = String::new();
    for folder in ["src", "tests"] {
        read_rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut sources);
    }
    let document = document();
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
                "no test `{guard}` guards: {must}"
            );
        }
    }
}

#[test]
fn the_script_shown_is_the_script() {
    let script = fs::read_to_string(workspace_root().join("scripts/recover.py")).unwrap();
    assert!(
        document().contains(&format!("```python\n{script}```\n")),
        "docs/FORMAT.md shows another script"
    );
}

fn document() -> String {
    fs::read_to_string(workspace_root().join("docs/FORMAT.md")).unwrap()
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
