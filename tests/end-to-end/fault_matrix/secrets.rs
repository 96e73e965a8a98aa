//! Secrets that are not set yet, or have invalid values.

use std::time::{Duration, Instant};

use local_stack::{Fault, Role, Rule, Stack, values};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{Kind, Trial};
use crate::support::{OwnStack, Recording, eventually, json as body, options};

const WEBHOOKS: &str = "late-auth-token";
const LINKERS: &str = "late-api-key-of-the-linker";
const COPIERS: &str = "late-api-key-of-the-copier";

/// A stack whose functions use secrets of their own. None of the secrets exists at the start.
async fn stack() -> &'static Stack {
    static STACK: OnceCell<OwnStack> = OnceCell::const_new();
    let options = || {
        let mut options = options()
            .setting(Role::Webhook, "TWILIO_AUTH_TOKEN_SECRET", WEBHOOKS)
            .setting(Role::Linker, "TWILIO_API_KEY_SECRET", LINKERS)
            .setting(Role::Copier, "TWILIO_API_KEY_SECRET", COPIERS);
        // The template does not have these secrets, so that no rights for them may be recorded.
        options.rights = None;
        options
    };
    STACK.get_or_init(|| OwnStack::start(options())).await
}

/// Creates a secret or replaces its value.
async fn set(stack: &Stack, name: &str, value: Value) {
    let secrets = stack.secrets();
    let created = secrets.create_secret().name(name).secret_string(value.to_string());
    if created.send().await.is_err() {
        let put = secrets
            .put_secret_value()
            .secret_id(name)
            .secret_string(value.to_string());
        put.send().await.unwrap();
    }
}

fn api_key(secret: &str) -> Value {
    json!({"sid": values::API_KEY_SID, "secret": secret})
}

impl Trial<'_> {
    /// Puts a job's message into its queue without the webhook.
    async fn send(&self, kind: Kind) {
        let received_at_ms = crate::support::now_ms();
        let (sid, task) = (&self.recording.sid, &self.recording.task);
        let (queue, message) = match kind {
            Kind::Link => (
                &self.stack.resources().links,
                json!({"version": 1, "kind": kind.name(), "recordingSid": sid, "taskSid": task,
                    "receivedAtMs": received_at_ms}),
            ),
            Kind::Copy => (
                &self.stack.resources().copies,
                json!({"version": 1, "kind": kind.name(), "recordingSid": sid}),
            ),
        };
        let sent = self.stack.sqs().send_message().queue_url(&queue.url);
        sent.message_body(message.to_string()).send().await.unwrap();
    }
}

/// A missing secret, an empty one or a placeholder must never act as a known key. Twilio gets a 503 and calls again.
#[tokio::test]
async fn auth_token_missing_then_malformed_then_set() {
    let trial = Trial::on(stack().await, 10_000);
    let callback = trial.recording.callback();
    let post = async || trial.stack.post_callback(&callback).await.unwrap().status();
    assert_eq!(post().await, StatusCode::SERVICE_UNAVAILABLE);
    for unusable in [
        json!({"primary": ""}),
        json!({"primary": "change-me"}),
        json!({"secondary": "x"}),
    ] {
        set(trial.stack, WEBHOOKS, unusable).await;
        assert_eq!(post().await, StatusCode::SERVICE_UNAVAILABLE);
    }
    assert!(trial.stack.deliveries(&trial.recording.sid).is_empty());
    set(trial.stack, WEBHOOKS, json!({"primary": values::AUTH_TOKEN})).await;
    // A function reads an unreadable secret at most once in ten seconds.
    eventually("an accepted callback", || async {
        (post().await == StatusCode::NO_CONTENT).then_some(())
    })
    .await;
}

#[tokio::test]
async fn api_key_missing_then_malformed_then_set_for_a_link() {
    let trial = Trial::on(stack().await, 10_000);
    trial.send(Kind::Link).await;
    trial.failed(Kind::Link, 1).await;
    set(trial.stack, LINKERS, json!({"sid": values::API_KEY_SID})).await;
    trial.failed(Kind::Link, 2).await;
    set(trial.stack, LINKERS, api_key(values::API_KEY_SECRET)).await;
    eventually("the link", || async {
        trial.attributes().contains(&trial.recording.sid).then_some(())
    })
    .await;
    trial.is_linked_once();
    assert!(!trial.is_dead(Kind::Link).await);
}

#[tokio::test]
async fn api_key_missing_then_set_for_a_copy() {
    let trial = Trial::on(stack().await, 10_000);
    trial.send(Kind::Copy).await;
    trial.failed(Kind::Copy, 1).await;
    assert_eq!(trial.versions_and_uploads().await, (0, 0));
    set(trial.stack, COPIERS, api_key(values::API_KEY_SECRET)).await;
    // A function reads an unreadable secret at most once in ten seconds. On AWS, the message comes back later than
    // that.
    tokio::time::sleep(Duration::from_secs(11)).await;
    trial.comes_back(Kind::Copy, 1).await;
    trial.done(Kind::Copy, 1, 2).await;
    trial.is_stored_once().await;
}

/// Twilio gives up after 15 s, and Lambda ends the function after 10 s. If the function does not answer by itself, its
/// answer does not show the cause.
#[tokio::test]
async fn a_webhook_answers_in_time_while_sqs_or_secrets_manager_is_silent() {
    const SECRET: &str = "auth-token-that-is-slow-to-come";
    let mut options = options().setting(Role::Webhook, "TWILIO_AUTH_TOKEN_SECRET", SECRET);
    options.rights = None;
    let stack = OwnStack::start(options).await;
    let recording = Recording::new(&stack, 10_000);
    let post = async || {
        let answer = stack.post_callback(&recording.callback()).await.unwrap();
        let status = answer.status();
        (status, (!status.is_success()).then_some(answer))
    };
    let code = async || {
        let (status, answer) = post().await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        body(answer.unwrap()).await["error"].clone()
    };

    // A missing secret costs one call in ten seconds, however many requests need it.
    let (began, mark) = (Instant::now(), stack.wire().mark());
    for _ in 0..10 {
        assert_eq!(code().await, "auth_token_unavailable");
    }
    let calls = stack
        .wire()
        .count(mark, |call| call.is("secretsmanager", "GetSecretValue"));
    assert!(calls as u64 <= 1 + began.elapsed().as_secs() / 10, "{calls} calls");

    let silence = || Fault::Delay(Duration::from_secs(60));
    let rule = Rule::new("secretsmanager", "GetSecretValue", silence()).role(Role::Webhook);
    stack.wire().inject(rule.times(100));
    set(&stack, SECRET, json!({"primary": values::AUTH_TOKEN})).await;
    let mark = stack.wire().mark();
    eventually("a call that gets no answer", || async {
        assert_eq!(code().await, "auth_token_unavailable");
        (stack
            .wire()
            .count(mark, |call| call.is("secretsmanager", "GetSecretValue"))
            > 0)
        .then_some(())
    })
    .await;
    stack.wire().clear_faults();

    let rule = Rule::new("sqs", "SendMessage", silence()).role(Role::Webhook);
    stack.wire().inject(rule.times(100));
    eventually("a queue that does not answer", || async {
        let code = code().await;
        (code != "auth_token_unavailable").then(|| assert_eq!(code, "not_queued"))
    })
    .await;
    stack.wire().clear_faults();
    assert_eq!(post().await.0, StatusCode::NO_CONTENT);
}
