//! The administrators and users of the KMS keys, and the properties that cannot be changed later.

use deployment::{TEMPLATE, listed, of_type, properties};
use serde_json::{Value, json};

const KEYS: [&str; 2] = ["RecordingsKey", "TwilioEncryptionKeyPair"];

/// The longest stack name for which CloudFormation does not shorten the names of roles.
const LONGEST_STACK_NAME: usize = 36;

#[test]
fn the_account_administers_a_key_whatever_is_chosen() {
    for key in KEYS {
        let administer = &policy(key)[0];
        assert_eq!(administer["Sid"], "Administer", "{key}");
        assert!(administer["Condition"].is_null(), "{key}");
        let actions = actions(administer);
        for needed in [
            "kms:Put*",
            "kms:Get*",
            "kms:Describe*",
            "kms:Enable*",
            "kms:CancelKeyDeletion",
        ] {
            assert!(actions.iter().any(|action| action == needed), "{key}: {needed}");
        }
        for statement in policy(key).iter().flat_map(branches) {
            assert_eq!(statement["Effect"], "Allow", "{key}");
            let account = json!({"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"});
            assert_eq!(statement["Principal"], json!({"AWS": account}), "{key}");
        }
        assert_eq!(properties(key)["PendingWindowInDays"], 30, "{key}");
    }
    assert_eq!(properties("RecordingsKey")["EnableKeyRotation"], true);
}

#[test]
fn administrators_of_a_key_may_neither_use_it_nor_lend_its_use() {
    let uses = [
        "kms:Decrypt",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:ReEncryptFrom",
        "kms:CreateGrant",
    ];
    let covers = |action: &str, used: &str| match action.strip_suffix('*') {
        Some(beginning) => used.starts_with(beginning),
        None => action == used,
    };
    for key in KEYS {
        for statement in policy(key).iter().flat_map(branches) {
            let administers = ["Administer", "Replicate"].contains(&statement["Sid"].as_str().unwrap());
            for action in actions(statement) {
                if administers {
                    assert!(!uses.iter().any(|used| covers(&action, used)), "{key}: {action}");
                } else {
                    assert!(
                        ["kms:Decrypt", "kms:GenerateDataKey"].contains(&&*action),
                        "{key}: {action}"
                    );
                }
            }
        }
    }
}

#[test]
fn use_is_restricted_to_the_stacks_roles_and_to_readers_only_where_that_is_chosen() {
    assert_eq!(TEMPLATE["Parameters"]["RestrictKeyUse"]["Default"], "false");
    assert_eq!(TEMPLATE["Parameters"]["KeyReaderArns"]["Default"], "");
    let equals = json!({"Fn::Equals": [{"Ref": "RestrictKeyUse"}, "true"]});
    assert_eq!(TEMPLATE["Conditions"]["RestrictsKeyUse"], equals);
    let readers = json!({"Fn::And": [{"Condition": "RestrictsKeyUse"}, {"Condition": "HasKeyReaders"}]});
    assert_eq!(TEMPLATE["Conditions"]["LetsReadersDecrypt"], readers);

    let roles = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${AWS::StackName}-*";
    let own_roles = json!({"ArnLike": {"aws:PrincipalArn": {"Fn::Sub": roles}}});
    for key in KEYS {
        let policy = policy(key);
        let by_roles = policy
            .iter()
            .find(|one| one["Sid"] == "UseByRolesOfThisAccount")
            .unwrap();
        let no_condition = json!({"Ref": "AWS::NoValue"});
        assert_eq!(
            by_roles["Condition"],
            json!({"Fn::If": ["RestrictsKeyUse", own_roles, no_condition]}),
            "{key}"
        );
        let by_readers = &policy.last().unwrap()["Fn::If"];
        assert_eq!(by_readers[0], "LetsReadersDecrypt", "{key}");
        assert_eq!(by_readers[1]["Action"], "kms:Decrypt", "{key}");
        let named = json!({"ArnLike": {"aws:PrincipalArn": {"Fn::Split": [",", {"Ref": "KeyReaderArns"}]}}});
        assert_eq!(by_readers[1]["Condition"], named, "{key}");
    }
}

/// CloudFormation names a role `<stack>-<name>-<12 or 13 characters>`, and shortens names beyond IAM's limit of 64.
#[test]
fn the_roles_are_called_as_the_keys_policies_expect() {
    for (name, role) in of_type(&TEMPLATE, "AWS::IAM::Role") {
        assert!(role["Properties"]["RoleName"].is_null(), "{name}");
        assert!(role["Properties"]["Path"].is_null(), "{name}");
        assert!(LONGEST_STACK_NAME + 1 + name.len() + 1 + 13 <= 64, "{name}");
    }
    let described = TEMPLATE["Parameters"]["RestrictKeyUse"]["Description"]
        .as_str()
        .unwrap();
    assert!(described.contains(&format!("at most {LONGEST_STACK_NAME} characters")));
}

#[test]
fn whether_the_key_is_a_multi_region_key_is_chosen_once_and_by_default_it_is_not() {
    let parameter = &TEMPLATE["Parameters"]["MultiRegionKey"];
    assert_eq!(parameter["Default"], "false");
    assert!(
        parameter["Description"]
            .as_str()
            .unwrap()
            .contains("cannot change it later")
    );
    let no_value = json!({"Ref": "AWS::NoValue"});
    let multi_region = json!({"Fn::If": ["HasMultiRegionKey", true, no_value]});
    assert_eq!(properties("RecordingsKey")["MultiRegion"], multi_region);
    let replicate = policy("RecordingsKey")
        .iter()
        .find(|one| one["Fn::If"][0] == "HasMultiRegionKey");
    assert_eq!(replicate.unwrap()["Fn::If"][1]["Action"], "kms:ReplicateKey");
}

#[test]
fn replaced_rsa_keys_stay_in_use() {
    let keys = &properties("CopierFunction")["Environment"]["Variables"]["TWILIO_ENCRYPTION_KEY_ARNS"]["Fn::If"];
    let (own, previous) = (
        json!({"Fn::GetAtt": ["TwilioEncryptionKeyPair", "Arn"]}),
        json!({"Ref": "PreviousTwilioEncryptionKeyArns"}),
    );
    assert_eq!(keys[0], "HasTwilioEncryptionKey");
    let both = json!({"Fn::Sub": "${TwilioEncryptionKeyPair.Arn},${PreviousTwilioEncryptionKeyArns}"});
    assert_eq!(
        keys[1],
        json!({"Fn::If": ["HasPreviousTwilioEncryptionKeys", both, own]})
    );
    // Between the two deployments of a rotation, the stack has no RSA key of its own.
    assert_eq!(keys[2], previous);
}

fn policy(key: &str) -> &'static Vec<Value> {
    properties(key)["KeyPolicy"]["Statement"].as_array().unwrap()
}

/// A statement, or the statement inside a condition.
fn branches(statement: &Value) -> impl Iterator<Item = &Value> {
    let chosen = statement.get("Fn::If").map_or(statement, |branches| &branches[1]);
    std::iter::once(chosen)
}

fn actions(statement: &Value) -> Vec<String> {
    let actions = listed(&statement["Action"]).into_iter();
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}
