//! The Lambda function that receives Twilio's recording status callbacks.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    service::telemetry::init();
    match recording_callback::serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "stopped");
            ExitCode::FAILURE
        }
    }
}
