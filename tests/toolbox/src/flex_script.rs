//! Flex UI as one script for a browser.

use std::{path::PathBuf, process::Command};

use crate::{
    flex::flex_modules,
    node::node_modules,
    setup::{ToolError, fingerprint, once, run, tools},
    workspace_root,
};

/// The modules that drive browsers: `playwright-core`, and `esbuild` to bundle scripts for pages.
///
/// # Errors [`ToolError::NotStarted`] if there is no Node.js with npm on the path.
pub fn browser_modules() -> Result<PathBuf, ToolError> {
    const MANIFEST: &str = include_str!("../../browser/package.json");
    const LOCK: &str = include_str!("../../browser/package-lock.json");
    node_modules(MANIFEST, LOCK)
}

/// One script that contains `tests/browser/flex.cjs` and Flex UI as Twilio publishes it. It has 32 MB, and is bundled
/// in ten seconds on first use.
///
/// # Errors The errors of [`browser_modules`], and [`ToolError::Failed`] if the bundling fails.
pub fn flex_script() -> Result<PathBuf, ToolError> {
    const SOURCES: &str = concat!(
        include_str!("../../browser/flex.cjs"),
        include_str!("../../browser/waveform.cjs"),
        include_str!("../../flex/internals.cjs"),
    );
    let (browser, flex) = (browser_modules()?, flex_modules()?);
    // The names of the folders identify their contents.
    let pins = format!("{SOURCES}{}{}", browser.display(), flex.display());
    let folder = tools().join(format!("flex-{}", fingerprint(&pins)));
    let script = folder.join("flex.js");
    once(&folder, |_| {
        let mut esbuild = Command::new(browser.join(".bin/esbuild"));
        esbuild
            .arg(workspace_root().join("tests/browser/flex.cjs"))
            .args(["--bundle", "--platform=browser", "--log-level=error"])
            .arg(format!("--outfile={}", script.display()))
            .args([
                r#"--define:process.env.NODE_ENV="production""#,
                "--define:global=window",
            ])
            // One of the packages requires this module of Node.js.
            .arg("--alias:path=path-browserify")
            .env("NODE_PATH", flex);
        run("Flex UI", &mut esbuild)
    })?;
    Ok(script)
}
