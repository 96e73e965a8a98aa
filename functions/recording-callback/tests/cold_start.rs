//! What the real binary does on the wire before its first event: connections, and no request.

// clippy.toml allows it in test functions only, but the stand-ins are test code too.
#![allow(clippy::unwrap_used)]

use std::{
    io::{ErrorKind, Read},
    net::{TcpListener, TcpStream},
    process::Stdio,
};

use loopback::Server;
use tokio::process::Command;

const WEBHOOK: &[(&str, &str)] = &[
    ("ROLE", "webhook"),
    ("TWILIO_AUTH_TOKEN_SECRET", "auth-token"),
    (
        "LINKS_QUEUE_URL",
        "https://sqs.us-east-1.amazonaws.com/111122223333/links",
    ),
    (
        "COPIES_QUEUE_URL",
        "https://sqs.us-east-1.amazonaws.com/111122223333/copies",
    ),
];

const LINKER: &[(&str, &str)] = &[
    ("ROLE", "linker"),
    ("TWILIO_WORKSPACE_SID", "WS00000000000000000000000000000001"),
    ("TWILIO_API_KEY_SECRET", "api-key"),
    ("PLAYBACK_BASE_URL", "https://playback.invalid"),
];

const COPIER: &[(&str, &str)] = &[
    ("ROLE", "copier"),
    ("TWILIO_API_KEY_SECRET", "api-key"),
    ("RECORDINGS_BUCKET", "recordings"),
    (
        "KMS_KEY_ARN",
        "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    ),
];

const SERVICES: [&str; 4] = [
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS_ENDPOINT_URL_SQS",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_KMS",
];

/// Starts the function, and checks the numbers of its connections to the [`SERVICES`] when it requests its first event.
async fn connects(role: &[(&str, &str)], expected: [usize; 4]) {
    let lambda = Server::start_async(async |_, _| std::future::pending().await).await;
    // The kernel completes a connection before it is accepted.
    let services = [(); 4].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let endpoint = |service: &TcpListener| format!("http://{}", service.local_addr().unwrap());
    let endpoints = SERVICES.into_iter().zip(services.iter().map(endpoint));
    let _function = Command::new(env!("CARGO_BIN_EXE_recording-callback"))
        .env_clear()
        .envs([
            (
                "AWS_LAMBDA_RUNTIME_API",
                lambda.endpoint().trim_start_matches("http://"),
            ),
            ("AWS_LAMBDA_FUNCTION_NAME", "callback"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000001"),
        ])
        .envs(endpoints)
        .envs(role.iter().copied())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    assert!(lambda.first_request().await.target.ends_with("/invocation/next"));
    let connections = services.each_ref().map(made_by_now);
    assert_eq!(connections.each_ref().map(Vec::len), expected);
    for mut connection in connections.into_iter().flatten() {
        connection.set_nonblocking(true).unwrap();
        let sent = connection.read(&mut [0]).map_err(|error| error.kind());
        assert_eq!(sent, Err(ErrorKind::WouldBlock));
    }
}

/// The connections that were complete before this call.
fn made_by_now(service: &TcpListener) -> Vec<TcpStream> {
    service.set_nonblocking(true).unwrap();
    std::iter::from_fn(|| service.accept().ok())
        .map(|(connection, _)| connection)
        .collect()
}

#[tokio::test]
async fn each_role_connects_to_what_its_first_event_needs_and_requests_nothing() {
    connects(WEBHOOK, [1, 2, 0, 0]).await;
    connects(LINKER, [1, 0, 0, 0]).await;
    connects(COPIER, [1, 0, 1, 1]).await;
}
