//! The double's answers against Twilio's published OpenAPI description, so that it can't drift from Twilio.
//!
//! The description isn't part of this repository: `OPENAPI_DIR` is the absolute path of the folder that holds it. Unset, the
//! test says so and passes, unless `OPENAPI_REQUIRED=1`. It describes successes only, so error answers are held by the other tests.

use std::{
    env, fs,
    io::{Write, stderr},
    path::{Path, PathBuf},
};

use jsonschema::Validator;
use reqwest::{Method, RequestBuilder};
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};
use url::Url;

use super::{Bench, RECORDING, TASK, wav_of};
use crate::twilio_double::{AssignmentStatus, recordings::metadata, taskrouter::list};

const RECORDINGS: &str = "/2010-04-01/Accounts/{AccountSid}/Recordings.json";
const RECORDING_: &str = "/2010-04-01/Accounts/{AccountSid}/Recordings/{Sid}.json";
const TASKS: &str = "/v1/Workspaces/{WorkspaceSid}/Tasks";
const TASK_: &str = "/v1/Workspaces/{WorkspaceSid}/Tasks/{Sid}";

#[tokio::test]
async fn answers_are_as_described() {
    let Some(folder) = description_folder() else { return };
    let mut checked = 0;
    checked += recordings_are_as_described(&Description::read(&folder, "api_v2010.json")).await;
    checked += tasks_are_as_described(&Description::read(&folder, "taskrouter_v1.json")).await;
    say(&format!(
        "OpenAPI: {checked} answers of the Twilio double are as described"
    ));
}

#[test]
fn the_double_takes_no_parameter_that_is_not_described() {
    let Some(folder) = description_folder() else { return };
    let recordings = Description::read(&folder, "api_v2010.json");
    let tasks = Description::read(&folder, "taskrouter_v1.json");
    for (description, path, known) in [
        (recordings, RECORDINGS, metadata::PARAMETERS.as_slice()),
        (tasks, TASKS, list::PARAMETERS.as_slice()),
    ] {
        let operation = description.operation(path, &Method::GET);
        let described: Vec<_> = operation["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| &it["name"])
            .collect();
        for name in known {
            assert!(described.contains(&&json!(name)), "{path} {name}");
        }
    }
}

/// The check itself: whatever is left out, added or of another type must be noticed.
#[tokio::test]
async fn an_answer_that_is_not_as_described_is_noticed() {
    let Some(folder) = description_folder() else { return };
    let description = Description::read(&folder, "taskrouter_v1.json");
    let schema = description.schema(TASK_, &Method::GET, 200).unwrap();
    let bench = Bench::new().await;
    bench.double.add_task(TASK, "{}");
    let answer = bench
        .api(Method::GET, "/v1/Workspaces/{WS}/Tasks/{WT}")
        .send()
        .await
        .unwrap();
    let good: Map<String, Value> = answer.json().await.unwrap();
    assert!(schema.is_valid(&Value::Object(good.clone())));
    for name in good.keys() {
        let mut missing = good.clone();
        missing.remove(name);
        assert!(!schema.is_valid(&Value::Object(missing)), "without {name}");
        let mut mistyped = good.clone();
        mistyped.insert(name.clone(), json!([1]));
        assert!(!schema.is_valid(&Value::Object(mistyped)), "{name} is a list");
    }
    for (name, wrong) in [
        ("sid", "WT1"),
        ("date_created", "yesterday"),
        ("assignment_status", "done"),
        ("more", "x"),
    ] {
        let mut other = good.clone();
        other.insert(name.to_owned(), json!(wrong));
        assert!(!schema.is_valid(&Value::Object(other)), "{name} is {wrong}");
    }
}

async fn recordings_are_as_described(description: &Description) -> usize {
    let bench = Bench::new().await;
    let list = "/2010-04-01/Accounts/{AC}/Recordings.json";
    let one = "/2010-04-01/Accounts/{AC}/Recordings/{RE}.json";
    let mut checked = 0;
    let get = |path: &str| bench.api(Method::GET, path);

    checked += description.check(RECORDINGS, get(list)).await;
    bench.record(&format!("{RECORDING}.wav"), &wav_of(2, 3));
    bench.record(&format!("RE{:032x}.mp3", 1), &[0; 9_000]);
    bench.record(&format!("RE{:032x}.wav", 2), b"not a WAV");
    checked += description.check(RECORDING_, get(one)).await;
    for n in [1, 2] {
        checked += description
            .check(RECORDING_, get(&one.replace("{RE}", &format!("RE{n:032x}"))))
            .await;
    }
    for page in [
        "PageSize=1",
        "PageSize=1&Page=1&PageToken=PT1",
        "PageSize=1&Page=2&PageToken=PT2",
    ] {
        checked += description.check(RECORDINGS, get(&format!("{list}?{page}"))).await;
    }
    checked += description.check(RECORDING_, bench.api(Method::DELETE, one)).await;
    checked += description
        .check(RECORDING_, get(&format!("{one}?IncludeSoftDeleted=true")))
        .await;
    checked
}

async fn tasks_are_as_described(description: &Description) -> usize {
    let bench = Bench::new().await;
    let list = "/v1/Workspaces/{WS}/Tasks";
    let one = "/v1/Workspaces/{WS}/Tasks/{WT}";
    let mut checked = 0;
    let get = |path: &str| bench.api(Method::GET, path);

    checked += description.check(TASKS, get(list)).await;
    bench.double.add_task(TASK, r#"{"call_sid":"CA1"}"#);
    checked += description.check(TASK_, get(one)).await;
    let form = [("Attributes", r#"{"call_sid":"CA2"}"#)];
    checked += description
        .check(TASK_, bench.api(Method::POST, one).header("if-match", "0").form(&form))
        .await;
    checked += description
        .check(
            TASKS,
            get(&format!("{list}?EvaluateTaskAttributes=call_sid%3D%3D%27CA2%27")),
        )
        .await;
    for status in [
        AssignmentStatus::Pending,
        AssignmentStatus::Reserved,
        AssignmentStatus::Wrapping,
        AssignmentStatus::Completed,
        AssignmentStatus::Canceled,
    ] {
        bench.double.add_task_with(TASK, "{}", status);
        checked += description.check(TASK_, get(one)).await;
    }
    bench.double.add_task(&format!("WT{:032x}", 2), "{}");
    for page in ["PageSize=1", "PageSize=1&Page=1&PageToken=PT1"] {
        checked += description.check(TASKS, get(&format!("{list}?{page}"))).await;
    }
    checked
}

/// A file of Twilio's description.
struct Description(Value);

impl Description {
    fn read(folder: &Path, file: &str) -> Self {
        let path = folder.join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(serde_json::from_str(&text).unwrap())
    }

    fn operation(&self, path: &str, method: &Method) -> &Value {
        &self.0["paths"][path][method.as_str().to_lowercase()]
    }

    /// Sends the request and holds the answer against the description of `path`; 1, for counting.
    async fn check(&self, path: &str, request: RequestBuilder) -> usize {
        let (client, request) = request.build_split();
        let request = request.unwrap();
        let method = request.method().clone();
        let answer = client.execute(request).await.unwrap();
        let status = answer.status().as_u16();
        let described = &self.operation(path, &method)["responses"][status.to_string()];
        assert!(!described.is_null(), "{method} {path}: {status} is not described");
        if described["headers"].get("ETag").is_some() {
            assert_eq!(
                answer.headers().contains_key("etag"),
                path == TASK_,
                "{method} {path}: ETag"
            );
        }
        let body = answer.bytes().await.unwrap();
        match self.schema(path, &method, status) {
            None => assert_eq!(body.len(), 0, "{method} {path}: {status} has a body"),
            Some(schema) => {
                let body = serde_json::from_slice(&body).unwrap();
                let errors: Vec<_> = schema
                    .iter_errors(&body)
                    .map(|it| format!("{}: {it}", it.instance_path()))
                    .collect();
                assert!(errors.is_empty(), "{method} {path}: {status}\n{}", errors.join("\n"));
            }
        }
        1
    }

    /// The schema of a response's body; None when it has none.
    fn schema(&self, path: &str, method: &Method, status: u16) -> Option<Validator> {
        let content = &self.operation(path, method)["responses"][status.to_string()]["content"];
        let mut schema = content.get("application/json")?["schema"].clone();
        schema["components"] = self.0["components"].clone();
        tighten(&mut schema);
        let options = jsonschema::options().should_validate_formats(true);
        // The description calls paths URIs too (`next_page_uri`).
        let base = Url::parse("https://api.twilio.com").unwrap();
        let options = options.with_format("uri", move |text: &str| base.join(text).is_ok());
        let options = options.with_format("date-time-rfc-2822", |text: &str| {
            OffsetDateTime::parse(text, &Rfc2822).is_ok()
        });
        Some(options.build(&schema).unwrap())
    }
}

/// From OpenAPI 3.0 to JSON Schema, and stricter: the double's objects have every property described and no other.
fn tighten(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(tighten),
        Value::Object(schema) => {
            schema.values_mut().for_each(tighten);
            if schema.get("nullable") == Some(&json!(true))
                && let Some(only) = schema.get("type").cloned()
            {
                schema.insert("type".to_owned(), json!([only, "null"]));
            }
            if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
                let names: Vec<_> = properties.keys().cloned().collect();
                schema.insert("required".to_owned(), json!(names));
                schema.insert("additionalProperties".to_owned(), json!(false));
            }
        }
        _ => {}
    }
}

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
