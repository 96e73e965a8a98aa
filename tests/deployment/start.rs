//! Starts the functions with the environments of a deployment.

use std::{collections::BTreeMap, future::pending, path::Path, process::Stdio};

use deployment::FUNCTIONS;
use local_stack::{Binaries, Role};
use loopback::Server;
use serde_json::Value;
use tokio::process::{Child, Command};

/// The variables of one function.
pub(crate) type Environment = BTreeMap<String, String>;

/// Additional variables that Lambda sets.
const BY_LAMBDA: [(&str, &str); 7] = [
    ("AWS_LAMBDA_FUNCTION_NAME", "function"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
    ("AWS_REGION", "us-east-1"),
    ("AWS_ACCESS_KEY_ID", "test"),
    ("AWS_SECRET_ACCESS_KEY", "test"),
    ("AWS_SESSION_TOKEN", "test"),
];

/// Checks that every function of the template accepts its own environment, and refuses one without a required variable.
/// Its first log line names its version, also then.
pub(crate) async fn every_function_starts(binaries: &Binaries, environments: &BTreeMap<String, Environment>) {
    assert_eq!(environments.len(), FUNCTIONS.len(), "{environments:?}");
    for (function, role) in FUNCTIONS {
        let role = Role::ALL.into_iter().find(|known| known.name() == role).unwrap();
        let binary = binaries.of(role).unwrap();
        let mut environment = environments[function].clone();
        assert_eq!(
            start(&binary, &environment).await,
            Ok(()),
            "{function}: {environment:?}"
        );

        environment.remove("TWILIO_ACCOUNT_SID").unwrap();
        let refused = start(&binary, &environment).await.unwrap_err();
        assert!(
            refused.contains("TWILIO_ACCOUNT_SID is missing"),
            "{function}: {refused}"
        );
        let first: Value = serde_json::from_str(refused.lines().next().unwrap()).unwrap();
        assert_eq!(first["message"], "starting", "{function}: {refused}");
        assert_eq!(first["version"], env!("CARGO_PKG_VERSION"), "{function}: {refused}");
    }
}

/// Starts a function that asks the Runtime API at this address for invocations. Its output is kept.
pub(crate) fn spawn(binary: &Path, environment: &Environment, runtime_api: &str) -> Child {
    Command::new(binary)
        .env_clear()
        .envs(BY_LAMBDA)
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
        .envs(environment)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Starts a function with its own Runtime API, and waits for its first request for an invocation. If the function ends
/// instead, the error is its output.
async fn start(binary: &Path, environment: &Environment) -> Result<(), String> {
    let runtime_api = Server::start_async(|_, _| pending()).await;
    let function = spawn(binary, environment, runtime_api.url.authority());
    tokio::select! {
        request = runtime_api.first_request() => {
            let request = format!("{} {} {:?}", request.method, request.target, request.version);
            assert_eq!(request, "GET /2018-06-01/runtime/invocation/next HTTP/1.1");
            Ok(())
        }
        ended = function.wait_with_output() => Err(String::from_utf8(ended.unwrap().stdout).unwrap()),
    }
}
