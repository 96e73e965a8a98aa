//! Compares the table of commands in README.md with the front end.

use std::{collections::BTreeSet, process::Command};

use toolbox::workspace_root;

use crate::sources::read;

#[test]
fn the_readme_lists_the_commands_of_the_front_end() {
    assert_eq!(documented(), offered());
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
fn offered() -> BTreeSet<String> {
    let help = Command::new("python3")
        .args(["scripts/vault.py", "--help"])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(workspace_root())
        .output()
        .unwrap();
    assert!(help.status.success(), "{}", String::from_utf8_lossy(&help.stderr));
    let help = String::from_utf8(help.stdout).unwrap();
    let lines = help.lines().filter_map(|line| line.strip_prefix("    "));
    let lines = lines.filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()));
    lines.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}
