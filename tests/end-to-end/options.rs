//! Options of the template that no other test uses.

use std::fs;

use local_stack::{Fired, Role, values};
use reqwest::StatusCode;
use serde_json::{Value, json};
use twilio_double::{AuthKind, Fault, FaultAction, FlexToken, Operation, flex_token, mp3};

use crate::{
    audit::{audit_lines, outcomes},
    canaries,
    support::{self, OwnStack, Recording, alone, eventually, get, header, options},
};

#[tokio::test]
async fn segment_links_play_without_a_token_where_they_are_accepted() {
    let options = options()
        .setting(Role::Linker, "LINK_MODE", "segment-link")
        .setting(Role::Linker, "ACCEPT_SEGMENT_LINKS", "true")
        .setting(Role::Playback, "ACCEPT_SEGMENT_LINKS", "true");
    let stack = OwnStack::start(options).await;
    let recording = Recording::new(&stack, 100_000);
    recording.bring_in(&stack).await;
    let link = eventually("the segment link", || async {
        let attributes: Value = serde_json::from_str(&stack.twilio().task(&recording.task)?.attributes).ok()?;
        let link = attributes.pointer("/conversations/segment_link")?;
        link.as_str().map(str::to_owned)
    })
    .await;
    let answer = get(&link, &[]).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.bytes().await.unwrap() == recording.audio);
}

#[tokio::test]
async fn long_calls_are_stored_as_mp3_if_configured() {
    let stack = OwnStack::start(options().setting(Role::Copier, "MP3_ABOVE_MINUTES", "1")).await;
    for (seconds, content_type) in [(60, "audio/x-wav"), (61, "audio/mpeg")] {
        let mut recording = Recording::new(&stack, 44 + seconds * 32_000);
        // Twilio offers every recording in both formats.
        let mp3 = mp3::stereo_silence(u32::try_from(seconds).unwrap() * 1_000 / mp3::FRAME_MS);
        fs::write(stack.recordings_dir().join(format!("{}.mp3", recording.sid)), &mp3).unwrap();
        recording.bring_in(&stack).await;
        if content_type == "audio/mpeg" {
            recording.audio = mp3;
        }
        let answer = get(&recording.media_url(&stack).await, &[]).await;
        assert_eq!(header(&answer, "content-type").as_deref(), Some(content_type));
        assert!(answer.bytes().await.unwrap() == recording.audio);

        eventually("the schedule of the deletion", || async {
            let fired = stack.fire(&recording.sid).await.ok()?;
            (fired == Fired::Queued).then_some(())
        })
        .await;
        let lines = eventually("the deletion", || async {
            let lines = audit_lines(&stack, Role::Copier, &recording);
            (lines.len() == 3).then_some(lines)
        })
        .await;
        assert_eq!(
            outcomes(&lines),
            [
                ("copy", "stored"),
                ("receipt", "written"),
                ("delete_original", "deleted")
            ]
        );
    }
}

/// The Flex token of another listener.
const NEWCOMER: &str = flex_token!("a-newcomers-token");

#[tokio::test]
async fn flex_tokens_are_validated_with_an_api_key_if_configured() {
    let stack = OwnStack::start(options().validating_tokens_as("api-key")).await;
    let recording = Recording::new(&stack, 10_000);
    recording.bring_in(&stack).await;
    let mark = stack.twilio().mark();
    let url = recording.media_url(&stack).await;
    assert!(get(&url, &[]).await.bytes().await.unwrap() == recording.audio);
    let refused = stack.media_url(&recording.sid, values::AGENT_TOKEN).await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let calls: Vec<_> = stack.twilio().calls_since(mark);
    let calls = calls.iter().filter_map(|call| Some((call.operation?, call.auth)));
    let calls: Vec<_> = calls.filter(|(_, auth)| *auth == AuthKind::ApiKey).collect();
    assert_eq!(calls, [(Operation::TokenValidate, AuthKind::ApiKey); 2]);
}

/// The setting of a deployment without the parameter.
#[tokio::test]
async fn flex_tokens_are_validated_where_flex_does_it_and_where_it_did_if_that_is_gone() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 10_000);
    recording.bring_in(stack).await;
    let request_link = async |name: &str, action: Option<FaultAction>| {
        // Twilio's answer about a token is cached for a minute. Therefore, each token is used once.
        let token = values::FLEX_TOKEN.replace("local-stack-flex-token", name);
        stack.twilio().add_token(FlexToken::supervisor(&token));
        if let Some(action) = action {
            stack.twilio().fault(Fault::once(Operation::TokenInfo, action));
        }
        let mark = stack.twilio().mark();
        let answer = stack.media_url(&recording.sid, &token).await.unwrap();
        let mut calls = stack.twilio().calls_since(mark);
        // Links of other tests may be waiting for their tasks.
        calls.retain(|call| matches!(call.operation, Some(Operation::TokenInfo | Operation::TokenValidate)));
        assert!(calls.iter().all(|call| call.auth == AuthKind::FlexToken), "{calls:?}");
        let calls: Vec<_> = calls.iter().filter_map(|call| call.operation).collect();
        (answer.status().as_u16(), calls)
    };
    let answering = |status| {
        Some(FaultAction::Answer {
            status,
            body: None,
            retry_after: None,
        })
    };
    let (info, validate) = (Operation::TokenInfo, Operation::TokenValidate);
    assert_eq!(request_link("one", None).await, (200, vec![info]));
    assert_eq!(request_link("two", answering(404)).await, (200, vec![info, validate]));
    assert_eq!(request_link("three", answering(405)).await, (200, vec![info, validate]));
    assert_eq!(request_link("four", answering(401)).await, (401, vec![info]));
    assert_eq!(request_link("five", answering(403)).await, (401, vec![info]));
    assert_eq!(request_link("six", answering(500)).await, (503, vec![info]));
    assert_eq!(request_link("seven", Some(FaultAction::Drop)).await, (503, vec![info]));
}

#[tokio::test]
async fn flex_tokens_are_validated_with_the_auth_token_if_configured() {
    let stack = OwnStack::start(options().validating_tokens_as("account")).await;
    let recording = Recording::new(&stack, 10_000);
    recording.bring_in(&stack).await;
    let calls = || {
        let calls = stack.twilio().calls().into_iter();
        calls.filter(|call| call.operation == Some(Operation::TokenValidate))
    };

    let url = recording.media_url(&stack).await;
    assert!(get(&url, &[]).await.bytes().await.unwrap() == recording.audio);
    for (token, status) in [
        (canaries::LISTENER, StatusCode::UNAUTHORIZED),
        (values::AGENT_TOKEN, StatusCode::FORBIDDEN),
    ] {
        let refused = stack.media_url(&recording.sid, token).await.unwrap();
        assert_eq!(refused.status(), status);
    }
    assert_eq!(calls().count(), 3);
    assert!(calls().all(|call| call.auth == AuthKind::AuthToken));

    // Twilio's answer about a token is cached for a minute, and a valid token still plays. Therefore, another listener
    // sends the request.
    stack.twilio().replace_auth_token(canaries::PROMOTED);
    stack.twilio().add_token(FlexToken::supervisor(NEWCOMER));
    let request_link = async || stack.media_url(&recording.sid, NEWCOMER).await.unwrap();
    let unchecked = request_link().await;
    assert_eq!(unchecked.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(support::json(unchecked).await["error"], "token_not_checked");
    let log = stack.log(Role::Playback).unwrap();
    assert!(log.contains("Twilio refuses the account's Auth Token"), "{log}");

    let secret = stack.secrets().put_secret_value();
    let secret = secret.secret_id(&stack.resources().auth_token_secret);
    let promoted = json!({"primary": canaries::PROMOTED});
    secret.secret_string(promoted.to_string()).send().await.unwrap();
    // The function reads the secret again at most once in ten seconds.
    eventually("a link under the promoted token", || async {
        (request_link().await.status() == StatusCode::OK).then_some(())
    })
    .await;
}

#[tokio::test]
async fn everything_is_verified_and_an_erasure_aborts_what_is_still_uploading() {
    let (stack, _turn) = alone().await;
    let recording = Recording::new(stack, 10_000);
    recording.bring_in(stack).await;
    let upload = stack.s3().create_multipart_upload().bucket(values::BUCKET);
    upload.key(recording.object_key()).send().await.unwrap();

    let all = stack
        .invoke(Role::Operator, &json!({"verify": {"all": true}}))
        .await
        .unwrap();
    assert!(!all.failed, "{}", all.payload);
    let erase = json!({"erase": recording.sid});
    let erased = stack.invoke(Role::Operator, &erase).await.unwrap();
    assert!(!erased.failed, "{}", erased.payload);
    let open = stack.s3().list_multipart_uploads().bucket(values::BUCKET);
    let open = open.prefix(recording.object_key()).send().await.unwrap();
    assert!(open.uploads().is_empty());
}
