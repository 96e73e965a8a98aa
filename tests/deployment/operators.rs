//! The policy for operators allows them to operate the stack. It does not allow them to listen, or to see who listened.
//! The policy for auditors allows nothing but to see who listened.

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
    let rights = rights("OperatorPolicy");
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
    for (action, resource) in rights("OperatorPolicy") {
        assert!(!action.contains('*'), "{action}");
        let unnamed = action.starts_with("cloudwatch:") || action == "logs:GetQueryResults";
        assert_eq!(resource == "*", unnamed, "{action} on {resource}");
        assert!(!resource.contains("Playback"), "{action} on {resource}");
        if action.starts_with("s3:") {
            let allowed = ["RecordingsBucket", "RecordingsBucket/operations/*"];
            assert!(allowed.contains(&resource.as_str()), "{action} on {resource}");
        }
    }
    for statement in statements("OperatorPolicy") {
        if listed(&statement["Action"]).contains(&&Value::from("kms:Decrypt")) {
            // S3 encrypts with the bucket's name as the context. Recordings have another context.
            let context = statement.pointer("/Condition/StringEquals/kms:EncryptionContext:aws:s3:arn");
            assert!(context.is_some(), "{statement}");
        }
    }
}

#[test]
fn nobody_has_the_policy_until_it_is_attached() {
    for name in ["OperatorPolicy", "AuditorPolicy"] {
        let policy = properties(name);
        assert!(policy.is_object());
        for attached in ["Roles", "Users", "Groups"] {
            assert!(policy.get(attached).is_none(), "{name}: {attached}");
        }
    }
}

#[test]
fn auditors_only_query_the_audit_trail() {
    let mut expected = BTreeSet::new();
    let stack = "arn:AWS::Partition:cloudformation:AWS::Region:AWS::AccountId:stack/AWS::StackName/*";
    expected.insert(("cloudformation:DescribeStacks".to_owned(), stack.to_owned()));
    for group in ["PlaybackLogs", "CopierLogs", "LinkerLogs", "OperatorLogs"] {
        expected.insert(("logs:StartQuery".to_owned(), group.to_owned()));
    }
    // CloudWatch Logs supports no resource-level permissions for these (service authorization reference).
    for action in ["logs:GetQueryResults", "logs:StopQuery"] {
        expected.insert((action.to_owned(), "*".to_owned()));
    }
    assert_eq!(BTreeSet::from_iter(rights("AuditorPolicy")), expected);

    // Each call of the commands has a right, and each right a call.
    let script = |name: &str| fs::read_to_string(workspace_root().join("scripts/recording_vault").join(name)).unwrap();
    let insights = script("logs_insights.py");
    for call in [".start_query(", ".get_query_results(", ".stop_query("] {
        assert!(insights.contains(call), "{call}");
    }
    assert_eq!(insights.matches("account.client(").count(), 1);
    let command = script("who_command.py");
    assert!(command.contains("require_stack(") && !command.contains(".client("));
    for output in ["AuditLogGroup", "JobsAuditLogGroups"] {
        assert!(command.contains(&format!("output(\"{output}\")")), "{output}");
    }
}

/// Actions and resources, by the resources' names in the template.
fn rights(policy: &str) -> Vec<(String, String)> {
    let mut rights = Vec::new();
    for statement in statements(policy) {
        assert_eq!(statement["Effect"], "Allow");
        for action in listed(&statement["Action"]) {
            let resources = names(&statement["Resource"]).into_iter();
            rights.extend(resources.map(|resource| (action.as_str().unwrap().to_owned(), resource)));
        }
    }
    rights
}

fn statements(policy: &str) -> &'static Vec<Value> {
    let policy = &properties(policy)["PolicyDocument"];
    policy["Statement"].as_array().unwrap()
}
