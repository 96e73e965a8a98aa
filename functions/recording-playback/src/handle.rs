//! From event to answer.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use http::{HeaderMap, Method, Response};
use http_body_util::BodyDataStream;
use lambda_runtime::{Context, LambdaEvent, MetadataPrelude, StreamResponse};
use serde_json::value::RawValue;
use service::{
    http_event,
    metrics::{self, Unit},
};

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
    request: &'a ApiGatewayV2httpRequest,
    pub(crate) context: &'a Context,
    /// Since the Unix epoch.
    pub(crate) now: Duration,
    pub(crate) started: Instant,
}

/// Answers a function URL's request. Every failure is an answer too, whatever the event is.
pub async fn handle<R, C, K>(app: &App<R, C, K>, event: LambdaEvent<Box<RawValue>>) -> Response<Body>
where
    R: Recordings,
    C: TokenCheck,
    K: LinkKeys,
{
    let LambdaEvent { payload, context } = event;
    match http_event::parse(&payload) {
        Ok(request) => answer(app, &Call::new(&request, &context)).await,
        Err(malformed) => {
            let mut response = refuse(&malformed.into(), &context);
            respond::finish(&Method::GET, &mut response);
            response
        }
    }
}

/// An answer in the form that the runtime streams.
pub fn stream(response: Response<Body>) -> StreamResponse<BodyDataStream<Body>> {
    let (head, body) = response.into_parts();
    StreamResponse {
        metadata_prelude: MetadataPrelude {
            status_code: head.status,
            headers: head.headers,
            // No answer sets any.
            cookies: Vec::new(),
        },
        stream: BodyDataStream::new(body),
    }
}

async fn answer<R, C, K>(app: &App<R, C, K>, call: &Call<'_>) -> Response<Body>
where
    R: Recordings,
    C: TokenCheck,
    K: LinkKeys,
{
    let mut response = match Route::of(call.method(), call.path()) {
        Ok(Route::Recording) => playback::answer(app, call).await,
        Ok(Route::MediaUrl) => media_url::answer(app, call).await,
        Ok(Route::Preflight { allow }) => Ok(cors::preflight(allow)),
        Err(refusal) => Err(refusal),
    }
    .unwrap_or_else(|refusal| refuse(&refusal, call.context));
    respond::finish(call.method(), &mut response);
    app.flex_origins.apply(call.headers(), response.headers_mut());
    response
}

impl<'a> Call<'a> {
    fn new(request: &'a ApiGatewayV2httpRequest, context: &'a Context) -> Self {
        Self {
            request,
            context,
            // A clock before 1970 would make every link good: none plays at the end of time instead.
            now: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::MAX),
            started: Instant::now(),
        }
    }

    pub(crate) fn method(&self) -> &'a Method {
        &self.request.request_context.http.method
    }

    /// The path as it was sent.
    pub(crate) fn path(&self) -> &'a str {
        self.request.raw_path.as_deref().unwrap_or_default()
    }

    /// The raw query string, in which AWS has put a space for every `+`.
    pub(crate) fn query(&self) -> &'a str {
        self.request.raw_query_string.as_deref().unwrap_or_default()
    }

    /// The value of the query's first parameter of that name, decoded.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query().as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    pub(crate) fn headers(&self) -> &'a HeaderMap {
        &self.request.headers
    }

    /// The function URL's own domain.
    pub(crate) fn domain(&self) -> Option<&'a str> {
        self.request.request_context.domain_name.as_deref()
    }

    /// When Lambda ends the invocation, since the Unix epoch. `None` where nobody does: `cargo lambda watch` tells a
    /// deadline in 1970.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let deadline = Duration::from_millis(self.context.deadline);
        (deadline > self.now).then_some(deadline)
    }

    /// The invocation's id, which is in every other log line too.
    pub(crate) fn request_id(&self) -> &'a str {
        &self.context.request_id
    }
}

/// The answer to a request that is refused, once it is in the log.
fn refuse(refusal: &Refusal, context: &Context) -> Response<Body> {
    report(refusal, &context.request_id);
    respond::refusal(refusal, &context.request_id)
}

fn report(refusal: &Refusal, request_id: &str) {
    let (status, code) = refusal.terms();
    let status = status.as_u16();
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
