//! From request to answer.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::Response;
use lambda_http::{Request, RequestExt, request::RequestContext};
use service::metrics::{self, Unit};

use crate::{
    app::App,
    body::Body,
    cors, media_url, playback,
    ports::{LinkKeys, Recordings, TokenCheck},
    refusal::Refusal,
    respond,
    routes::Route,
};

/// A request with what the invocation says about it.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Request,
    pub(crate) request_id: &'a str,
    /// The function URL's own domain.
    pub(crate) domain: Option<&'a str>,
    /// Since the Unix epoch.
    pub(crate) now: Duration,
    pub(crate) started: Instant,
    /// When Lambda ends the invocation, since the Unix epoch. `None` where nobody does.
    pub(crate) deadline: Option<Duration>,
}

/// Answers a function URL's request. Every failure is an answer too.
pub async fn handle<R, C, K>(app: &App<R, C, K>, request: Request) -> Response<Body>
where
    R: Recordings,
    C: TokenCheck,
    K: LinkKeys,
{
    let call = Call::new(&request);
    let mut response = match Route::of(request.method(), request.raw_http_path()) {
        Ok(Route::Recording) => playback::answer(app, &call).await,
        Ok(Route::MediaUrl) => media_url::answer(app, &call).await,
        Ok(Route::Preflight { allow }) => Ok(cors::preflight(allow)),
        Err(refusal) => Err(refusal),
    }
    .unwrap_or_else(|refusal| {
        report(&call, &refusal);
        respond::refusal(&refusal, call.request_id)
    });
    respond::finish(request.method(), &mut response);
    app.flex_origins.apply(request.headers(), response.headers_mut());
    response
}

impl<'a> Call<'a> {
    fn new(request: &'a Request) -> Self {
        let RequestIds { request_id, domain } = RequestIds::of(request);
        // A clock before 1970 would make every link good: none plays at the end of time instead.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::MAX);
        let context = request.lambda_context_ref();
        Self {
            request,
            request_id,
            domain,
            now,
            started: Instant::now(),
            // `cargo lambda watch` tells one in 1970.
            deadline: context
                .map(|context| Duration::from_millis(context.deadline))
                .filter(|deadline| *deadline > now),
        }
    }

    /// The raw query string.
    pub(crate) fn query(&self) -> &'a str {
        self.request.uri().query().unwrap_or_default()
    }

    /// The value of the query's first parameter of that name, decoded.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query().as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }
}

struct RequestIds<'a> {
    request_id: &'a str,
    domain: Option<&'a str>,
}

impl<'a> RequestIds<'a> {
    /// The invocation's own id where there is an invocation: it's the one in every other log line.
    fn of(request: &'a Request) -> Self {
        let invocation = request.lambda_context_ref().map(|context| context.request_id.as_str());
        let (event, domain) = match request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => {
                (context.request_id.as_deref(), context.domain_name.as_deref())
            }
            _ => (None, None),
        };
        Self {
            request_id: invocation.or(event).unwrap_or("unknown"),
            domain,
        }
    }
}

fn report(call: &Call<'_>, refusal: &Refusal) {
    let (status, code) = refusal.terms();
    let (request_id, status) = (call.request_id, status.as_u16());
    if status >= 500 {
        tracing::error!(requestId = request_id, status, code, %refusal, "request not answered");
    } else {
        tracing::info!(requestId = request_id, status, code, %refusal, "request refused");
    }
    if refusal.is_denial() {
        metrics::emit(&[("Denied", 1.0, Unit::Count)]);
    }
    if refusal.is_verification_failure() {
        metrics::emit(&[("VerificationFailures", 1.0, Unit::Count)]);
    }
}
