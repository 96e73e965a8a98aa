//! Python tools at pinned versions, each set in a virtual environment of its own.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use sha2::{Digest, Sha256};

use crate::workspace_root;

/// A set of pinned Python packages; the pins are in `tests/toolbox/requirements/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Venv {
    /// `cargo-lambda` and `ministack`: what the local stack runs on.
    Stack,
    /// The official AWS Encryption SDK, boto3 and Twilio's library: the other side of the interoperability tests.
    Interop,
    /// `cfn-lint` and `sam`: what checks the deployment template.
    Lint,
    /// `localemu`: the stricter AWS emulator of the vault's contract suite. Needs Python 3.13, by that name on the path or
    /// from pyenv.
    Localemu,
}

impl Venv {
    const fn name(self) -> &'static str {
        match self {
            Self::Stack => "stack",
            Self::Interop => "interop",
            Self::Lint => "lint",
            Self::Localemu => "localemu",
        }
    }

    const fn requirements(self) -> &'static str {
        match self {
            Self::Stack => include_str!("../requirements/stack.txt"),
            Self::Interop => include_str!("../requirements/interop.txt"),
            Self::Lint => include_str!("../requirements/lint.txt"),
            Self::Localemu => include_str!("../requirements/localemu.txt"),
        }
    }

    /// What its interpreter is called.
    fn interpreter(self) -> PathBuf {
        match self {
            Self::Stack | Self::Interop | Self::Lint => "python3".into(),
            Self::Localemu => pyenv_python("3.13.0").unwrap_or_else(|| "python3.13".into()),
        }
    }
}

/// Why a Python tool can't be had.
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
    /// `python3` or `pip` couldn't be started.
    #[error(
        "cannot run {program}: {source} (Python 3.11 or later, for some tools 3.13, with its venv module is needed)"
    )]
    NotStarted {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// Making the environment failed; what the program printed is on stderr.
    #[error("making the Python environment `{venv}` failed: {program} ended with {status}")]
    Failed {
        /// The environment's name.
        venv: &'static str,
        /// The program that failed.
        program: String,
        /// How it ended.
        status: ExitStatus,
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

/// The Python interpreter of an environment, which is made on first use.
pub fn python(venv: Venv) -> Result<PathBuf, ToolError> {
    tool(venv, "python")
}

/// A program of an environment (`cargo-lambda`, `cfn-lint`, …); the environment is made on first use.
pub fn tool(venv: Venv, name: &str) -> Result<PathBuf, ToolError> {
    let environment = environment(
        venv.name(),
        venv.requirements(),
        &venv.interpreter(),
        &workspace_root().join("target/tools"),
    )?;
    let program = environment.join("bin").join(name);
    if program.exists() {
        Ok(program)
    } else {
        Err(ToolError::NoSuchTool {
            venv: venv.name(),
            name: name.to_owned(),
        })
    }
}

/// The environment's folder: named after its requirements, so that a changed pin makes a new one.
///
/// It can't be made elsewhere and renamed, because the scripts in `bin` carry its absolute path. A marker file written
/// last tells a whole environment from one whose making was interrupted.
fn environment(venv: &'static str, requirements: &str, python: &Path, tools: &Path) -> Result<PathBuf, ToolError> {
    let digest = hex::encode(Sha256::digest(requirements));
    let folder = tools.join(format!("{venv}-{}", &digest[..12]));
    let marker = folder.join(".complete");
    if marker.exists() {
        return Ok(folder);
    }

    fs::create_dir_all(tools).map_err(|source| ToolError::Folder {
        path: tools.to_owned(),
        source,
    })?;
    let lock_path = folder.with_extension("lock");
    // Test binaries run side by side: the first one makes the environment, the others wait for it here.
    let lock = File::create(&lock_path).and_then(|file| file.lock().map(|()| file));
    let _lock = lock.map_err(|source| ToolError::Folder {
        path: lock_path,
        source,
    })?;
    if !marker.exists() {
        make(venv, requirements, python, &folder)?;
        File::create(&marker).map_err(|source| ToolError::Folder { path: marker, source })?;
    }
    Ok(folder)
}

fn make(venv: &'static str, pins: &str, python: &Path, folder: &Path) -> Result<(), ToolError> {
    match fs::remove_dir_all(folder) {
        Err(source) if source.kind() != ErrorKind::NotFound => {
            return Err(ToolError::Folder {
                path: folder.to_owned(),
                source,
            });
        }
        _ => {}
    }
    eprintln!(
        "toolbox: making the Python environment `{venv}` in {} (once)",
        folder.display()
    );
    run(venv, Command::new(python).args(["-m", "venv"]).arg(folder))?;

    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, pins).map_err(|source| ToolError::Folder {
        path: requirements.clone(),
        source,
    })?;
    eprintln!("toolbox: installing its pinned packages");
    // The files pin every package, the indirect ones too: `--no-deps` keeps a resolver from adding to them.
    run(
        venv,
        Command::new(folder.join("bin/python"))
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-input",
                "--no-deps",
            ])
            .arg("--requirement")
            .arg(requirements),
    )
}

/// The interpreter of a version that pyenv has; it isn't on the path.
fn pyenv_python(version: &str) -> Option<PathBuf> {
    let prefix = Command::new("pyenv").args(["prefix", version]).output().ok()?;
    let python = Path::new(String::from_utf8(prefix.stdout).ok()?.trim()).join("bin/python3");
    python.exists().then_some(python)
}

fn run(venv: &'static str, command: &mut Command) -> Result<(), ToolError> {
    let program = command.get_program().to_string_lossy().into_owned();
    // stdout may be someone's data (`cargo demo --serve --json`): the tools talk on stderr.
    let status = command.stdin(Stdio::null()).stdout(io::stderr()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(ToolError::Failed { venv, program, status }),
        Err(source) => Err(ToolError::NotStarted { program, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_requirement_is_pinned_to_one_version() {
        for venv in [Venv::Stack, Venv::Interop, Venv::Lint, Venv::Localemu] {
            let pins: Vec<_> = venv
                .requirements()
                .lines()
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
                .collect();
            assert!(!pins.is_empty());
            for pin in pins {
                let version = pin.split_once("==").map_or("", |(_, version)| version);
                assert!(
                    version.starts_with(|first: char| first.is_ascii_digit()),
                    "{pin} isn't pinned"
                );
            }
        }
    }

    /// No packages: making it needs no network.
    const EMPTY: &str = "# nothing\n";
    const PYTHON: &str = "python3";

    #[test]
    fn a_half_made_environment_is_never_used() {
        let tools = tempfile::tempdir().unwrap();
        let whole = environment("empty", EMPTY, PYTHON.as_ref(), tools.path()).unwrap();
        fs::remove_file(whole.join(".complete")).unwrap();
        fs::write(whole.join("bin/leftover"), "").unwrap();

        let made = environment("empty", EMPTY, PYTHON.as_ref(), tools.path()).unwrap();

        assert_eq!(made, whole);
        assert!(!made.join("bin/leftover").exists());
        assert!(
            Command::new(made.join("bin/python"))
                .arg("--version")
                .status()
                .unwrap()
                .success()
        );
    }

    #[test]
    fn many_at_once_make_one_environment() {
        let tools = tempfile::tempdir().unwrap();
        let made: Vec<_> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| environment("empty", EMPTY, PYTHON.as_ref(), tools.path()).unwrap()))
                .collect();
            // Each one sees a whole environment when its call returns, whoever made it.
            asking
                .into_iter()
                .map(|asked| asked.join().unwrap().join(".complete").exists())
                .collect()
        });
        assert_eq!(made, [true; 4]);
        assert_eq!(
            fs::read_dir(tools.path()).unwrap().count(),
            2,
            "the environment and its lock"
        );
    }

    #[test]
    fn another_pin_makes_another_environment() {
        let tools = tempfile::tempdir().unwrap();
        let one = environment("empty", EMPTY, PYTHON.as_ref(), tools.path()).unwrap();
        let other = environment("empty", "# something else\n", PYTHON.as_ref(), tools.path()).unwrap();
        assert_ne!(one, other);
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = tool(Venv::Stack, "no-such-tool").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the Python environment `stack` has no program `no-such-tool`"
        );
    }
}
