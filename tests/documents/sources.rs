//! Reads the files that the documents refer to.

use std::{
    fs,
    path::{Path, PathBuf},
};

use toolbox::workspace_root;

/// The text of a file, given its path relative to the workspace root.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(workspace_root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every Rust file under a folder.
pub(crate) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] });
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The text of every Rust file in the given folders of the workspace.
pub(crate) fn rust_text(folders: &[&str]) -> String {
    let files = folders
        .iter()
        .flat_map(|folder| rust_files(&workspace_root().join(folder)));
    files.map(|file| fs::read_to_string(file).unwrap()).collect()
}
