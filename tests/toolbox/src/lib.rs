//! Tools for the tests and the demo: pinned Python and Node.js packages under `target/tools`, Debian's browsers,
//! players and web server, child processes that never outlive their parent, free loopback ports, and the AWS emulators.
//!
//! All functions are synchronous and independent of any async runtime, so that a `#[test]`, a `#[tokio::test]` and the
//! demo can use them. The only future is [`Process::exited`], which any runtime can poll.

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

/// The root folder of the workspace in which this crate was compiled.
#[must_use]
pub fn workspace_root() -> &'static Path {
    // `tests/toolbox` is two levels below the root, so that its path always has two parents.
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
