//! The HTTP client for Twilio, and the one place where its answers become errors.

use std::{error::Error as _, time::Duration};

use http::{StatusCode, header};
use reqwest::{RequestBuilder, Response, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use sid::AccountSid;
use url::Url;

/// Basic auth pair: API key SID and secret (first choice) or AccountSid and Auth Token.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// `SK…` or `AC…`.
    pub user: String,
    /// The secret that goes with it.
    pub password: SecretString,
}

impl Credentials {
    /// An API key, from `{"sid":"SK…","secret":"…"}` as the deployment's secret has it; None for anything else.
    #[must_use]
    pub fn parse_api_key(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct ApiKey {
            sid: String,
            secret: String,
        }
        let ApiKey { sid, secret } = serde_json::from_str(text).ok()?;
        Some(Self {
            user: sid,
            password: secret.into(),
        })
    }
}

/// Where Twilio's APIs are; `Default` is US1.
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
    /// Each with its name.
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

/// One HTTP client for Twilio: no idle pool (a frozen Lambda's connections are dead), timeouts, and redirects followed
/// for media alone, only to Twilio's hosts, with credentials for the configured one only. Clones share it.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) account: AccountSid,
    pub(crate) endpoints: Endpoints,
}

/// The client can't be built: an endpoint isn't a base URL, or the system has no usable TLS roots.
#[derive(Debug, thiserror::Error)]
#[error("HTTP client: {0}")]
pub struct ClientError(pub String);

/// Any call's failure; Display never holds a URL's query, a credential or a body.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// 404 with one of Twilio's error codes. A 404 without is somebody else's, and says nothing of what Twilio has:
    /// [`Self::Status`].
    #[error("not found")]
    NotFound,
    /// 401 or 403.
    #[error("credentials refused")]
    Unauthorized,
    /// 429: nothing was done, the same call may be made again.
    #[error("rate limited")]
    RateLimited {
        /// Seconds that Twilio asks to wait.
        retry_after_s: Option<u64>,
    },
    /// 412: someone else wrote the task after it was read.
    #[error("precondition failed")]
    PreconditionFailed,
    /// Any other status that isn't a success.
    #[error("Twilio answered {status}")]
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// No connection, no answer in time, or an answer that broke off.
    #[error("could not reach Twilio: {0}")]
    Transport(String),
    /// An answer that isn't of the documented shape.
    #[error("unexpected answer: {0}")]
    Unexpected(&'static str),
}

impl ApiError {
    /// Whether the job that made the call may succeed when it's done again from its beginning.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::PreconditionFailed | Self::Transport(_) => true,
            // A proxy's error page in place of an answer passes as an overload does.
            Self::Unexpected(_) => true,
            Self::Status { status } => matches!(*status, 404 | 408) || *status >= 500,
            Self::NotFound | Self::Unauthorized => false,
        }
    }
}

/// TCP and TLS set up in well under a second even across oceans; a peer that takes longer won't answer in time either.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Longest silence within an answer. Media streams have no limit on their whole.
const READ_TIMEOUT: Duration = Duration::from_secs(15);

/// Limit on a whole call about one thing: three in a row, with their retries, must fit the linker's 30 s.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// The largest answers about one thing are a task's: 4,096 characters of attributes, at most twelve bytes each as escaped JSON, are
/// 48 KiB, and its other fields take a few.
const MAX_JSON_BYTES: usize = 64 * 1024;

impl Client {
    /// Builds the client. Each endpoint is a [base URL](base_url).
    ///
    /// # Errors
    /// [`ClientError`] if an endpoint is no base URL, or if the system has no usable TLS roots.
    pub fn new(account: AccountSid, endpoints: Endpoints) -> Result<Self, ClientError> {
        let bases = endpoints.all();
        for (name, base) in bases {
            base_url::check(base).map_err(|error| ClientError(format!("the {name} endpoint {error}")))?;
        }
        let http = reqwest::Client::builder()
            .user_agent(concat!("recording-vault/", env!("CARGO_PKG_VERSION")))
            .https_only(bases.iter().all(|(_, base)| base.scheme() == "https"))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            // Lambda freezes the process between invocations; its peers close, and its clock stops for idle timers.
            .pool_max_idle_per_host(0)
            // Only media may move (media.rs follows by hand); a redirected POST would come back as a GET's success.
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| ClientError(root_cause(&error)))?;
        Ok(Self {
            http,
            account,
            endpoints,
        })
    }
}

/// `base` with path segments appended.
pub(crate) fn join(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    url.path_segments_mut()
        .expect("Client::new takes http and https URLs only, and these have a path")
        .pop_if_empty()
        .extend(segments);
    url
}

pub(crate) fn authorize(request: RequestBuilder, credentials: &Credentials) -> RequestBuilder {
    request.basic_auth(&credentials.user, Some(credentials.password.expose_secret()))
}

/// Sends a request whose whole answer is to be there within `limit`, and turns every status that isn't a success into
/// an error.
pub(crate) async fn call(request: RequestBuilder, limit: Duration) -> Result<Response, ApiError> {
    checked(send(request.timeout(limit)).await?).await
}

pub(crate) async fn send(request: RequestBuilder) -> Result<Response, ApiError> {
    request.send().await.map_err(transport)
}

/// The one place where a status becomes an error.
pub(crate) async fn checked(response: Response) -> Result<Response, ApiError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after_s = retry_after_s(&response);
    // The number is in Twilio's public list of errors; the message beside it may repeat parameters.
    #[derive(Deserialize)]
    struct ErrorBody {
        code: Option<u32>,
    }
    // A media request has no limit on its whole, and a body that trickles would hold the error back.
    let body = tokio::time::timeout(CALL_TIMEOUT, json::<ErrorBody>(response)).await;
    let code = body.ok().and_then(Result::ok).and_then(|body| body.code);
    tracing::info!(status = status.as_u16(), code, "Twilio refused a call");
    Err(match status {
        StatusCode::NOT_FOUND if code.is_some() => ApiError::NotFound,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ApiError::Unauthorized,
        StatusCode::PRECONDITION_FAILED => ApiError::PreconditionFailed,
        StatusCode::TOO_MANY_REQUESTS => ApiError::RateLimited { retry_after_s },
        other => ApiError::Status { status: other.as_u16() },
    })
}

/// Only the form in seconds: Twilio has never been seen to send a date (RFC 9110 section 10.2.3).
fn retry_after_s(response: &Response) -> Option<u64> {
    response
        .headers()
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// Reads a JSON answer about one thing.
pub(crate) async fn json<T: DeserializeOwned>(response: Response) -> Result<T, ApiError> {
    json_up_to(MAX_JSON_BYTES, response).await
}

/// Reads a JSON answer of bounded size.
pub(crate) async fn json_up_to<T: DeserializeOwned>(max_bytes: usize, mut response: Response) -> Result<T, ApiError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(transport)? {
        if body.len() + chunk.len() > max_bytes {
            return Err(ApiError::Unexpected("more JSON than Twilio ever sends"));
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map_err(|_| ApiError::Unexpected("not the documented JSON"))
}

/// What went wrong, without the URL that reqwest's own text ends in.
pub(crate) fn transport(error: reqwest::Error) -> ApiError {
    let what = if error.is_timeout() {
        "timed out"
    } else if error.is_connect() {
        "no connection"
    } else if error.is_body() || error.is_decode() {
        "the answer broke off"
    } else {
        "the exchange failed"
    };
    ApiError::Transport(format!("{what} ({})", root_cause(&error)))
}

/// The innermost cause: the operating system's, the TLS library's or the HTTP parser's words, which hold no URL.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    cause.map_or_else(|| "no further cause".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client_for(api: &str) -> Result<Client, ClientError> {
        let account = AccountSid::parse(&format!("AC{}", "0".repeat(32))).unwrap();
        let api = Url::parse(api).unwrap();
        Client::new(
            account,
            Endpoints {
                api,
                ..Endpoints::default()
            },
        )
    }

    #[test]
    fn endpoints_are_https_or_loopback() {
        for good in [
            "https://api.twilio.com",
            "https://api.dublin.ie1.twilio.com/",
            "http://127.0.0.1:8080",
            "http://[::1]:8080/twilio",
            "http://localhost:1",
        ] {
            assert!(client_for(good).is_ok(), "{good}");
        }
        for bad in [
            "http://api.twilio.com",
            "http://10.0.0.1",
            "http://localhost.example",
            "ftp://127.0.0.1",
            "data:text/plain,x",
            "https://canary@api.twilio.com",
            "https://api.twilio.com?canary",
            "https://api.twilio.com#canary",
        ] {
            let error = client_for(bad).unwrap_err().to_string();
            assert!(
                error.contains("the api endpoint") && !error.contains("canary"),
                "{error}"
            );
        }
    }

    #[test]
    fn paths_are_appended_to_any_base() {
        for (base, url) in [
            ("https://h", "https://h/v1/x%2Fy"),
            ("https://h/", "https://h/v1/x%2Fy"),
            ("https://h/base", "https://h/base/v1/x%2Fy"),
            ("https://h/base/", "https://h/base/v1/x%2Fy"),
        ] {
            assert_eq!(join(&Url::parse(base).unwrap(), &["v1", "x/y"]).as_str(), url);
        }
    }

    #[test]
    fn an_api_key_has_a_sid_and_a_secret() {
        let key = Credentials::parse_api_key(r#"{"sid":"SK1","secret":"s"}"#).unwrap();
        assert_eq!((key.user.as_str(), key.password.expose_secret()), ("SK1", "s"));
        for bad in ["", "{}", r#"{"sid":"SK1"}"#, r#"{"secret":"s"}"#] {
            assert!(Credentials::parse_api_key(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn debug_of_credentials_hides_the_password() {
        let credentials = Credentials {
            user: "SK1".to_owned(),
            password: SecretString::from("canary"),
        };
        let shown = format!("{credentials:?}");
        assert!(shown.contains("SK1") && !shown.contains("canary"), "{shown}");
    }

    #[test]
    fn what_may_pass_is_retryable() {
        for error in [
            ApiError::RateLimited { retry_after_s: None },
            ApiError::PreconditionFailed,
            ApiError::Transport(String::new()),
            ApiError::Unexpected("x"),
            ApiError::Status { status: 500 },
            ApiError::Status { status: 503 },
            ApiError::Status { status: 408 },
            ApiError::Status { status: 404 },
        ] {
            assert!(error.is_retryable(), "{error}");
        }
        for error in [
            ApiError::NotFound,
            ApiError::Unauthorized,
            ApiError::Status { status: 400 },
            ApiError::Status { status: 302 },
        ] {
            assert!(!error.is_retryable(), "{error}");
        }
    }
}
