//! `scripts/vault.py`, the front end of the scripts: its own tests, which need boto3.

use std::process::Command;

use toolbox::{Venv, python, workspace_root};

#[test]
fn the_tests_of_the_scripts_pass() {
    let tested = Command::new(python(Venv::Lint).unwrap())
        .args(["-m", "unittest", "discover", "--start-directory", "scripts/tests"])
        .current_dir(workspace_root())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    // unittest reports on standard error.
    let report = String::from_utf8_lossy(&tested.stderr);
    assert!(tested.status.success(), "{report}");
    assert!(report.trim_end().ends_with("OK"), "a test was skipped: {report}");
}
