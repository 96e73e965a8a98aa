//! The base URLs of Twilio's APIs.

use url::Url;

/// The base URLs of Twilio's APIs. `Default` is US1.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// `https://api.twilio.com`
    pub api: Url,
    /// `https://taskrouter.twilio.com`
    pub taskrouter: Url,
    /// `https://iam.twilio.com`
    pub iam: Url,
    /// `https://flex-api.twilio.com`
    pub flex: Url,
}

impl Endpoints {
    /// The endpoints with their names.
    pub(crate) fn all(&self) -> [(&'static str, &Url); 4] {
        let Self {
            api,
            taskrouter,
            iam,
            flex,
        } = self;
        [("api", api), ("taskrouter", taskrouter), ("iam", iam), ("flex", flex)]
    }
}

impl Default for Endpoints {
    fn default() -> Self {
        let url = |text| Url::parse(text).expect("a constant URL is well-formed");
        Self {
            api: url("https://api.twilio.com"),
            taskrouter: url("https://taskrouter.twilio.com"),
            iam: url("https://iam.twilio.com"),
            flex: url("https://flex-api.twilio.com"),
        }
    }
}
