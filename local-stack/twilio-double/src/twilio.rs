//! The state that both listeners share.

use crate::{
    auth::AuthToken,
    calls::CallLog,
    faults::Faults,
    flex::{Configuration, Plugins},
    options::TwilioOptions,
    phone_calls::PhoneCalls,
    recordings::{Account, Recordings},
    taskrouter::{RateLimit, Routing, Tasks, Workspace, Workspaces},
    tokens::Tokens,
};

/// The account, its recordings, tasks and Flex, and the log of its calls.
#[derive(Debug)]
pub(crate) struct Twilio {
    pub(crate) options: TwilioOptions,
    pub(crate) auth_token: AuthToken,
    pub(crate) api_base: String,
    pub(crate) recordings: Recordings,
    pub(crate) phone_calls: PhoneCalls,
    pub(crate) tasks: Tasks,
    pub(crate) routing: Routing,
    pub(crate) search_limit: RateLimit,
    pub(crate) workspaces: Workspaces,
    pub(crate) flex: Configuration,
    pub(crate) plugins: Plugins,
    pub(crate) tokens: Tokens,
    pub(crate) faults: Faults,
    pub(crate) calls: CallLog,
}

impl Twilio {
    pub(crate) fn account(&self) -> Account<'_> {
        Account {
            sid: &self.options.account_sid,
            api_base: &self.api_base,
        }
    }

    pub(crate) fn workspace(&self) -> Workspace<'_> {
        Workspace {
            account_sid: &self.options.account_sid,
            sid: &self.options.workspace_sid,
            api_base: &self.api_base,
        }
    }

    pub(crate) fn secrets(&self) -> Vec<String> {
        let mut secrets = self.tokens.texts();
        secrets.extend([self.options.auth_token.clone(), self.options.api_key_secret.clone()]);
        secrets.push(self.auth_token.text());
        secrets
    }
}
