//! The state that both listeners share.

use crate::{
    auth::AuthToken,
    calls::CallLog,
    faults::Faults,
    options::TwilioOptions,
    recordings::Recordings,
    taskrouter::{RateLimit, Tasks},
    tokens::Tokens,
};

/// The account, its recordings and tasks, and the log of its calls.
#[derive(Debug)]
pub(crate) struct Twilio {
    pub(crate) options: TwilioOptions,
    pub(crate) auth_token: AuthToken,
    pub(crate) api_base: String,
    pub(crate) recordings: Recordings,
    pub(crate) tasks: Tasks,
    pub(crate) search_limit: RateLimit,
    pub(crate) tokens: Tokens,
    pub(crate) faults: Faults,
    pub(crate) calls: CallLog,
}

impl Twilio {
    pub(crate) fn secrets(&self) -> Vec<String> {
        let mut secrets = self.tokens.texts();
        secrets.extend([self.options.auth_token.clone(), self.options.api_key_secret.clone()]);
        secrets.push(self.auth_token.text());
        secrets
    }
}
