mod shared_keys;

use std::time::Duration;

use serde_json::{Value, json};
use service::secrets::{Secret, Secrets};
use twilio::{
    auth_tokens::AuthTokens,
    callback::form_pairs,
    signature::{SignedBody, sign},
};

use super::*;
use crate::{
    config::QueueUrls,
    testing::{
        loopback::{Loopback, Received, aws_at},
        sample_events::{GET, POST_BASE64, POST_TEXT, http_request},
    },
};

const GET_SECRET: &str = "secretsmanager.GetSecretValue";
const SEND: &str = "AmazonSQS.SendMessage";
const SIGNATURE: &str = "x-twilio-signature";

type AwsAnswer = (u16, Option<&'static str>, Value);

/// Secrets Manager with the local stack's token, and two queues that accept everything.
fn aws(received: &Received) -> AwsAnswer {
    match received.what.as_str() {
        GET_SECRET => (
            200,
            None,
            json!({"SecretString": r#"{"primary":"local-stack-auth-token"}"#}),
        ),
        SEND => (200, None, json!({"MessageId": "message-1"})),
        other => panic!("unexpected call: {other}"),
    }
}

fn webhook(aws: &Loopback, with_queues: bool) -> Webhook {
    let config = aws.aws();
    let queues = || {
        let urls = QueueUrls {
            links: format!("{}/links", aws.url),
            copies: format!("{}/copies", aws.url),
        };
        Delivery::Queues(Queues::new(&aws_sdk_sqs::Client::new(&config), urls))
    };
    Webhook {
        account: AccountSid::parse("AC00000000000000000000000000000001").unwrap(),
        signers: Signers {
            auth_tokens: Some(Secret::new(
                &Secrets::new(&config),
                "auth-token".to_owned(),
                AuthTokens::parse,
            )),
            shared_keys: None,
        },
        public_base_url: None,
        delivery: if with_queues { queues() } else { Delivery::Inline },
    }
}

/// Status and error code of the answer.
async fn answer(webhook: &Webhook, event: ApiGatewayV2httpRequest) -> (i64, Option<String>) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let response = webhook
        .answer(Ok(Box::new(event)), &Jobs::default(), "request-1", deadline)
        .await;
    let response = serde_json::to_value(response).unwrap();
    let body = response.get("body").and_then(Value::as_str);
    let code = body.map(|body| {
        serde_json::from_str::<Value>(body).unwrap()["error"]
            .as_str()
            .unwrap()
            .to_owned()
    });
    (response["statusCode"].as_i64().unwrap(), code)
}

fn refused(status: i64, code: &str) -> (i64, Option<String>) {
    (status, Some(code.to_owned()))
}

/// The sample callback with `from` in its form replaced, signed anew.
fn signed(from: &str, to: &str) -> ApiGatewayV2httpRequest {
    let mut event = http_request(POST_TEXT);
    let body = event.body.unwrap().replace(from, to);
    let url = format!(
        "https://callback.local.test/recording-status-callback?{}",
        event.raw_query_string.as_deref().unwrap()
    );
    let pairs = form_pairs(body.as_bytes());
    let signature = sign(&url, &SignedBody::Form(&pairs), &"local-stack-auth-token".into());
    event.headers.insert(SIGNATURE, signature.parse().unwrap());
    event.body = Some(body);
    event
}

#[tokio::test]
async fn a_completed_recording_is_queued_twice_and_answered_204() {
    for event in [POST_BASE64, POST_TEXT, GET] {
        let aws = Loopback::start(aws).await;
        assert_eq!(answer(&webhook(&aws, true), http_request(event)).await, (204, None));
        let mut sent: Vec<_> = aws
            .received()
            .iter()
            .filter(|received| received.what == SEND)
            .map(|received| {
                let call = received.json();
                let message: Value = serde_json::from_str(call["MessageBody"].as_str().unwrap()).unwrap();
                let queue = call["QueueUrl"]
                    .as_str()
                    .unwrap()
                    .rsplit('/')
                    .next()
                    .unwrap()
                    .to_owned();
                (queue, message["kind"].as_str().unwrap().to_owned())
            })
            .collect();
        sent.sort();
        let pair = |queue: &str, kind: &str| (queue.to_owned(), kind.to_owned());
        assert_eq!(sent, [pair("copies", "CopyRecording"), pair("links", "LinkTask")]);
    }
}

#[tokio::test]
async fn a_queue_that_refuses_makes_it_503_and_the_other_still_gets_its_job() {
    for refusing in ["links", "copies"] {
        let aws = Loopback::start(move |received| {
            if received.what == SEND && received.json()["QueueUrl"].as_str().unwrap().ends_with(refusing) {
                return (400, None, json!({"__type": "com.amazonaws.sqs#OverLimit"}));
            }
            aws(received)
        })
        .await;
        assert_eq!(
            answer(&webhook(&aws, true), http_request(POST_TEXT)).await,
            refused(503, "not_queued")
        );
        assert_eq!(aws.count(SEND), 2);
    }
}

/// A 2xx to Twilio means that the jobs are durable.
#[tokio::test]
async fn a_success_of_sqs_without_a_message_id_is_no_proof() {
    for body in ["", "{}", r#"{"MessageId":""}"#, "<html>It works!</html>"] {
        for unproved in ["links", "copies"] {
            let aws = Loopback::start_with_text(move |received| {
                if received.what == SEND && received.json()["QueueUrl"].as_str().unwrap().ends_with(unproved) {
                    return (200, None, body.to_owned());
                }
                let (status, etag, body) = aws(received);
                (status, etag, body.to_string())
            })
            .await;
            assert_eq!(
                answer(&webhook(&aws, true), http_request(POST_TEXT)).await,
                refused(503, "not_queued"),
                "{body}"
            );
        }
    }
}

#[tokio::test]
async fn forged_callbacks_are_refused_and_call_nobody_but_secrets_manager_once() {
    let aws = Loopback::start(aws).await;
    let webhook = webhook(&aws, true);
    let mut forged = http_request(POST_TEXT);
    let body = forged.body.take().unwrap();
    forged.body = Some(body.replace("RE0", "RE1"));
    for signature in [None, Some(""), Some("AAAAAAAAAAAAAAAAAAAAAAAAAAA="), Some("no base64")] {
        let mut event = forged.clone();
        if let Some(signature) = signature {
            event.headers.insert(SIGNATURE, signature.parse().unwrap());
        }
        assert_eq!(answer(&webhook, event).await, refused(403, "invalid_signature"));
    }
    assert_eq!(aws.count(GET_SECRET), 1);
    assert_eq!(aws.received().len(), 1);
}

#[tokio::test]
async fn a_request_that_cannot_be_a_callback_calls_no_service() {
    let aws = Loopback::start(aws).await;
    let mut unsigned = http_request(POST_TEXT);
    unsigned.headers.remove(SIGNATURE);
    assert_eq!(answer(&webhook(&aws, true), unsigned).await, refused(403, "unsigned"));
    assert_eq!(aws.received().len(), 0);
}

#[tokio::test]
async fn a_missing_or_unusable_secret_is_503() {
    for secret in [
        (400, None, json!({"__type": "ResourceNotFoundException"})),
        (200, None, json!({"SecretString": "change-me"})),
        (200, None, json!({"SecretString": r#"{"primary":""}"#})),
        (
            200,
            None,
            json!({"SecretString": r#"{"token":"local-stack-auth-token"}"#}),
        ),
        (500, None, json!({})),
    ] {
        let aws = Loopback::start(move |_| secret.clone()).await;
        assert_eq!(
            answer(&webhook(&aws, true), http_request(POST_TEXT)).await,
            refused(503, "auth_token_unavailable")
        );
        assert_eq!(aws.count(SEND), 0);
    }
}

#[tokio::test]
async fn signed_callbacks_that_require_nothing_queue_nothing() {
    for (to, expected) in [
        ("RecordingStatus=in-progress", (204, None)),
        ("RecordingStatus=absent", (204, None)),
        ("RecordingStatus=failed", (204, None)),
        ("RecordingStatus=finished", (204, None)),
        ("", refused(400, "malformed_callback")),
        (
            "RecordingStatus=completed&AccountSid=AC1",
            refused(400, "malformed_callback"),
        ),
    ] {
        let aws = Loopback::start(aws).await;
        assert_eq!(
            answer(&webhook(&aws, true), signed("RecordingStatus=completed", to)).await,
            expected,
            "{to}"
        );
        assert_eq!(aws.count(SEND), 0);
    }
}

#[tokio::test]
async fn another_accounts_callback_is_refused_though_it_is_signed() {
    let aws = Loopback::start(aws).await;
    assert_eq!(
        answer(&webhook(&aws, true), signed("AccountSid=AC0", "AccountSid=AC1")).await,
        refused(403, "foreign_account")
    );
    assert_eq!(aws.count(SEND), 0);
}

#[tokio::test]
async fn without_queues_the_jobs_run_in_line_and_their_failure_is_reported() {
    let aws = Loopback::start(aws).await;
    // This function has neither a linker nor a copier.
    assert_eq!(
        answer(&webhook(&aws, false), http_request(POST_TEXT)).await,
        refused(500, "jobs_failed")
    );
    assert_eq!(aws.count(SEND), 0);
}

/// Secrets Manager or SQS accepts the request and never answers.
#[tokio::test]
async fn a_silent_service_is_answered_for_before_the_deadline() {
    for silent in [GET_SECRET, SEND] {
        let silent_url = loopback::silent().await;
        let aws = Loopback::start(aws).await;
        let mut webhook = webhook(&aws, true);
        let config = aws_at(silent_url.as_str());
        if silent == GET_SECRET {
            let secrets = Secrets::new(&config);
            let auth_tokens = Secret::new(&secrets, "auth-token".to_owned(), AuthTokens::parse);
            webhook.signers.auth_tokens = Some(auth_tokens);
        } else {
            let urls = QueueUrls {
                links: format!("{silent_url}links"),
                copies: format!("{silent_url}copies"),
            };
            webhook.delivery = Delivery::Queues(Queues::new(&aws_sdk_sqs::Client::new(&config), urls));
        }
        let (jobs, deadline) = (Jobs::default(), Instant::now() + Duration::from_secs(4));
        let answered = webhook.answer(Ok(Box::new(http_request(POST_TEXT))), &jobs, "request-1", deadline);
        // Lambda's deadline is a second after the one that the function sets itself.
        let answered = tokio::time::timeout(Duration::from_secs(5), answered).await;
        let answer = serde_json::to_value(answered.expect("an answer in time")).unwrap();
        assert_eq!(answer["statusCode"], 503, "{silent}");
    }
}
