//! The answers about the task of the setup's proof, its queue and its workflow.

use std::path::Path;

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::{
    super::{self as openapi, say},
    check,
};
use crate::{
    taskrouter::routing,
    tests::{Bench, openapi::description::Description},
};

const WORKSPACE: &str = "/v1/Workspaces/{WS}";

/// Returns the number of checked answers. Twilio's whole description has task queues and workflows. A description that was
/// cut may lack them, but not tasks.
pub(super) async fn answers_are_as_described(folder: &Path) -> usize {
    let description = Description::read(folder, "taskrouter_v1.json");
    let is_whole = !description.operation(openapi::QUEUES, &Method::POST).is_null();
    if is_whole {
        accepted_fields_are_described(&description);
    } else {
        say("OpenAPI: task queues and workflows are not described here, and were not compared");
    }
    let bench = Bench::new().await;
    let mut checked = 0;
    for (path, request) in life_of_a_task(&bench) {
        let is_of_a_task = matches!(path, openapi::TASKS | openapi::TASK_);
        if is_whole || is_of_a_task {
            checked += check(&description, path, request).await;
        } else {
            assert!(request.send().await.unwrap().status().is_success(), "{path}");
        }
    }
    checked
}

/// The requests in an order in which each succeeds, with their paths in the description. The double counts SIDs from 1.
fn life_of_a_task(bench: &Bench) -> Vec<(&'static str, RequestBuilder)> {
    let sid = |prefix: &str, number: u32| format!("{prefix}{number:032x}");
    let (queue, workflow, task) = (sid("WQ", 1), sid("WW", 2), sid("WT", 1));
    let configuration = json!({"task_routing": {"filters": [], "default_filter": {"queue": queue}}}).to_string();
    let request = |method: Method, path: &str| bench.api(method, &format!("{WORKSPACE}/{path}"));
    let post = |path: &str, form: &[(&str, &str)]| request(Method::POST, path).form(form);
    let get = |path: &str| request(Method::GET, path);
    let delete = |path: &str| request(Method::DELETE, path);
    let queue_form = [("FriendlyName", "A name"), ("TargetWorkers", "1==2")];
    let workflow_form = [("FriendlyName", "A name"), ("Configuration", &configuration)];
    let task_form = [("WorkflowSid", workflow.as_str()), ("Attributes", "{}")];
    let cancel = [("AssignmentStatus", "canceled"), ("Reason", "none")];
    vec![
        (openapi::QUEUES, post("TaskQueues", &queue_form)),
        (openapi::QUEUES, get("TaskQueues?FriendlyName=A%20name&PageSize=1")),
        (openapi::WORKFLOWS, post("Workflows", &workflow_form)),
        (openapi::WORKFLOWS, get("Workflows")),
        (openapi::TASKS, post("Tasks", &task_form)),
        (openapi::TASKS, get(&format!("Tasks?WorkflowSid={workflow}"))),
        (openapi::TASK_, post(&format!("Tasks/{task}"), &cancel)),
        (openapi::TASK_, get(&format!("Tasks/{task}"))),
        (openapi::TASK_, delete(&format!("Tasks/{task}"))),
        (openapi::WORKFLOW_, delete(&format!("Workflows/{workflow}"))),
        (openapi::QUEUE_, delete(&format!("TaskQueues/{queue}"))),
    ]
}

fn accepted_fields_are_described(description: &Description) {
    for (path, fields) in [
        (openapi::QUEUES, routing::QUEUE_FIELDS),
        (openapi::WORKFLOWS, routing::WORKFLOW_FIELDS),
    ] {
        let body = &description.operation(path, &Method::POST)["requestBody"]["content"];
        let described = &body["application/x-www-form-urlencoded"]["schema"]["properties"];
        assert!(fields.iter().all(|field| described.get(field).is_some()), "{path}");
        let parameters = description.operation(path, &Method::GET)["parameters"].as_array();
        let names: Vec<_> = parameters
            .unwrap()
            .iter()
            .filter_map(|it| it["name"].as_str())
            .collect();
        assert!(routing::PARAMETERS.iter().all(|name| names.contains(name)), "{path}");
    }
}
