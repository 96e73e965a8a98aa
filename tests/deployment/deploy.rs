//! Deploys the whole template with `sam` to the AWS emulator: creates it, updates it with every option on, and deletes
//! it.
//!
//! The test shows that the resources fit together (names, references, order, parameters, outputs), and that the
//! functions start with their environments. The emulator enforces no IAM policies, runs no functions, and deletes
//! resources that should be retained (`shape.rs` checks those).

use std::collections::BTreeMap;

use local_stack::{Binaries, Build};

use crate::{
    account::{Account, STACK},
    start::{Environment, every_function_starts},
};

const READERS: [&str; 2] = [
    "arn:aws:iam::123456789012:role/Auditor",
    "arn:aws:iam::123456789012:role/Drill",
];
const REPLACED_KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000004";

#[tokio::test]
async fn it_is_created_updated_and_deleted() {
    let account = Account::with_templates();
    let binaries = Binaries::build(Build::BesideTests).unwrap();
    let created = account.deploy(&[]);
    assert!(created["CallbackUrl"].ends_with("/recording-status-callback#rc=3&rp=all"));
    let webhook = created["CallbackUrl"].replace('#', "?taskSid={taskSid}#");
    assert_eq!(created["CallRecordingWebhookUrl"], webhook);
    assert!(created["UrlProvider"].starts_with(&created["PlaybackBaseUrl"]));
    assert!(created["UrlProvider"].ends_with("/media-url?recordingSid="));
    assert!(!created.contains_key("TwilioPublicKeyCommand"));
    assert_eq!(account.status(), "CREATE_COMPLETE");
    every_function_starts(&binaries, &account.environments()).await;
    assert_eq!(account.allowed_principals(&created["KeyArn"]), ["any"]);

    let readers = format!("KeyReaderArns={}", READERS.join(","));
    let replaced = format!("PreviousTwilioEncryptionKeyArns={REPLACED_KEY}");
    let options = [
        "AcceptSegmentLinks=true",
        "AlarmEmail=operator@example.com",
        "Architecture=x86_64",
        "DeleteOriginalAfter=7200",
        "DeleteRecordingsAfterDays=365",
        "InfrequentAccessAfterDays=30",
        &readers,
        "LinkMode=segment-link",
        "ObjectLockDays=1",
        "OperatorLinks=true",
        "PlaybackBaseUrl=https://listen.example.com",
        "PlaybackReservedConcurrency=50",
        "RecordingsExpectedAt=cron(0 10-18 ? * MON-FRI *)",
        "RecordingsExpectedTimezone=Europe/Berlin",
        &replaced,
        "RestrictKeyUse=true",
        "TraceRequests=true",
        "TwilioEncryptionKey=on",
        "ValidateTokensAs=account",
        "WebhookReservedConcurrency=50",
    ];
    let updated = account.deploy(&options);
    assert_eq!(account.status(), "UPDATE_COMPLETE");
    let environments = account.environments();
    every_function_starts(&binaries, &environments).await;
    let rsa_keys = rsa_keys(&environments);
    assert!(rsa_keys.len() == 2 && rsa_keys[1] == REPLACED_KEY, "{rsa_keys:?}");
    for key in [&updated["KeyArn"], &rsa_keys[0]] {
        let own_roles = format!("arn:aws:iam::000000000000:role/{STACK}-*");
        assert_eq!(
            account.allowed_principals(key),
            [&own_roles, READERS[0], READERS[1]],
            "{key}"
        );
    }
    assert_eq!(
        updated["UrlProvider"],
        "https://listen.example.com/media-url?recordingSid="
    );
    assert!(updated["TwilioPublicKeyCommand"].starts_with("aws kms get-public-key --key-id arn:aws:kms:"));
    rotate_rsa_key(&account, &rsa_keys[0]);
    for kept in [
        "CallbackUrl",
        "Bucket",
        "KeyArn",
        "AuthTokenSecretArn",
        "ApiKeySecretArn",
    ] {
        assert_eq!(updated[kept], created[kept], "{kept}");
    }

    let domain = ["PublicBaseUrl=https://hooks.example.com/vault"];
    let moved = account.deploy(&[&options[..], &domain].concat());
    let callback = "https://hooks.example.com/vault/recording-status-callback#rc=3&rp=all";
    assert_eq!(moved["CallbackUrl"], callback);
    let webhook = callback.replace('#', "?taskSid={taskSid}#");
    assert_eq!(moved["CallRecordingWebhookUrl"], webhook);

    account.delete();
    assert_eq!(account.status(), "DELETE_COMPLETE");
}

/// The RSA keys that the copier tries.
fn rsa_keys(environments: &BTreeMap<String, Environment>) -> Vec<String> {
    let keys = environments["CopierFunction"]["TWILIO_ENCRYPTION_KEY_ARNS"].split(',');
    keys.map(str::to_owned).collect()
}

/// Replaces the RSA key for Twilio's encryption as docs/OPERATIONS.md describes. The old key stays in use all the
/// time.
fn rotate_rsa_key(account: &Account, old: &str) {
    account.deploy(&[
        "TwilioEncryptionKey=off",
        &format!("PreviousTwilioEncryptionKeyArns={old}"),
    ]);
    assert_eq!(rsa_keys(&account.environments()), [old]);
    account.deploy(&["TwilioEncryptionKey=on"]);
    let keys = rsa_keys(&account.environments());
    assert!(keys.len() == 2 && keys[0] != old && keys[1] == old, "{keys:?}");
}
