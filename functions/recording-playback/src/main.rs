//! The Lambda function behind the Player.

use std::{convert::Infallible, process::ExitCode};

use lambda_runtime::{LambdaEvent, service_fn};
use recording_playback::{App, Config, handle, stream};
use serde_json::value::RawValue;
use service::{aws, runtime_socket::RuntimeSocket, settings::Settings, telemetry};

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

async fn run() -> Result<(), lambda_runtime::Error> {
    let config = Config::from_settings(Settings::from_env())?;
    let app = App::start(config, &aws::sdk_config(Config::AWS_TIMEOUTS)?).await?;
    let socket = RuntimeSocket::from_env();
    // Boxed, because the compiler limits how deeply the runtime's futures and these may nest.
    let answer = |event: LambdaEvent<Box<RawValue>>| {
        socket.send_at_once();
        Box::pin(async { Ok::<_, Infallible>(stream(handle(&app, event).await)) })
    };
    lambda_runtime::run(service_fn(answer)).await
}
