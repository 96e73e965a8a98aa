//! Sets up tools: once, even if several processes need them at a time, and never partially.

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use sha2::{Digest, Sha256};

use crate::{venv::PYTHONS, workspace_root};

/// The reason why a tool is not available.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolError {
    /// A file or folder under `target/tools` could not be created.
    #[error("cannot prepare {}: {source}", path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Neither the path nor pyenv has a recent enough Python.
    #[error("no Python 3.{oldest} or later for the environment `{venv}`: no {}, none of pyenv", PYTHONS.join(", "))]
    NoPython {
        /// The environment's name.
        venv: &'static str,
        /// The oldest supported version.
        oldest: u8,
    },
    /// A program for the set-up could not be started.
    #[error("cannot run {program}: {source}")]
    NotStarted {
        /// The program.
        program: String,
        /// The system's error.
        source: io::Error,
    },
    /// The set-up failed. The program's output is on stderr.
    #[error("setting up `{tool}` failed: {program} ended with {status}")]
    Failed {
        /// The tool, or the environment of tools.
        tool: &'static str,
        /// The program that failed.
        program: String,
        /// The program's exit status.
        status: ExitStatus,
    },
    /// The tool is missing, and only root could install it.
    #[error("no {tool}: install Debian's package `{package}`, or run as root to have it installed")]
    NotRoot {
        /// The tool.
        tool: &'static str,
        /// The package that contains the tool.
        package: &'static str,
    },
    /// The environment has no such program.
    #[error("the Python environment `{venv}` has no program `{name}`")]
    NoSuchTool {
        /// The environment's name.
        venv: &'static str,
        /// The requested program.
        name: String,
    },
}

impl ToolError {
    /// Makes an error for a file operation at this path.
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Folder { path, source }
    }
}

/// The folder for tools.
pub(crate) fn tools() -> PathBuf {
    workspace_root().join("target/tools")
}

/// A name for a set-up that is derived from its pins. It has 48 bits, enough to distinguish a handful of set-ups.
pub(crate) fn fingerprint(pins: &str) -> String {
    hex::encode(&Sha256::digest(pins)[..6])
}

/// Waits until no other process holds the lock file. The lock is held until the returned file is dropped.
pub(crate) fn lock(path: &Path) -> Result<File, ToolError> {
    let tools = path.parent().unwrap_or(path);
    fs::create_dir_all(tools).map_err(ToolError::at(tools))?;
    let lock = File::create(path).and_then(|file| file.lock().map(|()| file));
    lock.map_err(ToolError::at(path))
}

/// Fills `folder` with `make`, unless this was done before. Test binaries run side by side: the first one fills the
/// folder, and the others wait for it here. A marker file is written last, so that an interrupted `make` is recognized.
pub(crate) fn once(folder: &Path, make: impl FnOnce(&Path) -> Result<(), ToolError>) -> Result<(), ToolError> {
    let marker = folder.join(".complete");
    if marker.exists() {
        return Ok(());
    }
    let _lock = lock(&folder.with_extension("lock"))?;
    if marker.exists() {
        return Ok(());
    }
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(ToolError::at(folder)(error)),
        _ => {}
    }
    fs::create_dir(folder).map_err(ToolError::at(folder))?;
    make(folder)?;
    File::create(&marker).map(drop).map_err(ToolError::at(&marker))
}

/// Runs a program that sets up `tool`.
pub(crate) fn run(tool: &'static str, command: &mut Command) -> Result<(), ToolError> {
    let program = command.get_program().to_string_lossy().into_owned();
    // stdout may be parsed by another program (`cargo demo --serve --json`), so that the tools print on stderr.
    let status = command.stdin(Stdio::null()).stdout(io::stderr()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(ToolError::Failed { tool, program, status }),
        Err(source) => Err(ToolError::NotStarted { program, source }),
    }
}
