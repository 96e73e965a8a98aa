//! `GET /v1/Workspaces`.

use std::sync::{Mutex, PoisonError};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::workspace::Workspace;
use crate::{
    dates::iso_8601,
    paging::{self, Page},
    problem::Problem,
    query::Query,
};

/// The name of the workspace that Flex creates.
const FLEX: &str = "Flex Task Assignment";

/// The links of a workspace, and the last segments of their paths.
const LINKS: [(&str, &str); 10] = [
    ("activities", "Activities"),
    ("cumulative_statistics", "CumulativeStatistics"),
    ("events", "Events"),
    ("real_time_statistics", "RealTimeStatistics"),
    ("statistics", "Statistics"),
    ("task_channels", "TaskChannels"),
    ("task_queues", "TaskQueues"),
    ("tasks", "Tasks"),
    ("workers", "Workers"),
    ("workflows", "Workflows"),
];

/// The account's workspaces: pairs of a SID and a name.
#[derive(Debug)]
pub(crate) struct Workspaces(Mutex<Vec<(String, String)>>);

impl Workspaces {
    pub(crate) fn new(sid: &str) -> Self {
        Self(Mutex::new(vec![(sid.to_owned(), FLEX.to_owned())]))
    }

    pub(crate) fn add(&self, sid: &str, friendly_name: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push((sid.to_owned(), friendly_name.to_owned()));
    }

    /// `of` is the workspace in the options, whose account and address all workspaces share.
    ///
    /// # Errors
    /// 400 for a malformed page or an unknown parameter.
    pub(crate) fn list(&self, of: Workspace<'_>, query: &Query) -> Result<Response, Problem> {
        query.only(&paging::PARAMETERS)?;
        let page = Page::parse(query)?;
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sheet = page.of(all);
        let list = of.list_url();
        let workspaces: Vec<Value> = sheet.items.iter().map(|(sid, name)| shown(of, sid, name)).collect();
        let meta = page.meta(&sheet, &list, "workspaces", query);
        Ok(Json(json!({"meta": meta, "workspaces": workspaces})).into_response())
    }
}

/// Every field of the OpenAPI schema `taskrouter.v1.workspace`.
fn shown(of: Workspace<'_>, sid: &str, friendly_name: &str) -> Value {
    let url = format!("{}/{sid}", of.list_url());
    let links: Map<String, Value> = LINKS
        .into_iter()
        .map(|(name, path)| (name.to_owned(), json!(format!("{url}/{path}"))))
        .collect();
    let created = iso_8601(OffsetDateTime::UNIX_EPOCH);
    let activity = sid.replacen("WS", "WA", 1);
    json!({
        "account_sid": of.account_sid,
        "date_created": created,
        "date_updated": created,
        "default_activity_name": "Offline",
        "default_activity_sid": activity,
        "event_callback_url": "",
        "events_filter": null,
        "friendly_name": friendly_name,
        "links": links,
        "multi_task_enabled": true,
        "prioritize_queue_order": "FIFO",
        "sid": sid,
        "timeout_activity_name": "Offline",
        "timeout_activity_sid": activity,
        "url": url,
    })
}
