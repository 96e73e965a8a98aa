//! Twilio's Flex packages, and our Flex plugin built by Twilio's builder.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    node,
    setup::{ToolError, fingerprint, once, run, tools},
    workspace_root,
};

/// The files of `flex-plugin/` that the builder reads.
const SOURCES: [&str; 7] = [
    "package.json",
    "tsconfig.json",
    "jest.config.js",
    "webpack.config.js",
    "webpack.dev.js",
    "public",
    "src",
];

/// Flex UI, its SDKs and Twilio's plugin builder, with the versions in `flex-plugin/package-lock.json`. The
/// installation takes three minutes and 860 MB. Peer dependencies are not resolved: those of Flex UI's packages
/// conflict, and Twilio's own CLI ignores them too.
///
/// # Errors The errors of [`node_modules`](crate::node_modules).
pub fn flex_modules() -> Result<PathBuf, ToolError> {
    const MANIFEST: &str = include_str!("../../../flex-plugin/package.json");
    const LOCK: &str = include_str!("../../../flex-plugin/package-lock.json");
    node::install(MANIFEST, LOCK, &["--ignore-scripts", "--legacy-peer-deps"])
}

/// A copy of `flex-plugin/`, checked and built by Twilio's builder. The script in it is `build/recording-vault.js`.
///
/// # Errors The errors of [`flex_modules`], and [`ToolError::Failed`] if the builder refuses the plugin or cannot
/// compile it.
pub fn flex_plugin() -> Result<PathBuf, ToolError> {
    let modules = flex_modules()?;
    let plugin = workspace_root().join("flex-plugin");
    let mut files = Vec::new();
    for source in SOURCES {
        read_all(&plugin, Path::new(source), &mut files)?;
    }
    let contents: String = files
        .iter()
        .map(|(path, text)| format!("{}\0{text}\0", path.display()))
        .collect();
    let folder = tools().join(format!(
        "flex-plugin-{}",
        fingerprint(&format!("{}\0{contents}", modules.display()))
    ));
    once(&folder, |folder| {
        for (path, text) in &files {
            write(&folder.join(path), text)?;
        }
        let link = folder.join("node_modules");
        symlink(&modules, &link).map_err(ToolError::at(&link))?;
        // The builder reads only this file of Twilio's CLI.
        write(&folder.join(".twilio-cli/package.json"), r#"{"dependencies":{}}"#)?;
        for script in ["pre-script-check", "build"] {
            run("Flex plugin", builder(folder).args([script, "--persist-terminal"]))?;
        }
        Ok(())
    })?;
    Ok(folder)
}

/// Twilio's builder, in a folder that [`flex_plugin`] made.
fn builder(folder: &Path) -> Command {
    let mut command = Command::new(folder.join("node_modules/.bin/flex-plugin"));
    command.current_dir(folder).env("HOME", folder);
    command
}

/// The files at `path` below `root`, including those of subfolders, in a fixed order.
fn read_all(root: &Path, path: &Path, files: &mut Vec<(PathBuf, String)>) -> Result<(), ToolError> {
    let at = root.join(path);
    if !at.is_dir() {
        files.push((path.to_owned(), fs::read_to_string(&at).map_err(ToolError::at(&at))?));
        return Ok(());
    }
    let entries = fs::read_dir(&at).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut names: Vec<_> = entries
        .map_err(ToolError::at(&at))?
        .iter()
        .map(fs::DirEntry::file_name)
        .collect();
    names.sort();
    names
        .iter()
        .try_for_each(|name| read_all(root, &path.join(name), files))
}

fn write(path: &Path, text: &str) -> Result<(), ToolError> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(ToolError::at(folder))?;
    fs::write(path, text).map_err(ToolError::at(path))
}
