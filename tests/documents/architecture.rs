//! Compares `docs/ARCHITECTURE.md` with the dependencies that Cargo reports.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use serde_json::Value;
use toolbox::workspace_root;

use crate::sources::read;

/// The crates of this workspace that each crate uses.
type Dependencies = BTreeMap<String, BTreeSet<String>>;

#[test]
fn crates_use_what_the_table_allows_and_no_others() {
    let (allowed, used) = (allowed(), used());
    for (name, uses) in &used {
        let allowed = allowed.get(name).unwrap_or_else(|| panic!("no row for {name}"));
        assert_eq!(
            uses, allowed,
            "{name}: used dependencies (left) differ from docs/ARCHITECTURE.md (right)"
        );
    }
    let rows: Vec<_> = allowed.keys().collect();
    assert_eq!(
        rows,
        used.keys().collect::<Vec<_>>(),
        "the table has a row without a crate"
    );
}

/// The rows of the table under `What may depend on what`.
fn allowed() -> Dependencies {
    let document = read("docs/ARCHITECTURE.md");
    let (_, section) = document.split_once("\n## What may depend on what\n").unwrap();
    let lines = section.lines().skip_while(|line| !line.starts_with("| --- "));
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let mut names = row.split('`').skip(1).step_by(2).map(str::to_owned);
        (names.next().unwrap(), names.collect())
    })
    .collect()
}

/// The normal dependencies of every crate under `crates/` and `functions/`. Development dependencies are not counted.
fn used() -> Dependencies {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(workspace_root())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&metadata.stderr);
    assert!(metadata.status.success(), "{errors}");
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .filter(|package| is_product(package["manifest_path"].as_str().unwrap()))
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap().iter();
            // Only crates of this workspace have a path.
            let own = dependencies.filter(|one| one["kind"].is_null() && one["path"].is_string());
            (name(package), own.map(name).collect())
        })
        .collect()
}

fn is_product(manifest: &str) -> bool {
    ["crates", "functions"]
        .iter()
        .any(|folder| Path::new(manifest).starts_with(workspace_root().join(folder)))
}

fn name(package: &Value) -> String {
    package["name"].as_str().unwrap().to_owned()
}
