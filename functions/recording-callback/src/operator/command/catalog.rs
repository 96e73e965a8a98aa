//! The command that writes the catalog.

use serde::Deserialize;

/// Write the files of the catalog that are missing or out of date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Catalog {
    #[serde(default)]
    pub(crate) restart: bool,
}
