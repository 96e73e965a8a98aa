//! The double's answers.

mod routing;
mod setup;

use jsonschema::Validator;
use reqwest::{Method, RequestBuilder};
use serde_json::{Map, Value, json};

use super::{CALLS, RECORDING_, RECORDINGS, TASK_, TASKS, description::Description, description_folder, say};
use crate::{
    AssignmentStatus, phone_calls,
    recordings::metadata,
    taskrouter::list,
    tests::{Bench, RECORDING, TASK, wav_of},
};

#[tokio::test]
async fn answers_are_as_described() {
    let Some(folder) = description_folder() else { return };
    let mut checked = 0;
    checked += recordings_are_as_described(&Description::read(&folder, "api_v2010.json")).await;
    checked += tasks_are_as_described(&Description::read(&folder, "taskrouter_v1.json")).await;
    checked += routing::answers_are_as_described(&folder).await;
    checked += setup::answers_are_as_described(&folder).await;
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
        (&recordings, RECORDINGS, metadata::PARAMETERS.as_slice()),
        (&recordings, CALLS, phone_calls::PARAMETERS.as_slice()),
        (&tasks, TASKS, list::PARAMETERS.as_slice()),
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

/// A test of the check itself: it must notice what is missing, added or of another type.
#[tokio::test]
async fn an_answer_that_is_not_as_described_is_noticed() {
    let Some(folder) = description_folder() else { return };
    let description = Description::read(&folder, "taskrouter_v1.json");
    let schema = schema(&description, TASK_, &Method::GET, 200).unwrap();
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

    checked += check(description, RECORDINGS, get(list)).await;
    let calls = "/2010-04-01/Accounts/{AC}/Calls.json";
    checked += check(description, CALLS, get(calls)).await;
    for n in [1, 2] {
        let sid = format!("CA{n:032x}");
        bench.double.add_phone_call(&sid, "+15550100001", "+15550100002");
    }
    for page in ["From=%2B15550100001", "PageSize=1", "PageSize=1&Page=1&PageToken=PT1"] {
        checked += check(description, CALLS, get(&format!("{calls}?{page}"))).await;
    }
    bench.record(&format!("{RECORDING}.wav"), &wav_of(2, 3));
    bench.record(&format!("RE{:032x}.mp3", 1), &[0; 9_000]);
    bench.record(&format!("RE{:032x}.wav", 2), b"not a WAV");
    let origin = format!(r#"{{"call_sid": null, "conference_sid": "CF{:032x}"}}"#, 1);
    bench.record(&format!("RE{:032x}.origin.json", 2), origin.as_bytes());
    checked += check(description, RECORDING_, get(one)).await;
    for n in [1, 2] {
        checked += check(
            description,
            RECORDING_,
            get(&one.replace("{RE}", &format!("RE{n:032x}"))),
        )
        .await;
    }
    for page in [
        "PageSize=1",
        "PageSize=1&Page=1&PageToken=PT1",
        "PageSize=1&Page=2&PageToken=PT2",
    ] {
        checked += check(description, RECORDINGS, get(&format!("{list}?{page}"))).await;
    }
    checked += check(description, RECORDING_, bench.api(Method::DELETE, one)).await;
    checked += check(description, RECORDING_, get(&format!("{one}?IncludeSoftDeleted=true"))).await;
    checked
}

async fn tasks_are_as_described(description: &Description) -> usize {
    let bench = Bench::new().await;
    let list = "/v1/Workspaces/{WS}/Tasks";
    let one = "/v1/Workspaces/{WS}/Tasks/{WT}";
    let mut checked = 0;
    let get = |path: &str| bench.api(Method::GET, path);

    checked += check(description, TASKS, get(list)).await;
    bench.double.add_task(TASK, r#"{"call_sid":"CA1"}"#);
    checked += check(description, TASK_, get(one)).await;
    let form = [("Attributes", r#"{"call_sid":"CA2"}"#)];
    checked += check(
        description,
        TASK_,
        bench.api(Method::POST, one).header("if-match", "0").form(&form),
    )
    .await;
    checked += check(
        description,
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
        checked += check(description, TASK_, get(one)).await;
    }
    bench.double.add_task(&format!("WT{:032x}", 2), "{}");
    for page in ["PageSize=1", "PageSize=1&Page=1&PageToken=PT1"] {
        checked += check(description, TASKS, get(&format!("{list}?{page}"))).await;
    }
    checked
}

/// Sends the request and checks the answer against the description of `path`. Returns 1, for counting.
async fn check(description: &Description, path: &str, request: RequestBuilder) -> usize {
    let (client, request) = request.build_split();
    let request = request.unwrap();
    let method = request.method().clone();
    let answer = client.execute(request).await.unwrap();
    let status = answer.status().as_u16();
    let described = &description.operation(path, &method)["responses"][status.to_string()];
    assert!(!described.is_null(), "{method} {path}: {status} is not described");
    if described["headers"].get("ETag").is_some() {
        assert_eq!(
            answer.headers().contains_key("etag"),
            path == TASK_,
            "{method} {path}: ETag"
        );
    }
    let body = answer.bytes().await.unwrap();
    match schema(description, path, &method, status) {
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

/// The schema of a response's body, if it has one.
fn schema(description: &Description, path: &str, method: &Method, status: u16) -> Option<Validator> {
    let content = &description.operation(path, method)["responses"][status.to_string()]["content"];
    Some(description.validator(&content.get("application/json")?["schema"]))
}
