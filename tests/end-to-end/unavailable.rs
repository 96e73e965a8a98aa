//! Flex shows a supervisor the same text ("Playback of this file is unavailable") for different causes. The lines that
//! an operator reads distinguish them.

use local_stack::{Fault, Role, Rule, Stack, values};
use serde_json::{Value, json};
use twilio_double::{FaultAction, FlexToken, Operation, flex_token};

use crate::{
    audit::{audit_lines, outcomes},
    support::{Recording, alone, eventually, get},
};

/// Requests a link. Returns the status of the answer, and the outcome in its audit line.
async fn request_link(stack: &Stack, recording: &Recording, token: &str) -> (u16, String) {
    let before = audit_lines(stack, Role::Playback, recording).len();
    let status = stack.media_url(&recording.sid, token).await.unwrap().status();
    let line = eventually("the audit line", || async {
        let lines = audit_lines(stack, Role::Playback, recording);
        (lines.len() > before).then(|| lines.last().unwrap().clone())
    })
    .await;
    assert_eq!(line["event"], "media_url");
    (status.as_u16(), line["outcome"].as_str().unwrap().to_owned())
}

/// The number of values of a metric in playback's log.
fn count(stack: &Stack, metric: &str) -> usize {
    let log = stack.log(Role::Playback).unwrap();
    log.lines()
        .filter(|line| line.contains(&format!("\"{metric}\":1")))
        .count()
}

#[tokio::test]
async fn failures_that_flex_shows_alike_differ_in_the_lines() {
    let (stack, _turn) = alone().await;
    let supervisor = values::FLEX_TOKEN;
    let denied = count(stack, "Denied");

    // Not yet copied: there is no line about a copy.
    let recording = Recording::new(stack, 20_000);
    let not_found = (404, "recording_not_found".to_owned());
    assert_eq!(request_link(stack, &recording, supervisor).await, not_found);
    assert!(audit_lines(stack, Role::Copier, &recording).is_empty());
    assert_eq!(count(stack, "Denied"), denied);

    recording.bring_in(stack).await;
    assert_eq!(
        request_link(stack, &recording, supervisor).await,
        (200, "granted".to_owned())
    );

    // The wrong role, and an expired session.
    assert_eq!(
        request_link(stack, &recording, values::AGENT_TOKEN).await,
        (403, "role_not_allowed".to_owned())
    );
    assert_eq!(
        request_link(stack, &recording, flex_token!("somebodys-of-yesterday")).await,
        (401, "token_not_valid".to_owned())
    );
    assert_eq!(count(stack, "Denied"), denied + 2);

    // An outage of Twilio, and one of S3.
    let newcomer = flex_token!("somebody-in-an-outage");
    stack.twilio().add_token(FlexToken::supervisor(newcomer));
    let failing = FaultAction::Answer {
        status: 503,
        body: None,
        retry_after: None,
    };
    stack
        .twilio()
        .fault(twilio_double::Fault::once(Operation::TokenInfo, failing));
    assert_eq!(
        request_link(stack, &recording, newcomer).await,
        (503, "token_not_checked".to_owned())
    );
    let down = Fault::Answer {
        status: 503,
        body: "<Error><Code>ServiceUnavailable</Code></Error>".to_owned(),
    };
    for operation in ["GetObject", "HeadObject"] {
        let rule = Rule::new("s3", operation, down.clone()).role(Role::Playback).times(100);
        stack.wire().inject(rule);
    }
    let unread = Recording::new(stack, 20_000);
    assert_eq!(
        request_link(stack, &unread, supervisor).await,
        (503, "unavailable".to_owned())
    );
    stack.wire().clear_faults();
    let log = stack.log(Role::Playback).unwrap();
    for code in ["token_not_checked", "unavailable"] {
        let is_logged = |line: &str| line.contains("request not answered") && line.contains(code);
        assert!(log.lines().any(is_logged), "{code}");
    }

    // An outage of KMS comes after the link.
    let disabled = Fault::Answer {
        status: 400,
        body: r#"{"__type":"DisabledException"}"#.to_owned(),
    };
    unread.bring_in(stack).await;
    assert_eq!(
        request_link(stack, &unread, supervisor).await,
        (200, "granted".to_owned())
    );
    let rule = Rule::new("kms", "Decrypt", disabled).role(Role::Playback).times(100);
    stack.wire().inject(rule);
    let url = unread.media_url(stack).await;
    assert_eq!(get(&url, &[]).await.status(), 503);
    stack.wire().clear_faults();
    let log = stack.log(Role::Playback).unwrap();
    let link_id = url
        .split(['?', '&'])
        .find_map(|parameter| parameter.strip_prefix("id="));
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let line = lines.find(|line| line["linkId"].as_str() == link_id && line["target"] != "audit");
    assert_eq!(line.expect("the line of the refusal")["code"], "unavailable");

    // Erased before anybody has opened it. The answer is the same as before the copy, but the jobs' lines show both.
    let erased = Recording::new(stack, 20_000);
    erased.bring_in(stack).await;
    let answer = stack.invoke(Role::Operator, &json!({"erase": erased.sid})).await;
    assert!(!answer.unwrap().failed);
    assert_eq!(request_link(stack, &erased, supervisor).await, not_found);
    assert_eq!(
        outcomes(&audit_lines(stack, Role::Copier, &erased)),
        [("copy", "stored"), ("receipt", "written")]
    );
    let lines = audit_lines(stack, Role::Operator, &erased);
    assert!(outcomes(&lines).contains(&("erase", "removed")), "{lines:?}");
}
