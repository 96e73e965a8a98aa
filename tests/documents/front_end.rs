//! Compares the front end, `scripts/vault.py`, with the commands and options that the documents name.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use toolbox::workspace_root;

use crate::{links::documents, sources::read};

#[test]
fn the_readme_lists_the_commands_of_the_front_end() {
    assert_eq!(documented(), offered(&help(&[])));
}

#[test]
fn every_option_that_a_document_names_exists() {
    let commands = offered(&help(&[]));
    let mut named = BTreeMap::<String, BTreeSet<String>>::new();
    for document in documents() {
        for (command, options) in calls(&read(&document), &commands) {
            named.entry(command).or_default().extend(options);
        }
    }
    // The help of `operate` lists its operations. tests/end-to-end runs those that the documents name.
    named.remove("operate");
    assert!(named.values().map(BTreeSet::len).sum::<usize>() > 3, "{named:?}");
    for (command, options) in named {
        let help = help(&[&command]);
        let known: BTreeSet<_> = words(&help)
            .filter(|word| word.starts_with("--"))
            .map(str::to_owned)
            .collect();
        let unknown: Vec<_> = options.difference(&known).collect();
        assert!(unknown.is_empty(), "`{command}` has no {unknown:?}");
    }
}

/// The first cells of the table under `Operate`.
fn documented() -> BTreeSet<String> {
    let readme = read("README.md");
    let (_, section) = readme.split_once("\n## Operate\n").unwrap();
    let lines = section.lines().skip_while(|line| !line.starts_with("| --- "));
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.split('`').nth(1).unwrap().to_owned()).collect()
}

/// The commands that `--help` lists. They are indented by four spaces, and the continuation of their descriptions by more.
fn offered(help: &str) -> BTreeSet<String> {
    let lines = help.lines().filter_map(|line| line.strip_prefix("    "));
    let lines = lines.filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()));
    lines.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

/// The commands in a document's code, each with its options. An option before the command belongs to it too.
fn calls(text: &str, commands: &BTreeSet<String>) -> Vec<(String, BTreeSet<String>)> {
    let entries = [
        ("setup.py", Some("setup")),
        ("prove_live.py", Some("prove")),
        ("vault.py", None),
    ];
    let mut calls = Vec::new();
    for line in text.lines().flat_map(|line| line.split('`')) {
        for (script, entry) in entries {
            // A comment follows the command.
            let Some((_, arguments)) = line.split('#').next().unwrap().split_once(script) else {
                continue;
            };
            let command = entry.or_else(|| words(arguments).find(|word| commands.contains(*word)));
            let options = words(arguments).filter(|word| word.starts_with("--"));
            if let Some(command) = command {
                calls.push((command.to_owned(), options.map(str::to_owned).collect()));
            }
        }
    }
    calls
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !(letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_')))
}

fn help(command: &[&str]) -> String {
    let help = Command::new("python3")
        .arg("scripts/vault.py")
        .args(command)
        .arg("--help")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(workspace_root())
        .output()
        .unwrap();
    assert!(help.status.success(), "{}", String::from_utf8_lossy(&help.stderr));
    String::from_utf8(help.stdout).unwrap()
}

#[test]
fn calls_are_found_in_blocks_and_in_text() {
    let commands = ["prove", "setup"].map(str::to_owned).into();
    let text = "Run `vault.py prove --json` or `setup.py --undo`.\n\n```sh\npython3 scripts/setup.py --release . # --no\n```\n";
    let expected = [("prove", "--json"), ("setup", "--undo"), ("setup", "--release")];
    let expected = expected.map(|(command, option)| (command.to_owned(), BTreeSet::from([option.to_owned()])));
    assert_eq!(calls(text, &commands), expected);
}
