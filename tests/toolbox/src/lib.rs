//! What the tests and the demo bring along instead of asking for it: pinned Python and Node.js packages under
//! `target/tools`, Debian's browsers, players and web server, child processes that never outlive their parent, free loopback ports,
//! and the AWS emulators.
//!
//! Everything here is synchronous and belongs to no async runtime, so that a `#[test]`, a `#[tokio::test]` and the demo
//! use it alike; [`Process::exited`] alone is a future, and any runtime can poll it.

mod debian;
mod flex;
mod flex_script;
mod guardian;
mod localemu;
mod ministack;
mod net;
mod node;
mod process;
mod scratch;
mod setup;
mod venv;

use std::path::Path;

pub use self::{
    debian::{chromium, nginx, program},
    flex::{flex_modules, flex_plugin},
    flex_script::{browser_modules, flex_script},
    localemu::{Localemu, LocalemuError},
    ministack::{Ministack, MinistackError},
    net::{free_port, wait_for_tcp},
    node::{built_node_modules, node_modules},
    process::{Process, ProcessError},
    scratch::Scratch,
    setup::ToolError,
    venv::{Venv, python, tool},
};

/// The root folder of the workspace this crate was compiled in.
#[must_use]
pub fn workspace_root() -> &'static Path {
    // `tests/toolbox` is two levels down; a manifest directory is never that close to the file system's root.
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap_or_else(|| Path::new("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_root_holds_the_workspace_manifest() {
        let manifest = std::fs::read_to_string(workspace_root().join("Cargo.toml")).unwrap();
        assert!(manifest.starts_with("[workspace]"));
    }
}
