//! Runs the commands that write Flex's configuration, against its Configuration API as Twilio documents it.

use std::sync::{Arc, Mutex};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use local_stack::values;
use loopback::{Request, Server};
use serde_json::{Value, json};

use super::{FLEX, PLUGIN, block_with, shell::Shell};
use crate::support::among_others;

const CALLBACK: &str = "https://callback.local.test/recording-status-callback#rc=3&rp=all";
const WEBHOOK: &str = "https://callback.local.test/recording-status-callback?taskSid={taskSid}#rc=3&rp=all";

#[tokio::test]
async fn flexs_configuration_is_changed_as_written_and_nothing_else_in_it() {
    let (stack, _turn) = among_others().await;
    let shell = Shell::for_stack(stack).await;
    let before = json!({
        "account_sid": values::ACCOUNT_SID,
        "call_recording_enabled": false,
        "call_recording_webhook_url": null,
        "outbound_call_flows": {"default": {"enabled": true}},
        "ui_attributes": {
            "custom_data": {"features": {"pause_recording": {"enabled": true}}},
            // If these exclusions were lost, calls would be recorded that must not be.
            "recording_vault": {"callback_url": "https://old.example.com/", "exclude_queues": ["Support"]},
        },
    });
    let configuration = Configuration::serve(before.clone()).await;
    shell.install(
        "curl",
        &format!(
            "for argument do shift; case $argument in https://flex-api.twilio.com/*) argument='{}'/${{argument#*.com/}};; esac
             set -- \"$@\" \"$argument\"; done; exec /usr/bin/curl \"$@\"",
            configuration.address
        ),
    );
    let tools = tokio::task::spawn_blocking(|| ["curl", "jq"].map(|tool| toolbox::program(tool, tool).unwrap()));
    tools.await.unwrap();
    let account = format!(
        "export TWILIO_ACCOUNT_SID={} TWILIO_AUTH_TOKEN={} CALLBACK_URL='{CALLBACK}' CALL_RECORDING_WEBHOOK_URL='{WEBHOOK}'",
        values::ACCOUNT_SID,
        values::AUTH_TOKEN
    );

    let mut expected = before;
    let console = shell
        .run(&block_with(FLEX, "call_recording_enabled").after(&account))
        .await;
    expected["call_recording_enabled"] = json!(true);
    expected["call_recording_webhook_url"] = json!(WEBHOOK);
    assert_eq!(serde_json::from_str::<Value>(&console).unwrap(), expected);
    assert_eq!(configuration.document(), expected);

    shell.run(&block_with(PLUGIN, "recording_vault").after(&account)).await;
    expected["ui_attributes"]["recording_vault"]["callback_url"] = json!(CALLBACK);
    assert_eq!(configuration.document(), expected);

    configuration.document.lock().unwrap()["ui_attributes"] = Value::Null;
    shell.run(&block_with(PLUGIN, "recording_vault").after(&account)).await;
    expected["ui_attributes"] = json!({"recording_vault": {"callback_url": CALLBACK}});
    assert_eq!(configuration.document(), expected);
}

/// Flex's Configuration API with one document.
struct Configuration {
    address: String,
    document: Arc<Mutex<Value>>,
}

impl Configuration {
    async fn serve(document: Value) -> Self {
        let document = Arc::new(Mutex::new(document));
        let served = Arc::clone(&document);
        let server = Server::start(move |_, request| loopback::json(200, &answer(request, &served))).await;
        Self {
            address: server.endpoint().to_owned(),
            document,
        }
    }

    fn document(&self) -> Value {
        self.document.lock().unwrap().clone()
    }
}

fn answer(request: &Request, document: &Mutex<Value>) -> Value {
    let credentials = STANDARD.encode(format!("{}:{}", values::ACCOUNT_SID, values::AUTH_TOKEN));
    assert_eq!(request.header("authorization"), Some(&*format!("Basic {credentials}")));
    assert_eq!(request.target, "/v1/Configuration");

    let mut document = document.lock().unwrap();
    if request.method == "POST" {
        assert_eq!(request.header("content-type"), Some("application/json"));
        let change = request.json();
        assert_eq!(
            change["account_sid"], document["account_sid"],
            "account_sid is mandatory"
        );
        // The request replaces the fields that it contains. Objects are replaced as a whole, and other fields stay.
        let change = change.as_object().unwrap().clone();
        document.as_object_mut().unwrap().extend(change);
    } else {
        assert_eq!(request.method, "GET");
    }
    document.clone()
}
