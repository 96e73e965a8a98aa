//! The functions of the deployment, one for each role of the two binaries.

use std::{fmt, time::Duration};

use crate::values;

/// A function of the deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// `recording-callback` behind the HTTP API.
    Webhook,
    /// `recording-callback` on the links queue.
    Linker,
    /// The same on the queue of late links.
    LateLinker,
    /// `recording-callback` on the copies queue.
    Copier,
    /// `recording-callback` invoked by an operator and by schedules.
    Operator,
    /// `recording-playback` behind its function URL.
    Playback,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Webhook,
        Self::Linker,
        Self::LateLinker,
        Self::Copier,
        Self::Operator,
        Self::Playback,
    ];

    /// The package and binary of the role.
    pub(crate) const fn package(self) -> &'static str {
        match self {
            Self::Webhook | Self::Linker | Self::LateLinker | Self::Copier | Self::Operator => "recording-callback",
            Self::Playback => "recording-playback",
        }
    }

    /// The function's name in the stack.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Linker => "linker",
            Self::LateLinker => "late-linker",
            Self::Copier => "copier",
            Self::Operator => "operator",
            Self::Playback => "playback",
        }
    }

    /// The value of the setting `ROLE`, and the function's IAM role.
    pub(crate) const fn setting(self) -> &'static str {
        match self {
            Self::LateLinker => Self::Linker.name(),
            other => other.name(),
        }
    }

    /// The function's name in `template.yaml`.
    pub(crate) const fn template_name(self) -> &'static str {
        match self {
            Self::Webhook => "WebhookFunction",
            Self::Linker => "LinkerFunction",
            Self::LateLinker => "LateLinkerFunction",
            Self::Copier => "CopierFunction",
            Self::Operator => "OperatorFunction",
            Self::Playback => "PlaybackFunction",
        }
    }

    /// The function's ARN.
    #[must_use]
    pub fn arn(self) -> String {
        format!(
            "arn:aws:lambda:{}:{}:function:{self}",
            values::REGION,
            values::AWS_ACCOUNT_ID
        )
    }

    /// The function's timeout in `template.yaml`, and its memory in MB.
    pub(crate) const fn limits(self) -> (Duration, u32) {
        match self {
            Self::Webhook => (Duration::from_secs(10), 128),
            Self::Linker | Self::LateLinker => (Duration::from_secs(30), 128),
            Self::Copier => (Duration::from_secs(900), 128),
            Self::Operator => (Duration::from_secs(900), 512),
            Self::Playback => (Duration::from_secs(130), 256),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
