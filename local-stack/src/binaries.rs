//! The build of the two binaries.

mod archived;

use std::{
    collections::HashMap,
    ffi::OsString,
    io::{self, BufRead, BufReader},
    path::PathBuf,
    process::{Command, ExitStatus, Stdio},
};

use serde_json::Value;
use toolbox::{ToolError, workspace_root};

use crate::Role;

/// How the binaries are built. Cargo resolves the features of shared dependencies over everything that one command
/// selects. With a selection other than that of the Cargo command that runs this process, it would compile the AWS SDK
/// a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// As the workspace's default members are built, for example by `cargo demo`.
    Debug,
    /// As SAM builds them for a deployment. If `RELEASE_ARCHIVE` names an archive that `scripts/release` made, its
    /// binaries are used instead.
    Release,
    /// As `cargo test --workspace` builds them.
    BesideTests,
}

/// Why a binary is missing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Cargo could not be run.
    #[error("cannot run cargo: {0}")]
    Cargo(#[from] io::Error),
    /// The build failed. The compiler's messages are on stderr.
    #[error("building the functions failed: cargo ended with {0}")]
    Failed(ExitStatus),
    /// Cargo built no such binary, or the archive has none for this machine.
    #[error("there is no binary `{0}`")]
    NotBuilt(&'static str),
    /// The archive that `RELEASE_ARCHIVE` names cannot be read.
    #[error("{} is not the archive of a release", .0.display())]
    Archive(PathBuf),
    /// The Python that unpacks the archive could not be set up.
    #[error(transparent)]
    Tool(#[from] ToolError),
}

/// The binaries by package name.
#[derive(Debug)]
pub struct Binaries(HashMap<String, PathBuf>);

impl Build {
    const fn selection(self) -> &'static [&'static str] {
        match self {
            Self::Debug => &["--bin=recording-callback", "--bin=recording-playback"],
            Self::Release => &["--release", "--bin=recording-callback", "--bin=recording-playback"],
            Self::BesideTests => &["--workspace", "--tests"],
        }
    }
}

impl Binaries {
    /// Builds both, with Cargo's progress on stderr. If Cargo runs this process, they go into its target folder.
    ///
    /// # Errors
    /// [`BuildError`] if Cargo cannot be run, or fails, or if the archive cannot be unpacked.
    pub fn build(how: Build) -> Result<Self, BuildError> {
        match archived::archive() {
            Some(archive) if how == Build::Release => archived::unpacked(&archive).map(Self),
            _ => Self::compile(how),
        }
    }

    fn compile(how: Build) -> Result<Self, BuildError> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(cargo);
        command.current_dir(workspace_root()).arg("build").args(how.selection());
        // Cargo prints the paths, because the target folder and the profile's folder may be set in many places.
        command.arg("--message-format=json-render-diagnostics");
        for (variable, _) in std::env::vars_os().filter(|(name, _)| is_of_a_package(name)) {
            command.env_remove(variable);
        }

        let mut build = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut executables = HashMap::new();
        let messages = build.stdout.take().map(BufReader::new);
        for line in messages.into_iter().flat_map(BufRead::lines) {
            executables.extend(executable(&line?));
        }
        let status = build.wait()?;
        if status.success() {
            Ok(Self(executables))
        } else {
            Err(BuildError::Failed(status))
        }
    }

    /// The binary of a role.
    ///
    /// # Errors
    /// [`BuildError::NotBuilt`] if there is none.
    pub fn of(&self, role: Role) -> Result<PathBuf, BuildError> {
        self.0
            .get(role.package())
            .cloned()
            .ok_or_else(|| BuildError::NotBuilt(role.package()))
    }
}

/// The variables that Cargo sets for the package of a process that it runs. If they were passed on, build scripts that
/// watch them would consider them changed, and the values would become part of the build.
fn is_of_a_package(variable: &OsString) -> bool {
    let name = variable.to_string_lossy();
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        || name == "CARGO_PRIMARY_PACKAGE"
        || name == "OUT_DIR"
}

/// The binary that a line of Cargo's messages reports. The binary's unit tests are an executable with the same name.
fn executable(line: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message["profile"]["test"].as_bool()? {
        return None;
    }
    Some((
        message["target"]["name"].as_str()?.to_owned(),
        message["executable"].as_str()?.into(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_distinguished_from_other_messages() {
        let artifact = |name: &str, test: bool, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","target":{{"name":"{name}"}},"profile":{{"test":{test}}},"executable":{executable}}}"#
            )
        };
        let built = executable(&artifact("recording-playback", false, r#""/t/x""#));
        assert_eq!(built, Some(("recording-playback".into(), "/t/x".into())));
        assert_eq!(executable(&artifact("recording-playback", true, r#""/t/x-1""#)), None);
        assert_eq!(executable(&artifact("vault", false, "null")), None);
        assert_eq!(executable(r#"{"reason":"build-finished","success":true}"#), None);
        assert_eq!(executable("warning: something else"), None);
    }
}
