//! A cold start of the real binary, as S3, KMS, Secrets Manager and Lambda see it on the wire: connections, handshakes and
//! requests in their order.

// clippy.toml allows it in test functions only, but the stand-ins are test code too.
#![allow(clippy::unwrap_used)]

mod aws;
mod lambda;

use std::time::Duration;

use tokio::time::timeout;

use self::{
    aws::{Aws, PLAINTEXT, Wire},
    lambda::Function,
};

/// A function that waits for an answer that never comes must fail the test and not hang it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The servers hold back each step until all of its kind have begun, so that a function which does one after the other
/// gets no further ([`aws`]).
#[tokio::test]
async fn a_first_listener_waits_for_two_answers_only() {
    let wire = Wire::default();
    let aws = Aws::start(&wire).await;
    let function = Function::start(&wire, &aws.settings()).await;
    timeout(PATIENCE, function.is_waiting()).await.unwrap();
    let mut initialization = wire.take();
    assert_eq!(initialization.pop().as_deref(), Some("Lambda: next"));
    initialization.sort();
    assert_eq!(
        initialization,
        [
            "KMS: connection",
            "KMS: ready",
            "S3: connection",
            "S3: connection",
            "S3: ready",
            "S3: ready",
            "Secrets Manager: GetSecretValue",
            "Secrets Manager: connection",
            "Secrets Manager: ready",
        ]
    );

    let answer = timeout(PATIENCE, function.listen()).await.unwrap();
    assert!(answer.ends_with(PLAINTEXT));
    let first_event = wire.take();
    assert_eq!(
        first_event[..3],
        ["S3: GetObject", "S3: GetObject", "KMS: Decrypt"],
        "{first_event:?}"
    );
    assert!(
        first_event[3..].iter().all(|event| event.starts_with("Lambda: ")),
        "{first_event:?}"
    );
}

/// Everything is refused, or accepted and never answered. The function starts nevertheless, and answers by itself.
#[tokio::test]
async fn a_function_starts_and_answers_without_aws() {
    for endpoint in [loopback::absent().await, loopback::silent().await] {
        let wire = Wire::default();
        let endpoint = endpoint.as_str().trim_end_matches('/');
        let function = Function::start(&wire, &[("AWS_ENDPOINT_URL", endpoint)]).await;
        timeout(PATIENCE, function.is_waiting()).await.unwrap();
        let answer = timeout(PATIENCE, function.listen()).await.unwrap();
        let text = String::from_utf8_lossy(&answer);
        assert!(text.contains("503"), "{text}");
    }
}

/// The names come from the SDK. A proxy sees those to which the function connects.
#[tokio::test]
async fn connections_go_to_the_names_that_the_clients_use_and_through_the_proxy() {
    let wire = Wire::default();
    let proxy = aws::proxy(&wire).await;
    let settings = [("HTTPS_PROXY", &*proxy), ("AWS_USE_FIPS_ENDPOINT", "true")];
    let function = Function::start(&wire, &settings).await;
    timeout(PATIENCE, function.is_waiting()).await.unwrap();
    let mut names = wire.take();
    names.retain(|event| event.starts_with("proxy: "));
    names.sort();
    names.dedup();
    assert_eq!(
        names,
        [
            "proxy: CONNECT kms-fips.us-east-1.amazonaws.com:443",
            "proxy: CONNECT recordings.s3-fips.us-east-1.amazonaws.com:443",
            "proxy: CONNECT secretsmanager-fips.us-east-1.amazonaws.com:443",
        ]
    );
}
