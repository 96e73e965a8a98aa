//! Packages of npm's at pinned versions.

use std::{fs, path::PathBuf, process::Command};

use crate::{
    debian,
    setup::{ToolError, fingerprint, once, run, tools},
};

/// The folder `node_modules` with the packages that a lock file pins; made on first use, by npm, and by nothing that the
/// packages bring to run.
///
/// # Errors
/// [`ToolError::NotStarted`] where there's no Node.js with npm on the path.
pub fn node_modules(manifest: &str, lock: &str) -> Result<PathBuf, ToolError> {
    install(manifest, lock, &["--ignore-scripts"])
}

/// The same for packages that build a part of themselves, as AWS's `aws-lambda-ric` does: what they bring to run is run,
/// and what they build with is installed where it's missing.
///
/// # Errors
/// As [`node_modules`], and [`ToolError::NotRoot`] where a build tool is missing and this process may not install it.
pub fn built_node_modules(manifest: &str, lock: &str) -> Result<PathBuf, ToolError> {
    for (program, package) in [
        ("cmake", "cmake"),
        ("autoreconf", "autoconf"),
        ("automake", "automake"),
        ("libtoolize", "libtool"),
        ("unzip", "unzip"),
    ] {
        debian::program(program, package)?;
    }
    install(manifest, lock, &[])
}

pub(crate) fn install(manifest: &str, lock: &str, options: &[&str]) -> Result<PathBuf, ToolError> {
    let folder = tools().join(format!("node-{}", fingerprint(lock)));
    once(&folder, |folder| {
        for (name, text) in [("package.json", manifest), ("package-lock.json", lock)] {
            let path = folder.join(name);
            fs::write(&path, text).map_err(ToolError::at(&path))?;
        }
        eprintln!("toolbox: installing packages of npm's in {} (once)", folder.display());
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
            .args(options);
        run("node_modules", npm.current_dir(folder))
    })?;
    Ok(folder.join("node_modules"))
}
