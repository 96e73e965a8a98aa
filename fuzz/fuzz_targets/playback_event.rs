//! Any bytes as an event of the playback function, at the entry point that the runtime calls. Each event must get an
//! answer, and a recording is read only with a signed link.

#![no_main]

use std::sync::LazyLock;

use futures_util::StreamExt;
use libfuzzer_sys::fuzz_target;
use recording_playback::{App, Config, handle, stream};
use serde_json::Value;
use service::settings::Settings;

/// The keys of the sample events, whose links are valid until the year 2100.
const LINK_KEYS: &str = r#"{"current":"k1","k1":"a-key-for-tests-only-a-key-for-tests-only-a-key"}"#;

/// The signatures of the links in the sample events.
static SIGNATURES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    [
        include_str!("../../events/function-url-get.json"),
        include_str!("../../events/function-url-get-range.json"),
    ]
    .into_iter()
    .map(|event| {
        let (_, rest) = event.split_once("signature=").expect("a sample event has a link");
        rest.split(['"', '&']).next().expect("a split has a first part")
    })
    .collect()
});

const SETTINGS: [(&str, &str); 6] = [
    ("RECORDINGS_BUCKET", "recordings"),
    (
        "KMS_DECRYPT_KEY_ARNS",
        "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    ),
    ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000001"),
    // Nothing listens on this port, so that no token is ever valid.
    ("TWILIO_FLEX_API_BASE", "http://127.0.0.1:9"),
    ("TWILIO_IAM_BASE", "http://127.0.0.1:9"),
    ("LINK_KEYS_SECRET", "link-keys"),
];

/// Returns the status and body of the answer, for an event that reaches the function.
type Answer = Box<dyn Fn(&[u8]) -> Option<(u16, Vec<u8>)> + Send + Sync>;

static ANSWER: LazyLock<Answer> = LazyLock::new(|| {
    let config = Config::from_settings(Settings::from_pairs(SETTINGS)).unwrap();
    let app = App::connect(config, &fuzz::aws(LINK_KEYS)).unwrap();
    let runtime = fuzz::runtime();
    Box::new(move |bytes| {
        let event = fuzz::event(bytes)?;
        Some(runtime.block_on(async {
            let answer = stream(handle(&app, event).await);
            // The runtime writes the prelude before the body.
            serde_json::to_string(&answer.metadata_prelude).unwrap();
            let mut body = Vec::new();
            let mut chunks = answer.stream;
            while let Some(Ok(chunk)) = chunks.next().await {
                body.extend_from_slice(&chunk);
            }
            (answer.metadata_prelude.status_code.as_u16(), body)
        }))
    })
});

fuzz_target!(|bytes: &[u8]| {
    let Some((status, body)) = ANSWER(bytes) else {
        return;
    };
    let code = match status {
        // The answer to a preflight request.
        200 | 204 => return,
        _ if body.is_empty() => None,
        _ => {
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["requestId"], fuzz::REQUEST_ID);
            Some(body["error"].as_str().unwrap().to_owned())
        }
    };
    assert!(matches!(status, 400 | 401 | 403 | 404 | 405 | 503), "{status} {code:?}");
    // The answer to a HEAD request has no body, so that its error code is unknown.
    if code.as_deref() == Some("recording_not_found") {
        let text = std::str::from_utf8(bytes).expect("a JSON text is UTF-8");
        // A JSON escape can hide a signature, so that a text with escapes is not searched.
        assert!(text.contains('\\') || SIGNATURES.iter().any(|signature| text.contains(signature)));
    }
    if status == 503 {
        assert!(code.is_none_or(|code| code == "token_not_checked"));
    }
});
