//! Runs the commands of README.md, docs/CATALOG.md, docs/FLEX.md, docs/OPERATIONS.md, docs/REFERENCE.md and
//! flex-plugin/README.md exactly as they are written, with bash, the AWS CLI, boto3 and DuckDB.

mod blocks;
mod catalog;
mod day_in_the_life;
mod flex;
mod shell;

use std::fs;

use local_stack::{Role, Stack, values};
use serde_json::Value;

use self::{
    blocks::{Block, block_with, blocks},
    shell::Shell,
};
use crate::{
    events,
    nginx::Nginx,
    support::{OwnStack, Recording, among_others, eventually, get, header, options, request},
};

const OPERATIONS: &str = "docs/OPERATIONS.md";
const CATALOG: &str = "docs/CATALOG.md";
const FLEX: &str = "docs/FLEX.md";
const README: &str = "README.md";
const REFERENCE: &str = "docs/REFERENCE.md";
const PLUGIN: &str = "flex-plugin/README.md";

/// The blocks that the tests here run, identified by a line of each.
const RUN: [(&str, &str); 20] = [
    (OPERATIONS, "start-message-move-task"),
    (OPERATIONS, "operator()"),
    (OPERATIONS, "s3api copy-object"),
    (OPERATIONS, "s3api delete-object"),
    (OPERATIONS, "scripts/recover.py"),
    (OPERATIONS, "put-event-selectors"),
    (OPERATIONS, "curl -s"),
    (FLEX, "call_recording_enabled"),
    (PLUGIN, "recording_vault"),
    (OPERATIONS, "--dry-run --follow"),
    (OPERATIONS, "--from-file"),
    (OPERATIONS, "Calls.json"),
    (OPERATIONS, "vault.py find"),
    (CATALOG, "vault.py operate"),
    (CATALOG, "aws s3 sync"),
    (OPERATIONS, "vault.py link"),
    (FLEX, "intelligence.twilio.com"),
    (REFERENCE, "cargo lambda invoke operator"),
    (REFERENCE, "recording-callback.env"),
    (REFERENCE, "recording-playback.env"),
];

/// The blocks that these tests do not run, with what runs them.
const RUN_ELSEWHERE: [(&str, &str, &str); 10] = [
    (
        CATALOG,
        "scripts/setup.py",
        "changes a parameter; scripts/tests/test_setup.py runs the setup with other ones",
    ),
    (
        CATALOG,
        "create-work-group",
        "needs an AWS account with Athena; tests/documents parses its statements, and DuckDB answers the same questions",
    ),
    (
        README,
        "scripts/setup.py",
        "installs a release; scripts/tests/test_setup.py runs the setup against the local services",
    ),
    (
        README,
        "cargo demo",
        ".ci/run and every developer run the README's two commands",
    ),
    (
        README,
        "scripts/prove_live.py",
        "prove:: runs it against the local stack, one reply to the function's timeout",
    ),
    (
        OPERATIONS,
        "scripts/setup.py",
        "changes a parameter; scripts/tests/test_setup.py runs the setup with other ones",
    ),
    (
        OPERATIONS,
        "vault.py who",
        "needs CloudWatch Logs Insights; scripts/tests/test_who.py runs both against a double of it, and listened:: over log files",
    ),
    (
        OPERATIONS,
        "sam deploy",
        "needs an AWS account; tests/deployment runs `sam` against a local CloudFormation (`checkout::` as in the document)",
    ),
    (
        FLEX,
        "scripts/vault.py listen",
        "front_end:: runs it against this stack, and scripts/tests answers its questions",
    ),
    (
        PLUGIN,
        "twilio flex:plugins:build",
        "needs Twilio's CLI and a login; flex:: has Twilio's builder check and build the plugin",
    ),
];

#[test]
fn every_block_of_commands_is_run_here_or_elsewhere() {
    for document in [README, CATALOG, FLEX, OPERATIONS, REFERENCE, PLUGIN] {
        for block in blocks(document, "sh") {
            let here = RUN
                .iter()
                .filter(|(name, line)| *name == document && block.text.contains(line));
            let elsewhere = RUN_ELSEWHERE
                .iter()
                .filter(|(name, line, _)| *name == document && block.text.contains(line));
            assert_eq!(here.count() + elsewhere.count(), 1, "{document}:\n{}", block.text);
        }
    }
}

/// Replaces the documents' placeholder with the SID of a stored recording.
fn about(block: Block, recording: &Recording) -> Block {
    block.with("RE...", &recording.sid).with("RE…", &recording.sid)
}

/// The answers of the operator's function, one per line, without the output of the CLI.
fn answers(printed: &str) -> Vec<Value> {
    let values = serde_json::Deserializer::from_str(printed).into_iter::<Value>();
    let (statuses, answers): (Vec<_>, Vec<_>) = values
        .map(Result::unwrap)
        .partition(|value| value.get("ExecutedVersion").is_some() || value.get("StatusCode").is_some());
    for status in statuses {
        assert_eq!(status.get("FunctionError"), None, "{printed}");
    }
    answers
}

async fn stored(stack: &Stack, len: usize) -> Recording {
    let recording = Recording::new(stack, len);
    recording.bring_in(stack).await;
    recording
}

#[tokio::test]
async fn the_operators_commands_work_with_both_versions_of_the_cli() {
    let stack = OwnStack::start(options()).await;
    for shell in [
        Shell::for_stack(&stack).await,
        Shell::for_stack(&stack).await.with_version_2().await,
    ] {
        let recording = stored(&stack, 30_000).await;
        let block = about(block_with(OPERATIONS, "operator()"), &recording).with("CA...", &recording.call);
        let printed = shell.run(&block.with("OPERATOR_FUNCTION", Role::Operator.name())).await;
        let answers = answers(&printed);
        assert_eq!(answers.len(), 14, "{printed}");
        let [
            backfill,
            reconcile,
            sweep,
            arrivals,
            verify,
            verify_all,
            verify_receipts,
            find,
            index,
            link,
            erase,
            erase_again,
            plan,
            plan_of_call,
        ] = &answers[..]
        else {
            unreachable!()
        };
        assert!(find["found"].is_array(), "{find}");
        for run in [backfill, reconcile, sweep, verify, verify_all, verify_receipts, index] {
            assert_eq!(run["status"], "done", "{run}");
        }
        assert_eq!(arrivals["arrivals"]["arrived"], true, "{arrivals}");
        assert_eq!(verify["work"]["verify"]["counts"]["verified"], 1, "{verify}");
        assert_eq!(link["link"]["length"], 30_000, "{link}");
        assert_eq!(erase["erased"]["original"], "deleted", "{erase}");
        assert_eq!(erase_again["erased"]["original"], "alreadyGone", "{erase_again}");
        assert_eq!(plan["erasurePlan"]["counts"]["erasedBefore"], 1, "{plan}");
        assert!(plan_of_call["erasurePlan"]["recordings"].is_array(), "{plan_of_call}");
    }
}

#[tokio::test]
async fn a_damaged_recording_is_brought_back_and_recovered_as_written() {
    let (stack, _turn) = among_others().await;
    let shell = Shell::for_stack(stack).await;
    let recording = stored(stack, 30_000).await;
    let s3 = stack.s3();
    let object = || {
        s3.list_object_versions()
            .bucket(values::BUCKET)
            .prefix(recording.object_key())
    };
    let first = object().send().await.unwrap().versions()[0]
        .version_id()
        .unwrap()
        .to_owned();
    let put = s3.put_object().bucket(values::BUCKET).key(recording.object_key());
    put.body(b"differs from the stored recording".to_vec().into())
        .send()
        .await
        .unwrap();

    let operator = block_with(OPERATIONS, "operator()");
    let operator = operator.text.split("\n\n").next().unwrap();
    let bring_back = about(block_with(OPERATIONS, "s3api copy-object"), &recording);
    let bring_back = bring_back
        .with("versionId=...", &format!("versionId={first}"))
        .after(operator)
        .with("BUCKET", values::BUCKET)
        .with("OPERATOR_FUNCTION", Role::Operator.name());
    let printed = shell.run(&bring_back).await;
    assert!(printed.contains(&first) && printed.contains(r#""bad":0"#), "{printed}");

    let drill = about(block_with(OPERATIONS, "scripts/recover.py"), &recording);
    let drill = drill
        .with("BUCKET", values::BUCKET)
        .with("KEY_ARN", &stack.resources().kms_key_arn);
    let printed = shell.run(&drill).await;
    assert!(printed.contains(&recording.sid), "{printed}");
    assert!(fs::read(shell.folder().join("recovered.wav")).unwrap() == recording.audio);

    let receipt = format!("receipts/{}.json", recording.sid);
    let versions = s3.list_object_versions().bucket(values::BUCKET).prefix(&receipt);
    let listed = versions.clone().send().await.unwrap();
    let written = listed.versions()[0].version_id().unwrap();
    let delete = about(block_with(OPERATIONS, "s3api delete-object"), &recording);
    let delete = delete
        .with(
            &format!("{receipt} --version-id ..."),
            &format!("{receipt} --version-id {written}"),
        )
        .with("--version-id ...", &format!("--version-id {first}"))
        .with("BUCKET", values::BUCKET);
    let printed = shell.run(&delete).await;
    assert!(printed.contains(written), "{printed}");
    let left = object().send().await.unwrap();
    assert!(
        left.versions()
            .iter()
            .all(|version| version.version_id() != Some(&first))
    );
    assert_eq!(versions.send().await.unwrap().versions(), []);
}

#[tokio::test]
async fn the_commands_operate_a_stack_that_cloudformation_names() {
    let stack = OwnStack::start(options()).await;
    let shell = Shell::for_stack(&stack).await;
    let recording = stored(&stack, 30_000).await;
    shell.make_stack("vault", Role::Operator.name(), values::BUCKET).await;
    let block = about(block_with(OPERATIONS, "--dry-run --follow"), &recording).with("NAME", "vault");
    let block = block.answering(&recording.sid);
    let printed = shell.run(&block).await;
    for expected in [
        "backfill-2026-05-01-2026-05-31-dry-run done",
        "verify-all done: verified 1",
        &format!("erased {}: versions 1, original deleted", recording.sid),
    ] {
        assert!(printed.contains(expected), "{printed}");
    }
}

#[tokio::test]
async fn the_commands_find_recordings() {
    let stack = OwnStack::start(options()).await;
    let shell = Shell::for_stack(&stack).await;
    let recording = stored(&stack, 30_000).await;
    shell.make_stack("vault", Role::Operator.name(), values::BUCKET).await;
    let block = about(block_with(OPERATIONS, "vault.py find"), &recording).with("NAME", "vault");
    let printed = shell.run(&block.with("CA...", &recording.call)).await;
    for expected in ["recordingSid,start,durationS", "RECORDING", &recording.sid, " stored "] {
        assert!(printed.contains(expected), "{printed}");
    }
}

#[tokio::test]
async fn a_request_by_telephone_number_is_answered_as_written() {
    let stack = OwnStack::start(options()).await;
    let shell = Shell::for_stack(&stack).await;
    shell.make_stack("vault", Role::Operator.name(), values::BUCKET).await;
    let (customer, office) = ("+15550100001", "+15550100002");
    let [to, from, other] = [
        stored(&stack, 30_000).await,
        stored(&stack, 30_000).await,
        stored(&stack, 30_000).await,
    ];
    stack.twilio().add_phone_call(&to.call, office, customer);
    stack.twilio().add_phone_call(&from.call, customer, office);
    stack.twilio().add_phone_call(&other.call, office, "+15550100003");
    let account = format!(
        "export TWILIO_ACCOUNT_SID={} TWILIO_API_KEY={} TWILIO_API_SECRET={}",
        values::ACCOUNT_SID,
        values::API_KEY_SID,
        values::API_KEY_SECRET
    );
    let block = block_with(OPERATIONS, "Calls.json");
    let block = block.after(&account).with("NUMBER", customer).with("NAME", "vault");
    let printed = shell
        .run(&block.with("https://api.twilio.com", &stack.twilio().api_base()))
        .await;
    for recording in [&to, &from] {
        let planned = format!("{}  stored, original at Twilio", recording.sid);
        assert!(printed.contains(&planned), "{printed}");
    }
    let listed = fs::read_to_string(shell.folder().join("recordings.txt")).unwrap();
    let mut listed: Vec<_> = listed.lines().collect();
    listed.sort_unstable();
    assert_eq!(listed, [&to.sid, &from.sid]);

    let block = block_with(OPERATIONS, "--from-file")
        .with("NAME", "vault")
        .with("CA...", &other.call);
    let printed = shell.run(&block.answering("2")).await;
    assert!(printed.contains("erased: erased 2"), "{printed}");
    assert!(
        printed.contains(&format!("{}  stored, original at Twilio", other.sid)),
        "{printed}"
    );
}

#[tokio::test]
async fn links_for_people_without_flex_are_made_as_written() {
    let stack = OwnStack::start(options()).await;
    let shell = Shell::for_stack(&stack).await;
    let recording = stored(&stack, 30_000).await;
    shell.make_stack("vault", Role::Operator.name(), values::BUCKET).await;
    let block = about(block_with(OPERATIONS, "vault.py link"), &recording).with("NAME", "vault");
    let printed = shell.run(&block).await;
    let urls: Vec<_> = printed.lines().filter(|line| line.starts_with("http")).collect();
    let [playing, saving] = urls[..] else {
        panic!("{printed}")
    };
    let (played, saved) = (get(playing, &[]).await, get(saving, &[]).await);
    assert_eq!(header(&played, "content-disposition"), None);
    let attachment = format!("attachment; filename=\"{}.wav\"", recording.sid);
    assert_eq!(header(&saved, "content-disposition"), Some(attachment));
    for answer in [played, saved] {
        assert!(answer.bytes().await.unwrap() == recording.audio);
    }
}

/// `curl` writes what it would send to Twilio.
#[tokio::test]
async fn a_recording_is_handed_to_conversation_intelligence_as_written() {
    let stack = OwnStack::start(options()).await;
    let shell = Shell::for_stack(&stack).await;
    let recording = stored(&stack, 30_000).await;
    shell.make_stack("vault", Role::Operator.name(), values::BUCKET).await;
    shell.install("curl", "for argument in \"$@\"; do printf '%s\\n' \"$argument\"; done");
    let block = about(block_with(FLEX, "intelligence.twilio.com"), &recording).with("NAME", "vault");
    let account = "TWILIO_API_KEY=SK1 TWILIO_API_SECRET=secret";
    let sent = shell.run(&block.after(account)).await;
    assert!(
        sent.lines()
            .any(|line| line == "https://intelligence.twilio.com/v2/Transcripts"),
        "{sent}"
    );
    // Its last argument, over two lines.
    let (_, channel) = sent.split_once("\nChannel=").unwrap();
    let channel: Value = serde_json::from_str(channel).unwrap();
    let url = channel["media_properties"]["media_url"].as_str().unwrap();
    // As Twilio fetches it: one GET without a range.
    let answer = get(url, &[]).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.unwrap() == recording.audio);
    assert_eq!(channel["participants"].as_array().map(Vec::len), Some(2), "{channel}");
}

#[tokio::test]
async fn the_references_events_are_invoked_as_written() {
    let stack = OwnStack::start(options()).await;
    let recording = Recording::named(&stack, events::RECORDING, events::TASK, 200_000);
    recording.bring_in(&stack).await;
    let shell = Shell::for_stack(&stack).await;
    let port = stack.lambda_endpoint().rsplit_once(':').unwrap().1;
    let printed = shell
        .run(&block_with(REFERENCE, "cargo lambda invoke operator").with("PORT", port))
        .await;
    let answers: Vec<Value> = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [
        verify,
        find,
        index,
        backfill,
        reconcile,
        sweep,
        arrivals,
        catalog,
        link,
        erase,
    ] = &answers[..]
    else {
        panic!("{printed}")
    };
    assert!(find["found"].is_array(), "{printed}");
    for run in [verify, index, backfill, reconcile, sweep, catalog] {
        assert_eq!(run["status"], "done", "{printed}");
    }
    assert!(arrivals["arrivals"]["arrived"].is_boolean(), "{printed}");
    assert_eq!(link["link"]["length"], 200_000, "{printed}");
    assert_eq!(erase["erased"]["original"], "alreadyGone", "{printed}");
}

#[tokio::test]
#[ignore = "compiles the functions a second time, for minutes"]
async fn the_references_binaries_are_watched_and_invoked_as_written() {
    let stack = OwnStack::start(options()).await;
    let recording = Recording::named(&stack, events::RECORDING, events::TASK, 200_000);
    recording.bring_in(&stack).await;
    let shell = Shell::for_stack(&stack).await;

    let block = watching(&stack, Role::Webhook, block_with(REFERENCE, "recording-callback.env"));
    let printed = shell.run(&block).await;
    let answers: Vec<Value> = printed
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let (callbacks, jobs) = answers.split_at(3);
    assert!(callbacks.iter().all(|answer| answer["statusCode"] == 204), "{printed}");
    let done = serde_json::json!({"batchItemFailures": []});
    assert!(
        jobs.len() == 3 && jobs.iter().all(|answer| *answer == done),
        "{printed}"
    );

    let link = recording.link(&stack, 600);
    let block = about(block_with(REFERENCE, "recording-playback.env"), &recording);
    let block = watching(
        &stack,
        Role::Playback,
        block.with("?expires=…", &link[link.find('?').unwrap()..]),
    );
    let printed = shell.run(&block).await;
    assert!(printed.contains("206 Partial Content"), "{printed}");
}

/// The same commands with the first one, `cargo lambda watch`, in the background.
fn watching(stack: &Stack, role: Role, block: Block) -> Block {
    let file = stack.settings_file(role);
    let (port, name) = (
        toolbox::free_port().unwrap().to_string(),
        file.file_name().unwrap().to_str().unwrap(),
    );
    let block = block.with(&format!("…/{name}"), file.to_str().unwrap());
    let block = block.with("9000", &port).with("9001", &port);
    let (setup, watch) = block.text.split_once("cargo lambda watch").unwrap();
    let (watch, rest) = watch.split_once('\n').unwrap();
    let setup = if setup.is_empty() { "" } else { ":" };
    Block::of(&format!(
        "{setup}\ncd '{}'\ncargo lambda watch{} >&2 &\ntrap 'kill %1' EXIT\n\
         until (: < /dev/tcp/127.0.0.1/{port}) 2> /dev/null; do sleep 0.2; done\n{rest}",
        toolbox::workspace_root().display(),
        watch.split('#').next().unwrap(),
    ))
}

#[tokio::test]
async fn the_script_reports_failures_without_a_traceback() {
    let (stack, _turn) = among_others().await;
    let shell = Shell::for_stack(stack).await;
    shell.make_stack("half", Role::Operator.name(), "").await;
    let refusing = shell::refusing_s3().await;
    let function = format!("--function {} --bucket {}", Role::Operator.name(), values::BUCKET);
    for (arguments, expected) in [
        ("--stack absent reconcile".to_owned(), "DescribeStacks: "),
        ("--stack half reconcile".to_owned(), "has no output 'Bucket'"),
        (
            format!("--function absent --bucket {} erase RE{:032x} --yes", values::BUCKET, 0),
            "Invoke: ",
        ),
        (
            format!("{function} --endpoint-url {refusing} status verify-all"),
            "GetObject: AccessDenied: Access Denied; this needs s3:GetObject on operations/*, s3:ListBucket on the bucket",
        ),
        (
            format!("{function} --endpoint-url http://127.0.0.1:1 status verify-all"),
            "Could not connect to the endpoint URL",
        ),
    ] {
        let said = shell.fails(&format!("python3 scripts/operate.py {arguments}")).await;
        assert!(
            said.contains(expected) && !said.contains("Traceback"),
            "{arguments}: {said}"
        );
    }
}

/// Creates two queues, a job in the dead-letter queue of the second, and a trail.
const QUEUES_AND_TRAIL: &str = r#"
aws sqs create-queue --queue-name dead-letters --query QueueUrl --output text
arn=$(aws sqs get-queue-attributes --queue-url "$(aws sqs get-queue-url --queue-name dead-letters --output text)" \
    --attribute-names QueueArn --query Attributes.QueueArn --output text)
aws sqs create-queue --queue-name copies --query QueueUrl --output text --attributes \
    "{\"RedrivePolicy\": \"{\\\"deadLetterTargetArn\\\": \\\"$arn\\\", \\\"maxReceiveCount\\\": 1}\"}"
copies=$(aws sqs get-queue-url --queue-name copies --output text)
{
    aws sqs send-message --queue-url "$copies" --message-body a-job
    aws sqs receive-message --queue-url "$copies" --visibility-timeout 0
    aws sqs receive-message --queue-url "$copies" --visibility-timeout 0
    aws s3api create-bucket --bucket trails
    aws cloudtrail create-trail --name trail --s3-bucket-name trails
} > made"#;

/// Runs on the other emulator, because the local stack's emulator lacks these operations.
#[tokio::test]
async fn dead_letters_are_moved_back_and_data_events_turned_on_as_written() {
    let emulator = tokio::task::spawn_blocking(toolbox::Localemu::start).await;
    let emulator = emulator.unwrap().unwrap();
    let shell = Shell::for_emulator(emulator.endpoint()).await;
    let made = shell.run(&Block::of(QUEUES_AND_TRAIL)).await;
    let [dead_letters, copies] = made.lines().collect::<Vec<_>>()[..] else {
        panic!("{made}")
    };

    let move_back = block_with(OPERATIONS, "start-message-move-task").with("DEAD_LETTERS_URL", dead_letters);
    shell.run(&move_back).await;
    eventually("the job", || async {
        let receive = format!("aws sqs receive-message --queue-url {copies} --visibility-timeout 0");
        shell.run(&Block::of(&receive)).await.contains("a-job").then_some(())
    })
    .await;

    let turn_on = block_with(OPERATIONS, "put-event-selectors").with("TRAIL", "trail");
    let printed = shell.run(&turn_on.with("BUCKET", values::BUCKET)).await;
    let turned_on: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(
        turned_on["AdvancedEventSelectors"].as_array().unwrap().len(),
        2,
        "{printed}"
    );
    assert!(printed.contains(&format!("arn:aws:s3:::{}/", values::BUCKET)));
}

#[tokio::test]
async fn a_recording_plays_through_nginx_with_the_documented_location() {
    let (stack, _turn) = among_others().await;
    let recording = stored(stack, 400_000).await;
    let location = blocks(OPERATIONS, "nginx")
        .remove(0)
        .with("FUNCTION_URL", stack.playback_url());
    let nginx = Nginx::with_location(&location.text).await;
    let link = recording
        .link(stack, 600)
        .replace(stack.playback_url(), &nginx.origin());

    let (place, _) = link.split_once("/recordings/").unwrap();
    let check = block_with(OPERATIONS, "curl -s").with("https://DOMAIN", place);
    let check = about(check, &recording).with("?expires=...", &link[link.find('?').unwrap()..]);
    assert_eq!(Shell::for_stack(stack).await.run(&check).await, "206 100\n");

    let whole = get(&link, &[]).await;
    assert!(whole.bytes().await.unwrap() == recording.audio);
    let preflight = [
        ("origin", "https://flex.twilio.com"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "authorization"),
    ];
    let media_url = format!("{}/media-url", nginx.origin());
    let answer = request(reqwest::Method::OPTIONS, &media_url, &preflight).await;
    assert_eq!(
        header(&answer, "access-control-allow-origin").unwrap(),
        "https://flex.twilio.com"
    );
}
