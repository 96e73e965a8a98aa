//! The account that the double simulates.

use std::{fmt, path::PathBuf};

/// The account that the double simulates.
#[derive(Clone)]
pub struct TwilioOptions {
    /// `AC…`.
    pub account_sid: String,
    /// Password of `account_sid`, until it is replaced.
    pub auth_token: String,
    /// `SK…`.
    pub api_key_sid: String,
    /// Password of `api_key_sid`.
    pub api_key_secret: String,
    /// `WS…`.
    pub workspace_sid: String,
    /// A valid token of a supervisor.
    pub flex_token: String,
    /// A file `RE….wav` or `RE….mp3` here is a recording.
    pub recordings_dir: PathBuf,
}

impl fmt::Debug for TwilioOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioOptions")
            .field("account_sid", &self.account_sid)
            .field("workspace_sid", &self.workspace_sid)
            .field("recordings_dir", &self.recordings_dir)
            .finish_non_exhaustive()
    }
}
