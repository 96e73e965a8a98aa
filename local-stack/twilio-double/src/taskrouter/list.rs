//! `GET …/Tasks`: filters, order, pages, and the rate limit of attribute searches.

use std::time::Instant;

use axum::{
    Json,
    http::{HeaderMap, HeaderName, HeaderValue},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    expression::Expression,
    rate_limit::RateLimit,
    store::{AssignmentStatus, Task, Tasks},
    workspace::Workspace,
};
use crate::{
    paging::{self, Page},
    problem::Problem,
    query::Query,
};

/// The parameters of a list that the double accepts.
pub(crate) const PARAMETERS: [&str; 7] = [
    "AssignmentStatus",
    "EvaluateTaskAttributes",
    "Ordering",
    "WorkflowSid",
    paging::PARAMETERS[0],
    paging::PARAMETERS[1],
    paging::PARAMETERS[2],
];

/// Attributes are null in a list. The description promises them only for a single fetch, so that a client that relies
/// on more fails here.
///
/// # Errors
/// 400 for a malformed filter, order or page. 429 for a fourth attribute search within a second.
pub(crate) fn search(
    tasks: &Tasks,
    limit: &RateLimit,
    workspace: Workspace<'_>,
    query: &Query,
) -> Result<Response, Problem> {
    query.only(&PARAMETERS)?;
    let page = Page::parse(query)?;
    let statuses = statuses(query)?;
    let newest_first = newest_first(query.first("Ordering"))?;
    let expression = query.first("EvaluateTaskAttributes").map(Expression::parse).transpose();
    let expression = expression.map_err(|error| Problem::invalid(error.to_string()))?;

    let limited = match expression.as_ref().map(|_| limit.admit(Instant::now())) {
        None => HeaderMap::new(),
        Some(Ok((per_second, remaining))) => rate_headers(per_second, remaining),
        Some(Err(per_second)) => {
            let mut refusal = Problem::too_many_requests().into_response();
            refusal.headers_mut().extend(rate_headers(per_second, 0));
            return Ok(refusal);
        }
    };

    let workflow = query.first("WorkflowSid");
    let mut matching = tasks.all();
    matching.retain(|task| {
        workflow.is_none_or(|sid| task.place.as_ref().is_some_and(|place| place.workflow == sid))
            && (statuses.is_empty() || statuses.contains(&task.status))
            && expression
                .as_ref()
                .is_none_or(|expression| expression.matches(&attributes(task)))
    });
    if newest_first {
        matching.reverse();
    }
    let sheet = page.of(matching);
    let list = format!("{}/Tasks", workspace.url());
    let shown: Vec<Value> = sheet.items.iter().map(|task| workspace.task(task, None)).collect();
    let body = json!({
        "tasks": shown,
        "meta": page.meta(&sheet, &list, "tasks", query),
    });
    Ok((limited, Json(body)).into_response())
}

/// Attributes that are not JSON match nothing.
fn attributes(task: &Task) -> Value {
    serde_json::from_str(&task.attributes).unwrap_or(Value::Null)
}

/// The parameter may be repeated, or hold several values separated by commas.
fn statuses(query: &Query) -> Result<Vec<AssignmentStatus>, Problem> {
    let words = query.all("AssignmentStatus").flat_map(|value| value.split(','));
    words
        .map(|word| {
            AssignmentStatus::deserialize(Value::from(word))
                .map_err(|_| Problem::invalid(format!("AssignmentStatus {word} is unknown")))
        })
        .collect()
}

/// Oldest first is Twilio's default. All tasks of the double have the same priority, so the order is by age alone.
fn newest_first(ordering: Option<&str>) -> Result<bool, Problem> {
    match ordering {
        None | Some("DateCreated:asc") => Ok(false),
        Some("DateCreated:desc") => Ok(true),
        Some(_) => Err(Problem::invalid(
            "the double orders by DateCreated:asc or DateCreated:desc",
        )),
    }
}

/// The three headers of the description, with the name of the resource in Twilio's limits.
fn rate_headers(per_second: usize, remaining: usize) -> HeaderMap {
    HeaderMap::from_iter([
        (
            HeaderName::from_static("x-rate-limit-limit"),
            HeaderValue::from(per_second),
        ),
        (
            HeaderName::from_static("x-rate-limit-remaining"),
            HeaderValue::from(remaining),
        ),
        (
            HeaderName::from_static("x-rate-limit-config"),
            HeaderValue::from_static("Task-List-EvaluateTaskAttributes"),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_repeated_or_listed() {
        let of = |query: &[u8]| statuses(&Query::parse(query)).ok();
        assert_eq!(of(b""), Some(vec![]));
        let both = Some(vec![AssignmentStatus::Pending, AssignmentStatus::Wrapping]);
        assert_eq!(of(b"AssignmentStatus=pending%2Cwrapping"), both);
        assert_eq!(of(b"AssignmentStatus=pending&AssignmentStatus=wrapping"), both);
        assert_eq!(of(b"AssignmentStatus=done"), None);
    }
}
