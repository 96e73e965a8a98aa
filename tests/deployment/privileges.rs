//! Compares each function's role with the rights that the function used.
//!
//! The end-to-end suite records every call of the functions on the wire. `rights_not_on_the_wire.txt` lists the rights
//! that no call shows, each with its reason. The roles must allow exactly both together.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use deployment::{FUNCTIONS, listed, properties};
use serde_json::Value;
use toolbox::workspace_root;

const NOT_ON_THE_WIRE: &str = include_str!("rights_not_on_the_wire.txt");

/// A right that a role has or used: role, IAM action, and the resource's name in the template.
type Right = (String, String, String);

#[test]
#[ignore = "compares the roles with the rights that the end-to-end suite recorded: .ci/run runs it after that suite"]
fn roles_allow_what_functions_use_and_nothing_else() {
    let record = workspace_root().join("target/rights-used.txt");
    let record = fs::read_to_string(&record).expect("run the end-to-end suite first: cargo test -p end-to-end");
    let used: BTreeSet<_> = record.lines().map(right).collect();
    assert!(used.len() > 20, "only a part of the suite ran: {used:#?}");

    let explained: BTreeSet<_> = explained().into_keys().collect();
    let allowed = allowed();
    let missing: Vec<_> = used.difference(&allowed).collect();
    assert!(missing.is_empty(), "used but not allowed: {missing:#?}");
    let idle: Vec<_> = allowed
        .difference(&used)
        .filter(|right| !explained.contains(*right))
        .collect();
    assert!(idle.is_empty(), "allowed but not used: {idle:#?}");
    let seen: Vec<_> = explained.intersection(&used).collect();
    assert!(seen.is_empty(), "listed as not on the wire, but used there: {seen:#?}");
}

#[test]
fn every_explained_privilege_is_allowed_and_has_a_reason() {
    let allowed = allowed();
    for (right, reason) in explained() {
        assert!(allowed.contains(&right), "{right:?} has a reason, but no role has it");
        assert!(reason.len() > 10, "{right:?}");
    }
}

#[test]
fn every_right_is_on_a_named_resource() {
    for (role, action, resource) in allowed() {
        assert!(!action.contains('*'), "{role}: {action}");
        // X-Ray's actions support no resources (service authorization reference).
        assert_eq!(
            resource == "*",
            action.starts_with("xray:"),
            "{role}: {action} on {resource}"
        );
    }
}

#[test]
fn roles_have_no_rights_but_their_own() {
    for function in FUNCTIONS.map(|(function, _)| function) {
        let role = properties(role_of(function));
        assert!(role.get("ManagedPolicyArns").is_none(), "{function}");
        assert_eq!(role["Policies"].as_array().unwrap().len(), 1, "{function}");
    }
}

#[test]
fn recordings_are_opened_only_in_their_accounts_context() {
    for (function, _) in FUNCTIONS {
        for statement in statements(function) {
            let kms = listed(&statement["Action"])
                .iter()
                .any(|action| action.as_str().unwrap().starts_with("kms:"));
            let key = names(&statement["Resource"]);
            if !kms || key == ["TwilioEncryptionKeyPair"] || key == ["PreviousTwilioEncryptionKeyArns"] {
                continue;
            }
            let condition = statement["Condition"]["StringEquals"].as_object().unwrap();
            let account = condition.get("kms:EncryptionContext:accountsid");
            let bucket = condition.get("kms:EncryptionContext:aws:s3:arn");
            let by_s3 = condition.contains_key("kms:ViaService");
            assert!(
                account.is_some() || (bucket.is_some() && by_s3),
                "{function}: {statement}"
            );
        }
    }
}

#[test]
fn a_role_is_passed_to_the_scheduler_alone() {
    for (function, _) in FUNCTIONS {
        for statement in statements(function) {
            if listed(&statement["Action"]).contains(&&Value::from("iam:PassRole")) {
                assert_eq!(
                    statement.pointer("/Condition/StringEquals/iam:PassedToService"),
                    Some(&Value::from("scheduler.amazonaws.com")),
                    "{function}"
                );
            }
        }
    }
}

#[test]
fn a_right_that_is_missing_or_idle_is_found() {
    assert_eq!(
        right("copier s3:GetObject RecordingsBucket/recordings/*"),
        (
            "copier".to_owned(),
            "s3:GetObject".to_owned(),
            "RecordingsBucket/recordings/*".to_owned()
        )
    );
    let allowed = allowed();
    assert!(allowed.contains(&right("copier s3:PutObject RecordingsBucket/recordings/*")));
    assert!(!allowed.contains(&right("playback s3:PutObject RecordingsBucket/recordings/*")));
    assert!(!allowed.contains(&right("copier s3:PutObject RecordingsBucket/erased/*")));
}

fn right(line: &str) -> Right {
    let mut words = line.split_whitespace().map(str::to_owned);
    let right = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
    assert_eq!(words.next(), None, "{line}");
    right
}

/// The rights in the list with their reasons. `*` as the role means all roles.
fn explained() -> BTreeMap<Right, String> {
    let lines = NOT_ON_THE_WIRE
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let rights = lines.flat_map(|line| {
        let (text, reason) = line
            .split_once(" -- ")
            .expect("a line must have a right, `--` and a reason");
        let (role, action, resource) = right(text);
        let roles: Vec<_> = match role.as_str() {
            "*" => FUNCTIONS.map(|(function, _)| role_name(function)).into(),
            _ => vec![role],
        };
        roles
            .into_iter()
            .map(move |role| ((role, action.clone(), resource.clone()), reason.to_owned()))
    });
    rights.collect()
}

/// All rights of all roles, with every option of the template on.
fn allowed() -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for function in FUNCTIONS.map(|(function, _)| function) {
        for statement in statements(function) {
            assert_eq!(statement["Effect"], "Allow");
            for action in listed(&statement["Action"]) {
                for resource in names(&statement["Resource"]) {
                    let own_logs = resource.strip_suffix("Logs").map(|_| "Logs".to_owned());
                    rights.insert((
                        role_name(function),
                        action.as_str().unwrap().to_owned(),
                        own_logs.unwrap_or(resource),
                    ));
                }
            }
        }
    }
    rights
}

/// The role's name as the local stack records it. Both linkers have the same name.
fn role_name(function: &str) -> String {
    role_of(function).strip_suffix("Role").unwrap().to_lowercase()
}

fn role_of(function: &str) -> &'static str {
    properties(function)
        .pointer("/Role/Fn::GetAtt/0")
        .unwrap()
        .as_str()
        .unwrap()
}

fn statements(function: &str) -> Vec<&'static Value> {
    let policy = &properties(role_of(function))["Policies"][0]["PolicyDocument"];
    let statements = policy["Statement"].as_array().unwrap();
    statements.iter().flat_map(switched_on).collect()
}

/// Both branches of a condition, without `AWS::NoValue`.
fn switched_on(value: &Value) -> Vec<&Value> {
    match value.get("Fn::If") {
        Some(branches) => [&branches[1], &branches[2]].into_iter().flat_map(switched_on).collect(),
        None if value["Ref"] == "AWS::NoValue" => Vec::new(),
        None => vec![value],
    }
}

/// A statement's resources by their names in the template, with the part that follows the ARN.
pub(crate) fn names(resource: &Value) -> Vec<String> {
    let mut names: Vec<_> = switched_on(resource)
        .into_iter()
        .flat_map(listed)
        .flat_map(|resource| match resource {
            Value::String(text) => vec![text.clone()],
            Value::Object(intrinsic) => {
                let (function, argument) = intrinsic.iter().next().unwrap();
                match function.as_str() {
                    "Ref" => vec![argument.as_str().unwrap().to_owned()],
                    "Fn::GetAtt" => vec![argument[0].as_str().unwrap().to_owned()],
                    "Fn::Sub" => vec![substituted(argument.as_str().unwrap())],
                    // The current key and the keys that it replaced.
                    "Fn::Split" => names(&argument[1])
                        .iter()
                        .flat_map(|list| list.split(',').map(str::to_owned).collect::<Vec<_>>())
                        .filter(|name| name != "PreviousKmsKeyArns")
                        .collect(),
                    other => panic!("unsupported resource {other}"),
                }
            }
            other => panic!("a resource {other}"),
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Turns `${RecordingsBucket.Arn}/recordings/*` into `RecordingsBucket/recordings/*`. In an ARN that contains the name
/// of a resource of the template, the result starts with that name.
fn substituted(text: &str) -> String {
    let text = text.rsplit_once(":schedule/").map_or(text, |(_, schedules)| schedules);
    text.replace("${", "").replace(".Arn}", "").replace('}', "")
}
