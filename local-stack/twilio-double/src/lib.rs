//! A double of the Twilio APIs that the service calls: recordings and their media, TaskRouter tasks, Flex token validation.
//!
//! It runs in process, on two free loopback ports: one serves Twilio's paths (the api, taskrouter and iam hosts have none in
//! common, so one base URL stands for all three), the other is for control. Answers have every field of Twilio's published
//! OpenAPI description; a test holds them against it. Where Twilio is stricter than a test would need, so is the double:
//! Basic auth on media, three attribute searches a second, versions and `If-Match`, 4,096 characters of attributes, no
//! attributes in lists. What it doesn't imitate it refuses.
//!
//! The crate also has what Twilio sends to the service: the [signature](fn@signature) of a callback, and recordings as
//! [WAV](wav) and [MP3](mp3).

mod auth;
mod calls;
mod control;
mod dates;
mod faults;
mod front;
pub mod mp3;
mod paging;
mod problem;
mod query;
mod recordings;
mod route;
mod server;
mod signature;
mod taskrouter;
mod tokens;
pub mod wav;

use std::{fmt, io, path::PathBuf, sync::Arc};

pub use self::{
    auth::AuthKind,
    calls::{Call, CallMark},
    faults::{Fault, FaultAction, MAXIMUM_STALL},
    route::Operation,
    signature::{shared_key_signature, signature},
    taskrouter::{AssignmentStatus, TaskView},
    tokens::FlexToken,
};
use self::{
    auth::AuthToken,
    calls::CallLog,
    faults::Faults,
    recordings::Recordings,
    server::{Port, Server},
    taskrouter::{RateLimit, Tasks},
    tokens::Tokens,
};

/// The account that the double plays.
#[derive(Clone)]
pub struct TwilioOptions {
    /// `AC…`.
    pub account_sid: String,
    /// Password of `account_sid`, until it's replaced.
    pub auth_token: String,
    /// `SK…`.
    pub api_key_sid: String,
    /// Password of `api_key_sid`.
    pub api_key_secret: String,
    /// `WS…`.
    pub workspace_sid: String,
    /// A token that validates as a supervisor's.
    pub flex_token: String,
    /// A file `RE….wav` or `RE….mp3` here is a recording.
    pub recordings_dir: PathBuf,
}

impl fmt::Debug for TwilioOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioOptions")
            .field("account_sid", &self.account_sid)
            .field("workspace_sid", &self.workspace_sid)
            .field("recordings_dir", &self.recordings_dir)
            .finish_non_exhaustive()
    }
}

/// What both listeners share.
#[derive(Debug)]
struct Twilio {
    options: TwilioOptions,
    auth_token: AuthToken,
    api_base: String,
    recordings: Recordings,
    tasks: Tasks,
    search_limit: RateLimit,
    tokens: Tokens,
    faults: Faults,
    calls: CallLog,
}

impl Twilio {
    fn secrets(&self) -> Vec<String> {
        let mut secrets = self.tokens.texts();
        secrets.extend([self.options.auth_token.clone(), self.options.api_key_secret.clone()]);
        secrets.push(self.auth_token.text());
        secrets
    }
}

/// A running double; dropping it stops it.
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
    /// When no loopback port is to be had.
    pub async fn start(options: TwilioOptions) -> io::Result<Self> {
        let (api, control) = (Port::take().await?, Port::take().await?);
        let tokens = Tokens::default();
        tokens.add(FlexToken::supervisor(&options.flex_token));
        let twilio = Arc::new(Twilio {
            api_base: api.base().to_owned(),
            recordings: Recordings::new(options.recordings_dir.clone()),
            tasks: Tasks::default(),
            search_limit: RateLimit::new(RateLimit::TWILIO),
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

    /// `http://127.0.0.1:port`, in the place of all of Twilio's hosts.
    #[must_use]
    pub fn api_base(&self) -> String {
        self.api.base()
    }

    /// `http://127.0.0.1:port` of the control routes: tasks, tokens, calls and faults, in JSON (`control.rs` has
    /// the shapes).
    #[must_use]
    pub fn control_base(&self) -> String {
        self.control.base()
    }

    /// Every request so far, in the order of their answers.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.calls_since(CallMark(0))
    }

    /// The place in the log where the next call will be.
    #[must_use]
    pub fn mark(&self) -> CallMark {
        self.twilio.calls.mark()
    }

    /// The requests answered after `mark` was taken.
    #[must_use]
    pub fn calls_since(&self, mark: CallMark) -> Vec<Call> {
        self.twilio.calls.since(mark)
    }

    /// An assigned task, with the attributes exactly as given: a test may store what Twilio wouldn't. With a SID that's there
    /// already, the task is changed as another writer would, and has a new version.
    pub fn add_task(&self, sid: &str, attributes: &str) {
        self.add_task_with(sid, attributes, AssignmentStatus::default());
    }

    /// As [`add_task`](Self::add_task), with another status.
    pub fn add_task_with(&self, sid: &str, attributes: &str, status: AssignmentStatus) {
        self.twilio.tasks.put(sid, attributes, status);
    }

    /// The task as it's now; None when it's gone.
    pub fn task(&self, sid: &str) -> Option<TaskView> {
        self.twilio.tasks.get(sid).map(TaskView::from)
    }

    /// What TaskRouter does five minutes after a task's completion. False when it was gone already.
    #[must_use]
    pub fn delete_task(&self, sid: &str) -> bool {
        self.twilio.tasks.delete(sid)
    }

    /// A token that validates, beside the options' own.
    pub fn add_token(&self, token: FlexToken) {
        self.twilio.tokens.add(token);
    }

    /// What Twilio does when the secondary Auth Token is promoted: the one that was primary opens nothing any more.
    pub fn replace_auth_token(&self, auth_token: &str) {
        self.twilio.auth_token.replace(auth_token);
    }

    /// Arms a fault.
    pub fn fault(&self, fault: Fault) {
        self.twilio.faults.arm(fault);
    }

    /// How many faults about this recording, task or call haven't struck as often as they were to.
    #[must_use]
    pub fn faults_left(&self, sid: &str) -> usize {
        self.twilio.faults.left(sid)
    }

    /// Disarms every fault that hasn't struck.
    pub fn clear_faults(&self) {
        self.twilio.faults.disarm();
    }

    /// Attribute searches allowed in a second, instead of Twilio's three.
    pub fn limit_searches(&self, per_second: usize) {
        self.twilio.search_limit.set(per_second);
    }
}

#[cfg(test)]
mod tests;
