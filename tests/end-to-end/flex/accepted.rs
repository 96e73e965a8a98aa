//! Accepts calls with Flex UI and flex-sdk, all in one Node.js process.

use std::{collections::BTreeMap, fs, process::Stdio};

use local_stack::values;
use serde_json::{Map, Value, json};
use tokio::{io::AsyncWriteExt, process::Command, sync::OnceCell};
use toolbox::workspace_root;

/// The result of an accepted call.
pub(super) struct Accepted {
    pub(super) task: String,
    pub(super) reservation: String,
    /// The SID for the call's recording.
    pub(super) recording: String,
    /// The instruction to TaskRouter, as Twilio's SDK posts it.
    pub(super) posted: Value,
    /// Whether Flex has loaded the plugin.
    pub(super) has_plugin: bool,
    /// The states of the plugins in Flex UI's plugin manager.
    pub(super) plugins: Vec<String>,
    /// The text of Flex's notification bar.
    pub(super) notifications: String,
    /// Warnings and errors on the browser's console.
    pub(super) said: Vec<String>,
}

/// The part of a call that Twilio records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recorded {
    /// The whole call, once.
    Conference,
    /// The part of the agent who accepted.
    AgentsLeg,
}

impl Accepted {
    /// The instruction's parameters about recordings.
    pub(super) fn about_recordings(&self) -> Value {
        let parameters = self.posted.as_object().unwrap().iter();
        let about = parameters.filter(|(name, _)| name.contains("Record"));
        Value::Object(about.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    pub(super) fn recorded(&self) -> Vec<Recorded> {
        self.callbacks().iter().map(|(recorded, _)| *recorded).collect()
    }

    /// The recordings that the instruction starts, each with its callback (Twilio, "Update a Reservation").
    pub(super) fn callbacks(&self) -> Vec<(Recorded, &str)> {
        let started = [
            (
                Recorded::Conference,
                "ConferenceRecord",
                "ConferenceRecordingStatusCallback",
            ),
            (Recorded::AgentsLeg, "Record", "RecordingStatusCallback"),
        ];
        let on = |name: &str| {
            matches!(
                self.posted[name].to_string().trim_matches('"'),
                "true" | "record-from-start"
            )
        };
        let started = started.into_iter().filter(|(_, name, _)| on(name));
        started
            .map(|(recorded, _, callback)| (recorded, self.posted[callback].as_str().unwrap()))
            .collect()
    }
}

/// The callback for this task only.
pub(super) fn conference_callback(task: &str) -> String {
    callback_url().replace("#", &format!("?taskSid={task}#"))
}

/// The stack's output `CallbackUrl`.
fn callback_url() -> String {
    format!("{}{}#rc=3&rp=all", values::PUBLIC_BASE_URL, values::CALLBACK_PATH)
}

/// The accepted calls by the names of their cases. A failure fails all tests at once, because a build takes minutes.
pub(super) async fn accepted() -> &'static BTreeMap<&'static str, Accepted> {
    static ACCEPTED: OnceCell<Result<BTreeMap<&'static str, Accepted>, String>> = OnceCell::const_new();
    let run = || async { tokio::spawn(accept()).await.map_err(|error| error.to_string()) };
    ACCEPTED.get_or_init(run).await.as_ref().unwrap()
}

async fn accept() -> BTreeMap<&'static str, Accepted> {
    let tools = tokio::task::spawn_blocking(|| (toolbox::flex_modules().unwrap(), toolbox::flex_plugin().unwrap()));
    let (modules, plugin) = tools.await.unwrap();
    let plugin = fs::read_to_string(plugin.join("build/recording-vault.js")).unwrap();
    let cases = cases();
    let jobs: Vec<_> = (0..).zip(&cases).map(|(n, case)| case.job(n, &plugin)).collect();

    let mut node = Command::new("node")
        .arg(workspace_root().join("tests/flex/accept.cjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("Node.js 20 or later is on the path");
    let mut stdin = node.stdin.take().unwrap();
    let job = json!({"modules": modules, "cases": jobs}).to_string();
    stdin.write_all(job.as_bytes()).await.unwrap();
    drop(stdin);
    let ran = node.wait_with_output().await.unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    let results: Vec<Value> = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(results.len(), cases.len());
    let results = (0..).zip(results).zip(&cases);
    results
        .map(|((n, result), case)| (case.name, read(n, &result, case)))
        .collect()
}

fn read(n: u64, result: &Value, case: &Case) -> Accepted {
    let texts = |list: &Value| -> Vec<String> {
        let list = list.as_array().into_iter().flatten();
        list.map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let [posted] = result["posted"].as_array().unwrap().as_slice() else {
        panic!("there must be one instruction: {result}");
    };
    assert!(posted["url"].as_str().unwrap().ends_with(&sid("WR", n)), "{posted}");
    let console = &result["console"];
    Accepted {
        task: sid("WT", n),
        reservation: sid("WR", n),
        recording: sid("RE", n),
        posted: posted["params"].clone(),
        has_plugin: case.plugin.is_some(),
        plugins: texts(&result["plugins"]),
        notifications: result["notifications"].as_str().unwrap_or_default().to_owned(),
        said: [texts(&console["failed"]), texts(&console["warned"])].concat(),
    }
}

/// SIDs that no other test uses.
fn sid(kind: &str, n: u64) -> String {
    format!("{kind}{:032x}", 0xf1e0_0000 + n)
}

/// The configuration of Flex when an agent accepts a call.
struct Case {
    name: &'static str,
    by: &'static str,
    roles: [&'static str; 1],
    /// The plugin's settings. None without the plugin.
    plugin: Option<Value>,
    /// The options that another plugin sets before this one.
    conference_options: Value,
    /// "Call Recording" in the console.
    console: bool,
    webhook: Option<String>,
    /// Additional `ui_attributes`.
    ui_attributes: Map<String, Value>,
    worker_attributes: Value,
}

fn case(name: &'static str) -> Case {
    Case {
        name,
        by: "flex-ui",
        roles: ["admin"],
        plugin: None,
        conference_options: json!({}),
        console: false,
        webhook: None,
        ui_attributes: Map::new(),
        worker_attributes: json!({}),
    }
}

impl Case {
    fn plugin(mut self, settings: Value) -> Self {
        self.plugin = Some(settings);
        self
    }

    fn console(mut self) -> Self {
        self.console = true;
        self
    }

    /// The stack's output `CallRecordingWebhookUrl`.
    fn webhook(mut self) -> Self {
        self.webhook = Some(webhook_url());
        self.console()
    }

    fn ui_attribute(mut self, name: &str, value: Value) -> Self {
        self.ui_attributes.insert(name.to_owned(), value);
        self
    }

    /// The pause button of flex-project-template.
    fn pausing(self) -> Self {
        self.ui_attribute(
            "custom_data",
            json!({"features": {"pause_recording": {"enabled": true}}}),
        )
    }

    fn other_plugin(&self) -> String {
        format!(
            "Twilio.Flex.Actions.addListener('beforeAcceptTask', ({{conferenceOptions}}) => {{
                Object.assign(conferenceOptions, {});
            }})",
            self.conference_options
        )
    }

    fn job(&self, n: u64, script: &str) -> Value {
        let mut ui_attributes = self.ui_attributes.clone();
        ui_attributes.extend(
            self.plugin
                .iter()
                .map(|settings| ("recording_vault".to_owned(), settings.clone())),
        );
        json!({
            "by": self.by,
            "roles": self.roles,
            "plugin": self.plugin.as_ref().map(|_| format!("{};{script}", self.other_plugin())),
            "reservationSid": sid("WR", n),
            "workerAttributes": self.worker_attributes,
            "task": {
                "sid": sid("WT", n),
                "attributes": {"direction": "inbound", "customer": {"vip": true}},
                "queueSid": "WQ00000000000000000000000000000001",
                "queueName": "Support",
            },
            // The answer of Flex's Configuration API.
            "configuration": {
                "account_sid": values::ACCOUNT_SID,
                "taskrouter_workspace_sid": values::WORKSPACE_SID,
                "call_recording_enabled": self.console,
                "call_recording_webhook_url": self.webhook,
                "date_created": "2026-11-01T00:00:00Z",
                "date_updated": "2026-11-01T00:00:00Z",
                "ui_attributes": ui_attributes,
            },
        })
    }
}

fn webhook_url() -> String {
    callback_url().replace('#', "?taskSid={taskSid}#")
}

fn cases() -> Vec<Case> {
    let settings = |more: Value| {
        let mut settings = json!({"callback_url": callback_url()});
        settings
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        settings
    };
    let conference = || settings(json!({}));
    let reservation = || settings(json!({"mode": "reservation", "channels": "dual"}));
    let wrong = || settings(json!({"callback_url": "http://callback.local.test/"}));
    vec![
        case("console").webhook(),
        Case {
            by: "flex-sdk",
            ..case("console by flex-sdk").webhook()
        },
        Case {
            webhook: Some("https://other.example.com/".to_owned()),
            ..case("console by ui_attributes")
                .console()
                .ui_attribute("callRecordingCallbackUrl", json!(webhook_url()))
        },
        case("console without a webhook").console(),
        case("conference").plugin(conference()),
        case("conference and console").plugin(conference()).webhook(),
        case("conference and console without a webhook")
            .plugin(conference())
            .console(),
        case("reservation").plugin(reservation()),
        Case {
            conference_options: json!({"beep": "onEnter", "recordingStatusCallback": "https://other.example.com/"}),
            ..case("reservation beside another plugin").plugin(reservation())
        },
        case("excluded by queue")
            .plugin(settings(json!({"exclude_queues": ["Support"]})))
            .webhook(),
        case("excluded by the queue's SID")
            .plugin(settings(
                json!({"exclude_queues": ["WQ00000000000000000000000000000001"]}),
            ))
            .webhook(),
        case("excluded by attribute")
            .plugin(settings(json!({
                "exclude_attributes": [{"key": "customer.vip", "value": true}],
            })))
            .webhook(),
        case("wrong setting, administrator").plugin(wrong()),
        Case {
            roles: ["agent"],
            ..case("wrong setting, agent").plugin(wrong())
        },
        case("pause: console").webhook().pausing(),
        case("pause: conference").plugin(conference()).pausing(),
        case("pause: conference and console")
            .plugin(conference())
            .webhook()
            .pausing(),
        case("pause: reservation").plugin(reservation()).pausing(),
        case("pause: reservation and console")
            .plugin(reservation())
            .webhook()
            .pausing(),
        Case {
            worker_attributes: json!({"config_overrides": {"features": {"pause_recording": {"enabled": true}}}}),
            ..case("pause for one worker: reservation").plugin(reservation())
        },
    ]
}
