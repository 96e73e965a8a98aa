//! One request and its invocation.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use http::{HeaderMap, Method};
use lambda_runtime::Context;

/// A request, and the invocation that it came with.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    event: &'a ApiGatewayV2httpRequest,
    pub(crate) context: &'a Context,
    /// Since the Unix epoch.
    pub(crate) now: Duration,
    pub(crate) started: Instant,
}

impl<'a> Request<'a> {
    pub(crate) fn new(event: &'a ApiGatewayV2httpRequest, context: &'a Context) -> Self {
        Self {
            event,
            context,
            // A clock before 1970 would make every link valid. The latest time makes every link expired instead.
            now: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::MAX),
            started: Instant::now(),
        }
    }

    pub(crate) fn method(&self) -> &'a Method {
        &self.event.request_context.http.method
    }

    /// The path as it was sent.
    pub(crate) fn path(&self) -> &'a str {
        self.event.raw_path.as_deref().unwrap_or_default()
    }

    /// The raw query string, in which AWS has put a space for every `+`.
    pub(crate) fn query(&self) -> &'a str {
        self.event.raw_query_string.as_deref().unwrap_or_default()
    }

    /// The value of the query's first parameter of that name, decoded.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query().as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    pub(crate) fn headers(&self) -> &'a HeaderMap {
        &self.event.headers
    }

    /// The function URL's own domain.
    pub(crate) fn domain(&self) -> Option<&'a str> {
        self.event.request_context.domain_name.as_deref()
    }

    /// When Lambda ends the invocation, since the Unix epoch. `None` if nothing ends it: `cargo lambda watch` sets a
    /// deadline in 1970.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let deadline = Duration::from_millis(self.context.deadline);
        (deadline > self.now).then_some(deadline)
    }

    /// The invocation's id, which is in every log line.
    pub(crate) fn request_id(&self) -> &'a str {
        &self.context.request_id
    }
}
