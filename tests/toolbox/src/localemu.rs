//! The stricter AWS emulator: S3 and KMS on one loopback port.

use std::{process::Command, time::Duration};

use crate::{Process, ProcessError, Scratch, ToolError, Venv, free_port, python};

/// It starts in three seconds, in ten the first time; a machine busy with a build may take many times that.
const START_BOUND: Duration = Duration::from_secs(120);

/// A running `localemu`. Stopped on drop, with everything that was stored in it.
#[derive(Debug)]
pub struct Localemu {
    endpoint: String,
    _process: Process,
    _scratch: Scratch,
}

/// Why the emulator isn't there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalemuError {
    /// Its Python environment couldn't be made.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// It couldn't be started.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// No port or no scratch folder.
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
            // Its default server listens on every interface, whatever the line above says.
            .env("GATEWAY_SERVER", "hypercorn")
            // A cache and its state; what it finds there it would load.
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
        // Whoever listens on every interface listens on all of 127.0.0.0/8.
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
