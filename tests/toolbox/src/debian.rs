//! Programs from Debian packages: browsers, players and a web server.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::setup::{ToolError, lock, once, run, tools};

/// The path of Chromium, which is installed if it is missing. It needs a hundred libraries at fixed paths.
///
/// # Errors [`ToolError::NotRoot`] if it is missing and this process may not install it.
pub fn chromium() -> Result<PathBuf, ToolError> {
    program("chromium", "chromium")
}

/// The path of a program from Debian, which is installed if it is missing. `package` may name several packages,
/// separated by spaces.
///
/// # Errors [`ToolError::NotRoot`] if it is missing and this process may not install it.
pub fn program(name: &'static str, package: &'static str) -> Result<PathBuf, ToolError> {
    let program = Path::new("/usr/bin").join(name);
    if !program.exists() {
        // apt runs only once at a time, so that other processes must wait.
        let _lock = lock(&tools().join("debian.lock"))?;
        if !program.exists() {
            install(name, package)?;
        }
    }
    Ok(program)
}

/// The path of nginx, which is unpacked but not installed, because the installation would start it on every interface.
/// It needs no packages beyond Debian's base system, and no root.
///
/// # Errors [`ToolError::Failed`] if apt has no such package.
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
    // The package lists may be missing, or older than the mirror's contents.
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
