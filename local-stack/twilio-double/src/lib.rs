//! A double of the Twilio APIs that the service and its setup call: recordings and their media, TaskRouter tasks and
//! workspaces, Flex token validation, Flex's configuration and plugins, and the account.
//!
//! It runs in process, on two free loopback ports. One serves Twilio's paths. The hosts api, taskrouter, iam and
//! flex-api have no path in common, so one base URL replaces all four. The other port is for control. Answers have every field of
//! Twilio's published OpenAPI description, and a test compares them. The double is as strict as Twilio: Basic auth on
//! media, three attribute searches a second, versions and `If-Match`, 4,096 characters of attributes, no attributes in
//! lists. It refuses everything that it does not imitate.
//!
//! The crate also makes what Twilio sends to the service: the [signature](fn@signature) of a callback, and recordings
//! as [WAV](wav) and [MP3](mp3).

mod account;
mod auth;
mod calls;
mod control;
mod dates;
mod faults;
mod flex;
mod front;
pub mod mp3;
mod options;
mod paging;
mod phone_calls;
mod problem;
mod query;
mod recordings;
mod route;
mod server;
mod sid_shape;
mod signature;
mod taskrouter;
mod tokens;
mod twilio;
pub mod wav;

use std::{io, sync::Arc};

use serde_json::Value;

pub use self::{
    auth::AuthKind,
    calls::{Call, CallMark},
    faults::{Fault, FaultAction, MAXIMUM_STALL},
    options::TwilioOptions,
    route::Operation,
    signature::{shared_key_signature, signature},
    taskrouter::{AssignmentStatus, TaskView},
    tokens::FlexToken,
};
use self::{
    auth::AuthToken,
    calls::CallLog,
    faults::Faults,
    flex::{Configuration, Plugins},
    phone_calls::PhoneCalls,
    recordings::Recordings,
    server::{Port, Server},
    taskrouter::{RateLimit, Routing, Tasks, Workspaces},
    tokens::Tokens,
    twilio::Twilio,
};

/// A running double. Dropping it stops it.
#[derive(Debug)]
pub struct TwilioDouble {
    twilio: Arc<Twilio>,
    api: Server,
    control: Server,
}

impl TwilioDouble {
    /// Starts both listeners on the current tokio runtime.
    ///
    /// # Errors
    /// If no loopback port is available.
    pub async fn start(options: TwilioOptions) -> io::Result<Self> {
        let (api, control) = (Port::take().await?, Port::take().await?);
        let tokens = Tokens::default();
        tokens.add(FlexToken::supervisor(&options.flex_token));
        let twilio = Arc::new(Twilio {
            api_base: api.base().to_owned(),
            recordings: Recordings::new(options.recordings_dir.clone()),
            phone_calls: PhoneCalls::default(),
            tasks: Tasks::default(),
            routing: Routing::default(),
            search_limit: RateLimit::new(RateLimit::TWILIO),
            workspaces: Workspaces::new(&options.workspace_sid),
            flex: Configuration::new(&options.account_sid, &options.workspace_sid),
            plugins: Plugins::default(),
            tokens,
            faults: Faults::default(),
            calls: CallLog::default(),
            auth_token: AuthToken::new(&options.auth_token),
            options,
        });
        Ok(Self {
            api: api.serve(front::routes(Arc::clone(&twilio))),
            control: control.serve(control::routes(Arc::clone(&twilio))),
            twilio,
        })
    }

    /// `http://127.0.0.1:port`, which replaces all of Twilio's hosts.
    #[must_use]
    pub fn api_base(&self) -> String {
        self.api.base()
    }

    /// `http://127.0.0.1:port` of the control routes: tasks, tokens, calls and faults, in JSON. `control.rs` documents
    /// the shapes.
    #[must_use]
    pub fn control_base(&self) -> String {
        self.control.base()
    }

    /// Every request so far, in the order of the answers.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.calls_since(CallMark(0))
    }

    /// The position in the log of the next call.
    #[must_use]
    pub fn mark(&self) -> CallMark {
        self.twilio.calls.mark()
    }

    /// The requests answered after `mark` was taken.
    #[must_use]
    pub fn calls_since(&self, mark: CallMark) -> Vec<Call> {
        self.twilio.calls.since(mark)
    }

    /// Adds a completed call between two telephone numbers.
    pub fn add_phone_call(&self, sid: &str, from: &str, to: &str) {
        self.twilio.phone_calls.add(sid, from, to);
    }

    /// Adds an assigned task with exactly these attributes: a test may store what Twilio would refuse. If a task with
    /// this SID exists, it is changed as another writer would change it, and gets a new version.
    pub fn add_task(&self, sid: &str, attributes: &str) {
        self.add_task_with(sid, attributes, AssignmentStatus::default());
    }

    /// Like [`add_task`](Self::add_task), with another status.
    pub fn add_task_with(&self, sid: &str, attributes: &str, status: AssignmentStatus) {
        self.twilio.tasks.put(sid, attributes, status);
    }

    /// The current state of the task. None if it was deleted.
    pub fn task(&self, sid: &str) -> Option<TaskView> {
        self.twilio.tasks.get(sid).map(TaskView::from)
    }

    /// Deletes a task, as TaskRouter does five minutes after its completion. False if it was deleted before.
    #[must_use]
    pub fn delete_task(&self, sid: &str) -> bool {
        self.twilio.tasks.delete(sid)
    }

    /// The SIDs of all tasks.
    #[must_use]
    pub fn task_sids(&self) -> Vec<String> {
        self.twilio.tasks.all().into_iter().map(|task| task.sid).collect()
    }

    /// The names of the task queues and workflows that were created and not deleted.
    #[must_use]
    pub fn routing_names(&self) -> Vec<String> {
        self.twilio.routing.names()
    }

    /// Adds a token that is valid, beside the one in the options.
    pub fn add_token(&self, token: FlexToken) {
        self.twilio.tokens.add(token);
    }

    /// Replaces the Auth Token, as Twilio does when the secondary one is promoted. The previous one is no longer valid.
    pub fn replace_auth_token(&self, auth_token: &str) {
        self.twilio.auth_token.replace(auth_token);
    }

    /// Flex's configuration. None if the account has no Flex.
    #[must_use]
    pub fn flex_configuration(&self) -> Option<Value> {
        self.twilio.flex.view()
    }

    /// Changes a property of Flex's configuration, as another administrator does. An account without Flex is unchanged.
    pub fn set_flex_property(&self, name: &str, value: Value) {
        self.twilio.flex.set(name, value);
    }

    /// Takes Flex from the account.
    pub fn remove_flex(&self) {
        self.twilio.flex.remove();
    }

    /// Adds a workspace without tasks, beside the one in the options. Several may have one name.
    pub fn add_workspace(&self, sid: &str, friendly_name: &str) {
        self.twilio.workspaces.add(sid, friendly_name);
    }

    /// Adds an uploaded Flex plugin with these versions. Returns the versions' SIDs.
    #[must_use]
    pub fn add_plugin(&self, unique_name: &str, versions: &[&str]) -> Vec<String> {
        self.twilio.plugins.add(unique_name, versions)
    }

    /// Releases these plugin versions, as another administrator does. An unknown version is left out.
    pub fn release_plugins(&self, version_sids: &[String]) {
        self.twilio.plugins.release(version_sids);
    }

    /// The active plugins, as `name@version`, in their order.
    #[must_use]
    pub fn active_plugins(&self) -> Vec<String> {
        self.twilio.plugins.active()
    }

    /// Arms a fault.
    pub fn fault(&self, fault: Fault) {
        self.twilio.faults.arm(fault);
    }

    /// The number of faults about this recording, task or call that have not struck as often as they should.
    #[must_use]
    pub fn faults_left(&self, sid: &str) -> usize {
        self.twilio.faults.left(sid)
    }

    /// Disarms every fault that has not struck.
    pub fn clear_faults(&self) {
        self.twilio.faults.disarm();
    }

    /// Sets how many attribute searches are allowed in a second, instead of Twilio's three.
    pub fn limit_searches(&self, per_second: usize) {
        self.twilio.search_limit.set(per_second);
    }
}

#[cfg(test)]
mod tests;
