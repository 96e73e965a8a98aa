//! TaskRouter's Tasks: search, fetch with a version, update under `If-Match`.

mod expression;
pub(super) mod list;
mod rate_limit;
mod store;

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use time::OffsetDateTime;

pub use self::store::{AssignmentStatus, TaskView};
pub(super) use self::{
    list::search,
    rate_limit::RateLimit,
    store::{Task, Tasks},
};
use super::{dates::iso_8601, problem::Problem, query::Query};

/// Twilio's cap on a task's attributes, white space included; it can't be raised.
pub(super) const MAXIMUM_ATTRIBUTES_CHARS: usize = 4096;

/// Where the workspace is: what its tasks' fields and URLs are made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Workspace<'a> {
    pub(super) account_sid: &'a str,
    pub(super) sid: &'a str,
    pub(super) api_base: &'a str,
}

/// `shown` replaces the attributes in the answer, when a fault says so.
///
/// # Errors
/// 404 for a task that's gone.
pub(super) fn fetch(
    tasks: &Tasks,
    workspace: Workspace<'_>,
    sid: &str,
    shown: Option<&Option<String>>,
) -> Result<Response, Problem> {
    let task = tasks.get(sid).ok_or_else(Problem::not_found)?;
    let attributes = shown.cloned().unwrap_or_else(|| Some(task.attributes.clone()));
    Ok(versioned(&task, workspace.task(&task, attributes)))
}

/// Replaces the attributes; the double changes nothing else.
///
/// # Errors
/// 404 for a task that's gone, 412 when `If-Match` names another version, 400 for attributes that aren't JSON or are too long.
pub(super) fn update(
    tasks: &Tasks,
    workspace: Workspace<'_>,
    sid: &str,
    headers: &HeaderMap,
    form: &[u8],
) -> Result<Response, Problem> {
    let form = Query::parse(form);
    form.only(&["Attributes"])?;
    let attributes = form
        .first("Attributes")
        .ok_or_else(|| Problem::invalid("the double changes Attributes only"))?;
    let length = attributes.chars().count();
    if length > MAXIMUM_ATTRIBUTES_CHARS {
        return Err(Problem::invalid(format!(
            "Attributes has {length} characters; at most {MAXIMUM_ATTRIBUTES_CHARS} are allowed"
        )));
    }
    // Not as a `Value`, which has no place for half of a surrogate pair and a limit on depth: legal JSON has neither.
    if serde_json::from_str::<IgnoredAny>(attributes).is_err() {
        return Err(Problem::invalid("Attributes is not JSON"));
    }
    let expected = headers.get(header::IF_MATCH).map(version_of).transpose()?;
    let task = tasks.update(sid, attributes, expected)?;
    Ok(versioned(&task, workspace.task(&task, Some(task.attributes.clone()))))
}

/// Twilio's page sends a bare integer, its own template and others the quoted one: both are the version. What's neither matches none.
fn version_of(if_match: &HeaderValue) -> Result<u64, Problem> {
    let text = if_match.to_str().unwrap_or_default();
    let bare = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(text);
    bare.parse().map_err(|_| Problem::precondition_failed())
}

fn versioned(task: &Task, body: Value) -> Response {
    let mut response = (StatusCode::OK, Json(body)).into_response();
    let etag = HeaderValue::try_from(format!("\"{}\"", task.version));
    response
        .headers_mut()
        .insert(header::ETAG, etag.expect("quotes and digits are header characters"));
    response
}

impl Workspace<'_> {
    fn url(&self) -> String {
        format!("{}/v1/Workspaces/{}", self.api_base, self.sid)
    }

    /// Every field of the OpenAPI schema `taskrouter.v1.workspace.task`. One queue, one channel and one workflow, with the
    /// workspace's digits.
    fn task(&self, task: &Task, attributes: Option<String>) -> Value {
        let url = format!("{}/Tasks/{}", self.url(), task.sid);
        let sibling = |prefix: &str| self.sid.replacen("WS", prefix, 1);
        let (queue, workflow) = (sibling("WQ"), sibling("WW"));
        let created = iso_8601(task.created);
        json!({
            "account_sid": self.account_sid,
            "age": (OffsetDateTime::now_utc() - task.created).whole_seconds(),
            "assignment_status": task.status,
            "attributes": attributes,
            "addons": "{}",
            "date_created": created,
            "date_updated": iso_8601(task.updated),
            "task_queue_entered_date": created,
            "priority": 0,
            "reason": null,
            "sid": task.sid,
            "task_queue_sid": queue,
            "task_queue_friendly_name": "Everyone",
            "task_channel_sid": sibling("TC"),
            "task_channel_unique_name": "voice",
            "timeout": 86_400,
            "workflow_sid": workflow,
            "workflow_friendly_name": "Assign to Anyone",
            "workspace_sid": self.sid,
            "url": url,
            "links": {
                "task_queue": format!("{}/TaskQueues/{queue}", self.url()),
                "workflow": format!("{}/Workflows/{workflow}", self.url()),
                "workspace": self.url(),
                "reservations": format!("{url}/Reservations"),
            },
            "virtual_start_time": created,
            "ignore_capacity": false,
            "routing_target": null,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_is_quoted_or_not() {
        let version = |text: &'static str| version_of(&HeaderValue::from_static(text)).ok();
        assert_eq!(version("7"), Some(7));
        assert_eq!(version("\"7\""), Some(7));
        for other in ["", "\"7", "W/\"7\"", "*", "-1", "seven"] {
            assert_eq!(version(other), None, "{other}");
        }
    }
}
