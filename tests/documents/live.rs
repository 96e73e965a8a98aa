//! Compares the README's table of unproved assumptions with the questions that `scripts/prove_live.py` answers.

use std::collections::BTreeSet;

use deployment::properties;

use crate::sources::read;

/// The cells of each row of the table.
fn rows(readme: &str) -> Vec<Vec<&str>> {
    let (_, section) = readme.split_once("\n## What only a live account can prove\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let lines = section.lines().skip_while(|line| !line.starts_with("| --- "));
    let lines = lines.skip(1).take_while(|line| line.starts_with('|'));
    lines
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

/// The names in backticks.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn the_table_names_every_field_of_the_proof_and_no_other() {
    let readme = read("README.md");
    let rows = rows(&readme);
    let documented: BTreeSet<_> = rows.iter().flat_map(|cells| names(cells[2])).collect();

    let questions = read("scripts/recording_vault/questions.py");
    let questions = questions.split("Question(").skip(1);
    let answered: BTreeSet<_> = questions
        .filter_map(|question| question.trim_start().strip_prefix('"')?.split('"').next())
        .collect();
    assert!(answered.len() > 20, "{answered:?}");
    assert_eq!(documented, answered);
}

#[test]
fn every_assumption_has_a_substitute_or_none_and_what_answers_it() {
    let readme = read("README.md");
    for cells in rows(&readme) {
        let [assumption, substitute, answer] = cells[..] else {
            panic!("a row needs three cells: {cells:?}");
        };
        assert!(assumption.ends_with('.'), "{assumption}");
        assert!(!substitute.is_empty() && !answer.is_empty(), "{assumption}");
    }
}

/// A constant of a script.
fn constant(script: &str, name: &str) -> u64 {
    let text = read(&format!("scripts/recording_vault/{script}"));
    let prefix = format!("{name} = ");
    let value = text.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap();
    value.replace('_', "").parse().unwrap()
}

#[test]
fn the_proof_knows_the_timeout_and_the_length_of_shortened_replies() {
    let timeout = properties("PlaybackFunction")["Timeout"].as_u64().unwrap();
    assert_eq!(constant("prove_command.py", "PLAYBACK_TIMEOUT_S"), timeout);
    let config = read("functions/recording-playback/src/config.rs");
    assert!(config.contains("DEFAULT_MAX_RANGE_BYTES: u64 = 1024 * 1024;"));
    assert_eq!(constant("measurements.py", "SHORTENED_BYTES"), 1024 * 1024);
}
