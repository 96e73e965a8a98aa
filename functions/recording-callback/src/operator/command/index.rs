//! The request to rebuild the index.

use serde::Deserialize;
use serde_json::Value;

/// Write what the index lacks, and remove what it should not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RebuildIndex {
    pub(crate) restart: bool,
}

impl RebuildIndex {
    pub(super) fn parse(body: &Value) -> Option<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct Body {
            rebuild: bool,
            #[serde(default)]
            restart: bool,
        }
        let Body { rebuild, restart } = Body::deserialize(body).ok()?;
        rebuild.then_some(Self { restart })
    }
}
