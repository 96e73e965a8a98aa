//! Compares the templates: what CloudFormation does in an update, but the emulator does not.

use std::{fs, process::Command};

use deployment::{TEMPLATE, expand, listed};
use serde_json::Value;
use toolbox::{Scratch, Venv, python};

use super::release::Release;

#[test]
fn every_parameter_of_the_release_before_accepts_what_it_accepted() {
    let before = expand(&Release::before_this_version().folder.join("template.yaml"));
    let (before, now) = (before["Parameters"].as_object().unwrap(), &TEMPLATE["Parameters"]);
    for (name, old) in before {
        let new = now.get(name).unwrap_or_else(|| panic!("{name} is gone"));
        for same in ["Type", "AllowedPattern", "NoEcho"] {
            assert_eq!(new.get(same), old.get(same), "{name}: {same}");
        }
        let values = |parameter: &Value| {
            listed(&parameter["AllowedValues"])
                .into_iter()
                .cloned()
                .collect::<Vec<_>>()
        };
        let accepted = values(new);
        assert!(
            values(old).iter().all(|value| accepted.contains(value)),
            "{name}: {accepted:?}"
        );
        let bound = |parameter: &Value, bound: &str| parameter[bound].as_f64();
        let (low, high) = (bound(new, "MinValue"), bound(new, "MaxValue"));
        assert!(low.is_none() || low <= bound(old, "MinValue"), "{name}: from {low:?}");
        assert!(
            high.is_none() || bound(old, "MaxValue").is_some_and(|old| Some(old) <= high),
            "{name}: to {high:?}"
        );
    }
    for (name, parameter) in now.as_object().unwrap() {
        let is_new = !before.contains_key(name);
        assert!(
            !is_new || parameter.get("Default").is_some(),
            "{name} is new and required"
        );
    }
}

#[test]
fn an_update_replaces_and_removes_nothing() {
    let release = Release::before_this_version();
    let folder = Scratch::new().unwrap();
    for file in ["template.yaml", "monitoring.yaml"] {
        let (old, new) = (folder.path().join("old.json"), folder.path().join("new.json"));
        fs::write(&old, expand(&release.folder.join(file)).to_string()).unwrap();
        fs::write(&new, expand(file.as_ref()).to_string()).unwrap();
        let compared = Command::new(python(Venv::Lint).unwrap())
            .args(["-c", include_str!("replaced.py")])
            .args([old, new])
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&compared.stdout).trim(),
            "[]",
            "{file}: {compared:?}"
        );
    }
}
