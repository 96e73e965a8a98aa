//! TaskRouter tasks: find, fetch, update.
//!
//! Source: Twilio, *Task resource*, *TaskRouter limits* and *Mutation and conflict resolution*
//! (`twilio.com/docs/taskrouter/api/task`, `…/taskrouter/limits`, `…/usage/mutation-and-conflict-resolution`).

use std::fmt;

use http::header;
use reqwest::Response;
use serde::Deserialize;
use serde_json::Value;
use sid::{CallSid, ConferenceSid, TaskSid, WorkspaceSid};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use url::Url;

use crate::{
    client::{ApiError, Client, Credentials, authorize, join, json},
    retry::patiently,
};

mod attributes;

/// Where a task stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AssignmentStatus {
    /// Waits for a worker; an update sends it through its workflow again.
    Pending,
    /// Offered to a worker; see [`Self::Pending`].
    Reserved,
    /// A worker has it.
    Assigned,
    /// The call is over, the worker isn't done.
    Wrapping,
    /// Done; gone in five minutes.
    Completed,
    /// Given up; gone in five minutes.
    Canceled,
}

/// A task as far as a link concerns it.
#[derive(Clone)]
pub struct Task {
    /// The task.
    pub sid: TaskSid,
    /// Where it stands.
    pub status: AssignmentStatus,
    /// As Twilio has it: a JSON text (may be null or no object).
    pub attributes: Option<String>,
    /// As received in the ETag header; sent back verbatim in If-Match.
    pub etag: String,
    /// When anything of it last changed, its status among others: Unix milliseconds, whole seconds of them.
    pub updated_at_ms: Option<i64>,
}

/// Attributes hold names and phone numbers: only their presence is shown.
impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("sid", &self.sid)
            .field("status", &self.status)
            .field("has_attributes", &self.attributes.is_some())
            .field("etag", &self.etag)
            .field("updated_at_ms", &self.updated_at_ms)
            .finish()
    }
}

impl Client {
    /// Newest task whose conference, participants or call match: one combined EvaluateTaskAttributes search. None when
    /// there's none, and, without a request, when no SID is given.
    pub async fn find_task(
        &self,
        credentials: &Credentials,
        workspace: &WorkspaceSid,
        call: Option<&CallSid>,
        conference: Option<&ConferenceSid>,
    ) -> Result<Option<TaskSid>, ApiError> {
        #[derive(Deserialize)]
        struct Page {
            tasks: Vec<Listed>,
        }
        #[derive(Deserialize)]
        struct Listed {
            sid: TaskSid,
        }

        let Some(expression) = search_expression(call, conference) else {
            return Ok(None);
        };
        let mut url = self.tasks_url(workspace, &[]);
        url.query_pairs_mut()
            .append_pair("EvaluateTaskAttributes", &expression)
            .append_pair("Ordering", "DateCreated:desc")
            .append_pair("PageSize", "1");
        let response = patiently(|| authorize(self.http.get(url.clone()), credentials)).await?;
        let page: Page = json(response).await?;
        Ok(page.tasks.into_iter().next().map(|task| task.sid))
    }

    /// 404 is `ApiError::NotFound`; an answer about another task is `ApiError::Unexpected`.
    pub async fn fetch_task(
        &self,
        credentials: &Credentials,
        workspace: &WorkspaceSid,
        task: &TaskSid,
    ) -> Result<Task, ApiError> {
        #[derive(Deserialize)]
        struct Body {
            sid: TaskSid,
            assignment_status: AssignmentStatus,
            #[serde(deserialize_with = "attributes::deserialize")]
            attributes: Option<String>,
            #[serde(default)]
            date_updated: Value,
        }

        let url = self.tasks_url(workspace, &[task.as_str()]);
        let response = patiently(|| authorize(self.http.get(url.clone()), credentials)).await?;
        let etag = etag(&response).ok_or(ApiError::Unexpected("a task without an ETag"))?;
        let body: Body = json(response).await?;
        is_about(&body.sid, task)?;
        Ok(Task {
            sid: body.sid,
            status: body.assignment_status,
            attributes: body.attributes,
            etag,
            updated_at_ms: body.date_updated.as_str().and_then(unix_ms),
        })
    }

    /// Replaces the attributes as a whole, and returns them as Twilio has them then. 412 is
    /// `ApiError::PreconditionFailed`; an answer that is not this task is `ApiError::Unexpected`, and tells nothing about
    /// what became of the update.
    pub async fn update_task_attributes(
        &self,
        credentials: &Credentials,
        workspace: &WorkspaceSid,
        task: &TaskSid,
        attributes: &str,
        etag: &str,
    ) -> Result<Option<String>, ApiError> {
        #[derive(Deserialize)]
        struct Body {
            sid: TaskSid,
            #[serde(deserialize_with = "attributes::deserialize")]
            attributes: Option<String>,
        }

        let url = self.tasks_url(workspace, &[task.as_str()]);
        let response = patiently(|| {
            let request = self.http.post(url.clone()).header(header::IF_MATCH, etag);
            authorize(request, credentials).form(&[("Attributes", attributes)])
        })
        .await?;
        let body: Body = json(response).await?;
        is_about(&body.sid, task)?;
        Ok(body.attributes)
    }

    fn tasks_url(&self, workspace: &WorkspaceSid, rest: &[&str]) -> Url {
        let path = ["v1", "Workspaces", workspace.as_str(), "Tasks"];
        join(&self.endpoints.taskrouter, &[&path, rest].concat())
    }
}

/// One expression for every place a recording's leg shows up in: one search of the three a second. SIDs hold letters
/// and digits alone, so nothing in it can end the quotes.
fn search_expression(call: Option<&CallSid>, conference: Option<&ConferenceSid>) -> Option<String> {
    let conference = conference.map(|sid| format!("conference.sid == '{sid}'"));
    let call = call.map(|sid| {
        [
            "conference.participants.worker",
            "conference.participants.customer",
            "call_sid",
        ]
        .map(|path| format!("{path} == '{sid}'"))
        .join(" OR ")
    });
    let terms: Vec<String> = conference.into_iter().chain(call).collect();
    (!terms.is_empty()).then(|| terms.join(" OR "))
}

fn is_about(answered: &TaskSid, asked: &TaskSid) -> Result<(), ApiError> {
    if answered == asked {
        Ok(())
    } else {
        Err(ApiError::Unexpected("another task"))
    }
}

/// Unix milliseconds of Twilio's ISO 8601 in UTC.
fn unix_ms(text: &str) -> Option<i64> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    time.unix_timestamp().checked_mul(1_000)
}

fn etag(response: &Response) -> Option<String> {
    Some(response.headers().get(header::ETAG)?.to_str().ok()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_names_every_place_a_leg_shows_up_in() {
        let call = CallSid::parse(&format!("CA{}", "1".repeat(32))).unwrap();
        let conference = ConferenceSid::parse(&format!("CF{}", "2".repeat(32))).unwrap();
        let by_call = format!(
            "conference.participants.worker == '{call}' OR conference.participants.customer == '{call}' OR call_sid == '{call}'"
        );
        let by_conference = format!("conference.sid == '{conference}'");
        assert_eq!(search_expression(Some(&call), None), Some(by_call.clone()));
        assert_eq!(search_expression(None, Some(&conference)), Some(by_conference.clone()));
        assert_eq!(
            search_expression(Some(&call), Some(&conference)),
            Some(format!("{by_conference} OR {by_call}"))
        );
        assert_eq!(search_expression(None, None), None);
    }
}
