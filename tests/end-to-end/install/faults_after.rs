//! Faults in the middle. Flex stays as it was, and the next run continues.

use aws_sdk_s3::Client;
use fault_proxy::{Fault, Rule};
use local_stack::values;
use serde_json::{Value, json};
use twilio_double::{Fault as TwilioFault, FaultAction, Operation};

use super::{
    INSTALL, UNDO,
    bench::{Bench, DELETE, FLEX_TOKEN, Run, SENTENCE},
    terminal::Event,
};

const FOREIGN: &str = "https://somebody.example.com/callback";

#[tokio::test]
async fn after_a_fault_in_the_middle_the_next_run_continues() {
    let bench = Bench::start().await;
    in_the_deployment(&bench).await;
    in_the_secrets(&bench).await;
    in_flex(&bench).await;

    let replaced = bench.setup(Run::default().with(&INSTALL).with(&["--replace"])).await;
    assert_eq!(replaced.code, Some(0), "{}", replaced.shown);
    assert!(
        replaced.shown.contains("Stack: nothing to change"),
        "{}",
        replaced.shown
    );
    let refused = bench.setup(Run::default().with(&UNDO).answering(SENTENCE, "yes")).await;
    assert_eq!(refused.code, Some(3), "{}", refused.shown);
    assert_ne!(webhook(&bench), json!(FOREIGN));
    let undone = bench
        .setup(Run::default().with(&UNDO).answering(SENTENCE, DELETE))
        .await;
    assert_eq!(undone.code, Some(0), "{}", undone.shown);
    assert_eq!(webhook(&bench), json!(FOREIGN));
    assert!(bench.is_empty().await);
}

async fn in_the_deployment(bench: &Bench) {
    let aws = bench.account.aws();
    let denied = super::faults_before::denial("cloudformation:CreateChangeSet");
    aws.inject(Rule::new("cloudformation", "CreateChangeSet", denied));
    let words = [
        "is not authorized to perform: cloudformation:CreateChangeSet",
        "--policies",
    ];
    bench
        .fails("A missing right in the middle", Run::default(), 1, &words)
        .await;

    let s3 = Client::new(&bench.account.sdk_config());
    let vanished = async move { remove_functions(&s3).await };
    aws.before(Rule::new("cloudformation", "ExecuteChangeSet", Box::pin(vanished)));
    let words = [
        "creating the stack failed",
        "was rolled back",
        "S3 Error Code: NoSuchKey",
    ];
    bench
        .fails("CloudFormation fails and rolls back", Run::default(), 1, &words)
        .await;

    // CloudFormation creates the stack, and the setup waits for an answer about its state.
    let waits = aws.clone();
    let silence = async move { waits.inject(Rule::new("cloudformation", "DescribeStacks", Fault::Hang)) };
    aws.before(Rule::new("cloudformation", "ExecuteChangeSet", Box::pin(silence)));
    let run = Run::default().when("creating the stack recording-vault (", Event::CtrlC);
    let words = ["To continue, run the command again", "vault.py setup --undo"];
    bench.fails("Ctrl-C in the deployment", run, 130, &words).await;
}

async fn in_the_secrets(bench: &Bench) {
    let failing = Rule::new(
        "secretsmanager",
        "PutSecretValue",
        Fault::Error(500, "InternalServiceError"),
    );
    bench.account.aws().inject(failing.times(20));
    let words = ["AWS refused PutSecretValue: InternalServiceError"];
    // Without boto3's own retries, which take a minute.
    let run = Run::default().variable("AWS_MAX_ATTEMPTS", "1");
    bench.fails("Secrets Manager fails", run, 1, &words).await;
    bench.account.aws().clear_faults();

    // The next run stores the secrets, and is interrupted at the next question.
    let run = Run::default().when(FLEX_TOKEN, Event::CtrlC);
    bench
        .fails("Ctrl-C at a question", run, 130, &["ApiKeySecretArn: stored"])
        .await;
    store_auth_token(bench, "an older token").await;
    let words = [
        "kept as it is",
        "checks of the deployed service failed",
        "add --replace-secrets",
    ];
    bench
        .fails("A wrong secret in the service", Run::default(), 1, &words)
        .await;
}

async fn in_flex(bench: &Bench) {
    let twilio = bench.account.twilio();
    // It follows the advice of the run before.
    let run = Run::default().with(&["--replace-secrets"]).answering(SENTENCE, "yes");
    bench
        .fails("No consent", run, 3, &["the sentence was not typed as shown"])
        .await;

    let refusal = FaultAction::Answer {
        status: 500,
        body: None,
        retry_after: None,
    };
    twilio.fault(TwilioFault::once(Operation::FlexUpdate, refusal));
    let words = [
        "Twilio refused to change Flex's configuration: 500",
        "Run the command again in a minute",
    ];
    bench
        .fails("Twilio refuses the change", Run::default(), 1, &words)
        .await;

    let change = || twilio.set_flex_property("ui_language", json!("de"));
    let run = Run::default().when("To go on, type this sentence", Event::Elsewhere(&change));
    let words = [
        "Flex's configuration was changed while this command ran",
        "Run it again",
    ];
    bench
        .fails("Another administrator changes Flex meanwhile", run, 3, &words)
        .await;

    twilio.set_flex_property("call_recording_webhook_url", json!(FOREIGN));
    let run = Run::default().answering(FLEX_TOKEN, "");
    let words = [
        "Flex already sends recording callbacks to https://somebody.example.com/callback",
        "--replace",
    ];
    bench.fails("A webhook of somebody else", run, 3, &words).await;
}

fn webhook(bench: &Bench) -> Value {
    bench.account.twilio().flex_configuration().unwrap()["call_recording_webhook_url"].clone()
}

/// Removes the zips of the functions from the artifact bucket, so that CloudFormation cannot create them.
async fn remove_functions(s3: &Client) {
    let bucket = format!(
        "recording-vault-artifacts-{}-{}",
        values::AWS_ACCOUNT_ID,
        values::REGION
    );
    let objects = s3.list_objects_v2().bucket(&bucket).send().await.unwrap();
    for key in objects.contents().iter().filter_map(|object| object.key()) {
        if key.ends_with(".zip") {
            s3.delete_object().bucket(&bucket).key(key).send().await.unwrap();
        }
    }
}

/// Stores another Auth Token in the service's secret.
async fn store_auth_token(bench: &Bench, token: &str) {
    let secrets = aws_sdk_secretsmanager::Client::new(&bench.account.sdk_config());
    let all = secrets.list_secrets().send().await.unwrap();
    let mut names = all.secret_list().iter().filter_map(|secret| secret.name());
    let name = names.find(|name| name.contains("AuthTokenSecret")).unwrap();
    let value = json!({"primary": token}).to_string();
    let stored = secrets.put_secret_value().secret_id(name).secret_string(value);
    stored.send().await.unwrap();
}
