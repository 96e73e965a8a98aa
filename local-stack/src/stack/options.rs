//! The options of a stack.

use std::{path::PathBuf, time::Duration};

use crate::{Build, Role};

/// The options of a stack. The demo and most tests use the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StackOptions {
    /// Jobs go through the queues, as deployed. Otherwise the webhook runs them itself.
    pub queues: bool,
    /// How the binaries are built.
    pub build: Build,
    /// The folder for recordings and logs. The default is a temporary folder.
    pub state: Option<PathBuf>,
    /// A file for the rights that the functions used, one per line: role, IAM action, resource.
    pub rights: Option<PathBuf>,
    /// Timeouts of functions that differ from the template's.
    pub timeouts: Vec<(Role, Duration)>,
    /// The template's `ValidateTokensAs`.
    pub validate_tokens_as: String,
    /// Settings of functions that override the stack's: role, name, value.
    pub settings: Vec<(Role, String, String)>,
}

impl Default for StackOptions {
    fn default() -> Self {
        Self {
            queues: true,
            build: Build::Debug,
            state: None,
            rights: None,
            timeouts: Vec::new(),
            validate_tokens_as: "flex".to_owned(),
            settings: Vec::new(),
        }
    }
}

impl StackOptions {
    /// Runs jobs in the webhook's own invocation.
    #[must_use]
    pub fn in_line(mut self) -> Self {
        self.queues = false;
        self
    }

    /// Uses the build of `cargo test --workspace`, so that nothing is compiled twice.
    #[must_use]
    pub fn beside_tests(mut self) -> Self {
        self.build = Build::BesideTests;
        self
    }

    /// Records which rights the functions use.
    #[must_use]
    pub fn writing_rights(mut self, file: PathBuf) -> Self {
        self.rights = Some(file);
        self
    }

    /// Builds them as for a release.
    #[must_use]
    pub fn released(mut self) -> Self {
        self.build = Build::Release;
        self
    }

    /// Sets the template's `ValidateTokensAs`, which selects how Flex tokens are validated.
    #[must_use]
    pub fn validating_tokens_as(mut self, value: &str) -> Self {
        value.clone_into(&mut self.validate_tokens_as);
        self
    }

    /// Sets another timeout for one role's function.
    #[must_use]
    pub fn timeout(mut self, role: Role, timeout: Duration) -> Self {
        self.timeouts.push((role, timeout));
        self
    }

    /// Sets a setting of one role's function.
    #[must_use]
    pub fn setting(mut self, role: Role, name: &str, value: &str) -> Self {
        self.settings.push((role, name.to_owned(), value.to_owned()));
        self
    }
}
