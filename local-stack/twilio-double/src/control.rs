//! The second listener, through which a test or a demo controls the double, in JSON.
//!
//! | request | body | answer |
//! | --- | --- | --- |
//! | `POST /tasks` | `{"sid": "WT…", "attributes": {…} or "{…}", "assignmentStatus"?: "assigned"}` | 201, the task; one with this SID gets a new version |
//! | `GET /tasks/{sid}` | | `{"sid", "attributes": "{…}", "assignmentStatus", "version"}` |
//! | `DELETE /tasks/{sid}` | | 204 |
//! | `POST /tokens` | `{"token", "roles": ["agent"], "identity"?, "workerSid"?, "expiresInSeconds"?: 3600}` | 201 |
//! | `GET /calls`, `GET /calls?since=N` | | a list of [`Call`](super::Call)s, without the first N |
//! | `POST /faults` | `{"operation": "media", "sid"?: "RE…", "times"?: 1, "oneIn"?: 1, "action": …}` | 201 |
//! | `DELETE /faults` | | 204; disarms all |
//!
//! A fault's `action` is one of these ([`FaultAction`] describes each):
//!
//! ```json
//! {"answer": {"status": 503, "body": "{}", "retryAfter": 1}}
//! {"cut": {"afterBytes": 100}}
//! {"stall": {"afterBytes": 0, "millis": 500}}
//! {"announceLonger": {"byBytes": 1}}
//! {"announceShorter": {"byBytes": 1}}
//! "unannounced"
//! {"attributes": {"value": null}}
//! {"imposter": {"contentType": "text/html", "body": "<html>"}}
//! {"etag": {"value": "W/\"weak\""}}
//! "drop"
//! ```
//!
//! Bad input gets a 400, and an unknown task a 404. Both have the body `{"error": "…"}`.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    calls::CallMark,
    faults::{Fault, FaultAction},
    query::Query,
    route::Operation,
    sid_shape::is_sid,
    taskrouter::{AssignmentStatus, MAXIMUM_ATTRIBUTES_CHARS, TaskView},
    tokens::FlexToken,
    twilio::Twilio,
};

pub(super) fn routes(twilio: Arc<Twilio>) -> Router {
    Router::new()
        .route("/tasks", post(add_task))
        .route("/tasks/{sid}", get(show_task).delete(delete_task))
        .route("/tokens", post(add_token))
        .route("/calls", get(calls))
        .route("/faults", post(arm).delete(disarm))
        .with_state(twilio)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewTask {
    sid: String,
    attributes: Value,
    #[serde(default)]
    assignment_status: AssignmentStatus,
}

async fn add_task(State(twilio): State<Arc<Twilio>>, body: Bytes) -> Result<Response, Refusal> {
    let task: NewTask = parse(&body)?;
    if !is_sid("WT", &task.sid) {
        return Err(Refusal::bad("sid is not WT and 32 hexadecimal digits"));
    }
    let attributes = attributes_text(&task.attributes)?;
    let view = TaskView::from(twilio.tasks.put(&task.sid, &attributes, task.assignment_status));
    Ok((StatusCode::CREATED, Json(view)).into_response())
}

/// An object is written minified. A string is kept as it is if Twilio would accept it.
fn attributes_text(attributes: &Value) -> Result<String, Refusal> {
    let text = match attributes {
        Value::Object(_) => attributes.to_string(),
        Value::String(text) if serde_json::from_str::<Value>(text).is_ok() => text.clone(),
        _ => return Err(Refusal::bad("attributes is neither an object nor a string of JSON")),
    };
    let length = text.chars().count();
    if length > MAXIMUM_ATTRIBUTES_CHARS {
        return Err(Refusal::bad(format!(
            "attributes has {length} characters; Twilio allows {MAXIMUM_ATTRIBUTES_CHARS}"
        )));
    }
    Ok(text)
}

async fn show_task(State(twilio): State<Arc<Twilio>>, Path(sid): Path<String>) -> Result<Json<TaskView>, Refusal> {
    twilio
        .tasks
        .get(&sid)
        .map(|task| Json(task.into()))
        .ok_or_else(Refusal::no_such_task)
}

async fn delete_task(State(twilio): State<Arc<Twilio>>, Path(sid): Path<String>) -> Result<StatusCode, Refusal> {
    if twilio.tasks.delete(&sid) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refusal::no_such_task())
    }
}

async fn add_token(State(twilio): State<Arc<Twilio>>, body: Bytes) -> Result<StatusCode, Refusal> {
    twilio.tokens.add(parse::<FlexToken>(&body)?);
    Ok(StatusCode::CREATED)
}

async fn calls(State(twilio): State<Arc<Twilio>>, RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    let query = Query::parse(query.unwrap_or_default().as_bytes());
    let since = query
        .first("since")
        .map_or(Ok(0), str::parse)
        .map_err(|_| Refusal::bad("since is not a number"))?;
    Ok(Json(twilio.calls.since(CallMark(since))).into_response())
}

async fn arm(State(twilio): State<Arc<Twilio>>, body: Bytes) -> Result<StatusCode, Refusal> {
    let fault: Fault = parse(&body)?;
    match &fault.action {
        FaultAction::Attributes { .. } if fault.operation != Operation::TaskFetch => {
            Err(Refusal::bad("the action attributes is for task_fetch only"))
        }
        FaultAction::Answer { status, .. } if !(200..600).contains(status) => {
            Err(Refusal::bad(format!("{status} is not the status of an answer")))
        }
        _ if fault.times == 0 || fault.one_in == 0 => {
            Err(Refusal::bad("times or oneIn is 0: the fault would never strike"))
        }
        _ => {
            twilio.faults.arm(fault);
            Ok(StatusCode::CREATED)
        }
    }
}

async fn disarm(State(twilio): State<Arc<Twilio>>) -> StatusCode {
    twilio.faults.disarm();
    StatusCode::NO_CONTENT
}

/// The Content-Type is ignored, because `curl --data` sends a form's.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::bad(error.to_string()))
}

struct Refusal {
    status: StatusCode,
    error: String,
}

impl Refusal {
    fn bad(error: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error: error.into(),
        }
    }

    fn no_such_task() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            error: "no such task".to_owned(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(json!({"error": self.error}))).into_response()
    }
}
