//! Answers events.

use http::{Method, Response};
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
    ports::{Recordings, TokenCheck},
    refusal::Refusal,
    request::Request,
    respond,
    routes::Route,
};

/// Answers a function URL's request. Every failure has an answer too, whatever the event is.
pub async fn handle<R, C>(app: &App<R, C>, event: LambdaEvent<Box<RawValue>>) -> Response<Body>
where
    R: Recordings,
    C: TokenCheck,
{
    let LambdaEvent { payload, context } = event;
    match http_event::parse(&payload) {
        Ok(event) => answer(app, &Request::new(&event, &context)).await,
        Err(malformed) => {
            let mut response = refuse(&malformed.into(), &context, "");
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
            // No answer sets a cookie.
            cookies: Vec::new(),
        },
        stream: BodyDataStream::new(body),
    }
}

async fn answer<R, C>(app: &App<R, C>, request: &Request<'_>) -> Response<Body>
where
    R: Recordings,
    C: TokenCheck,
{
    let mut response = match Route::of(request.method(), request.path()) {
        Ok(Route::Recording) => playback::answer(app, request).await,
        Ok(Route::MediaUrl) => media_url::answer(app, request).await,
        Ok(Route::Preflight { allow }) => Ok(cors::preflight(allow)),
        Err(refusal) => Err(refusal),
    }
    .unwrap_or_else(|refusal| refuse(&refusal, request.context, request.query()));
    respond::finish(request.method(), &mut response);
    app.flex_origins.apply(request.headers(), response.headers_mut());
    response
}

/// The answer to a request that is refused, once it is in the log.
fn refuse(refusal: &Refusal, context: &Context, query: &str) -> Response<Body> {
    report(refusal, &context.request_id, query);
    respond::refusal(refusal, &context.request_id)
}

/// Writes the refusal's line. It counts the `+` and the spaces of the query, so that a request shows which of the two a
/// `+` arrives as. The query itself is a credential.
fn report(refusal: &Refusal, request_id: &str, query: &str) {
    let pluses = query.matches('+').count();
    let spaces = query.matches(' ').count();
    let (status, code) = refusal.status_and_code();
    let status = status.as_u16();
    if status >= 500 {
        tracing::error!(requestId = request_id, status, code, %refusal, "request not answered");
    } else {
        tracing::info!(requestId = request_id, status, code, pluses, spaces, %refusal, "request refused");
    }
    if refusal.is_denial() {
        metrics::emit(&[("Denied", 1.0, Unit::Count)]);
    }
    if refusal.is_verification_failure() {
        metrics::emit(&[("VerificationFailures", 1.0, Unit::Count)]);
    }
}
