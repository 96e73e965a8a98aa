//! Folders that are removed when the process ends.

use std::{io, path::Path};

use tempfile::TempDir;

use crate::guardian::Guardian;

/// A temporary folder. It is removed on drop, and also if the process ends without dropping it.
#[derive(Debug)]
pub struct Scratch(TempDir);

impl Scratch {
    /// Creates an empty folder.
    pub fn new() -> io::Result<Self> {
        tempfile::tempdir_in(Guardian::get()?.scratch()).map(Self)
    }

    /// The folder's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
