//! Flex UI in one script, for a browser.

use std::{path::PathBuf, process::Command};

use crate::{
    flex::flex_modules,
    node::node_modules,
    setup::{ToolError, fingerprint, once, run, tools},
    workspace_root,
};

/// The modules that drive browsers: `playwright-core`, and `esbuild` for what runs in a page.
///
/// # Errors
/// [`ToolError::NotStarted`] where there's no Node.js with npm on the path.
pub fn browser_modules() -> Result<PathBuf, ToolError> {
    const MANIFEST: &str = include_str!("../../browser/package.json");
    const LOCK: &str = include_str!("../../browser/package-lock.json");
    node_modules(MANIFEST, LOCK)
}

/// One script of `tests/browser/flex.cjs` and Flex UI, as Twilio publishes it: 32 MB, bundled on first use in ten seconds.
///
/// # Errors
/// As [`browser_modules`], and [`ToolError::Failed`] where it can't be bundled.
pub fn flex_script() -> Result<PathBuf, ToolError> {
    const SOURCES: &str = concat!(
        include_str!("../../browser/flex.cjs"),
        include_str!("../../browser/waveform.cjs"),
        include_str!("../../flex/internals.cjs"),
    );
    let (browser, flex) = (browser_modules()?, flex_modules()?);
    // The folders are named after what is in them.
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
            // A module of Node's, which one of the packages asks for.
            .arg("--alias:path=path-browserify")
            .env("NODE_PATH", flex);
        run("Flex UI", &mut esbuild)
    })?;
    Ok(script)
}
