//! One AWS configuration for every client.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, SdkConfig, retry::RetryConfig, stalled_stream_protection::StalledStreamProtectionConfig,
    timeout::TimeoutConfig,
};

/// A healthy endpoint in the same region takes a connection in milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Time to an answer's first byte. S3 answers an `UploadPart` once it has the part: 8 MiB in 15 s are 4.5 Mbit/s.
const READ_TIMEOUT: Duration = Duration::from_secs(15);

/// One attempt, connection and body of a buffered answer included.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);

/// All attempts of one operation with the pauses between them: what is still down then is for the queue to retry.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(60);

/// The SDK's own 3 attempts and one more: the first may be spent on a connection that died while Lambda was frozen
/// (aws-sdk-rust #1106).
const MAX_ATTEMPTS: u32 = 4;

/// A body that moves less than a byte a second for this long is broken; S3 pauses are shorter (SDK default: 5 s, which
/// aws-sdk-rust #1146 and #1202 report as too eager).
const STALL_GRACE: Duration = Duration::from_secs(20);

/// Reads region, credentials and endpoints as every AWS SDK does, and sets what the SDK leaves open: timeouts, and a
/// behaviour version that a dependency update can't move.
///
/// The HTTP connector is made once and shared by all clients made from this configuration.
pub async fn sdk_config() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS))
        .stalled_stream_protection(
            StalledStreamProtectionConfig::enabled()
                .grace_period(STALL_GRACE)
                .build(),
        )
        .load()
        .await
}
