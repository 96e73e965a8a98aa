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
    retry::call_with_retries,
};

mod attributes;

/// The status of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AssignmentStatus {
    /// The task waits for a worker. An update sends it through its workflow again.
    Pending,
    /// The task has been offered to a worker. An update acts as with [`Self::Pending`].
    Reserved,
    /// A worker has accepted the task.
    Assigned,
    /// The call is over, but the worker hasn't completed the task.
    Wrapping,
    /// The task is completed. TaskRouter deletes it after five minutes.
    Completed,
    /// The task was canceled. TaskRouter deletes it after five minutes.
    Canceled,
}

/// The fields of a task that are needed to link a recording.
#[derive(Clone)]
pub struct Task {
    /// The task.
    pub sid: TaskSid,
    /// Its status.
    pub status: AssignmentStatus,
    /// The JSON text of the attributes as Twilio sent it. It may be null or not an object.
    pub attributes: Option<String>,
    /// The value of the ETag header. It is sent back unchanged in If-Match.
    pub etag: String,
    /// When the task or its status last changed, in Unix milliseconds. Twilio sends whole seconds.
    pub updated_at_ms: Option<i64>,
}

/// Attributes hold names and phone numbers, so only their presence is shown.
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
    /// Finds the newest task whose conference, participants or call match, by one combined EvaluateTaskAttributes
    /// search. `None` if there is no such task. Without a SID, it returns `None` and sends no request.
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
        let response = call_with_retries(|| authorize(self.http.get(url.clone()), credentials)).await?;
        let page: Page = json(response).await?;
        Ok(page.tasks.into_iter().next().map(|task| task.sid))
    }

    /// Fetches a task. A 404 is [`ApiError::NotFound`]. A response about another task is [`ApiError::Unexpected`].
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
        let response = call_with_retries(|| authorize(self.http.get(url.clone()), credentials)).await?;
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

    /// Replaces all attributes, and returns them as Twilio has stored them. A 412 is [`ApiError::PreconditionFailed`].
    /// A response that is not this task is [`ApiError::Unexpected`], and the result of the update is unknown then.
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
        let response = call_with_retries(|| {
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

/// One expression for all attributes that may name the recorded leg, because Twilio allows only three searches a
/// second. SIDs hold only letters and digits, so they can't end the quotes.
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

fn is_about(answered: &TaskSid, requested: &TaskSid) -> Result<(), ApiError> {
    if answered == requested {
        Ok(())
    } else {
        Err(ApiError::Unexpected("another task"))
    }
}

/// Converts Twilio's ISO 8601 in UTC to Unix milliseconds.
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
