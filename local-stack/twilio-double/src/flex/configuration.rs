//! `GET` and `POST /v1/Configuration`.
//!
//! Twilio replaces each property that is sent as a whole and keeps all others. A client that sends `ui_attributes` with
//! one entry therefore removes all other entries.

use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::{dates::iso_8601, problem::Problem, query::Query};

/// Properties without a value.
const UNSET: [&str; 18] = [
    "agent_conv_end_methods",
    "channel_configs",
    "citrix_voice_vdi",
    "crm_fallback_url",
    "debugger_integration",
    "flex_insights_hr",
    "flex_ui_status_report",
    "flex_url",
    "markdown",
    "notifications",
    "offline_config",
    "outbound_call_flows",
    "plugin_service_attributes",
    "queue_stats_configuration",
    "serverless_service_sids",
    "taskrouter_taskqueues",
    "taskrouter_worker_attributes",
    "taskrouter_worker_channels",
];

/// The configuration. None if the account has no Flex.
#[derive(Debug)]
pub(crate) struct Configuration(Mutex<Option<Map<String, Value>>>);

impl Configuration {
    /// Flex with customized `ui_attributes`, without Call Recording.
    pub(crate) fn new(account_sid: &str, workspace_sid: &str) -> Self {
        Self(Mutex::new(Some(initial(account_sid, workspace_sid))))
    }

    /// # Errors
    /// 404 without Flex, and 400 for a parameter.
    pub(crate) fn fetch(&self, query: &Query) -> Result<Response, Problem> {
        query.only(&[])?;
        let shown = self.view().ok_or_else(Problem::not_found)?;
        Ok(Json(shown).into_response())
    }

    /// # Errors
    /// 404 without Flex. 400 for a body that is not a JSON object, has no `account_sid` of this account, or has a
    /// property that the configuration does not have.
    pub(crate) fn update(&self, account_sid: &str, headers: &HeaderMap, body: &[u8]) -> Result<Response, Problem> {
        let content_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        let document: Option<Map<String, Value>> = serde_json::from_slice(body).ok();
        let sent = document.filter(|_| content_type == Some(b"application/json"));
        let sent = sent.ok_or_else(|| Problem::invalid("the body is not an object in application/json"))?;
        if sent.get("account_sid") != Some(&json!(account_sid)) {
            return Err(Problem::invalid("account_sid is required"));
        }
        {
            let mut configuration = self.lock();
            let kept = configuration.as_mut().ok_or_else(Problem::not_found)?;
            if let Some(name) = sent.keys().find(|name| !kept.contains_key(*name)) {
                return Err(Problem::invalid(format!("the configuration has no property {name}")));
            }
            kept.extend(sent);
            kept.insert("date_updated".to_owned(), json!(iso_8601(OffsetDateTime::now_utc())));
        }
        self.fetch(&Query::default())
    }

    pub(crate) fn view(&self) -> Option<Value> {
        self.lock().clone().map(Value::Object)
    }

    pub(crate) fn set(&self, name: &str, value: Value) {
        if let Some(configuration) = self.lock().as_mut() {
            configuration.insert(name.to_owned(), value);
        }
    }

    pub(crate) fn remove(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Map<String, Value>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every field of the OpenAPI schema `flex.v1.configuration`.
fn initial(account_sid: &str, workspace_sid: &str) -> Map<String, Value> {
    let unset = UNSET.iter().map(|name| ((*name).to_owned(), Value::Null));
    let set = customized(account_sid, workspace_sid).as_object().cloned();
    unset.chain(set.unwrap_or_default()).collect()
}

fn customized(account_sid: &str, workspace_sid: &str) -> Value {
    let created = iso_8601(OffsetDateTime::UNIX_EPOCH);
    let sibling = |prefix: &str| workspace_sid.replacen("WS", prefix, 1);
    json!({
        "account_sid": account_sid,
        "attributes": {},
        "call_recording_enabled": false,
        "call_recording_webhook_url": null,
        "chat_service_instance_sid": sibling("IS"),
        "crm_attributes": {"case": "open"},
        "crm_callback_url": "https://crm.example.com/callback",
        "crm_enabled": true,
        "crm_type": "custom",
        "date_created": created,
        "date_updated": created,
        "flex_insights_drilldown": true,
        "flex_instance_sid": sibling("GO"),
        "flex_service_instance_sid": sibling("IS"),
        "integrations": [],
        "messaging_service_instance_sid": sibling("MG"),
        "plugin_service_enabled": true,
        "public_attributes": {},
        "runtime_domain": "https://flex.twilio.com",
        "service_version": "1.0",
        "status": "ok",
        "taskrouter_offline_activity_sid": sibling("WA"),
        "taskrouter_skills": [{"name": "sales", "multivalue": false, "minimum": 0, "maximum": 0}],
        "taskrouter_target_taskqueue_sid": sibling("WQ"),
        "taskrouter_target_workflow_sid": sibling("WW"),
        "taskrouter_workspace_sid": workspace_sid,
        "ui_attributes": {"theme": {"baseName": "CompanyTheme"}, "warmTransfers": {"enabled": true}},
        "ui_dependencies": {},
        "ui_language": "en",
        "ui_version": "2.8.0",
        "url": "https://flex-api.twilio.com/v1/Configuration",
    })
}
