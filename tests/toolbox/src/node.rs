//! npm packages with pinned versions.

use std::{fs, path::PathBuf, process::Command};

use crate::{
    debian,
    setup::{ToolError, fingerprint, once, run, tools},
};

/// The folder `node_modules` with the packages of a lock file. npm creates it on first use, without the packages'
/// install scripts.
///
/// # Errors [`ToolError::NotStarted`] if there is no Node.js with npm on the path.
pub fn node_modules(manifest: &str, lock: &str) -> Result<PathBuf, ToolError> {
    install(manifest, lock, &["--ignore-scripts"])
}

/// Like [`node_modules`], for packages that compile a part of themselves, as AWS's `aws-lambda-ric` does. Their install
/// scripts run, and missing build tools are installed.
///
/// # Errors The errors of [`node_modules`], and [`ToolError::NotRoot`] if a build tool is missing and this process may
/// not install it.
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
        eprintln!("toolbox: installing npm packages in {} (once)", folder.display());
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
            .args(options);
        run("node_modules", npm.current_dir(folder))
    })?;
    Ok(folder.join("node_modules"))
}
