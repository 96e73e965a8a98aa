//! The stack's folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use toolbox::Scratch;

/// The stack's files: the recordings at Twilio, logs, the functions' settings, and the Lambda emulator's project.
#[derive(Debug)]
pub(crate) struct State {
    recordings: PathBuf,
    logs: PathBuf,
    settings: PathBuf,
    emulator: PathBuf,
    /// Removed on drop, unless the user named the folder.
    _scratch: Option<Scratch>,
}

impl State {
    pub(crate) fn new(named: Option<&Path>) -> io::Result<Self> {
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
            settings: root.join("settings"),
            emulator: root.join("lambda"),
            _scratch: scratch,
        };
        fs::create_dir_all(&state.recordings)?;
        fs::create_dir_all(&state.logs)?;
        fs::create_dir_all(&state.settings)?;
        Ok(state)
    }

    pub(crate) fn recordings(&self) -> &Path {
        &self.recordings
    }

    pub(crate) fn emulator(&self) -> &Path {
        &self.emulator
    }

    /// The file of a binary's settings, in the format of `cargo lambda watch --env-file`.
    pub(crate) fn settings(&self, package: &str) -> PathBuf {
        self.settings.join(package).with_extension("env")
    }

    pub(crate) fn write_settings(&self, package: &str, variables: &[(String, String)]) -> io::Result<()> {
        let lines: String = variables
            .iter()
            // These describe an instance of the stack, not the one that uses the file.
            .filter(|(name, _)| !name.starts_with("AWS_LAMBDA_"))
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect();
        fs::write(self.settings(package), lines)
    }

    pub(crate) fn logs(&self) -> &Path {
        &self.logs
    }

    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.logs.join(name).with_extension("log")
    }

    pub(crate) fn read_log(&self, name: &str) -> io::Result<String> {
        match fs::read(self.log(name)) {
            // A line may be incomplete.
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(error),
        }
    }
}
