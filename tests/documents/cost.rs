//! Compares `docs/COST.md` with the script that makes its table. `tests/deployment` compares the script's input with
//! the templates.

use std::process::Command;

use toolbox::workspace_root;

use crate::sources::read;

#[test]
fn the_document_shows_what_the_script_makes_of_the_tables() {
    let mut script = Command::new("python3");
    let sheet = script.arg(workspace_root().join("scripts/cost.py")).output().unwrap();
    assert!(sheet.status.success(), "{}", String::from_utf8_lossy(&sheet.stderr));
    let sheet = String::from_utf8(sheet.stdout).unwrap();
    assert!(
        read("docs/COST.md").contains(&sheet),
        "docs/COST.md does not contain:\n{sheet}"
    );
}
