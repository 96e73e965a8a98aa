//! The servers, and clients for them.

use std::{process::Command, time::Duration};

use aws_sdk_s3::{
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
    error::{ProvideErrorMetadata, SdkError},
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use toolbox::{Ministack, Process, Scratch, Venv};

/// Clients of one server, which has an empty [`BUCKET`].
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) kms: aws_sdk_kms::Client,
}

pub(crate) const BUCKET: &str = "contract";

impl Server {
    pub(crate) async fn ministack() -> (Ministack, Self) {
        let ministack = Ministack::start().unwrap();
        let server = Self::at(ministack.endpoint()).await;
        (ministack, server)
    }

    /// It checks no signatures, and listens on every interface unless it's told otherwise.
    pub(crate) async fn localemu() -> (impl Sized, Self) {
        let program = toolbox::tool(Venv::Localemu, "localemu").unwrap();
        let (scratch, port) = (Scratch::new().unwrap(), toolbox::free_port().unwrap());
        let mut command = Command::new(program);
        command
            .args(["start", "--port", &port.to_string()])
            .current_dir(scratch.path())
            .env("GATEWAY_LISTEN", format!("127.0.0.1:{port}"))
            .env("DNS_ADDRESS", "0")
            .env("DISABLE_EVENTS", "1")
            .env("HOME", scratch.path())
            .env("TMPDIR", scratch.path());
        let process = Process::start("localemu", command, scratch.path().join("localemu.log")).unwrap();
        process.wait_for_tcp(port, Duration::from_secs(120)).unwrap();
        let server = Self::at(&format!("http://127.0.0.1:{port}")).await;
        ((process, scratch), server)
    }

    pub(crate) async fn at(endpoint: &str) -> Self {
        let credentials = Credentials::new("test", "test", None, None, "test");
        let s3 = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(credentials.clone())
            .endpoint_url(endpoint)
            .force_path_style(true)
            .retry_config(RetryConfig::disabled())
            .build();
        let kms = aws_sdk_kms::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(credentials)
            .endpoint_url(endpoint)
            .retry_config(RetryConfig::disabled())
            .build();
        let server = Self {
            s3: aws_sdk_s3::Client::from_conf(s3),
            kms: aws_sdk_kms::Client::from_conf(kms),
        };
        server.s3.create_bucket().bucket(BUCKET).send().await.unwrap();
        server
    }
}

/// `taken`, or status and code of the refusal (a reply to HEAD has no code).
pub(crate) fn said<T, E: ProvideErrorMetadata>(result: Result<T, SdkError<E, HttpResponse>>) -> String {
    match result {
        Ok(_) => "taken".to_owned(),
        Err(error) => {
            let status = error.raw_response().map_or(0, |response| response.status().as_u16());
            format!("{status} {}", error.code().unwrap_or("without a code"))
        }
    }
}
