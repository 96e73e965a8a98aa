//! Faults that the setup finds before its first change. Each leaves nothing behind.

use std::fs;

use fault_proxy::{Fault, Rule};
use local_stack::values;
use serde_json::json;
use twilio_double::{Fault as TwilioFault, FaultAction, Operation};

use super::bench::{API_KEY_SECRET, API_KEY_SID, AUTH_TOKEN, Bench, REGION, Run};

const OTHER_WORKSPACE: &str = "WS00000000000000000000000000000002";
const OTHER_API_KEY: &str = "SK0000000000000000000000000000000f";

#[tokio::test]
async fn a_fault_before_the_first_change_leaves_nothing_behind() {
    let bench = Bench::start().await;
    wrong_credentials(&bench).await;
    an_unfit_account(&bench).await;
    an_unfit_place(&bench).await;
    assert!(bench.is_empty().await);

    // An ambiguous name, which cannot be taken back.
    bench
        .account
        .twilio()
        .add_workspace(OTHER_WORKSPACE, "Flex Task Assignment");
    let words = [
        "2 workspaces are named Flex Task Assignment",
        "Name one by its SID with --workspace",
        OTHER_WORKSPACE,
    ];
    let run = Run::default().with(&["--workspace", "Flex Task Assignment"]);
    bench.fails("Two workspaces with one name", run, 2, &words).await;
    assert!(bench.is_empty().await);
}

async fn wrong_credentials(bench: &Bench) {
    let refused = [
        "Twilio did not accept the API key",
        "Create a standard API key in this account",
    ];
    let run = Run::default().answering(API_KEY_SECRET, "not-the-secret");
    bench.fails("A wrong secret of the API key", run, 1, &refused).await;
    let run = Run::default()
        .answering(API_KEY_SID, OTHER_API_KEY)
        .answering(API_KEY_SECRET, "of-another-account");
    bench.fails("An API key of another account", run, 1, &refused).await;
    let words = ["Twilio did not accept the Auth Token", "Copy it again from the console"];
    let run = Run::default().answering(AUTH_TOKEN, "not-the-token");
    bench.fails("A wrong Auth Token", run, 1, &words).await;
}

async fn an_unfit_account(bench: &Bench) {
    let twilio = bench.account.twilio();
    // What an account without Flex answers.
    let missing = FaultAction::Answer {
        status: 404,
        body: None,
        retry_after: None,
    };
    twilio.fault(TwilioFault::once(Operation::FlexFetch, missing));
    bench
        .fails("No Flex in the account", Run::default(), 1, &["Is Flex set up in it?"])
        .await;

    twilio.set_flex_property("runtime_domain", json!("https://flex.example.com"));
    let words = [
        "https://flex.example.com, which is not in FlexOrigins",
        "Add --parameter FlexOrigins=",
    ];
    bench
        .fails("A self-hosted Flex without its origin", Run::default(), 1, &words)
        .await;
    twilio.set_flex_property("runtime_domain", json!("https://flex.twilio.com"));

    let run = Run::default().variable("TWILIO_API_BASE", "http://127.0.0.1:1");
    let words = ["could not be reached", "Check the network and the proxy"];
    bench.fails("No network", run, 1, &words).await;
}

async fn an_unfit_place(bench: &Bench) {
    let run = Run::default().answering(REGION, "eu-central-2");
    let words = [
        "eu-central-2 has no Lambda function URLs",
        "Choose another Region with --region",
    ];
    bench.fails("A Region without function URLs", run, 1, &words).await;

    let few = Rule::new("lambda", "GetObject", Fault::EditBody(with_a_small_quota));
    bench.account.aws().inject(few.key("account-settings"));
    let words = [
        "of which 5 are not reserved",
        "Ask AWS for more (Service Quotas, Lambda)",
    ];
    bench
        .fails("A Lambda quota that is too small", Run::default(), 1, &words)
        .await;

    let zip = bench.file("x86_64/recording-callback.zip");
    let whole = fs::read(&zip).unwrap();
    fs::write(&zip, &whole[..whole.len() / 2]).unwrap();
    let words = [
        "recording-callback.zip of the release is damaged",
        "Download the release again",
    ];
    bench.fails("A damaged release", Run::default(), 2, &words).await;
    fs::write(&zip, whole).unwrap();

    let denied = denial("s3:CreateBucket");
    bench.account.aws().inject(Rule::new("s3", "PUT", denied));
    let words = [
        "is not authorized to perform: s3:CreateBucket",
        "--policies",
        values::AWS_ACCOUNT_ID,
    ];
    bench.fails("A missing right in AWS", Run::default(), 1, &words).await;
}

/// AWS's answer to a request for which the identity has no right.
pub(super) fn denial(action: &str) -> Fault {
    let message = format!("User: arn:aws:iam::000000000000:user/deployer is not authorized to perform: {action}");
    let error = format!("<Error><Code>AccessDenied</Code><Message>{message}</Message></Error>");
    // Only S3's answer is the error itself.
    let body = match action.starts_with("s3:") {
        true => error,
        false => format!("<ErrorResponse>{error}</ErrorResponse>"),
    };
    Fault::Answer { status: 403, body }
}

fn with_a_small_quota(settings: &str) -> String {
    settings.replace(
        r#""UnreservedConcurrentExecutions": 1000"#,
        r#""UnreservedConcurrentExecutions": 5"#,
    )
}
