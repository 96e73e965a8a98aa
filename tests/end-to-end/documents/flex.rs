//! Runs the commands that write Flex's configuration, against its Configuration API as Twilio documents it.

use std::sync::{Arc, Mutex};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use local_stack::values;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{OPERATIONS, PLUGIN, block_with, shell::Shell};
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
        .run(&block_with(OPERATIONS, "call_recording_enabled").after(&account))
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

struct Configuration {
    address: String,
    document: Arc<Mutex<Value>>,
}

impl Configuration {
    async fn serve(document: Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let document = Arc::new(Mutex::new(document));
        let served = Arc::clone(&document);
        tokio::spawn(async move {
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                answer(connection, &served).await;
            }
        });
        Self { address, document }
    }

    fn document(&self) -> Value {
        self.document.lock().unwrap().clone()
    }
}

async fn answer(mut connection: TcpStream, document: &Mutex<Value>) {
    let (head, body) = request(&mut connection).await;
    let credentials = STANDARD.encode(format!("{}:{}", values::ACCOUNT_SID, values::AUTH_TOKEN));
    assert!(
        head.contains(&format!("Authorization: Basic {credentials}\r\n")),
        "{head}"
    );
    let answer = {
        let mut document = document.lock().unwrap();
        if head.starts_with("POST /v1/Configuration ") {
            assert!(head.contains("Content-Type: application/json\r\n"), "{head}");
            let change: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(
                change["account_sid"], document["account_sid"],
                "account_sid is mandatory"
            );
            // The request replaces the fields that it contains. Objects are replaced as a whole, and other fields stay.
            let change = change.as_object().unwrap().clone();
            document.as_object_mut().unwrap().extend(change);
        } else {
            assert!(head.starts_with("GET /v1/Configuration "), "{head}");
        }
        document.to_string()
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        answer.len()
    );
    connection.write_all((head + &answer).as_bytes()).await.unwrap();
}

/// The head and the body of an HTTP request.
async fn request(connection: &mut TcpStream) -> (String, String) {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = format!("{head}\r\n");
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return (head, body.to_owned());
            }
        }
        assert_ne!(connection.read_buf(&mut read).await.unwrap(), 0, "{text}");
    }
}
