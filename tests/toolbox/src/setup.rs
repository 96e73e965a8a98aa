//! Setting tools up: once, however many processes want them at a time, and never half.

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use sha2::{Digest, Sha256};

use crate::{venv::PYTHONS, workspace_root};

/// Why a tool can't be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolError {
    /// A file or folder under `target/tools` couldn't be made.
    #[error("cannot prepare {}: {source}", path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Neither the path nor pyenv has a Python that is new enough.
    #[error("no Python 3.{oldest} or later for the environment `{venv}`: no {}, none of pyenv", PYTHONS.join(", "))]
    NoPython {
        /// The environment's name.
        venv: &'static str,
        /// The oldest one that would do.
        oldest: u8,
    },
    /// A program that sets it up couldn't be started.
    #[error("cannot run {program}: {source}")]
    NotStarted {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// Setting it up failed; what the program printed is on stderr.
    #[error("setting up `{tool}` failed: {program} ended with {status}")]
    Failed {
        /// The tool, or the environment of tools.
        tool: &'static str,
        /// The program that failed.
        program: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// It's missing, and only an administrator could install it.
    #[error("no {tool}: install Debian's package `{package}`, or run as root and it's installed for you")]
    NotRoot {
        /// The tool.
        tool: &'static str,
        /// The package that has it.
        package: &'static str,
    },
    /// The environment has no such program.
    #[error("the Python environment `{venv}` has no program `{name}`")]
    NoSuchTool {
        /// The environment's name.
        venv: &'static str,
        /// The program asked for.
        name: String,
    },
}

impl ToolError {
    /// What a file operation at this path failed with.
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Folder { path, source }
    }
}

/// Where tools are set up.
pub(crate) fn tools() -> PathBuf {
    workspace_root().join("target/tools")
}

/// Names a set-up after its pins: 48 bits, so that no two of a handful are alike.
pub(crate) fn fingerprint(pins: &str) -> String {
    hex::encode(&Sha256::digest(pins)[..6])
}

/// Waits until no other process holds the lock file; it's held until the returned file is dropped.
pub(crate) fn lock(path: &Path) -> Result<File, ToolError> {
    let tools = path.parent().unwrap_or(path);
    fs::create_dir_all(tools).map_err(ToolError::at(tools))?;
    let lock = File::create(path).and_then(|file| file.lock().map(|()| file));
    lock.map_err(ToolError::at(path))
}

/// Has `make` fill `folder`, unless somebody has already. Test binaries run side by side: the first one makes it, the
/// others wait for it here. A marker file written last tells a whole folder from one whose making was interrupted.
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

/// Runs a program that sets `tool` up.
pub(crate) fn run(tool: &'static str, command: &mut Command) -> Result<(), ToolError> {
    let program = command.get_program().to_string_lossy().into_owned();
    // stdout may be someone's data (`cargo demo --serve --json`): the tools talk on stderr.
    let status = command.stdin(Stdio::null()).stdout(io::stderr()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(ToolError::Failed { tool, program, status }),
        Err(source) => Err(ToolError::NotStarted { program, source }),
    }
}
