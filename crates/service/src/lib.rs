//! What both functions need to run: settings read once, secrets fetched when needed, one AWS configuration, HTTP events
//! read without trust, logs and metrics in the shapes that CloudWatch reads.
//!
//! Nothing here knows of recordings, Twilio's or the vault's.

pub mod aws;
pub mod http_event;
pub mod metrics;
pub mod runtime_socket;
pub mod secrets;
pub mod settings;
pub mod telemetry;
