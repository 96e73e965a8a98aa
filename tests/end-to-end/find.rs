//! Questions for recordings on the whole stack, also after an erasure that broke off.

use local_stack::{Fault, Invoked, Role, Rule, Stack, values};
use serde_json::{Value, json};

use crate::support::{Recording, alone};

/// The SDK sends a request four times.
const ALL_ATTEMPTS: u64 = 4;

/// A request of an erasure to S3.
struct Request {
    operation: String,
    key: String,
    /// How many like it come before it.
    before: u64,
}

async fn operate(stack: &Stack, event: Value) -> Invoked {
    stack.invoke(Role::Operator, &event).await.unwrap()
}

/// The recordings that the questions by an index name, and the state by the recording's own SID.
async fn named(stack: &Stack, recording: &Recording) -> (Vec<String>, String) {
    let mut named = Vec::new();
    for question in [
        json!({"call": recording.call}),
        json!({"task": recording.task}),
        json!({"from": "2000-01-01", "to": "2099-12-31"}),
    ] {
        let mut page = question;
        loop {
            let answer = operate(stack, json!({ "find": page })).await;
            assert!(!answer.failed, "{answer:?}");
            let found = answer.payload["found"].as_array().unwrap().iter();
            let sids = found.map(|row| row["recordingSid"].as_str().unwrap().to_owned());
            named.extend(sids.filter(|sid| *sid == recording.sid));
            match answer.payload.get("next") {
                Some(next) => page["after"] = next.clone(),
                None => break,
            }
        }
    }
    let answer = operate(stack, json!({"find": {"recording": recording.sid}})).await;
    let state = answer.payload["found"][0]["state"].as_str().unwrap().to_owned();
    (named, state)
}

async fn stored(stack: &Stack) -> Recording {
    let recording = Recording::new(stack, 20_000);
    recording.bring_in(stack).await;
    recording
}

fn erasure(recording: &Recording) -> Value {
    json!({"erase": {"recordingSid": recording.sid, "keepOriginal": true}})
}

/// The requests of an erasure to S3, in their order, as those about `other` would be.
async fn requests(stack: &Stack, recording: &Recording) -> Vec<Request> {
    let mark = stack.wire().mark();
    assert!(!operate(stack, erasure(recording)).await.failed);
    let calls = stack.wire().since(mark);
    let calls = calls
        .iter()
        .filter(|call| call.role == Role::Operator && call.service == "s3");
    let mut requests: Vec<Request> = Vec::new();
    for call in calls {
        let same = |request: &&Request| request.operation == call.operation && request.key == call.key;
        let before = requests.iter().filter(same).count() as u64;
        requests.push(Request {
            operation: call.operation.clone(),
            key: call.key.clone(),
            before,
        });
    }
    requests
}

#[tokio::test]
async fn an_erasure_that_breaks_off_at_any_request_leaves_nothing_to_find() {
    let (stack, _turn) = alone().await;
    // It also removes the file of the catalog that another test may have written.
    assert!(!operate(stack, erasure(&stored(stack).await)).await.failed);
    let first = stored(stack).await;
    let found = named(stack, &first).await;
    assert_eq!(found, (vec![first.sid.clone(); 3], "stored".to_owned()));
    let requests = requests(stack, &first).await;
    assert_eq!(named(stack, &first).await, (Vec::new(), "erased".to_owned()));
    assert_eq!(requests[0].key, format!("erased/{}", first.sid));
    assert!(requests.len() > 10, "{}", requests.len());
    for request in requests {
        let recording = stored(stack).await;
        let key = request.key.replace(&first.sid, &recording.sid);
        let key = key
            .replace(&first.call, &recording.call)
            .replace(&first.task, &recording.task);
        let fault = Fault::Error(500, "InternalError");
        let rule = Rule::new("s3", &request.operation, fault)
            .role(Role::Operator)
            .key(&key);
        stack.wire().inject(rule.nth(request.before + 1).times(ALL_ATTEMPTS));
        let answer = operate(stack, erasure(&recording)).await;
        assert!(answer.failed, "{} {key}: {answer:?}", request.operation);
        stack.wire().clear_faults();
        let found = named(stack, &recording).await;
        if request.operation == "PutObject" {
            // The mark was not written, so nothing has begun.
            assert_eq!(found, (vec![recording.sid.clone(); 3], "stored".to_owned()));
        } else {
            let object = stack
                .s3()
                .head_object()
                .bucket(values::BUCKET)
                .key(recording.object_key());
            let state = if object.send().await.is_ok() {
                "erasing"
            } else {
                "erased"
            };
            assert_eq!(found, (Vec::new(), state.to_owned()), "{} {key}", request.operation);
        }
        assert!(!operate(stack, erasure(&recording)).await.failed);
        assert_eq!(named(stack, &recording).await, (Vec::new(), "erased".to_owned()));
    }
}

/// The index is deleted and rebuilt, and so is an entry that leads nowhere.
#[tokio::test]
async fn a_rebuilt_index_finds_what_it_found_before() {
    let (stack, _turn) = alone().await;
    let recording = stored(stack).await;
    let before = named(stack, &recording).await;
    let list = stack.s3().list_objects_v2().bucket(values::BUCKET).prefix("index/");
    let mut pages = list.into_paginator().send();
    while let Some(page) = pages.next().await {
        for object in page.unwrap().contents() {
            let delete = stack
                .s3()
                .delete_object()
                .bucket(values::BUCKET)
                .key(object.key().unwrap());
            delete.send().await.unwrap();
        }
    }
    assert_eq!(named(stack, &recording).await, (Vec::new(), "stored".to_owned()));
    let answer = operate(stack, json!({"index": {"rebuild": true}})).await;
    assert_eq!(answer.payload["status"], "done", "{answer:?}");
    assert_eq!(named(stack, &recording).await, before);
}
