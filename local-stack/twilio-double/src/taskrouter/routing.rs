//! Task queues and workflows: lists, creation and deletion.

use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{store::Tasks, workspace::Workspace};
use crate::{
    dates::iso_8601,
    paging::{self, Page},
    problem::Problem,
    query::Query,
};

/// The parameters of both lists that the double accepts.
pub(crate) const PARAMETERS: [&str; 4] = [
    "FriendlyName",
    paging::PARAMETERS[0],
    paging::PARAMETERS[1],
    paging::PARAMETERS[2],
];

/// The fields of both forms that the double accepts.
pub(crate) const QUEUE_FIELDS: [&str; 2] = ["FriendlyName", "TargetWorkers"];
pub(crate) const WORKFLOW_FIELDS: [&str; 2] = ["FriendlyName", "Configuration"];

/// The task queues and workflows that were created through the API.
#[derive(Debug, Default)]
pub(crate) struct Routing(Mutex<State>);

/// Where a task waits.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) workflow: String,
    pub(crate) workflow_name: String,
    pub(crate) queue: String,
    pub(crate) queue_name: String,
}

#[derive(Debug, Default)]
struct State {
    created: u64,
    queues: Vec<Queue>,
    workflows: Vec<Workflow>,
}

#[derive(Clone, Debug)]
struct Queue {
    sid: String,
    friendly_name: String,
    target_workers: String,
    created: OffsetDateTime,
}

#[derive(Clone, Debug)]
struct Workflow {
    sid: String,
    friendly_name: String,
    configuration: String,
    /// The SID of the default queue.
    queue: String,
    created: OffsetDateTime,
}

/// The configurations that the double takes: every task goes to the default queue.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Configuration {
    task_routing: TaskRouting,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskRouting {
    filters: [Value; 0],
    default_filter: DefaultFilter,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DefaultFilter {
    queue: String,
}

impl Routing {
    /// # Errors
    /// 400 for a malformed page or an unknown parameter.
    pub(crate) fn list_queues(&self, of: Workspace<'_>, query: &Query) -> Result<Response, Problem> {
        let named = |queue: &&Queue| {
            query
                .first("FriendlyName")
                .is_none_or(|name| queue.friendly_name == name)
        };
        let items = self.lock().queues.iter().filter(named).map(|it| it.shown(of)).collect();
        listed(of, ("TaskQueues", "task_queues"), items, query)
    }

    /// # Errors
    /// 400 as for [`list_queues`](Self::list_queues).
    pub(crate) fn list_workflows(&self, of: Workspace<'_>, query: &Query) -> Result<Response, Problem> {
        let named = |workflow: &&Workflow| {
            query
                .first("FriendlyName")
                .is_none_or(|name| workflow.friendly_name == name)
        };
        let items = self
            .lock()
            .workflows
            .iter()
            .filter(named)
            .map(|it| it.shown(of))
            .collect();
        listed(of, ("Workflows", "workflows"), items, query)
    }

    /// # Errors
    /// 400 for a form without a name, or with another queue's name, or with an unknown field.
    pub(crate) fn create_queue(&self, of: Workspace<'_>, form: &[u8]) -> Result<Response, Problem> {
        let form = Query::parse(form);
        form.only(&QUEUE_FIELDS)?;
        let mut state = self.lock();
        let friendly_name = required(&form, "FriendlyName")?;
        if state.queues.iter().any(|queue| queue.friendly_name == friendly_name) {
            return Err(Problem::invalid("a task queue has this FriendlyName"));
        }
        let queue = Queue {
            sid: state.sid("WQ"),
            friendly_name,
            target_workers: form.first("TargetWorkers").unwrap_or("1==1").to_owned(),
            created: OffsetDateTime::now_utc(),
        };
        let shown = queue.shown(of);
        state.queues.push(queue);
        Ok((StatusCode::CREATED, Json(shown)).into_response())
    }

    /// # Errors
    /// 400 for a form without a name or with another workflow's, or for a configuration that is not just a known default queue.
    pub(crate) fn create_workflow(&self, of: Workspace<'_>, form: &[u8]) -> Result<Response, Problem> {
        let form = Query::parse(form);
        form.only(&WORKFLOW_FIELDS)?;
        let mut state = self.lock();
        let friendly_name = required(&form, "FriendlyName")?;
        if state.workflows.iter().any(|one| one.friendly_name == friendly_name) {
            return Err(Problem::invalid("a workflow has this FriendlyName"));
        }
        let configuration = required(&form, "Configuration")?;
        let parsed: Configuration = serde_json::from_str(&configuration)
            .map_err(|_| Problem::invalid("the double takes a Configuration with a default queue and no filters"))?;
        let routing = parsed.task_routing;
        let ([], queue) = (routing.filters, routing.default_filter.queue);
        if state.queue(&queue).is_none() {
            return Err(Problem::invalid("Configuration names an unknown queue"));
        }
        let workflow = Workflow {
            sid: state.sid("WW"),
            friendly_name,
            configuration,
            queue,
            created: OffsetDateTime::now_utc(),
        };
        let shown = workflow.shown(of);
        state.workflows.push(workflow);
        Ok((StatusCode::CREATED, Json(shown)).into_response())
    }

    /// Twilio does not document whether it deletes a queue in use. The double refuses, so that the safe order is tested.
    ///
    /// # Errors
    /// 404 for an unknown queue, and 400 for one that a workflow or a task is in.
    pub(crate) fn delete_queue(&self, tasks: &Tasks, sid: &str) -> Result<Response, Problem> {
        let mut state = self.lock();
        state.queue(sid).ok_or_else(Problem::not_found)?;
        let in_use = state.workflows.iter().any(|workflow| workflow.queue == sid)
            || tasks.places().iter().any(|place| place.queue == sid);
        if in_use {
            return Err(Problem::invalid("the task queue is in use"));
        }
        state.queues.retain(|queue| queue.sid != sid);
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    /// Like [`delete_queue`](Self::delete_queue).
    ///
    /// # Errors
    /// 404 for an unknown workflow, and 400 for one with tasks.
    pub(crate) fn delete_workflow(&self, tasks: &Tasks, sid: &str) -> Result<Response, Problem> {
        let mut state = self.lock();
        state.workflow(sid).ok_or_else(Problem::not_found)?;
        if tasks.places().iter().any(|place| place.workflow == sid) {
            return Err(Problem::invalid("the workflow is in use"));
        }
        state.workflows.retain(|workflow| workflow.sid != sid);
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    /// Where the tasks of a workflow wait, if it exists.
    pub(super) fn place(&self, workflow: &str) -> Option<Place> {
        let state = self.lock();
        let workflow = state.workflow(workflow)?;
        let queue = state.queue(&workflow.queue)?;
        Some(Place {
            workflow: workflow.sid.clone(),
            workflow_name: workflow.friendly_name.clone(),
            queue: queue.sid.clone(),
            queue_name: queue.friendly_name.clone(),
        })
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let state = self.lock();
        let queues = state.queues.iter().map(|queue| &queue.friendly_name);
        let workflows = state.workflows.iter().map(|workflow| &workflow.friendly_name);
        queues.chain(workflows).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn queue(&self, sid: &str) -> Option<&Queue> {
        self.queues.iter().find(|queue| queue.sid == sid)
    }

    fn workflow(&self, sid: &str) -> Option<&Workflow> {
        self.workflows.iter().find(|workflow| workflow.sid == sid)
    }

    fn sid(&mut self, prefix: &str) -> String {
        self.created += 1;
        format!("{prefix}{:032x}", self.created)
    }
}

impl Queue {
    /// Every field of the OpenAPI schema `taskrouter.v1.workspace.task_queue`.
    fn shown(&self, of: Workspace<'_>) -> Value {
        let url = format!("{}/TaskQueues/{}", of.url(), self.sid);
        let created = iso_8601(self.created);
        json!({
            "account_sid": of.account_sid,
            "assignment_activity_sid": null,
            "assignment_activity_name": null,
            "date_created": created,
            "date_updated": created,
            "friendly_name": self.friendly_name,
            "max_reserved_workers": 1,
            "reservation_activity_sid": null,
            "reservation_activity_name": null,
            "sid": self.sid,
            "target_workers": self.target_workers,
            "task_order": "FIFO",
            "url": url,
            "workspace_sid": of.sid,
            "links": {"statistics": format!("{url}/Statistics"), "workspace": of.url()},
        })
    }
}

impl Workflow {
    /// Every field of the OpenAPI schema `taskrouter.v1.workspace.workflow`.
    fn shown(&self, of: Workspace<'_>) -> Value {
        let url = format!("{}/Workflows/{}", of.url(), self.sid);
        let created = iso_8601(self.created);
        json!({
            "account_sid": of.account_sid,
            "assignment_callback_url": null,
            "configuration": self.configuration,
            "date_created": created,
            "date_updated": created,
            "document_content_type": "application/json",
            "fallback_assignment_callback_url": null,
            "friendly_name": self.friendly_name,
            "sid": self.sid,
            "task_reservation_timeout": 120,
            "workspace_sid": of.sid,
            "url": url,
            "links": {"statistics": format!("{url}/Statistics"), "workspace": of.url()},
        })
    }
}

fn required(form: &Query, name: &str) -> Result<String, Problem> {
    let value = form.first(name).filter(|value| !value.is_empty());
    value
        .map(str::to_owned)
        .ok_or_else(|| Problem::invalid(format!("{name} is required")))
}

fn listed(of: Workspace<'_>, (path, key): (&str, &str), items: Vec<Value>, query: &Query) -> Result<Response, Problem> {
    query.only(&PARAMETERS)?;
    let page = Page::parse(query)?;
    let sheet = page.of(items);
    let meta = page.meta(&sheet, &format!("{}/{path}", of.url()), key, query);
    Ok(Json(json!({"meta": meta, key: sheet.items})).into_response())
}
