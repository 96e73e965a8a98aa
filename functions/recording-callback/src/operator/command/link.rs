//! The command for a link. Its values are checked later, so that a refusal has a reason and an audit line.

use serde::Deserialize;
use sid::RecordingSid;

/// Make a link that plays a recording in any browser until it expires.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Link {
    pub(crate) recording_sid: RecordingSid,
    /// How long the link plays.
    pub(crate) minutes: u32,
    /// The person whom the link is for.
    #[serde(rename = "for")]
    pub(crate) listener: String,
    /// The ARN of the caller, by the caller's own account.
    #[serde(default)]
    pub(crate) requested_by: Option<String>,
    /// Whether a browser saves the recording instead of playing it.
    #[serde(default)]
    pub(crate) download: bool,
}
