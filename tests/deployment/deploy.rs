//! Deploys the whole template with `sam` to the AWS emulator: creates it, updates it with every option on, and deletes
//! it.
//!
//! The test shows that the resources fit together (names, references, order, parameters, outputs), and that the
//! functions start with their environments. The emulator enforces no IAM policies, runs no functions, and deletes
//! resources that should be retained (`shape.rs` checks those).

use std::{collections::BTreeMap, fs, process::Command};

use deployment::{MONITORING, listed};
use local_stack::{Binaries, Build};
use serde_json::Value;
use toolbox::{Ministack, Venv, tool, workspace_root};

use crate::{
    account::{Account, BUCKET, STACK},
    start::{Environment, every_function_starts},
};

const READERS: [&str; 2] = [
    "arn:aws:iam::123456789012:role/Auditor",
    "arn:aws:iam::123456789012:role/Drill",
];
const REPLACED_KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000004";

#[tokio::test]
async fn it_is_created_updated_and_deleted() {
    let account = with_templates();
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
    account.rotate_rsa_key(&rsa_keys[0]);
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

/// `monitoring.yaml` with alarms on single metrics instead of expressions, which the emulator refuses. `alarms.rs`
/// evaluates the expressions.
pub(crate) fn without_metric_math(mut template: Value) -> Value {
    for (_, resource) in template["Resources"].as_object_mut().unwrap() {
        let properties = resource["Properties"].as_object_mut().unwrap();
        let Some(metrics) = properties.remove("Metrics") else {
            continue;
        };
        let mut stats = metrics.as_array().unwrap().iter().map(|metric| &metric["MetricStat"]);
        let stat = stats.find(|stat| stat.is_object()).unwrap();
        properties.extend(stat["Metric"].as_object().unwrap().clone());
        properties.insert("Statistic".to_owned(), stat["Stat"].clone());
        properties.insert("Period".to_owned(), stat["Period"].clone());
    }
    template
}

/// An account, with a copy of the templates in its folder and stubs as the functions' code.
fn with_templates() -> Account {
    let account = Account::open(Ministack::start_with_sam().unwrap());
    let folder = account.folder();
    let template = fs::read_to_string(workspace_root().join("template.yaml")).unwrap();
    let template = template.replace("CodeUri: .\n", "CodeUri: stub\n");
    fs::write(folder.join("template.yaml"), template).unwrap();
    let monitoring = without_metric_math(MONITORING.clone()).to_string();
    fs::write(folder.join("monitoring.yaml"), monitoring).unwrap();
    fs::create_dir(folder.join("stub")).unwrap();
    fs::write(folder.join("stub/bootstrap"), "#!/bin/sh\n").unwrap();
    account
}

impl Account {
    /// Deploys, and returns the outputs.
    fn deploy(&self, options: &[&str]) -> BTreeMap<String, String> {
        let mut sam = Command::new(tool(Venv::Lint, "sam").unwrap());
        sam.args(["deploy", "--template-file", "template.yaml", "--stack-name", STACK])
            .args(["--s3-bucket", BUCKET, "--capabilities", "CAPABILITY_IAM"])
            .args(["--no-confirm-changeset", "--no-progressbar", "--parameter-overrides"])
            .arg("TwilioAccountSid=AC00000000000000000000000000000001")
            .arg("TwilioWorkspaceSid=WS00000000000000000000000000000001")
            .args(options);
        let deployed = self.in_account(&mut sam).output().unwrap();
        let output = String::from_utf8_lossy(&deployed.stdout);
        let errors = String::from_utf8_lossy(&deployed.stderr);
        assert!(deployed.status.success(), "{output}{errors}");
        self.outputs()
    }

    /// The principals that may decrypt with a key: `any`, or the names in the condition of its policy.
    fn allowed_principals(&self, key: &str) -> Vec<String> {
        let policy = self.evaluate(&format!(
            "client('kms').get_key_policy(KeyId='{key}', PolicyName='default')['Policy']"
        ));
        let policy: Value = serde_json::from_str(policy.as_str().unwrap()).unwrap();
        let using = policy["Statement"].as_array().unwrap().iter();
        let using = using.filter(|statement| listed(&statement["Action"]).contains(&&Value::from("kms:Decrypt")));
        let named = using.flat_map(
            |statement| match statement.pointer("/Condition/ArnLike/aws:PrincipalArn") {
                Some(names) => listed(names)
                    .into_iter()
                    .map(|name| name.as_str().unwrap().to_owned())
                    .collect(),
                None => vec!["any".to_owned()],
            },
        );
        named.collect()
    }

    /// Replaces the RSA key for Twilio's encryption as docs/OPERATIONS.md describes. The old key stays in use all the
    /// time.
    fn rotate_rsa_key(&self, old: &str) {
        self.deploy(&[
            "TwilioEncryptionKey=off",
            &format!("PreviousTwilioEncryptionKeyArns={old}"),
        ]);
        assert_eq!(rsa_keys(&self.environments()), [old]);
        self.deploy(&["TwilioEncryptionKey=on"]);
        let keys = rsa_keys(&self.environments());
        assert!(keys.len() == 2 && keys[0] != old && keys[1] == old, "{keys:?}");
    }

    fn delete(&self) {
        self.evaluate(&format!(
            "[client('cloudformation').delete_stack(StackName='{STACK}'), \
             client('cloudformation').get_waiter('stack_delete_complete').wait(StackName='{STACK}')]"
        ));
    }
}

/// The RSA keys that the copier tries.
fn rsa_keys(environments: &BTreeMap<String, Environment>) -> Vec<String> {
    let keys = environments["CopierFunction"]["TWILIO_ENCRYPTION_KEY_ARNS"].split(',');
    keys.map(str::to_owned).collect()
}
