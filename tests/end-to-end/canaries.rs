//! Secrets, tokens, names and phone numbers pass through every test, each with a unique mark. None of them may appear
//! in a function's log, in plain text or in Base64.

use base64::{Engine, engine::general_purpose::STANDARD};
use local_stack::{Stack, values};
use twilio_double::flex_token;

/// The signing token of an attacker.
pub(crate) const FORGER: &str = "canary-of-a-forger";

/// The Auth Token that the account has after its secondary token was promoted.
pub(crate) const PROMOTED: &str = "canary-of-a-promotion";

/// A Flex token that Twilio does not know.
pub(crate) const LISTENER: &str = flex_token!("canary-of-a-listener");

/// What the parameter of a callback's URL shows.
const QUERY: &str = "a callback's query";

/// Values that a log must not hold, with their names.
const CANARIES: [(&str, &str); 15] = [
    ("the Auth Token", values::AUTH_TOKEN),
    ("the promoted Auth Token", PROMOTED),
    ("the SharedKey", values::SHARED_KEY_SECRET),
    ("the API key", values::API_KEY_SECRET),
    ("the Flex token", values::FLEX_TOKEN),
    ("the agent's Flex token", values::AGENT_TOKEN),
    ("the link key", values::LINK_KEY),
    ("the AWS credentials", values::SECRET_ACCESS_KEY),
    ("a forger's token", FORGER),
    ("a stranger's Flex token", LISTENER),
    // Without the plus sign, because a URL encodes it.
    ("the customer's number", values::CUSTOMER_NUMBER.split_at(1).1),
    (
        "the contact center's number",
        values::CONTACT_CENTER_NUMBER.split_at(1).1,
    ),
    ("the customer's name", values::CUSTOMER_NAME),
    ("a link's signature", "signature="),
    (QUERY, "taskSid="),
];

/// Fails the test that is ending if the stack's functions have logged one of the values.
pub(crate) fn check(stack: &Stack) {
    // A second panic would abort the whole test process.
    if std::thread::panicking() {
        return;
    }
    let found = found_in(&stack.logs().unwrap());
    assert!(found.is_empty(), "the logs hold {}", found.join(", "));
}

/// Asserts that nothing of what a script wrote is a secret. The webhook's address, which names its parameter, is none.
pub(crate) fn assert_no_secret(writer: &str, text: &str) {
    let mut found = found_in(text);
    found.retain(|name| *name != QUERY);
    assert!(found.is_empty(), "{writer} wrote {}", found.join(", "));
}

/// The names of the canaries in a text. Their values must not be printed.
fn found_in(text: &str) -> Vec<&'static str> {
    CANARIES
        .iter()
        .filter(|(_, canary)| text.contains(canary) || in_base64(canary).iter().any(|form| text.contains(form)))
        .map(|(name, _)| *name)
        .collect()
}

/// The forms that a canary may have in the Base64 of a longer text, such as Basic authorization. The form depends on
/// the number of preceding bytes modulo three. Characters at both ends that also encode neighboring bytes are left
/// out.
fn in_base64(canary: &str) -> [String; 3] {
    [0, 1, 2].map(|before| {
        let bytes = [&[0; 2][..before], canary.as_bytes()].concat();
        let first = (before * 8).div_ceil(6);
        let end = bytes.len() * 8 / 6;
        STANDARD.encode(bytes)[first..end].to_owned()
    })
}

#[test]
fn a_canary_is_found_at_any_position() {
    for (name, canary) in CANARIES {
        for text in [
            canary.to_owned(),
            format!(r#"{{"message":"x","url":"https://h/?a={canary}&b"}}"#),
            STANDARD.encode(format!("token:{canary}")),
            STANDARD.encode(format!("AC1:{canary}and more")),
            format!("Basic {}", STANDARD.encode(format!("SK{canary}x"))),
        ] {
            assert_eq!(found_in(&text), [name], "{text}");
        }
    }
    let all: String = CANARIES.iter().map(|(_, canary)| format!("{canary} ")).collect();
    assert_eq!(found_in(&all).len(), CANARIES.len());
}

#[test]
fn a_log_as_it_should_be_holds_none() {
    let log = r#"{"timestamp":"2026-11-23T06:00:00Z","level":"INFO","message":"callback accepted","recordingSid":"RE01","taskSid":"WT01"}"#;
    assert!(found_in(log).is_empty());
}
