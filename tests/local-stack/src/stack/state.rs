//! The stack's folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use toolbox::Scratch;

/// The stack's files: recordings at Twilio, logs, and the Lambda emulator's project.
#[derive(Debug)]
pub(super) struct State {
    recordings: PathBuf,
    logs: PathBuf,
    emulator: PathBuf,
    /// Removed on drop, where the folder isn't the user's own.
    _scratch: Option<Scratch>,
}

impl State {
    pub(super) fn new(named: Option<&Path>) -> io::Result<Self> {
        let (root, scratch) = match named {
            Some(folder) => (std::path::absolute(folder)?, None),
            None => {
                let scratch = Scratch::new()?;
                (scratch.path().to_owned(), Some(scratch))
            }
        };
        let state = Self {
            recordings: root.join("recordings"),
            logs: root.join("logs"),
            emulator: root.join("lambda"),
            _scratch: scratch,
        };
        fs::create_dir_all(&state.recordings)?;
        fs::create_dir_all(&state.logs)?;
        Ok(state)
    }

    pub(super) fn recordings(&self) -> &Path {
        &self.recordings
    }

    pub(super) fn emulator(&self) -> &Path {
        &self.emulator
    }

    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.logs.join(name).with_extension("log")
    }

    pub(super) fn read_log(&self, name: &str) -> io::Result<String> {
        match fs::read(self.log(name)) {
            // A line may be half written.
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(error),
        }
    }
}
