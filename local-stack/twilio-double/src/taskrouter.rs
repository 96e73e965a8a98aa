//! TaskRouter: tasks with their versions, task queues, workflows and workspaces.

mod expression;
pub(super) mod list;
mod rate_limit;
pub(super) mod routing;
mod store;
mod workspace;
mod workspaces;

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::de::IgnoredAny;
use serde_json::Value;

use self::store::Task;
pub use self::store::{AssignmentStatus, TaskView};
pub(super) use self::{
    list::search, rate_limit::RateLimit, routing::Routing, store::Tasks, workspace::Workspace, workspaces::Workspaces,
};
use super::{problem::Problem, query::Query};

/// Twilio's limit on a task's attributes, white space included. It cannot be raised.
pub(super) const MAXIMUM_ATTRIBUTES_CHARS: usize = 4096;

/// `shown` replaces the attributes in the answer if a fault requires it.
///
/// # Errors
/// 404 for a task that does not exist.
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

/// Replaces the attributes, or cancels a task that no worker has accepted. The double changes nothing else.
///
/// # Errors
/// 404 for a task that does not exist, 412 if `If-Match` has another version, and 400 for attributes that are too long
/// or not JSON, and for another status.
pub(super) fn update(
    tasks: &Tasks,
    workspace: Workspace<'_>,
    sid: &str,
    headers: &HeaderMap,
    form: &[u8],
) -> Result<Response, Problem> {
    let form = Query::parse(form);
    let expected = headers.get(header::IF_MATCH).map(version_of).transpose()?;
    let task = match (form.first("Attributes"), form.first("AssignmentStatus")) {
        (Some(attributes), None) => {
            form.only(&["Attributes"])?;
            check_attributes(attributes)?;
            tasks.update(sid, attributes, expected)?
        }
        (None, Some("canceled")) => {
            form.only(&["AssignmentStatus", "Reason"])?;
            tasks.cancel(sid, expected)?
        }
        _ => return Err(Problem::invalid("the double changes Attributes, or cancels")),
    };
    Ok(versioned(&task, workspace.task(&task, Some(task.attributes.clone()))))
}

/// Creates a task that waits in the default queue of its workflow. No worker of the double is ever offered it.
///
/// # Errors
/// 400 without a known workflow, and as for [`update`].
pub(super) fn create(
    tasks: &Tasks,
    routing: &Routing,
    workspace: Workspace<'_>,
    form: &[u8],
) -> Result<Response, Problem> {
    let form = Query::parse(form);
    form.only(&["Attributes", "WorkflowSid"])?;
    let attributes = form.first("Attributes").unwrap_or("{}");
    check_attributes(attributes)?;
    let place = routing.place(form.first("WorkflowSid").unwrap_or_default());
    let place = place.ok_or_else(|| Problem::invalid("WorkflowSid is no known workflow"))?;
    let task = tasks.create(attributes, place);
    let body = workspace.task(&task, Some(task.attributes.clone()));
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// # Errors
/// 404 for a task that does not exist.
pub(super) fn delete(tasks: &Tasks, sid: &str) -> Result<Response, Problem> {
    match tasks.delete(sid) {
        true => Ok(StatusCode::NO_CONTENT.into_response()),
        false => Err(Problem::not_found()),
    }
}

fn check_attributes(attributes: &str) -> Result<(), Problem> {
    let length = attributes.chars().count();
    if length > MAXIMUM_ATTRIBUTES_CHARS {
        return Err(Problem::invalid(format!(
            "Attributes has {length} characters; at most {MAXIMUM_ATTRIBUTES_CHARS} are allowed"
        )));
    }
    // A `Value` cannot hold half of a surrogate pair and has a limit on depth. JSON allows both.
    if serde_json::from_str::<IgnoredAny>(attributes).is_err() {
        return Err(Problem::invalid("Attributes is not JSON"));
    }
    Ok(())
}

/// Twilio's documentation sends a bare integer, and its own template sends the quoted one. Both are the version.
/// Anything else matches no version.
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
