//! The HTTP client for Twilio. Its responses are turned into errors here alone.

mod credentials;
mod endpoints;
mod error;

use std::{error::Error as _, time::Duration};

use http::{StatusCode, header};
use reqwest::{RequestBuilder, Response, redirect};
use secrecy::ExposeSecret;
use serde::{Deserialize, de::DeserializeOwned};
use sid::AccountSid;
use url::Url;

pub use self::{
    credentials::Credentials,
    endpoints::Endpoints,
    error::{ApiError, ClientError},
};

/// An HTTP client for Twilio. It has timeouts. It keeps no idle connections, because they die while Lambda has the
/// instance frozen. It follows redirects of media only, and only to Twilio's hosts. Credentials go only to the
/// configured host. Clones share one client.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) account: AccountSid,
    pub(crate) endpoints: Endpoints,
}

/// TCP and TLS need well under a second, even across oceans. A server that needs longer wouldn't answer in time either.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest pause within a response. Media streams have no limit on their total time.
const READ_TIMEOUT: Duration = Duration::from_secs(15);

/// Limit on a call about one resource. Three of them in a row with their retries must fit into the linker's 30 s.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// The largest response about one resource is a task. Its attributes have up to 4,096 characters of at most twelve
/// bytes each as escaped JSON, which is 48 KiB. The other fields need a few KiB.
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
            // Lambda freezes the process between invocations. Servers close the connections meanwhile, and idle timers
            // don't run.
            .pool_max_idle_per_host(0)
            // Only media may be redirected, and media.rs follows the redirects itself. A redirected POST would become a
            // GET, whose success would count.
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
        .expect("Client::new accepts http and https URLs only, and these have a path")
        .pop_if_empty()
        .extend(segments);
    url
}

pub(crate) fn authorize(request: RequestBuilder, credentials: &Credentials) -> RequestBuilder {
    request.basic_auth(&credentials.user, Some(credentials.password.expose_secret()))
}

/// Sends a request whose whole response must arrive within `limit`. A status that isn't a success becomes an error.
pub(crate) async fn call(request: RequestBuilder, limit: Duration) -> Result<Response, ApiError> {
    checked(send(request.timeout(limit)).await?).await
}

pub(crate) async fn send(request: RequestBuilder) -> Result<Response, ApiError> {
    request.send().await.map_err(transport)
}

/// Turns a status that isn't a success into an error.
pub(crate) async fn checked(response: Response) -> Result<Response, ApiError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after_s = retry_after_s(&response);
    // The code is in Twilio's public list of errors. The message beside it may repeat parameters.
    #[derive(Deserialize)]
    struct ErrorBody {
        code: Option<u32>,
    }
    // A media request has no limit on its total time, so a slow body would delay the error.
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

/// Reads the form in seconds only. Twilio has never been seen to send a date (RFC 9110 section 10.2.3).
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

/// Reads a JSON response about one resource.
pub(crate) async fn json<T: DeserializeOwned>(response: Response) -> Result<T, ApiError> {
    json_up_to(MAX_JSON_BYTES, response).await
}

/// Reads a JSON response of at most `max_bytes`.
pub(crate) async fn json_up_to<T: DeserializeOwned>(max_bytes: usize, mut response: Response) -> Result<T, ApiError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(transport)? {
        if body.len() + chunk.len() > max_bytes {
            return Err(ApiError::Unexpected("the JSON is larger than Twilio ever sends"));
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map_err(|_| ApiError::Unexpected("the JSON does not have the documented form"))
}

/// Describes the failure without the URL, which reqwest's own text ends with.
pub(crate) fn transport(error: reqwest::Error) -> ApiError {
    let failure = if error.is_timeout() {
        "timed out"
    } else if error.is_connect() {
        "no connection"
    } else if error.is_body() || error.is_decode() {
        "the response ended early"
    } else {
        "the request failed"
    };
    ApiError::Transport(format!("{failure} ({})", root_cause(&error)))
}

/// The innermost cause. It comes from the operating system, the TLS library or the HTTP parser, and has no URL.
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
}
