//! The AWS emulator: S3, KMS, SQS and Secrets Manager on one loopback port.

use std::{path::Path, process::Command, time::Duration};

use crate::{Process, ProcessError, Scratch, ToolError, Venv, free_port, python, tool};

/// It starts in half a second. A machine that is busy with a build may need many times that.
const START_BOUND: Duration = Duration::from_secs(60);

/// A running `ministack`. On drop, it is stopped and its data is deleted.
#[derive(Debug)]
pub struct Ministack {
    port: u16,
    endpoint: String,
    _process: Process,
    _scratch: Scratch,
}

/// The reason why the emulator could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MinistackError {
    /// Its Python environment could not be created.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// It could not be started.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// There is no free port or no scratch folder.
    #[error("cannot prepare ministack: {0}")]
    Io(#[from] std::io::Error),
}

impl Ministack {
    /// Starts an empty emulator on a free port and waits until it accepts connections.
    pub fn start() -> Result<Self, MinistackError> {
        Self::run(Command::new(tool(Venv::Stack, "ministack")?))
    }

    /// Like `start`, with support for templates whose SAM macro is not expanded.
    pub fn start_with_sam() -> Result<Self, MinistackError> {
        Self::run(Command::new(tool(Venv::Lint, "ministack")?))
    }

    /// Like `start_with_sam`, by a Python script that corrects the emulator and then runs it.
    pub fn start_corrected(script: &Path) -> Result<Self, MinistackError> {
        let mut command = Command::new(python(Venv::Lint)?);
        command.arg(script).env("PYTHONDONTWRITEBYTECODE", "1");
        Self::run(command)
    }

    fn run(mut command: Command) -> Result<Self, MinistackError> {
        let scratch = Scratch::new()?;
        let port = free_port()?;

        command
            .current_dir(scratch.path())
            .env("GATEWAY_PORT", port.to_string())
            // By default, it listens on every interface, and also on port 8883.
            .env("BIND_HOST", "127.0.0.1")
            .env("IOT_MTLS_ENABLED", "0")
            .env("LOG_LEVEL", "WARNING")
            .env("TMPDIR", scratch.path());
        let process = Process::start("ministack", command, scratch.path().join("ministack.log"))?;
        process.wait_for_tcp(port, START_BOUND)?;
        Ok(Self {
            port,
            endpoint: format!("http://127.0.0.1:{port}"),
            _process: process,
            _scratch: scratch,
        })
    }

    /// The URL of every service: the value for `AWS_ENDPOINT_URL`. Any access key is accepted.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The loopback port of that URL.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpStream,
    };

    use super::*;

    #[test]
    fn it_answers_as_s3_on_its_own_port_and_stops_on_drop() {
        let ministack = Ministack::start().unwrap();
        let address = ministack.endpoint().strip_prefix("http://").unwrap().to_owned();
        let mut connection = TcpStream::connect(&address).unwrap();
        connection
            .write_all(b"GET / HTTP/1.1\r\nhost: s3\r\nconnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("ListAllMyBucketsResult"), "{answer}");

        let exited = ministack._process.exited();
        drop(ministack);
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(exited);
        assert!(TcpStream::connect(&address).is_err());
    }
}
