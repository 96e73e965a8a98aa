//! Compares the settings that the code reads with the table of docs/REFERENCE.md and the template.

use std::{collections::BTreeSet, fs};

use deployment::{FUNCTIONS, properties};
use toolbox::workspace_root;

use crate::sources::{read, rust_files};

#[test]
fn the_reference_lists_the_settings_that_the_code_reads_and_no_other() {
    assert_eq!(documented(&["playback", "both"]), known("recording-playback"));
    let callback = ["callback", "webhook", "linker", "copier", "operator", "both"];
    assert_eq!(documented(&callback), known("recording-callback"));
}

#[test]
fn no_function_is_given_a_setting_that_it_does_not_know() {
    for (function, role) in FUNCTIONS {
        let known = known(if role == "playback" {
            "recording-playback"
        } else {
            "recording-callback"
        });
        let given = properties(function)["Environment"]["Variables"].as_object().unwrap();
        let unknown: Vec<_> = given.keys().filter(|name| !known.contains(*name)).collect();
        assert!(unknown.is_empty(), "{function}: {unknown:?}");
    }
}

/// The names in the code that reads a binary's settings: its string literals in capitals.
fn known(package: &str) -> BTreeSet<String> {
    let folder = format!("functions/{package}/src");
    let mut shipped = read(&format!("{folder}/config.rs"));
    shipped.truncate(shipped.find("#[cfg(test)]").unwrap());
    let parts = workspace_root().join(format!("{folder}/config"));
    for part in parts.is_dir().then(|| rust_files(&parts)).into_iter().flatten() {
        if !part.ends_with("tests.rs") {
            shipped.push_str(&fs::read_to_string(part).unwrap());
        }
    }
    let literals = shipped.split('"').skip(1).step_by(2);
    let is_name = |text: &&str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let names: BTreeSet<_> = literals.filter(is_name).map(str::to_owned).collect();
    assert!(names.len() > 8, "{package}: {names:?}");
    names
}

/// The names in the rows of the table in docs/REFERENCE.md for any of these functions.
fn documented(functions: &[&str]) -> BTreeSet<String> {
    let reference = read("docs/REFERENCE.md");
    let (_, section) = reference.split_once("\n## Settings\n").unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with("| --- "));
    let rows = rows.skip(1).take_while(|line| line.starts_with('|'));
    rows.filter_map(|row| {
        let mut cells = row.split('|').skip(1);
        let (names, whose) = (cells.next()?, cells.next()?);
        functions
            .iter()
            .any(|function| whose.contains(function))
            .then_some(names)
    })
    .flat_map(|names| names.split('`').skip(1).step_by(2))
    .map(str::to_owned)
    .collect()
}
