//! How a stack is to be.

use std::{path::PathBuf, time::Duration};

use crate::{Build, Role};

/// How a stack is to be; the default is what the demo and most tests use.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StackOptions {
    /// Jobs go through the queues, as deployed; else the webhook does them in line.
    pub queues: bool,
    /// How the binaries are built.
    pub build: Build,
    /// Where recordings and logs are kept; else in a temporary folder.
    pub state: Option<PathBuf>,
    /// A file to which the rights that the functions used are written, a line each: role, IAM action, resource.
    pub rights: Option<PathBuf>,
    /// Timeouts of functions, instead of the template's.
    pub timeouts: Vec<(Role, Duration)>,
    /// The template's `ValidateTokensAs`.
    pub validate_tokens_as: String,
    /// Settings of functions, over those of the stack: role, name, value.
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
    /// Jobs are done in the webhook's own invocation.
    #[must_use]
    pub fn in_line(mut self) -> Self {
        self.queues = false;
        self
    }

    /// Built as `cargo test --workspace` has built everything, so that nothing is compiled twice.
    #[must_use]
    pub fn beside_tests(mut self) -> Self {
        self.build = Build::BesideTests;
        self
    }

    /// Writes down which rights the functions use.
    #[must_use]
    pub fn writing_rights(mut self, file: PathBuf) -> Self {
        self.rights = Some(file);
        self
    }

    /// Built as they are released.
    #[must_use]
    pub fn released(mut self) -> Self {
        self.build = Build::Release;
        self
    }

    /// Flex tokens are validated as this value of the template's `ValidateTokensAs` has it.
    #[must_use]
    pub fn validating_tokens_as(mut self, value: &str) -> Self {
        value.clone_into(&mut self.validate_tokens_as);
        self
    }

    /// Gives one role's function another timeout.
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
