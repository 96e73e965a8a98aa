use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use loopback::{Response, Server, answer, json};
use secrecy::ExposeSecret;
use serde_json::json;

use super::*;
use crate::secrets::{MAX_OUTAGE_OF_LINK_KEYS, Secret};

#[test]
fn values_are_usable() {
    for text in [
        "12345",
        r#"{"primary":"12345"}"#,
        r#"{"sid":"SK1","secret":"s"}"#,
        r#"{"k1":{"algorithm":"HMAC_SHA256","secret":"s"}}"#,
        "{broken",
    ] {
        assert!(is_usable(text), "{text}");
    }
}

#[test]
fn empty_and_placeholder_values_are_not() {
    for text in [
        "",
        "  ",
        "{}",
        "change-me",
        "CHANGE_ME",
        "Placeholder",
        r#"{"primary":""}"#,
        r#"{"primary":"real","secondary":"replace me"}"#,
        r#"{"primary":1}"#,
        r#"{"primary":null}"#,
        r#"{"k1":{}}"#,
        r#"{"k1":{"algorithm":"HMAC_SHA256","secret":"change-me"}}"#,
        r#"{"k1":["s"]}"#,
    ] {
        assert!(!is_usable(text), "{text}");
    }
}

/// An answer of Secrets Manager.
#[derive(Clone, Copy)]
enum Answer {
    Value(&'static str),
    Error(u16, &'static str),
    /// No answer to the request.
    Silence,
    /// An answer that isn't JSON.
    Garbage,
    /// A success with an empty body.
    Empty,
}

impl Answer {
    async fn send(self) -> Response {
        match self {
            Self::Value(text) => json(200, &json!({"SecretString": text})),
            Self::Error(status, code) => json(status, &json!({"__type": code, "message": "canary"})),
            Self::Silence => std::future::pending().await,
            Self::Garbage => answer(200, &[], "canary"),
            Self::Empty => answer(200, &[], ""),
        }
    }
}

/// Secrets Manager on loopback, a client configured with the SDK's usual retries, and a wall clock that tests move.
struct Manager {
    secrets: Secrets,
    answer: Arc<Mutex<Answer>>,
    server: Server,
    seconds: Arc<AtomicU64>,
}

impl Manager {
    async fn start(answer: Answer) -> Self {
        let answer = Arc::new(Mutex::new(answer));
        let current = Arc::clone(&answer);
        let server = Server::start_async(move |_, _| {
            let answer = *current.lock().unwrap_or_else(PoisonError::into_inner);
            answer.send()
        })
        .await;
        let credentials = Credentials::new("test", "test", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("us-east-1"))
            .endpoint_url(server.endpoint())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::standard().with_max_attempts(4))
            .build();
        let seconds = Arc::<AtomicU64>::default();
        let (start, passed) = (SystemTime::now(), Arc::clone(&seconds));
        let clock = Clock::new(move || start + Duration::from_secs(passed.load(Ordering::Relaxed)));
        Self {
            secrets: Secrets::with_clock(&config, &clock),
            answer,
            server,
            seconds,
        }
    }

    fn secret(&self) -> Secret<String> {
        Secret::new(&self.secrets, "secret".to_owned(), |text| Some(text.to_owned()))
    }

    fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }

    fn pass(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    fn calls(&self) -> usize {
        self.server.requests().len()
    }
}

const UNREACHABLE: [Answer; 5] = [
    Answer::Error(400, "ThrottlingException"),
    Answer::Error(500, "InternalServiceError"),
    Answer::Error(503, "ServiceUnavailable"),
    Answer::Garbage,
    Answer::Empty,
];

/// Secrets Manager API Reference, "GetSecretValue" and "Common errors". A disabled KMS key is a `DecryptionFailure`, a
/// secret that is marked for deletion an `InvalidRequestException`.
const DECISIONS: [Answer; 6] = [
    Answer::Error(400, "AccessDeniedException"),
    Answer::Error(400, "ResourceNotFoundException"),
    Answer::Error(400, "InvalidRequestException"),
    Answer::Error(400, "DecryptionFailure"),
    Answer::Error(400, "InvalidParameterException"),
    Answer::Error(403, "UnrecognizedClientException"),
];

#[tokio::test]
async fn after_any_failure_the_secret_is_read_once_in_ten_seconds() {
    for failure in UNREACHABLE
        .into_iter()
        .chain(DECISIONS)
        .chain([Answer::Value("change-me")])
    {
        let manager = Manager::start(failure).await;
        for _ in 0..10 {
            manager.secret().current().await.unwrap_err();
            manager.secret().refreshed().await.unwrap_err();
        }
        assert_eq!(manager.calls(), 1);
        manager.pass(9);
        manager.secret().current().await.unwrap_err();
        assert_eq!(manager.calls(), 1);
        manager.pass(1);
        manager.answers(Answer::Value("one"));
        assert_eq!(manager.secret().current().await.unwrap(), "one");
    }
}

#[tokio::test]
async fn a_silent_secrets_manager_is_called_once_and_not_waited_for() {
    let manager = Manager::start(Answer::Silence).await;
    let patience = Duration::from_secs(9);
    for _ in 0..2 {
        let answer = tokio::time::timeout(patience, manager.secret().current())
            .await
            .unwrap();
        assert!(matches!(answer, Err(SecretError::Unavailable(_))), "{answer:?}");
    }
    assert_eq!(manager.calls(), 1);
}

#[tokio::test]
async fn a_known_value_outlives_an_outage_of_an_hour() {
    for outage in UNREACHABLE {
        let manager = Manager::start(Answer::Value("one")).await;
        let secret = manager.secret();
        secret.current().await.unwrap();
        manager.answers(outage);
        for _ in 0..2 {
            manager.pass(301);
            assert_eq!(secret.current().await.unwrap(), "one");
            // A caller that needs a newer value doesn't get the old one.
            let refreshed = secret.refreshed().await;
            assert!(matches!(refreshed, Err(SecretError::Unavailable(_))), "{refreshed:?}");
        }
        assert_eq!(manager.calls(), 3);
        manager.pass(3_600 - 2 * 301 - 1);
        assert_eq!(secret.current().await.unwrap(), "one");
        manager.pass(1);
        let answer = secret.current().await;
        assert!(matches!(answer, Err(SecretError::Unavailable(_))), "{answer:?}");
    }
}

#[tokio::test]
async fn link_keys_outlive_an_outage_of_a_quarter_of_an_hour() {
    let manager = Manager::start(Answer::Value("one")).await;
    let keys = manager.secret().with_max_outage(MAX_OUTAGE_OF_LINK_KEYS);
    keys.current().await.unwrap();
    manager.answers(Answer::Error(503, "ServiceUnavailable"));
    manager.pass(15 * 60 - 1);
    assert_eq!(keys.current().await.unwrap(), "one");
    manager.pass(1);
    let answer = keys.current().await;
    assert!(matches!(answer, Err(SecretError::Unavailable(_))), "{answer:?}");
}

#[tokio::test]
async fn a_decision_of_secrets_managers_ends_the_known_value_at_once() {
    for decision in DECISIONS {
        let manager = Manager::start(Answer::Value("one")).await;
        let secret = manager.secret();
        secret.current().await.unwrap();
        manager.pass(10);
        manager.answers(decision);
        secret.refreshed().await.unwrap_err();
        // The value stays unusable while Secrets Manager can't be reached.
        for _ in 0..2 {
            let answer = secret.current().await;
            assert!(
                !matches!(answer, Ok(_) | Err(SecretError::Unavailable(_))),
                "{answer:?}"
            );
        }
        manager.answers(Answer::Error(503, "ServiceUnavailable"));
        manager.pass(10);
        let answer = secret.current().await;
        assert!(matches!(answer, Err(SecretError::Unavailable(_))), "{answer:?}");
    }
}

/// The monotonic clock doesn't move here, as in a frozen instance.
#[tokio::test]
async fn a_rotated_secret_is_in_use_after_five_minutes_of_the_wall_clock() {
    let manager = Manager::start(Answer::Value("one")).await;
    let secret = manager.secret();
    secret.current().await.unwrap();
    manager.answers(Answer::Value("two"));
    manager.pass(299);
    assert_eq!(secret.current().await.unwrap(), "one");
    manager.pass(1);
    assert_eq!(secret.current().await.unwrap(), "two");
    assert_eq!(manager.calls(), 2);
}

#[tokio::test]
async fn a_refresh_gives_what_is_ten_seconds_old_at_most() {
    let manager = Manager::start(Answer::Value("one")).await;
    let secret = manager.secret();
    secret.current().await.unwrap();
    manager.answers(Answer::Value("two"));
    manager.pass(9);
    assert_eq!(secret.refreshed().await.unwrap(), "one");
    manager.pass(1);
    assert_eq!(secret.refreshed().await.unwrap(), "two");
    assert_eq!(manager.calls(), 2);
}

#[tokio::test]
async fn concurrent_first_reads_make_one_call() {
    let manager = Manager::start(Answer::Value("one")).await;
    let secret = manager.secret();
    let (first, second) = tokio::join!(secret.current(), secret.current());
    assert_eq!((first.unwrap(), second.unwrap()), ("one".to_owned(), "one".to_owned()));
    assert_eq!(manager.calls(), 1);
}

#[tokio::test]
async fn a_value_that_cannot_be_parsed_is_read_again_once_in_ten_seconds() {
    let manager = Manager::start(Answer::Value("half")).await;
    let secret = Secret::new(&manager.secrets, "secret".to_owned(), |text| {
        text.strip_suffix('!').map(str::to_owned)
    });
    for _ in 0..10 {
        assert!(matches!(secret.current().await, Err(SecretError::Missing)));
    }
    assert_eq!(manager.calls(), 1);
    manager.answers(Answer::Value("whole!"));
    manager.pass(10);
    assert_eq!(secret.current().await.unwrap(), "whole");
}

/// A connection that the server closed while the instance was frozen.
#[tokio::test]
async fn a_dead_connection_costs_no_answer() {
    let (listener, port) = loopback::listen().await.unwrap();
    tokio::spawn(async move {
        drop(listener.accept().await.unwrap());
        loopback::serve(listener, async |_| Ok(json(200, &json!({"SecretString": "one"}))));
    });
    let credentials = Credentials::new("test", "test", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("us-east-1"))
        .endpoint_url(format!("http://127.0.0.1:{port}"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    let secrets = Secrets::new(&config);
    let value = secrets.get(&"secret".into(), MAX_OUTAGE).await.unwrap();
    assert_eq!(value.expose_secret(), "one");
}

#[tokio::test]
async fn no_failure_quotes_what_secrets_manager_said() {
    for failure in UNREACHABLE.into_iter().chain(DECISIONS) {
        let manager = Manager::start(failure).await;
        let error = manager.secret().current().await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }
}

#[tokio::test]
async fn a_value_that_was_read_ahead_is_not_read_again() {
    let manager = Manager::start(Answer::Value("one")).await;
    manager.secrets.read_ahead("secret").await;
    assert_eq!(manager.secret().current().await.unwrap(), "one");
    assert_eq!(manager.calls(), 1);
    // Its age counts from then.
    manager.answers(Answer::Value("two"));
    manager.pass(300);
    assert_eq!(manager.secret().current().await.unwrap(), "two");
}

#[tokio::test]
async fn a_failure_ahead_does_not_make_the_first_user_wait() {
    for failure in UNREACHABLE.into_iter().chain(DECISIONS) {
        let manager = Manager::start(failure).await;
        manager.secrets.read_ahead("secret").await;
        assert_eq!(manager.calls(), 1);
        manager.answers(Answer::Value("one"));
        assert_eq!(manager.secret().current().await.unwrap(), "one");
    }
}
