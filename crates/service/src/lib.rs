//! The runtime of both functions: settings, secrets, the AWS configuration, HTTP events, and logs and metrics in the
//! formats that CloudWatch reads.
//!
//! Nothing here knows Twilio, the vault or recordings.

pub mod aws;
pub mod http_event;
pub mod metrics;
pub mod runtime_socket;
pub mod secrets;
pub mod settings;
pub mod telemetry;
