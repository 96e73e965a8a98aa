//! The double's answers and this project's requests against Twilio's published OpenAPI description, so that neither can
//! drift from Twilio.
//!
//! The description isn't part of this repository: `OPENAPI_DIR` is the absolute path of the folder that holds it. Unset, the
//! tests say so and pass, unless `OPENAPI_REQUIRED=1`. It describes successes only, so error answers are held by the other tests.

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
const TASKS: &str = "/v1/Workspaces/{WorkspaceSid}/Tasks";
const TASK_: &str = "/v1/Workspaces/{WorkspaceSid}/Tasks/{Sid}";

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

/// Past the test harness, which shows what a passing test prints to no one.
fn say(line: &str) {
    writeln!(stderr(), "{line}").unwrap();
}
