//! TaskRouter: a task from its creation to its deletion, in a workflow and a queue of its own.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Bench;
use crate::AssignmentStatus;

const WORKSPACE: &str = "/v1/Workspaces/{WS}";

async fn send(bench: &Bench, method: Method, path: &str, form: &[(&str, &str)]) -> (StatusCode, Value) {
    let request = bench.api(method.clone(), &format!("{WORKSPACE}/{path}"));
    let request = if method == Method::POST {
        request.form(form)
    } else {
        request
    };
    let answer = request.send().await.unwrap();
    let (status, body) = (answer.status(), answer.bytes().await.unwrap());
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

async fn created(bench: &Bench, path: &str, form: &[(&str, &str)]) -> String {
    let (status, body) = send(bench, Method::POST, path, form).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    body["sid"].as_str().unwrap().to_owned()
}

fn configuration(queue: &str) -> String {
    json!({"task_routing": {"filters": [], "default_filter": {"queue": queue}}}).to_string()
}

/// A queue, a workflow and a task in it.
async fn made(bench: &Bench) -> (String, String, String) {
    let queue = [("FriendlyName", "A name"), ("TargetWorkers", "1==2")];
    let queue = created(bench, "TaskQueues", &queue).await;
    let workflow = [("FriendlyName", "A name"), ("Configuration", &configuration(&queue))];
    let workflow = created(bench, "Workflows", &workflow).await;
    let task = [("WorkflowSid", workflow.as_str()), ("Attributes", r#"{"a":1}"#)];
    let task = created(bench, "Tasks", &task).await;
    (queue, workflow, task)
}

#[tokio::test]
async fn a_task_is_canceled_changed_and_deleted() {
    let bench = Bench::new().await;
    let (queue, workflow, task) = made(&bench).await;
    let one = format!("Tasks/{task}");
    let (_, shown) = send(&bench, Method::GET, &one, &[]).await;
    assert_eq!(shown["assignment_status"], "pending");
    assert_eq!(
        (&shown["workflow_sid"], &shown["task_queue_sid"]),
        (&json!(workflow), &json!(queue))
    );
    assert_eq!(shown["task_queue_friendly_name"], "A name");

    let cancel = [("AssignmentStatus", "canceled"), ("Reason", "none")];
    assert_eq!(send(&bench, Method::POST, &one, &cancel).await.0, StatusCode::OK);
    let task_now = || bench.double.task(&task).unwrap();
    assert_eq!(
        (task_now().assignment_status, task_now().version),
        (AssignmentStatus::Canceled, 1)
    );
    let again = send(&bench, Method::POST, &one, &cancel).await.0;
    assert_eq!(again, StatusCode::BAD_REQUEST, "a canceled task is not canceled again");
    let change = [("Attributes", "{}")];
    assert_eq!(send(&bench, Method::POST, &one, &change).await.0, StatusCode::OK);
    assert_eq!(task_now().attributes, "{}");

    assert_eq!(send(&bench, Method::DELETE, &one, &[]).await.0, StatusCode::NO_CONTENT);
    assert_eq!(send(&bench, Method::DELETE, &one, &[]).await.0, StatusCode::NOT_FOUND);
    assert!(bench.double.task_sids().is_empty());
}

#[tokio::test]
async fn what_is_in_use_is_not_deleted() {
    let bench = Bench::new().await;
    let (queue, workflow, task) = made(&bench).await;
    let order = [
        format!("Tasks/{task}"),
        format!("Workflows/{workflow}"),
        format!("TaskQueues/{queue}"),
    ];
    for in_use in &order[1..] {
        assert_eq!(
            send(&bench, Method::DELETE, in_use, &[]).await.0,
            StatusCode::BAD_REQUEST
        );
    }
    for path in &order {
        assert_eq!(
            send(&bench, Method::DELETE, path, &[]).await.0,
            StatusCode::NO_CONTENT,
            "{path}"
        );
        assert_eq!(
            send(&bench, Method::DELETE, path, &[]).await.0,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    assert!(bench.double.routing_names().is_empty());
}

#[tokio::test]
async fn lists_are_by_name_and_by_workflow() {
    let bench = Bench::new().await;
    let (queue, workflow, task) = made(&bench).await;
    bench.double.add_task(super::TASK, "{}");
    for (query, key, sid) in [
        ("TaskQueues?FriendlyName=A%20name".to_owned(), "task_queues", &queue),
        ("Workflows?FriendlyName=A%20name".to_owned(), "workflows", &workflow),
        (format!("Tasks?WorkflowSid={workflow}"), "tasks", &task),
    ] {
        let (_, found) = send(&bench, Method::GET, &query, &[]).await;
        assert_eq!(found[key].as_array().unwrap().len(), 1, "{query}");
        assert_eq!(found[key][0]["sid"], json!(sid));
    }
    for other in ["TaskQueues?FriendlyName=Other", "Workflows?FriendlyName=Other"] {
        let (_, found) = send(&bench, Method::GET, other, &[]).await;
        let key = found["meta"]["key"].as_str().unwrap();
        assert_eq!(found[key], json!([]), "{other}");
    }
}

#[tokio::test]
async fn malformed_requests_create_nothing() {
    let bench = Bench::new().await;
    let (queue, _, _) = made(&bench).await;
    let before = (bench.double.task_sids(), bench.double.routing_names());
    let other = configuration("WQ00000000000000000000000000000fff");
    let right = configuration(&queue);
    for (path, form) in [
        ("TaskQueues", vec![("TargetWorkers", "1==2")]),
        ("TaskQueues", vec![("FriendlyName", "A name")]),
        ("TaskQueues", vec![("FriendlyName", "B"), ("Color", "blue")]),
        ("Workflows", vec![("FriendlyName", "B")]),
        ("Workflows", vec![("FriendlyName", "B"), ("Configuration", &other)]),
        ("Workflows", vec![("FriendlyName", "B"), ("Configuration", "{}")]),
        ("Workflows", vec![("FriendlyName", "A name"), ("Configuration", &right)]),
        ("Tasks", vec![("Attributes", "{}")]),
        ("Tasks", vec![("WorkflowSid", "WW1")]),
    ] {
        let (status, body) = send(&bench, Method::POST, path, &form).await;
        assert_eq!(
            (status, &body["code"]),
            (StatusCode::BAD_REQUEST, &json!(20001)),
            "{form:?}"
        );
    }
    assert_eq!((bench.double.task_sids(), bench.double.routing_names()), before);
}
