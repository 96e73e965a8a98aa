//! The Task resource.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{routing::Place, store::Task};
use crate::dates::iso_8601;

/// The workspace's address, for the fields and URLs of its tasks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workspace<'a> {
    pub(crate) account_sid: &'a str,
    pub(crate) sid: &'a str,
    pub(crate) api_base: &'a str,
}

impl Workspace<'_> {
    /// The root of the account's workspaces.
    pub(super) fn list_url(&self) -> String {
        format!("{}/v1/Workspaces", self.api_base)
    }

    pub(super) fn url(&self) -> String {
        format!("{}/v1/Workspaces/{}", self.api_base, self.sid)
    }

    /// Every field of the OpenAPI schema `taskrouter.v1.workspace.task`. There is one channel, whose SID has the
    /// digits of the workspace's. So have the SIDs of the queue and the workflow of a task that a test has added.
    pub(super) fn task(&self, task: &Task, attributes: Option<String>) -> Value {
        let url = format!("{}/Tasks/{}", self.url(), task.sid);
        let sibling = |prefix: &str| self.sid.replacen("WS", prefix, 1);
        let place = task.place.clone().unwrap_or_else(|| Place {
            workflow: sibling("WW"),
            workflow_name: "Assign to Anyone".to_owned(),
            queue: sibling("WQ"),
            queue_name: "Everyone".to_owned(),
        });
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
            "task_queue_sid": place.queue,
            "task_queue_friendly_name": place.queue_name,
            "task_channel_sid": sibling("TC"),
            "task_channel_unique_name": "voice",
            "timeout": 86_400,
            "workflow_sid": place.workflow,
            "workflow_friendly_name": place.workflow_name,
            "workspace_sid": self.sid,
            "url": url,
            "links": {
                "task_queue": format!("{}/TaskQueues/{}", self.url(), place.queue),
                "workflow": format!("{}/Workflows/{}", self.url(), place.workflow),
                "workspace": self.url(),
                "reservations": format!("{url}/Reservations"),
            },
            "virtual_start_time": created,
            "ignore_capacity": false,
            "routing_target": null,
        })
    }
}
