//! The Lambda runtime emulator: `cargo lambda watch`, for instances whose binaries are built already.

use std::{fs, io, path::Path, process::Command, time::Duration};

use loopback::Upstream;
use toolbox::{Process, ProcessError, ToolError, Venv, free_port, tool};

/// It starts within a second. A machine that is busy with a build may take many times as long.
const START_BOUND: Duration = Duration::from_secs(60);

/// A running emulator, stopped on drop.
#[derive(Debug)]
pub(crate) struct Emulator {
    port: u16,
    _process: Process,
}

/// Why the emulator cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmulatorError {
    /// Its Python environment could not be made.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// It could not be started.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// No port, or no folder for its project.
    #[error("cannot prepare the Lambda emulator: {0}")]
    Io(#[from] io::Error),
}

impl Emulator {
    /// Starts it for functions with these names. `folder` is for its own files.
    pub(crate) fn start(functions: &[&str], folder: &Path, log: &Path) -> Result<Self, EmulatorError> {
        write_project(functions, folder)?;
        let port = free_port()?;
        let mut command = Command::new(tool(Venv::Stack, "cargo-lambda")?);
        command
            .current_dir(folder)
            .args([
                "lambda",
                "watch",
                "--only-lambda-apis",
                "--ignore-changes",
                "--disable-cors",
            ])
            .args(["--invoke-address", "127.0.0.1", "--invoke-port", &port.to_string()]);
        let process = Process::start("the Lambda emulator", command, log.to_owned())?;
        // Anything that looks like an invocation would wait for a function, so connecting is the only health check.
        process.wait_for_tcp(port, START_BOUND)?;
        Ok(Self {
            port,
            _process: process,
        })
    }

    pub(crate) fn upstream(&self) -> Upstream {
        Upstream::new(self.port)
    }
}

/// The emulator answers only for the binaries of the Cargo project in which it is started. The functions are instances
/// of two binaries, so it gets a project with a binary for each instance's name. Those binaries are never built.
fn write_project(functions: &[&str], folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut manifest = String::from("[workspace]\n\n[package]\nname = \"instances\"\nedition = \"2024\"\n");
    for function in functions {
        manifest.push_str(&format!("\n[[bin]]\nname = \"{function}\"\npath = \"main.rs\"\n"));
    }
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::write(folder.join("main.rs"), "fn main() {}\n")
}
