//! Any bytes as an event of the webhook, at the entry point that the runtime calls. Each event must get an answer in
//! the form that its source reads, and only a signed callback is accepted.

#![no_main]

use std::sync::LazyLock;

use lambda_runtime::Diagnostic;
use libfuzzer_sys::fuzz_target;
use recording_callback::App;
use serde_json::{Value, value::RawValue};
use service::{http_event, settings::Settings};

const SETTINGS: [(&str, &str); 6] = [
    ("ROLE", "webhook"),
    ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000001"),
    ("TWILIO_AUTH_TOKEN_SECRET", "auth-token"),
    ("PUBLIC_BASE_URL", "https://callback.local.test"),
    (
        "LINKS_QUEUE_URL",
        "https://sqs.us-east-1.amazonaws.com/111122223333/links",
    ),
    (
        "COPIES_QUEUE_URL",
        "https://sqs.us-east-1.amazonaws.com/111122223333/copies",
    ),
];

/// The token that signs the sample events.
const AUTH_TOKEN: &str = r#"{"primary":"local-stack-auth-token"}"#;

/// The signatures of the sample events.
static SIGNATURES: LazyLock<Vec<String>> = LazyLock::new(|| {
    [
        include_str!("../../events/http-api-get.json"),
        include_str!("../../events/http-api-post-base64.json"),
        include_str!("../../events/http-api-post-text.json"),
    ]
    .into_iter()
    .map(|event| {
        let event: Value = serde_json::from_str(event).unwrap();
        event["headers"]["x-twilio-signature"].as_str().unwrap().to_owned()
    })
    .collect()
});

type Answer = Box<dyn Fn(&[u8]) -> Option<Result<Value, Diagnostic>> + Send + Sync>;

static ANSWER: LazyLock<Answer> = LazyLock::new(|| {
    let function = App::connect(Settings::from_pairs(SETTINGS), fuzz::aws(AUTH_TOKEN)).unwrap();
    let runtime = fuzz::runtime();
    Box::new(move |bytes| {
        let event = fuzz::event(bytes)?;
        let reply = runtime.block_on(function.invoke(event));
        Some(reply.map(|reply| serde_json::to_value(reply).unwrap()))
    })
});

fuzz_target!(|bytes: &[u8]| {
    let Some(answer) = ANSWER(bytes) else {
        return;
    };
    let event: Box<RawValue> = serde_json::from_slice(bytes).expect("the function has read the event");
    if !http_event::is_http(&event) {
        match answer {
            // The answer to a batch of jobs. This role has no jobs.
            Ok(answer) => {
                let event: Value = serde_json::from_slice(bytes).expect("messages are a value");
                let failed = answer["batchItemFailures"].as_array().unwrap();
                assert!(failed.len() <= event["Records"].as_array().unwrap().len());
            }
            Err(error) => assert_eq!(error.error_type, "InvocationError"),
        }
        return;
    }
    let answer = answer.expect("a request must get an answer");
    let status = answer["statusCode"].as_u64().unwrap();
    if status == 204 {
        let text = event.get();
        // A JSON escape can hide a signature, so that a text with escapes is not searched.
        assert!(text.contains('\\') || SIGNATURES.iter().any(|signature| text.contains(signature)));
        return;
    }
    assert!(matches!(status, 400 | 403 | 404 | 405 | 413), "{status}");
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert!(body["error"].is_string() && body["requestId"] == fuzz::REQUEST_ID);
});
