//! Folders that are gone when the process is.

use std::{io, path::Path};

use tempfile::TempDir;

use crate::guardian::Guardian;

/// A temporary folder, removed on drop, and also when the process ends without dropping it.
#[derive(Debug)]
pub struct Scratch(TempDir);

impl Scratch {
    /// Makes an empty folder.
    pub fn new() -> io::Result<Self> {
        tempfile::tempdir_in(Guardian::get()?.scratch()).map(Self)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
