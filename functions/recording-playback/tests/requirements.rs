//! Every sentence of RFC 9110 that the code quotes is guarded by a test that quotes it too (duvet's notation: `//=`
//! cites, `//#` quotes, `//= type=test` marks the test).

#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// A section's URL and the words quoted from it.
type Quote = (String, String);

#[test]
fn every_quoted_requirement_has_a_test() {
    let (mut stated, mut tested) = (BTreeSet::new(), BTreeSet::new());
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        for (quote, is_test) in quotes(&fs::read_to_string(file).unwrap()) {
            if is_test { &mut tested } else { &mut stated }.insert(quote);
        }
    }
    assert!(stated.len() >= 20, "the notation is read: {stated:#?}");
    let untested: Vec<_> = stated.difference(&tested).collect();
    let unstated: Vec<_> = tested.difference(&stated).collect();
    assert!(
        untested.is_empty() && unstated.is_empty(),
        "untested: {untested:#?}, unstated: {unstated:#?}"
    );
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .collect()
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
