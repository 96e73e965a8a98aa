//! The stricter AWS emulator: S3 and KMS on one loopback port.

use std::{process::Command, time::Duration};

use crate::{Process, ProcessError, Scratch, ToolError, Venv, free_port, python};

/// It starts in three seconds, or in ten the first time. A machine that is busy with a build may need many times that.
const START_BOUND: Duration = Duration::from_secs(120);

/// A running `localemu`. On drop, it is stopped and its data is deleted.
#[derive(Debug)]
pub struct Localemu {
    endpoint: String,
    _process: Process,
    _scratch: Scratch,
}

/// The reason why the emulator could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalemuError {
    /// Its Python environment could not be created.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// It could not be started.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// There is no free port or no scratch folder.
    #[error("cannot prepare localemu: {0}")]
    Io(#[from] std::io::Error),
}

impl Localemu {
    /// Starts an empty emulator on a free port and waits until it accepts connections.
    pub fn start() -> Result<Self, LocalemuError> {
        let python = python(Venv::Localemu)?;
        let scratch = Scratch::new()?;
        let port = free_port()?;

        let mut command = Command::new(python);
        command
            .args(["-c", include_str!("localemu.py")])
            .arg(scratch.path().join("objects"))
            .current_dir(scratch.path())
            .env("GATEWAY_LISTEN", format!("127.0.0.1:{port}"))
            // Its default server listens on every interface, in spite of the setting above.
            .env("GATEWAY_SERVER", "hypercorn")
            // It keeps a cache and its state there, and would load an earlier state.
            .env("HOME", scratch.path())
            .env("TMPDIR", scratch.path());
        let process = Process::start("localemu", command, scratch.path().join("localemu.log"))?;
        process.wait_for_tcp(port, START_BOUND)?;
        Ok(Self {
            endpoint: format!("http://127.0.0.1:{port}"),
            _process: process,
            _scratch: scratch,
        })
    }

    /// The URL of both services: the value for `AWS_ENDPOINT_URL`. Any access key is accepted.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpStream};

    use super::*;

    #[test]
    fn it_listens_on_one_address_and_stops_on_drop() {
        let localemu = Localemu::start().unwrap();
        let address: SocketAddr = localemu.endpoint().strip_prefix("http://").unwrap().parse().unwrap();
        TcpStream::connect(address).unwrap();
        // A server that listens on every interface accepts connections on all of 127.0.0.0/8.
        assert!(TcpStream::connect(("127.0.0.2", address.port())).is_err());

        let exited = localemu._process.exited();
        drop(localemu);
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(exited);
        assert!(TcpStream::connect(address).is_err());
    }
}
