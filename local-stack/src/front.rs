//! The HTTP front of the two public functions, which is as strict as AWS.
//!
//! The emulator allows what AWS does not: several requests at a time on one instance, long requests, long answers, slow
//! answers, and processes that die during an answer.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use http::{Request, Response, StatusCode, Uri, header::CONTENT_TYPE, request::Parts, uri::PathAndQuery};
use http_body_util::{BodyDataStream, BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use loopback::{Body, Error, Upstream};
use tokio::{net::TcpListener, time::timeout};

use crate::{
    exchange::{Exchanges, PublicRequest},
    instances::{Instances, InvocationError},
    invocation::invoke,
    values,
};

/// How long a request waits for an idle instance. AWS would start another instance, up to the reserved concurrency.
const INSTANCE_BOUND: Duration = Duration::from_secs(20);

/// The kind of endpoint in front of a function on AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// An API Gateway HTTP API: it has one route, buffers, and gives up after 30 s.
    HttpApi,
    /// A Lambda function URL in `RESPONSE_STREAM` mode.
    FunctionUrl,
}

impl Door {
    /// HTTP API: 10 MB, <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>. Function
    /// URL: 6 MB, <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
    const fn max_request_bytes(self) -> usize {
        match self {
            Self::HttpApi => 10 * 1024 * 1024,
            Self::FunctionUrl => 6 * 1024 * 1024,
        }
    }

    /// A buffered answer is limited by Lambda's payload of 6 MB, and a streamed answer by the invocation.
    const MAX_BUFFERED_BYTES: usize = 6 * 1024 * 1024;

    /// The integration timeout of an HTTP API, which cannot be raised.
    const API_TIMEOUT: Duration = Duration::from_secs(30);
}

/// A function's public address.
#[derive(Clone, Debug)]
pub(crate) struct Front {
    door: Door,
    instances: Arc<Instances>,
    emulator: Upstream,
    exchanges: Exchanges,
}

impl Front {
    /// Every answer is recorded in `exchanges`.
    pub(crate) fn new(door: Door, instances: Arc<Instances>, emulator: Upstream, exchanges: Exchanges) -> Self {
        Self {
            door,
            instances,
            emulator,
            exchanges,
        }
    }

    /// Serves as long as the current runtime lives.
    pub(crate) fn serve(self, listener: TcpListener) {
        loopback::serve(listener, move |request| {
            let front = self.clone();
            async move { front.answer(request).await }
        });
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, Error> {
        let (parts, body) = request.into_parts();
        let received = PublicRequest::by(&parts);
        let answer = self.answer_to(parts, body).await?;
        self.exchanges.push(received.answered(&answer));
        Ok(answer)
    }

    async fn answer_to(&self, parts: Parts, body: Incoming) -> Result<Response<Body>, Error> {
        if self.door == Door::HttpApi && parts.uri.path() != values::CALLBACK_PATH {
            return Ok(refusal(StatusCode::NOT_FOUND));
        }
        let body = match Limited::new(body, self.door.max_request_bytes()).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Ok(refusal(StatusCode::PAYLOAD_TOO_LARGE)),
            Err(error) => return Err(error),
        };
        let request = Request::from_parts(parts, body);
        match self.door {
            Door::FunctionUrl => Ok(self.invoke(request).await.unwrap_or_else(|error| self.failure(&error))),
            Door::HttpApi => match timeout(Door::API_TIMEOUT, self.buffered(request)).await {
                Ok(Ok(response)) => Ok(response),
                Ok(Err(error)) => Ok(self.failure(&error)),
                Err(_) => Ok(refusal(StatusCode::SERVICE_UNAVAILABLE)),
            },
        }
    }

    async fn invoke(&self, request: Request<Bytes>) -> Result<Response<Body>, InvocationError> {
        let lease = Arc::clone(&self.instances).lease(INSTANCE_BOUND).await?;
        let mut request = request.map(loopback::full);
        let uri = function_path(lease.name(), request.uri()).map_err(|error| InvocationError::Broken(error.into()))?;
        *request.uri_mut() = uri;
        let mut response = invoke(self.emulator.clone(), lease, request).await?;
        // The emulator's own headers for the runtime.
        response.headers_mut().remove("lambda-runtime-function-response-mode");
        Ok(response)
    }

    async fn buffered(&self, request: Request<Bytes>) -> Result<Response<Body>, InvocationError> {
        let (parts, body) = self.invoke(request).await?.into_parts();
        let mut body = BodyDataStream::new(body);
        let mut buffered = BytesMut::new();
        while let Some(chunk) = body.try_next().await.map_err(InvocationError::Broken)? {
            buffered.extend_from_slice(&chunk);
            if buffered.len() > Door::MAX_BUFFERED_BYTES {
                return Err(InvocationError::Broken("the answer is longer than 6 MB".into()));
            }
        }
        Ok(Response::from_parts(parts, loopback::full(buffered.freeze())))
    }

    /// The answer of AWS if the function gives none.
    fn failure(&self, error: &InvocationError) -> Response<Body> {
        eprintln!("stack: {}: {error}", self.instances.function().role);
        refusal(match (error, self.door) {
            (InvocationError::Throttled, Door::HttpApi) => StatusCode::SERVICE_UNAVAILABLE,
            (InvocationError::Throttled, Door::FunctionUrl) => StatusCode::TOO_MANY_REQUESTS,
            (_, Door::HttpApi) => StatusCode::INTERNAL_SERVER_ERROR,
            (_, Door::FunctionUrl) => StatusCode::BAD_GATEWAY,
        })
    }
}

/// The path and raw query as received, under the emulator's prefix for an instance.
fn function_path(instance: &str, uri: &Uri) -> Result<Uri, http::Error> {
    let path_and_query = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let slash = if path_and_query.starts_with('/') { "" } else { "/" };
    Ok(Uri::from(PathAndQuery::try_from(format!(
        "/lambda-url/{instance}{slash}{path_and_query}"
    ))?))
}

fn refusal(status: StatusCode) -> Response<Body> {
    let message = format!(r#"{{"message":"{}"}}"#, status.canonical_reason().unwrap_or_default());
    let mut response = Response::new(loopback::full(message));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests;
