//! Compares the double's answers and this project's requests with Twilio's published OpenAPI description, so that
//! neither differs from Twilio.
//!
//! The description is not part of this repository. `OPENAPI_DIR` is the absolute path of its folder. Without it, the
//! tests print a line and pass, unless `OPENAPI_REQUIRED=1`. It describes only successes, so the other tests check the
//! error answers.

mod answers;
mod description;
mod requests;

use std::{
    env,
    io::{Write, stderr},
    path::PathBuf,
};

const RECORDINGS: &str = "/2010-04-01/Accounts/{AccountSid}/Recordings.json";
const RECORDING_: &str = "/2010-04-01/Accounts/{AccountSid}/Recordings/{Sid}.json";
const CALLS: &str = "/2010-04-01/Accounts/{AccountSid}/Calls.json";
const TASKS: &str = "/v1/Workspaces/{WorkspaceSid}/Tasks";
const TASK_: &str = "/v1/Workspaces/{WorkspaceSid}/Tasks/{Sid}";
const QUEUES: &str = "/v1/Workspaces/{WorkspaceSid}/TaskQueues";
const QUEUE_: &str = "/v1/Workspaces/{WorkspaceSid}/TaskQueues/{Sid}";
const WORKFLOWS: &str = "/v1/Workspaces/{WorkspaceSid}/Workflows";
const WORKFLOW_: &str = "/v1/Workspaces/{WorkspaceSid}/Workflows/{Sid}";
const ACCOUNT_: &str = "/2010-04-01/Accounts/{Sid}.json";
const WORKSPACES: &str = "/v1/Workspaces";
const FLEX: &str = "/v1/Configuration";
const PLUGINS: &str = "/v1/PluginService/Plugins";
const PLUGIN_VERSIONS: &str = "/v1/PluginService/Plugins/{PluginSid}/Versions";
const PLUGIN_CONFIGURATIONS: &str = "/v1/PluginService/Configurations";
const PLUGIN_RELEASES: &str = "/v1/PluginService/Releases";

fn description_folder() -> Option<PathBuf> {
    let folder = env::var_os("OPENAPI_DIR").map(PathBuf::from);
    if folder.is_none() {
        assert!(
            env::var_os("OPENAPI_REQUIRED").is_none_or(|required| required != "1"),
            "OPENAPI_DIR is not set"
        );
        say("OpenAPI: skipped, because OPENAPI_DIR is not set");
    }
    folder
}

/// Prints past the test harness, which hides the output of passing tests.
fn say(line: &str) {
    writeln!(stderr(), "{line}").unwrap();
}
