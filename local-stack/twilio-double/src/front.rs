//! The handling of one request: its route, its caller, the fault that strikes it, and its line in the call log.

use std::sync::Arc;

use axum::{
    Router,
    body::to_bytes,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;

use super::{
    account,
    auth::{AuthKind, Caller},
    calls::{Call, masked},
    faults::FaultAction,
    problem::Problem,
    query::Query,
    recordings::media,
    route::Route,
    server::Connection,
    taskrouter,
    twilio::Twilio,
};

/// Far above anything that the APIs accept: attributes have 4,096 characters, and a token some kilobytes.
const MAXIMUM_BODY_LEN: usize = 256 * 1024;

pub(super) fn routes(twilio: Arc<Twilio>) -> Router {
    Router::new().fallback(handle).with_state(twilio)
}

async fn handle(
    State(twilio): State<Arc<Twilio>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let options = &twilio.options;
    let query = Query::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let caller = Caller::of(&parts.headers, options, &twilio.auth_token);
    let route = Route::parse(
        &parts.method,
        parts.uri.path(),
        &options.account_sid,
        &options.workspace_sid,
    );
    let fault = route.as_ref().ok().and_then(|route| {
        let about = route.sid().or_else(|| query.first("EvaluateTaskAttributes"));
        twilio.faults.strike(route.operation(), about)
    });

    let mut response = match (fault.as_ref().and_then(FaultAction::instead), &route) {
        (Some(response), _) => response,
        (None, Err(problem)) => problem.clone().into_response(),
        (None, Ok(route)) => match to_bytes(body, MAXIMUM_BODY_LEN).await {
            Ok(body) => {
                let routed = Routed {
                    route,
                    method: &parts.method,
                    headers: &parts.headers,
                    query: &query,
                    caller: &caller,
                    body,
                };
                routed
                    .answer(&twilio, fault.as_ref())
                    .await
                    .unwrap_or_else(Problem::into_response)
            }
            Err(_) => Problem::invalid("the body is too large or incomplete").into_response(),
        },
    };
    // Every answer from Twilio contains the number of requests that the account has open. The double handles each on
    // its own.
    response.headers_mut().insert(
        HeaderName::from_static("twilio-concurrent-requests"),
        HeaderValue::from_static("1"),
    );

    let dropped = fault == Some(FaultAction::Drop);
    let (path, query) = masked(parts.uri.path(), &query, &twilio.secrets());
    twilio.calls.record(Call {
        method: parts.method.to_string(),
        path,
        query,
        operation: route.as_ref().ok().map(Route::operation),
        status: (!dropped).then(|| response.status().as_u16()),
        auth: caller.kind(),
        range: parts
            .headers
            .get(header::RANGE)
            .map(|range| String::from_utf8_lossy(range.as_bytes()).into_owned()),
    });
    match fault {
        Some(action) => action.applied(response, &connection),
        None => response,
    }
}

/// A request whose path and method are known.
struct Routed<'r> {
    route: &'r Route,
    method: &'r Method,
    headers: &'r HeaderMap,
    query: &'r Query,
    caller: &'r Caller,
    body: Bytes,
}

impl Routed<'_> {
    async fn answer(&self, twilio: &Twilio, fault: Option<&FaultAction>) -> Result<Response, Problem> {
        self.check_caller()?;
        let (account, workspace) = (twilio.account(), twilio.workspace());
        match self.route {
            Route::Media { sid, format } => {
                media(&twilio.recordings, sid, *format, self.method, self.query, self.headers).await
            }
            Route::Recording { sid } => twilio.recordings.fetch(&account, sid, self.query).await,
            Route::RecordingList => twilio.recordings.list(&account, self.query).await,
            Route::RecordingDelete { sid } => twilio.recordings.remove(sid).await,
            Route::PhoneCallList => twilio.phone_calls.list(&account, self.query),
            Route::TaskSearch => taskrouter::search(&twilio.tasks, &twilio.search_limit, workspace, self.query),
            Route::TaskFetch { sid } => {
                let shown = match fault {
                    Some(FaultAction::Attributes { value }) => Some(value),
                    _ => None,
                };
                taskrouter::fetch(&twilio.tasks, workspace, sid, shown)
            }
            Route::TaskUpdate { sid } => taskrouter::update(&twilio.tasks, workspace, sid, self.headers, &self.body),
            Route::TaskCreate => taskrouter::create(&twilio.tasks, &twilio.routing, workspace, &self.body),
            Route::TaskDelete { sid } => taskrouter::delete(&twilio.tasks, sid),
            Route::TaskQueueList => twilio.routing.list_queues(workspace, self.query),
            Route::TaskQueueCreate => twilio.routing.create_queue(workspace, &self.body),
            Route::TaskQueueDelete { sid } => twilio.routing.delete_queue(&twilio.tasks, sid),
            Route::WorkflowList => twilio.routing.list_workflows(workspace, self.query),
            Route::WorkflowCreate => twilio.routing.create_workflow(workspace, &self.body),
            Route::WorkflowDelete { sid } => twilio.routing.delete_workflow(&twilio.tasks, sid),
            Route::TokenInfo => twilio.tokens.info(account.sid, self.caller, &self.body),
            Route::TokenValidate => twilio.tokens.validate(self.caller, &self.body),
            Route::Account => account::fetch(&account, &twilio.auth_token.text(), self.query),
            Route::WorkspaceList => twilio.workspaces.list(workspace, self.query),
            Route::FlexFetch => twilio.flex.fetch(self.query),
            Route::FlexUpdate => twilio.flex.update(account.sid, self.headers, &self.body),
            Route::PluginList => twilio.plugins.list(&account, self.query),
            Route::PluginVersionList { plugin } => twilio.plugins.list_versions(&account, plugin, self.query),
            Route::ConfiguredPluginList { configuration } => {
                twilio.plugins.list_configured(&account, configuration, self.query)
            }
            Route::PluginConfigurationCreate => twilio.plugins.create_configuration(&account, &self.body),
            Route::PluginReleaseActive => twilio.plugins.active_release(&account),
            Route::PluginReleaseCreate => twilio.plugins.create_release(&account, &self.body),
        }
    }

    fn check_caller(&self) -> Result<(), Problem> {
        // A Flex token is accepted only by token validation, which checks the caller itself.
        let is_about_tokens = matches!(self.route, Route::TokenInfo | Route::TokenValidate);
        if !is_about_tokens && !self.caller.is_account() {
            return Err(Problem::unauthorized());
        }
        if self.needs_auth_token() && self.caller.kind() != AuthKind::AuthToken {
            return Err(Problem::unauthorized());
        }
        Ok(())
    }

    /// A standard API key cannot read the account, and Flex's configuration takes no API keys.
    fn needs_auth_token(&self) -> bool {
        matches!(self.route, Route::Account | Route::FlexFetch | Route::FlexUpdate)
    }
}
