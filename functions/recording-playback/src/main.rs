//! The Lambda function behind the Player.

use std::{convert::Infallible, process::ExitCode, time::Duration};

use lambda_http::{Request, run_with_streaming_response, service_fn};
use recording_playback::{App, Config, handle};
use service::{
    aws::{self, Timeouts},
    runtime_socket::RuntimeSocket,
    settings::Settings,
    telemetry,
};

/// A listener waits. S3 and KMS answer in tens of milliseconds, and a player asks again after a 503.
const AWS_TIMEOUTS: Timeouts = Timeouts {
    attempt: Duration::from_secs(5),
    operation: Duration::from_secs(15),
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    telemetry::init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "cannot run");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), lambda_http::Error> {
    let config = Config::from_settings(Settings::from_env())?;
    let app = App::connect(config, &aws::sdk_config(AWS_TIMEOUTS)?)?;
    let socket = RuntimeSocket::from_env();
    // Boxed, because the compiler gives up on laying out the runtime's layers around a future of this depth.
    let answer = |request: Request| {
        socket.send_at_once();
        Box::pin(async { Ok::<_, Infallible>(handle(&app, request).await) })
    };
    run_with_streaming_response(service_fn(answer)).await
}
