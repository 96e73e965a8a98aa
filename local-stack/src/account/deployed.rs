//! What CloudFormation has deployed.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use tokio::process::Command;
use toolbox::{Venv, python, workspace_root};

use crate::{Queue, StackError, values};

/// The name that the setup gives to its stack by default.
const STACK: &str = "recording-vault";

/// The deployed functions and queues, by their names in the template. `deployed.py` writes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Deployed {
    pub(super) callback_host: String,
    pub(super) playback_host: String,
    pub(super) functions: BTreeMap<String, DeployedFunction>,
    queues: BTreeMap<String, DeployedQueue>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeployedFunction {
    pub(super) name: String,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) timeout_seconds: u64,
    pub(super) memory_megabytes: u32,
    pub(super) binary: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
struct DeployedQueue {
    url: String,
    arn: String,
}

impl Deployed {
    /// Reads the deployment, and unpacks its binaries into `folder`.
    pub(super) async fn read(aws_endpoint: &str, folder: &Path) -> Result<Self, StackError> {
        let python = tokio::task::spawn_blocking(|| python(Venv::Lint)).await;
        let python = python.map_err(|error| StackError::Deployment(error.to_string()))??;
        let described = Command::new(python)
            .arg(workspace_root().join("local-stack/deployed.py"))
            .arg(STACK)
            .arg(folder)
            .env("AWS_ENDPOINT_URL", aws_endpoint)
            .env("AWS_DEFAULT_REGION", values::REGION)
            .env("AWS_ACCESS_KEY_ID", values::ACCESS_KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", values::SECRET_ACCESS_KEY)
            .output()
            .await?;
        if !described.status.success() {
            let errors = String::from_utf8_lossy(&described.stderr);
            let reason = errors.lines().next_back().unwrap_or_default();
            return Err(StackError::Deployment(reason.to_owned()));
        }
        serde_json::from_slice(&described.stdout).map_err(|error| StackError::Deployment(error.to_string()))
    }

    /// A queue with its dead-letter queue.
    pub(super) fn queue(&self, name: &str, dead_letters: &str) -> Result<Queue, StackError> {
        let named = |name: &str| {
            let queue = self.queues.get(name);
            queue.ok_or_else(|| StackError::Deployment(format!("there is no queue {name}")))
        };
        let (queue, dead_letters) = (named(name)?, named(dead_letters)?);
        Ok(Queue {
            url: queue.url.clone(),
            arn: queue.arn.clone(),
            dead_letters_url: dead_letters.url.clone(),
            dead_letters_arn: dead_letters.arn.clone(),
        })
    }
}
