//! Every sentence of an RFC that a crate quotes must also be quoted by a test of that crate. The notation is duvet's:
//! `//=` cites, `//#` quotes, and `//= type=test` marks the test.

use std::{collections::BTreeSet, fs, path::Path};

use toolbox::workspace_root;

use crate::sources::rust_files;

/// A section's URL and the words that are quoted from it.
type Quote = (String, String);

#[test]
fn every_quoted_requirement_has_a_test() {
    let mut quoted = 0;
    for folder in ["crates", "functions"] {
        for package in fs::read_dir(workspace_root().join(folder)).unwrap() {
            quoted += check(&package.unwrap().path());
        }
    }
    assert!(quoted >= 20, "too few quotes were found: {quoted}");
}

/// Compares the quotes in a crate's code with those in its tests. Returns the number of quotes.
fn check(package: &Path) -> usize {
    let (mut stated, mut tested) = (BTreeSet::new(), BTreeSet::new());
    for file in rust_files(package) {
        for (quote, is_test) in quotes(&fs::read_to_string(file).unwrap()) {
            if is_test { &mut tested } else { &mut stated }.insert(quote);
        }
    }
    let untested: Vec<_> = stated.difference(&tested).collect();
    let unstated: Vec<_> = tested.difference(&stated).collect();
    assert!(
        untested.is_empty() && unstated.is_empty(),
        "{}: only in the code: {untested:#?}, only in tests: {unstated:#?}",
        package.display()
    );
    stated.len()
}

fn quotes(text: &str) -> Vec<(Quote, bool)> {
    let mut quotes: Vec<(Quote, bool)> = Vec::new();
    for line in text.lines().map(str::trim) {
        if line == "//= type=test" {
            quotes.last_mut().unwrap().1 = true;
        } else if let Some(section) = line.strip_prefix("//= ") {
            quotes.push(((section.to_owned(), String::new()), false));
        } else if let Some(words) = line.strip_prefix("//# ") {
            let quoted = &mut quotes.last_mut().unwrap().0.1;
            quoted.push_str(words);
            quoted.push(' ');
        }
    }
    quotes
}
