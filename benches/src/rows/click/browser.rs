//! Runs a scenario of `benches/browser` in Chromium with Flex UI's own script.

use std::process::Stdio;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::process::Command;
use toolbox::{Scratch, workspace_root};

use crate::Failure;

/// A string in the form of a Flex token. The server takes every token for a supervisor's.
pub(super) const TOKEN: &str = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..aXY.nobodys.dGFn";

/// What a listener waited for. All times are Unix milliseconds, by the page's clock.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Played {
    pub(super) click: Wait,
    pub(super) seek: Wait,
    pub(super) events: Vec<Event>,
    pub(super) requests: Vec<Request>,
    /// Requests without a response, with Chromium's reason.
    failures: Vec<String>,
}

impl Played {
    /// Prints why a request for a link had no response. Flex then shows the recording as unavailable.
    pub(super) fn tell_failures(&self, side: &str) {
        for failure in self.failures.iter().filter(|failure| failure.contains("/media-url")) {
            eprintln!("{side}: no response: {failure}");
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Wait {
    pub(super) begun: f64,
    pub(super) playing: f64,
}

impl Wait {
    pub(super) fn ms(self) -> f64 {
        self.playing - self.begun
    }
}

/// An event of the audio element.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Event {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) at: f64,
}

/// A request of the page.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    pub(super) path: String,
    pub(super) range: Option<String>,
    pub(super) begun: f64,
    pub(super) first_byte: f64,
    /// Absent if the page left before the end.
    pub(super) ended: Option<f64>,
}

/// Runs the scenario, and returns what it printed.
pub(super) async fn drive<T: DeserializeOwned>(scenario: &str, mut job: Value) -> Result<T, Failure> {
    let home = Scratch::new()?;
    job["chromium"] = json!(toolbox::chromium()?);
    job["modules"] = json!(toolbox::browser_modules()?);
    job["flex"] = json!(toolbox::flex_script()?);
    job["home"] = json!(home.path());
    job["token"] = json!(TOKEN);
    let ran = Command::new("node")
        .arg(workspace_root().join("benches/browser").join(scenario))
        .arg(job.to_string())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await?;
    if !ran.status.success() {
        return Err(format!("{scenario} ended with {}", ran.status).into());
    }
    Ok(serde_json::from_slice(&ran.stdout)?)
}
