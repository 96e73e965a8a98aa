//! Compares the choices that last (`Decide on day one` in docs/OPERATIONS.md) with the template and with the setup,
//! which refuses some of them later.

use std::collections::{BTreeMap, BTreeSet};

use deployment::{TEMPLATE, properties};

use crate::sources::read;

#[test]
fn the_defaults_of_the_lasting_choices_are_the_templates() {
    for (choice, default) in choices() {
        let Some(declared) = TEMPLATE["Parameters"].get(&choice) else {
            continue;
        };
        let expected = match declared["Default"].as_str() {
            Some("") => "empty".to_owned(),
            Some(text) => format!("`{text}`"),
            None if declared["Default"].is_null() => "none".to_owned(),
            None => format!("`{}`", declared["Default"]),
        };
        let given = default.split(':').next().unwrap();
        assert_eq!(given, expected, "the default of {choice}");
    }
}

#[test]
fn every_parameter_that_lasts_is_among_the_choices() {
    let choices: BTreeSet<_> = choices().into_keys().collect();
    let mut expected: BTreeSet<_> = ["PlaybackBaseUrl", "PublicBaseUrl"].map(str::to_owned).into();
    expected.extend(refused_by_the_setup());
    let missing: Vec<_> = expected.difference(&choices).collect();
    assert!(missing.is_empty(), "{missing:?} not in {choices:?}");
}

/// The page says that the URL has no qualifier, which is an alias or a version of the function.
#[test]
fn the_function_url_has_no_qualifier() {
    assert_eq!(
        choices()["the function URL's qualifier"],
        "none: the URL calls the function itself"
    );
    assert!(properties("PlaybackFunctionUrl").get("Qualifier").is_none());
}

#[test]
fn the_stacks_name_is_the_one_of_the_tools() {
    let name = choices()["the stack's name"].trim_matches('`').to_owned();
    assert!(read("samconfig.toml").contains(&format!("stack_name = \"{name}\"")));
    for script in ["scripts/recording_vault/cli.py", "scripts/operate.py"] {
        assert!(read(script).contains(&format!("\nSTACK = \"{name}\"\n")), "{script}");
    }
}

/// The choices and their defaults. A parameter is given by its name alone.
fn choices() -> BTreeMap<String, String> {
    let document = read("docs/OPERATIONS.md");
    let (_, section) = document.split_once("\n## Decide on day one\n").unwrap();
    let lines = section.lines().skip_while(|line| !line.starts_with("| --- "));
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    let choices: BTreeMap<_, _> = rows.map(choice).collect();
    assert!(choices.len() > 5, "{choices:?}");
    choices
}

fn choice(row: &str) -> (String, String) {
    let mut cells = row.split('|').skip(1).map(str::trim);
    let (name, default) = (cells.next().unwrap(), cells.next().unwrap());
    let name = name
        .strip_prefix('`')
        .and_then(|code| code.split('`').next())
        .unwrap_or(name);
    (name.to_owned(), default.to_owned())
}

/// The parameters that the setup refuses to change: the keys of the table `LASTING`.
fn refused_by_the_setup() -> BTreeSet<String> {
    let script = read("scripts/recording_vault/parameters.py");
    let (_, table) = script.split_once("\nLASTING = {\n").unwrap();
    let table = table.split("\n}\n").next().unwrap();
    let keys = table
        .lines()
        .filter_map(|line| line.strip_prefix("    \"")?.split_once("\": ("));
    let keys: BTreeSet<_> = keys.map(|(name, _)| name.to_owned()).collect();
    assert!(keys.len() > 2, "{keys:?}");
    keys
}
