//! The policy for operators allows them to operate the stack. It does not allow them to listen, or to see who listened.

use std::{collections::BTreeSet, fs};

use deployment::{listed, properties};
use serde_json::Value;
use toolbox::workspace_root;

use crate::privileges::names;

#[test]
fn the_operators_script_may_make_the_calls_that_it_makes() {
    let script = fs::read_to_string(workspace_root().join("scripts/operate.py")).unwrap();
    let clients: BTreeSet<_> = script
        .split("boto3.client(\"")
        .skip(1)
        .map(|call| call.split('"').next().unwrap())
        .collect();
    assert_eq!(clients, BTreeSet::from(["cloudformation", "lambda", "s3"]));
    let rights = rights();
    for (call, action, resource) in [
        (
            ".describe_stacks(",
            "cloudformation:DescribeStacks",
            "stack/AWS::StackName/*",
        ),
        (".invoke(", "lambda:InvokeFunction", "OperatorFunction"),
        (".get_object(", "s3:GetObject", "RecordingsBucket/operations/*"),
        // Without this right, S3 answers 403 for a missing state.
        ("NoSuchKey", "s3:ListBucket", "RecordingsBucket"),
        (".get_object(", "kms:Decrypt", "RecordingsKey"),
    ] {
        assert!(script.contains(call), "{call}");
        let given = rights
            .iter()
            .any(|(given, on)| given == action && on.ends_with(resource));
        assert!(given, "{action} on {resource}: {rights:#?}");
    }
}

#[test]
fn operators_neither_read_recordings_nor_see_who_listened() {
    for (action, resource) in rights() {
        assert!(!action.contains('*'), "{action}");
        let unnamed = action.starts_with("cloudwatch:") || action == "logs:GetQueryResults";
        assert_eq!(resource == "*", unnamed, "{action} on {resource}");
        assert!(!resource.contains("Playback"), "{action} on {resource}");
        if action.starts_with("s3:") {
            let allowed = ["RecordingsBucket", "RecordingsBucket/operations/*"];
            assert!(allowed.contains(&resource.as_str()), "{action} on {resource}");
        }
    }
    for statement in statements() {
        if listed(&statement["Action"]).contains(&&Value::from("kms:Decrypt")) {
            // S3 encrypts with the bucket's name as the context. Recordings have another context.
            let context = statement.pointer("/Condition/StringEquals/kms:EncryptionContext:aws:s3:arn");
            assert!(context.is_some(), "{statement}");
        }
    }
}

#[test]
fn nobody_has_the_policy_until_it_is_attached() {
    let policy = properties("OperatorPolicy");
    assert!(policy.is_object());
    for attached in ["Roles", "Users", "Groups"] {
        assert!(policy.get(attached).is_none(), "{attached}");
    }
}

/// Actions and resources, by the resources' names in the template.
fn rights() -> Vec<(String, String)> {
    let mut rights = Vec::new();
    for statement in statements() {
        assert_eq!(statement["Effect"], "Allow");
        for action in listed(&statement["Action"]) {
            let resources = names(&statement["Resource"]).into_iter();
            rights.extend(resources.map(|resource| (action.as_str().unwrap().to_owned(), resource)));
        }
    }
    rights
}

fn statements() -> &'static Vec<Value> {
    let policy = &properties("OperatorPolicy")["PolicyDocument"];
    policy["Statement"].as_array().unwrap()
}
