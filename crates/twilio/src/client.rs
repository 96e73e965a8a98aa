use secrecy::SecretString;
use crate::sid::AccountSid;
use url::Url;
/// Basic auth pair: API key SID and secret (first choice) or AccountSid and Auth Token.
#[derive(Clone)]
pub struct Credentials { pub user: String, pub password: SecretString }
/// Where Twilio's APIs are; `Default` is US1.
#[derive(Clone, Debug)]
pub struct Endpoints { /// `https://api.twilio.com`
    pub api: Url, /// `https://taskrouter.twilio.com`
    pub taskrouter: Url, /// `https://iam.twilio.com`
    pub iam: Url }
impl Default for Endpoints { fn default() -> Self { todo!() } }
/// One HTTP client for Twilio: no idle pool (a frozen Lambda's connections are dead), timeouts, redirects only to Twilio hosts and never with credentials.
#[derive(Clone)]
pub struct Client;
impl Client { pub fn new(account: AccountSid, endpoints: Endpoints) -> Result<Self, ClientError> { todo!() } }
#[derive(Debug, thiserror::Error)]
#[error("HTTP client: {0}")]
pub struct ClientError(pub String);
/// Any call's failure; Display never holds a URL's query, a credential or a body.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    #[error("not found")] NotFound,
    #[error("credentials refused")] Unauthorized,
    #[error("rate limited")] RateLimited { retry_after_s: Option<u64> },
    #[error("precondition failed")] PreconditionFailed,
    #[error("Twilio answered {status}")] Status { status: u16 },
    #[error("could not reach Twilio: {0}")] Transport(String),
    #[error("unexpected answer: {0}")] Unexpected(&'static str),
}
impl ApiError { pub fn is_retryable(&self) -> bool { todo!() } }
