//! Programs that only Debian has: browsers, players and a web server.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::setup::{ToolError, lock, once, run, tools};

/// Chromium, installed where it's missing: it needs a hundred libraries, at fixed places.
///
/// # Errors
/// [`ToolError::NotRoot`] where it's missing and this process may not install it.
pub fn chromium() -> Result<PathBuf, ToolError> {
    program("chromium", "chromium")
}

/// A program of Debian's, installed where it's missing. Where one package isn't all that it needs, `package` names several,
/// with spaces between them.
///
/// # Errors
/// [`ToolError::NotRoot`] where it's missing and this process may not install it.
pub fn program(name: &'static str, package: &'static str) -> Result<PathBuf, ToolError> {
    let program = Path::new("/usr/bin").join(name);
    if !program.exists() {
        // Processes that find it missing go one after the other: apt would refuse the second.
        let _lock = lock(&tools().join("debian.lock"))?;
        if !program.exists() {
            install(name, package)?;
        }
    }
    Ok(program)
}

/// nginx, unpacked but not installed: to install it is to start it, on every interface. It needs nothing that Debian's
/// base system lacks, and no administrator.
///
/// # Errors
/// [`ToolError::Failed`] where apt has no such package.
pub fn nginx() -> Result<PathBuf, ToolError> {
    let folder = tools().join("nginx");
    once(&folder, |folder| {
        let download = |folder| run("nginx", apt().args(["download", "nginx"]).current_dir(folder));
        download(folder).or_else(|_| {
            run("nginx", apt().arg("update"))?;
            download(folder)
        })?;
        let unpack = "dpkg-deb --extract nginx_*.deb .";
        run("nginx", Command::new("sh").args(["-c", unpack]).current_dir(folder))
    })?;
    Ok(folder.join("usr/sbin/nginx"))
}

fn install(tool: &'static str, package: &'static str) -> Result<(), ToolError> {
    if !rustix::process::geteuid().is_root() {
        return Err(ToolError::NotRoot { tool, package });
    }
    eprintln!("toolbox: installing Debian's package `{package}` (once)");
    let install = || {
        run(
            tool,
            apt()
                .args(["install", "--yes", "--no-install-recommends"])
                .args(package.split(' ')),
        )
    };
    // The lists may be missing, or too old to name what the mirror still has.
    install().or_else(|_| {
        run(tool, apt().arg("update"))?;
        install()
    })
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.arg("--quiet=2").env("DEBIAN_FRONTEND", "noninteractive");
    command
}
