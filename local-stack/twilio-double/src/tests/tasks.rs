//! TaskRouter: versions, searches, limits.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::{Bench, TASK};
use crate::AssignmentStatus;

const TASKS: &str = "/v1/Workspaces/{WS}/Tasks";
const ONE: &str = "/v1/Workspaces/{WS}/Tasks/{WT}";

async fn update(bench: &Bench, if_match: &str, attributes: &str) -> Response {
    let request = bench.api(Method::POST, ONE).header("if-match", if_match);
    request.form(&[("Attributes", attributes)]).send().await.unwrap()
}

async fn search(bench: &Bench, query: &[(&str, &str)]) -> Response {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query)
        .finish();
    bench
        .api(Method::GET, &format!("{TASKS}?{query}"))
        .send()
        .await
        .unwrap()
}

async fn code(answer: Response) -> (u16, Option<u64>) {
    (
        answer.status().as_u16(),
        answer.json::<Value>().await.unwrap()["code"].as_u64(),
    )
}

#[tokio::test]
async fn an_update_holds_only_for_the_version_it_was_made_from() {
    let bench = Bench::new().await;
    bench.double.add_task(TASK, r#"{"a": 1}"#);
    let fetched = bench.api(Method::GET, ONE).send().await.unwrap();
    assert_eq!(fetched.headers()["etag"], r#""0""#);
    assert_eq!(fetched.json::<Value>().await.unwrap()["attributes"], r#"{"a": 1}"#);

    let updated = update(&bench, r#""0""#, r#"{"a":2}"#).await;
    assert_eq!(updated.status(), StatusCode::OK);
    assert_eq!(updated.headers()["etag"], r#""1""#);
    assert_eq!(code(update(&bench, r#""0""#, "{}").await).await, (412, Some(20412)));
    assert_eq!(
        update(&bench, "1", r#"{"a":3}"#).await.status(),
        StatusCode::OK,
        "unquoted, as Twilio's page has it"
    );
    assert_eq!(code(update(&bench, "1", "{}").await).await, (412, Some(20412)));
    assert_eq!(bench.double.task(TASK).unwrap().attributes, r#"{"a":3}"#);

    bench.double.add_task(TASK, r#"{"a":4}"#);
    assert_eq!(
        code(update(&bench, "2", "{}").await).await,
        (412, Some(20412)),
        "another writer came between"
    );
}

#[tokio::test]
async fn a_task_that_is_gone_is_404_for_reader_and_writer() {
    let bench = Bench::new().await;
    bench.double.add_task(TASK, "{}");
    assert!(bench.double.delete_task(TASK));
    assert_eq!(
        code(bench.api(Method::GET, ONE).send().await.unwrap()).await,
        (404, Some(20404))
    );
    assert_eq!(code(update(&bench, "0", "{}").await).await, (404, Some(20404)));
}

#[tokio::test]
async fn attributes_are_json_of_at_most_4096_characters() {
    let bench = Bench::new().await;
    bench.double.add_task(TASK, "{}");
    // Characters, not bytes: each of these has two bytes.
    let fits = format!(r#"{{"x":"{}"}}"#, "é".repeat(4096 - 8));
    assert_eq!(fits.chars().count(), 4096);
    for attributes in [
        fits.replace("é", "éé"),
        fits.clone() + " ",
        "{".to_owned(),
        String::new(),
    ] {
        assert_eq!(code(update(&bench, "0", &attributes).await).await, (400, Some(20001)));
    }
    assert_eq!(update(&bench, "0", &fits).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_search_finds_the_newest_first_on_request_and_shows_no_attributes() {
    let bench = Bench::new().await;
    bench.double.limit_searches(usize::MAX);
    for n in 0..3 {
        let attributes = json!({"conference": {"participants": {"worker": format!("CA{}", n % 2)}}});
        bench.double.add_task(&format!("WT{n:032x}"), &attributes.to_string());
    }
    bench.double.add_task_with(TASK, "not json", AssignmentStatus::Pending);
    let found = async |query: &[(&str, &str)]| {
        let answer = search(&bench, query).await;
        let page: Value = answer.json().await.unwrap();
        let tasks = page["tasks"].as_array().unwrap().clone();
        assert!(tasks.iter().all(|task| task["attributes"].is_null()));
        tasks
            .iter()
            .map(|task| {
                task["sid"]
                    .as_str()
                    .unwrap()
                    .trim_start_matches("WT0")
                    .trim_start_matches('0')
                    .to_owned()
            })
            .collect::<Vec<_>>()
    };
    let worker = ("EvaluateTaskAttributes", "conference.participants.worker == 'CA0'");
    assert_eq!(found(&[worker]).await, ["", "2"]);
    assert_eq!(found(&[worker, ("Ordering", "DateCreated:desc")]).await, ["2", ""]);
    assert_eq!(
        found(&[worker, ("Ordering", "DateCreated:desc"), ("PageSize", "1")]).await,
        ["2"]
    );
    assert_eq!(found(&[("AssignmentStatus", "pending")]).await.len(), 1);
    assert_eq!(found(&[]).await.len(), 4);

    let wrong = search(&bench, &[("EvaluateTaskAttributes", "a LIKE 'b'")]).await;
    assert_eq!(code(wrong).await, (400, Some(20001)));
}

#[tokio::test]
async fn searches_beyond_the_limit_are_429_and_plain_lists_never() {
    let bench = Bench::new().await;
    bench.double.limit_searches(0);
    let refused = search(&bench, &[("EvaluateTaskAttributes", "a == 'b'")]).await;
    assert_eq!(
        refused.headers()["x-rate-limit-config"],
        "Task-List-EvaluateTaskAttributes"
    );
    assert_eq!(refused.headers()["x-rate-limit-remaining"], "0");
    assert!(!refused.headers().contains_key("retry-after"));
    assert_eq!(code(refused).await, (429, Some(20429)));
    assert_eq!(
        bench.api(Method::GET, TASKS).send().await.unwrap().status(),
        StatusCode::OK
    );
}
