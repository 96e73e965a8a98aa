//! Who may use the KMS keys, who administers them, and what can't be changed about them.

use serde_json::Value;

use crate::template::{listed, properties};

#[test]
fn who_administers_a_key_may_not_use_it_nor_lend_its_use() {
    for key in ["RecordingsKey", "TwilioEncryptionKeyPair"] {
        let statements = properties(key)["KeyPolicy"]["Statement"].as_array().unwrap();
        let actions = |statement: &Value| -> Vec<String> {
            let actions = listed(&statement["Action"]).into_iter();
            actions.map(|action| action.as_str().unwrap().to_owned()).collect()
        };
        let uses = [
            "kms:Decrypt",
            "kms:Encrypt",
            "kms:GenerateDataKey",
            "kms:ReEncryptFrom",
            "kms:CreateGrant",
        ];
        let covers = |action: &String, used: &str| match action.strip_suffix('*') {
            Some(beginning) => used.starts_with(beginning),
            None => action == used,
        };
        assert_eq!(statements[0]["Sid"], "Administer");
        for action in actions(&statements[0]) {
            assert!(!uses.iter().any(|used| covers(&action, used)), "{key}: {action}");
        }
        for action in statements[1..].iter().flat_map(actions) {
            assert!(uses.contains(&action.as_str()), "{key}: {action}");
        }
        assert_eq!(properties(key)["PendingWindowInDays"], 30, "{key}");
    }
    assert_eq!(properties("RecordingsKey")["EnableKeyRotation"], true);
}
