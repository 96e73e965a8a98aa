//! The AWS configuration of all clients.

mod connections;

use std::{env, fmt, time::Duration};

use aws_config::{
    BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider, retry::RetryConfig,
    stalled_stream_protection::StalledStreamProtectionConfig, timeout::TimeoutConfig,
};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::HttpConnectorSettings;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use cache::Clock;

pub use self::connections::{ahead, connect_only};
use crate::settings::{BadSettings, Settings, boolean};

/// A healthy endpoint in the same Region accepts a connection in milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Limits on AWS calls. They depend on how long the function's own caller waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Limit on one attempt: the connection, the request and the response without a streamed body.
    pub attempt: Duration,
    /// Limit on all attempts of one operation with the pauses between them.
    pub operation: Duration,
}

impl Timeouts {
    /// For jobs from a queue. If AWS is still down after a minute, the queue retries the job. S3 answers an
    /// `UploadPart` after it has received the part, and 8 MiB in 20 s are 3.4 Mbit/s.
    pub const FOR_JOBS: Self = Self {
        attempt: Duration::from_secs(20),
        operation: Duration::from_secs(60),
    };
}

/// One more than the SDK's default of 3, because the first attempt may use a connection that died while Lambda had the
/// instance frozen (aws-sdk-rust #1106).
const MAX_ATTEMPTS: u32 = 4;

/// A body that moves less than a byte a second for this long is broken. Pauses of S3 are shorter. The SDK's default is
/// 5 s, which is too short according to aws-sdk-rust #1146 and #1202.
const STALL_GRACE: Duration = Duration::from_secs(20);

/// Reads the Region, the credentials and the endpoints from the environment, under the names that all AWS SDKs read.
/// Lambda sets them there. The configuration also sets timeouts, and a behavior version that doesn't change with a
/// dependency update.
///
/// The SDK's default chain also searches profiles, containers, instances and single sign-on. None of them exists in
/// Lambda. Without them, a cold start loads half a megabyte less (`benches/profiles.md`).
///
/// All clients of this configuration share one pool of connections. With pools of their own, each client would read the
/// root certificates again.
///
/// # Errors
/// [`BadSettings`] if `AWS_USE_FIPS_ENDPOINT` or `AWS_USE_DUALSTACK_ENDPOINT` is neither `true` nor `false`. A mistyped
/// value must not silently select another endpoint.
pub fn sdk_config(timeouts: Timeouts) -> Result<SdkConfig, BadSettings> {
    let of_services = ServiceSettings(|name| env::var(name).ok());
    read(Settings::from_env(), of_services, timeouts, Clock::wall())
}

fn read(
    mut settings: Settings,
    of_services: ServiceSettings,
    timeouts: Timeouts,
    clock: Clock,
) -> Result<SdkConfig, BadSettings> {
    let text = |text: &str| Ok::<_, &str>(text.to_owned());
    let region = settings
        .optional("AWS_REGION", text)
        .or_else(|| settings.optional("AWS_DEFAULT_REGION", text));
    let endpoint = settings.optional("AWS_ENDPOINT_URL", text);
    let use_fips = settings.optional("AWS_USE_FIPS_ENDPOINT", boolean);
    let use_dual_stack = settings.optional("AWS_USE_DUALSTACK_ENDPOINT", boolean);

    let timeout_config = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(timeouts.attempt)
        .operation_attempt_timeout(timeouts.attempt)
        .operation_timeout(timeouts.operation)
        .build();
    let connections = HttpConnectorSettings::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(timeouts.attempt)
        .build();
    let stalls = StalledStreamProtectionConfig::enabled()
        .grace_period(STALL_GRACE)
        .build();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(region.map(Region::new))
        .credentials_provider(SharedCredentialsProvider::new(
            EnvironmentVariableCredentialsProvider::new(),
        ))
        .service_config(of_services)
        .http_client(connections::shared(connections, clock))
        .timeout_config(timeout_config)
        .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS))
        .stalled_stream_protection(stalls);
    config.set_endpoint_url(endpoint);
    config.set_use_fips(use_fips);
    config.set_use_dual_stack(use_dual_stack);
    settings.finish(Some(config.build()))
}

/// Settings for one service in the environment, such as `AWS_ENDPOINT_URL_S3`.
struct ServiceSettings(fn(&str) -> Option<String>);

impl LoadServiceConfig for ServiceSettings {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        // The environment has "Secrets Manager" as `SECRETS_MANAGER` (AWS SDKs and Tools Reference Guide,
        // service-specific endpoints).
        let service = key.service_id().to_uppercase().replace(' ', "_");
        let Self(variable) = self;
        variable(&format!("{}_{service}", key.env())).or_else(|| variable(key.env()))
    }
}

impl fmt::Debug for ServiceSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceSettings").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;
    use aws_sdk_secretsmanager::Client;
    use loopback::{Server, silent};

    use super::*;

    const NOTHING: ServiceSettings = ServiceSettings(|_| None);

    const TIMEOUTS: Timeouts = Timeouts {
        attempt: Duration::from_secs(5),
        operation: Duration::from_secs(15),
    };

    fn key<'a>(service: &'a str) -> ServiceConfigKey<'a> {
        ServiceConfigKey::builder()
            .service_id(service)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()
            .unwrap()
    }

    #[test]
    fn the_environment_says_where() {
        let config = read(
            Settings::from_pairs([
                ("AWS_REGION", "eu-central-1"),
                ("AWS_DEFAULT_REGION", "us-east-1"),
                ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
                ("AWS_USE_FIPS_ENDPOINT", "true"),
                ("AWS_USE_DUALSTACK_ENDPOINT", "false"),
            ]),
            NOTHING,
            TIMEOUTS,
            Clock::wall(),
        )
        .unwrap();
        assert_eq!(config.region(), Some(&Region::from_static("eu-central-1")));
        assert_eq!(config.endpoint_url(), Some("http://127.0.0.1:4566"));
        assert_eq!(config.use_fips(), Some(true));
        assert_eq!(config.use_dual_stack(), Some(false));
    }

    #[test]
    fn unset_settings_are_left_to_the_clients() {
        let config = read(
            Settings::from_pairs([("AWS_DEFAULT_REGION", "us-east-1")]),
            NOTHING,
            TIMEOUTS,
            Clock::wall(),
        )
        .unwrap();
        assert_eq!(config.region(), Some(&Region::from_static("us-east-1")));
        assert_eq!(config.endpoint_url(), None);
        assert_eq!(config.use_fips(), None);
        assert_eq!(config.use_dual_stack(), None);
    }

    #[test]
    fn a_mistyped_endpoint_setting_is_refused() {
        let mistyped = [
            ("AWS_USE_FIPS_ENDPOINT", "canary"),
            ("AWS_USE_DUALSTACK_ENDPOINT", "canary"),
        ];
        let error = read(Settings::from_pairs(mistyped), NOTHING, TIMEOUTS, Clock::wall())
            .unwrap_err()
            .to_string();
        for (name, _) in mistyped {
            assert!(error.contains(name), "{error}");
        }
        assert!(!error.contains("canary"), "{error}");
    }

    #[test]
    fn a_services_own_endpoint_goes_before_the_one_for_all() {
        let settings = ServiceSettings(|name| match name {
            "AWS_ENDPOINT_URL_SECRETS_MANAGER" => Some("http://secrets".to_owned()),
            "AWS_ENDPOINT_URL" => Some("http://all".to_owned()),
            _ => None,
        });
        assert_eq!(
            settings.load_config(key("Secrets Manager")).as_deref(),
            Some("http://secrets")
        );
        assert_eq!(settings.load_config(key("S3")).as_deref(), Some("http://all"));
        assert_eq!(NOTHING.load_config(key("S3")), None);
    }

    #[tokio::test]
    async fn clients_share_one_connection() {
        let server = Server::answering(200, &[], "{}").await;
        let settings = Settings::from_pairs([("AWS_REGION", "us-east-1"), ("AWS_ENDPOINT_URL", server.endpoint())]);
        let config = read(settings, NOTHING, TIMEOUTS, Clock::wall())
            .unwrap()
            .into_builder()
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "test", "test", None, None, "test",
            )))
            .build();
        for _ in 0..3 {
            Client::new(&config)
                .get_secret_value()
                .secret_id("x")
                .send()
                .await
                .unwrap();
        }
        assert_eq!(server.connections(), 1);
    }

    /// The service accepts connections and never answers.
    #[tokio::test]
    async fn a_silent_service_is_given_up_within_the_operations_time() {
        const LONG: Duration = Duration::from_secs(60 * 60);
        const SHORT: Duration = Duration::from_millis(100);
        let endpoint = silent().await;
        // First only the operation's limit applies, then only the limit of each attempt.
        for (attempt, operation) in [(LONG, SHORT), (SHORT, LONG)] {
            let settings = Settings::from_pairs([("AWS_REGION", "us-east-1"), ("AWS_ENDPOINT_URL", endpoint.as_str())]);
            let credentials = Credentials::new("test", "test", None, None, "test");
            let config = read(settings, NOTHING, Timeouts { attempt, operation }, Clock::wall())
                .unwrap()
                .into_builder()
                .credentials_provider(SharedCredentialsProvider::new(credentials))
                .build();
            let call = Client::new(&config).list_secrets().send();
            let answer = tokio::time::timeout(Duration::from_secs(60), call).await;
            assert!(answer.expect("the call ends").is_err());
        }
    }
}
