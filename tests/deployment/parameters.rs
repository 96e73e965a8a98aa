//! The values that the template's parameters and rules accept and refuse before a deployment.

use std::process::Command;

use deployment::{TEMPLATE, listed};
use serde_json::{Value, json};
use toolbox::{Venv, python};

/// From AWS's pages on function URLs and on AWS GovCloud (US).
const WITHOUT_FUNCTION_URLS: [&str; 14] = [
    "ap-east-2",
    "ap-south-2",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-west-1",
    "eu-central-2",
    "eu-south-2",
    "il-central-1",
    "me-central-1",
    "mx-central-1",
    "us-gov-east-1",
    "us-gov-west-1",
];

#[test]
fn every_parameter_is_described_and_text_is_checked() {
    for (name, parameter) in TEMPLATE["Parameters"].as_object().unwrap() {
        assert!(parameter["Description"].is_string(), "{name}");
        let checked = ["AllowedPattern", "AllowedValues", "MinValue"];
        assert!(
            checked.iter().any(|check| parameter.get(check).is_some()),
            "{name} accepts any value"
        );
    }
}

#[test]
fn lists_of_arns_hold_arns() {
    let key = "arn:aws:kms:us-east-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab";
    check(&[
        ("PreviousTwilioEncryptionKeyArns", "", true),
        ("PreviousTwilioEncryptionKeyArns", key, true),
        ("PreviousTwilioEncryptionKeyArns", "alias/twilio", false),
        ("KeyReaderArns", "", true),
        ("KeyReaderArns", "arn:aws:iam::123456789012:role/Auditor", true),
        (
            "KeyReaderArns",
            "arn:aws:iam::123456789012:role/Auditor,arn:aws:iam::123456789012:role/Drill",
            true,
        ),
        ("KeyReaderArns", "arn:aws:iam::123456789012:role/Auditor,", false),
        ("KeyReaderArns", "arn:aws:iam::123456789012:role/Auditor,*", false),
        ("KeyReaderArns", "arn:aws:iam::123456789012:user/drills/restore", true),
        (
            "KeyReaderArns",
            "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Audit_*",
            true,
        ),
        // The condition does not see the session of a role, and a reader must not match every principal.
        (
            "KeyReaderArns",
            "arn:aws:sts::123456789012:assumed-role/Auditor/me",
            false,
        ),
        ("KeyReaderArns", "arn:aws:iam::123456789012:role/*", false),
        ("KeyReaderArns", "arn:aws:iam::123456789012:root", false),
        ("KeyReaderArns", "*", false),
    ]);
}

/// A value that a function refuses at startup must be refused before the deployment.
#[test]
fn base_urls_are_checked_as_the_functions_check_them() {
    let cases = [
        ("PlaybackBaseUrl", "", true),
        ("PlaybackBaseUrl", "https://listen.example.com", true),
        ("PlaybackBaseUrl", "https://listen.example.com:8443", true),
        ("PlaybackBaseUrl", "https://listen.example.com/", false),
        ("PlaybackBaseUrl", "https://listen.example.com/vault", false),
        ("PlaybackBaseUrl", "https://user@listen.example.com", false),
        ("PlaybackBaseUrl", "http://listen.example.com", false),
        // API Gateway omits a custom domain's API mapping from `rawPath`, but Twilio signs it.
        ("PublicBaseUrl", "https://hooks.example.com/vault", true),
        ("PublicBaseUrl", "https://hooks.example.com", true),
        ("PublicBaseUrl", "https://hooks.example.com/vault/", false),
        ("PublicBaseUrl", "https://user:password@hooks.example.com", false),
        ("PublicBaseUrl", "https://hooks.example.com/?a=b", false),
        (
            "FlexOrigins",
            "https://flex.twilio.com,https://flex.example.com:8443",
            true,
        ),
        ("FlexOrigins", "https://flex.example.com/vault", false),
        ("FlexOrigins", "https://flex.example.com?a", false),
        ("FlexOrigins", "https://user@flex.example.com", false),
        ("TwilioApiBase", "https://api.dublin.ie1.twilio.com", true),
        ("TwilioApiBase", "https://api.twilio.com/vault", false),
    ];
    check(&cases);
}

#[test]
fn numbers_that_aws_or_the_service_refuses_are_not_deployed() {
    let mut cases = Vec::new();
    // S3 moves no object to STANDARD_IA before 30 days.
    let days = ["1", "9", "10", "29", "030", "-30", "30.5", "x"].map(|days| (days, false));
    let days = days
        .into_iter()
        .chain(["", "0", "30", "99", "100", "3650"].map(|days| (days, true)));
    cases.extend(days.map(|(days, allowed)| ("InfrequentAccessAfterDays", days, allowed)));
    // A function with a reserved concurrency of zero never runs.
    for parameter in ["WebhookReservedConcurrency", "PlaybackReservedConcurrency"] {
        cases.extend(
            [("", true), ("1", true), ("1000", true), ("0", false), ("010", false)]
                .map(|(concurrency, allowed)| (parameter, concurrency, allowed)),
        );
    }
    cases.extend(
        [("", true), ("7199", false), ("7200", true), ("0", false)]
            .map(|(seconds, allowed)| ("DeleteOriginalAfter", seconds, allowed)),
    );
    check(&cases);
    let off = &TEMPLATE["Conditions"]["MovesToInfrequentAccess"];
    for (days, moves) in [("", false), ("0", false), ("30", true)] {
        let value = |parameter: &str| (parameter == "InfrequentAccessAfterDays").then(|| days.to_owned());
        assert_eq!(evaluate(off, &value), moves, "{days}");
    }
}

/// The CloudFormation emulator does not evaluate rules.
#[test]
fn segment_links_that_playback_does_not_accept_are_not_deployed() {
    let rule = &TEMPLATE["Rules"]["SegmentLinksPlay"];
    assert_eq!(
        rule["RuleCondition"],
        json!({"Fn::Equals": [{"Ref": "LinkMode"}, "segment-link"]})
    );
    let assertions = listed(&rule["Assertions"]);
    let expected = json!({"Fn::Equals": [{"Ref": "AcceptSegmentLinks"}, "true"]});
    assert_eq!(assertions.len(), 1);
    assert_eq!(assertions[0]["Assert"], expected);
}

#[test]
fn regions_without_function_urls_are_refused_before_anything_is_made() {
    let rule = &TEMPLATE["Rules"]["RegionHasFunctionUrls"];
    assert!(rule["RuleCondition"].is_null(), "the rule must have no condition");
    let [assertion] = rule["Assertions"].as_array().unwrap().as_slice() else {
        panic!("one assertion: {rule}");
    };
    assert!(
        assertion["AssertDescription"]
            .as_str()
            .unwrap()
            .contains("function URL")
    );
    for (region, has_them) in WITHOUT_FUNCTION_URLS
        .map(|region| (region, false))
        .into_iter()
        .chain(["us-east-1", "eu-central-1", "ap-southeast-2"].map(|region| (region, true)))
    {
        let value = |parameter: &str| (parameter == "AWS::Region").then(|| region.to_owned());
        assert_eq!(evaluate(&assertion["Assert"], &value), has_them, "{region}");
    }
}

/// Checks each value against its parameter's `AllowedPattern`.
fn check(cases: &[(&str, &str, bool)]) {
    let inputs: Vec<_> = cases
        .iter()
        .map(|(parameter, value, _)| {
            let pattern = TEMPLATE["Parameters"][parameter]["AllowedPattern"].as_str();
            json!([pattern.unwrap_or_else(|| panic!("{parameter} has no pattern")), value])
        })
        .collect();
    let answered = Command::new(python(Venv::Lint).unwrap())
        .args(["-c", MATCHES, &json!(inputs).to_string()])
        .output()
        .unwrap();
    let matches: Vec<bool> = serde_json::from_slice(&answered.stdout).unwrap();
    for ((parameter, value, expected), matches) in cases.iter().zip(matches) {
        assert_eq!(matches, *expected, "{parameter} {value}");
    }
}

/// Prints for each pattern and text whether they match, as CloudFormation's `AllowedPattern` does.
const MATCHES: &str = "
import json, re, sys
print(json.dumps([bool(re.fullmatch(*pair)) for pair in json.loads(sys.argv[1])]))
";

/// Evaluates a condition of the template, or an assertion of a rule, as CloudFormation does.
fn evaluate(condition: &Value, parameter: &impl Fn(&str) -> Option<String>) -> bool {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        reference => parameter(reference["Ref"].as_str().unwrap()).unwrap(),
    };
    let (function, arguments) = condition.as_object().unwrap().iter().next().unwrap();
    let mut holds = arguments.as_array().unwrap().iter();
    match function.as_str() {
        "Fn::Not" => !evaluate(&arguments[0], parameter),
        "Fn::Or" => holds.any(|one| evaluate(one, parameter)),
        "Fn::And" => holds.all(|one| evaluate(one, parameter)),
        "Fn::Equals" => text(&arguments[0]) == text(&arguments[1]),
        "Fn::Contains" => listed(&arguments[0])
            .into_iter()
            .any(|one| text(one) == text(&arguments[1])),
        other => panic!("unsupported condition {other}"),
    }
}
