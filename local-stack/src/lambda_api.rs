//! Lambda's Invoke API, as schedules, the AWS CLI and boto3 call it: `POST /2015-03-31/functions/{name}/invocations`
//! (<https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>).
//!
//! The emulator's own API invokes an instance. This one invokes a function, which has several instances with one
//! invocation at a time each. A streamed answer is returned whole, as AWS returns it: the head as JSON (here only the
//! status), eight zero bytes, then the body.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use loopback::{Body, Error, Upstream};
use serde_json::{json, value::RawValue};
use tokio::net::TcpListener;

use crate::{
    Role,
    instances::{Instances, InvocationError},
    invocation::invoke_with,
};

/// The largest event (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>): 6 MB if the caller
/// waits, otherwise 1 MB.
const MAX_EVENT_BYTES: usize = 6 * 1024 * 1024;
const MAX_ASYNCHRONOUS_EVENT_BYTES: usize = 1024 * 1024;

/// How long a caller waits for an idle instance. AWS would start another one.
const INSTANCE_BOUND: Duration = Duration::from_secs(20);

/// The functions that can be invoked.
#[derive(Clone, Debug)]
pub(crate) struct LambdaApi {
    functions: BTreeMap<Role, Arc<Instances>>,
    emulator: Upstream,
}

/// Why an invocation does not begin.
#[derive(Clone, Copy, Debug)]
enum Refusal {
    NoSuchApi,
    NoSuchFunction,
    NotJson,
    TooLarge,
    UnknownType,
    AllBusy,
}

/// Whether the caller waits for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InvocationType {
    RequestResponse,
    Event,
}

/// The path of a function's invocations.
pub(crate) fn invocations_path(role: Role) -> String {
    format!("/2015-03-31/functions/{role}/invocations")
}

impl LambdaApi {
    pub(crate) const fn new(functions: BTreeMap<Role, Arc<Instances>>, emulator: Upstream) -> Self {
        Self { functions, emulator }
    }

    /// Serves as long as the current runtime lives.
    pub(crate) fn serve(self, listener: TcpListener) {
        loopback::serve(listener, move |request| {
            let api = self.clone();
            async move { Ok(api.take(request).await?.unwrap_or_else(Refusal::render)) }
        });
    }

    async fn take(&self, request: Request<Incoming>) -> Result<Result<Response<Body>, Refusal>, Error> {
        let (parts, body) = request.into_parts();
        let body = match Limited::new(body, MAX_EVENT_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Ok(Err(Refusal::TooLarge)),
            Err(error) => return Err(error),
        };
        if parts.method != Method::POST {
            return Ok(Err(Refusal::NoSuchApi));
        }
        let invocation_type = parts.headers.get("x-amz-invocation-type");
        Ok(self.invoke(parts.uri.path(), invocation_type, body).await)
    }

    async fn invoke(
        &self,
        path: &str,
        invocation_type: Option<&HeaderValue>,
        event: Bytes,
    ) -> Result<Response<Body>, Refusal> {
        let role = function(path)?.ok_or(Refusal::NoSuchFunction)?;
        let instances = self.functions.get(&role).ok_or(Refusal::NoSuchFunction)?;
        serde_json::from_slice::<&RawValue>(&event).map_err(|_| Refusal::NotJson)?;
        match InvocationType::of(invocation_type)? {
            InvocationType::RequestResponse => {
                match invoke_with(&self.emulator, instances, event, None, INSTANCE_BOUND).await {
                    // The emulator has turned the head of a streamed answer into the head of its own.
                    Ok((status, body)) if role == Role::Playback && status != StatusCode::INTERNAL_SERVER_ERROR => {
                        Ok(answered(streamed(status, &body), None))
                    }
                    Ok((StatusCode::OK, answer)) => Ok(answered(answer, None)),
                    Ok((_, error)) => Ok(answered(error, Some("Unhandled"))),
                    Err(InvocationError::Throttled) => Err(Refusal::AllBusy),
                    Err(error) => Ok(answered(error_body(&error), Some("Unhandled"))),
                }
            }
            InvocationType::Event if event.len() > MAX_ASYNCHRONOUS_EVENT_BYTES => Err(Refusal::TooLarge),
            InvocationType::Event => {
                let (emulator, instances) = (self.emulator.clone(), Arc::clone(instances));
                // One try: `template.yaml` sets Lambda's retries of asynchronous invocations to zero.
                tokio::spawn(async move {
                    if let Err(error) = invoke_with(&emulator, &instances, event, None, Duration::MAX).await {
                        eprintln!("stack: {role}: {error}");
                    }
                });
                let mut response = Response::new(loopback::full(Bytes::new()));
                *response.status_mut() = StatusCode::ACCEPTED;
                Ok(response)
            }
        }
    }
}

impl InvocationType {
    fn of(header: Option<&HeaderValue>) -> Result<Self, Refusal> {
        match header.map(HeaderValue::as_bytes) {
            None | Some(b"RequestResponse") => Ok(Self::RequestResponse),
            Some(b"Event") => Ok(Self::Event),
            Some(_) => Err(Refusal::UnknownType),
        }
    }
}

impl Refusal {
    fn render(self) -> Response<Body> {
        let (status, code) = match self {
            Self::NoSuchApi => (StatusCode::NOT_FOUND, "UnknownOperationException"),
            Self::NoSuchFunction => (StatusCode::NOT_FOUND, "ResourceNotFoundException"),
            Self::NotJson => (StatusCode::BAD_REQUEST, "InvalidRequestContentException"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException"),
            Self::UnknownType => (StatusCode::BAD_REQUEST, "InvalidParameterValueException"),
            Self::AllBusy => (StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException"),
        };
        let body = json!({"Type": "User", "Message": code});
        let mut response = Response::new(loopback::full(body.to_string()));
        *response.status_mut() = status;
        response
            .headers_mut()
            .insert("x-amzn-errortype", HeaderValue::from_static(code));
        response
    }
}

/// The function that a path names by its name or its ARN. None if there is no such role.
fn function(path: &str) -> Result<Option<Role>, Refusal> {
    let named = path
        .strip_prefix("/2015-03-31/functions/")
        .and_then(|rest| rest.strip_suffix("/invocations"))
        .ok_or(Refusal::NoSuchApi)?
        .replace("%3A", ":");
    Ok(Role::ALL
        .into_iter()
        .find(|role| named == role.name() || named == role.arn()))
}

fn streamed(status: StatusCode, body: &[u8]) -> Bytes {
    let head = json!({"statusCode": status.as_u16()}).to_string();
    [head.as_bytes(), &[0; 8], body].concat().into()
}

fn answered(payload: Bytes, error: Option<&'static str>) -> Response<Body> {
    let mut response = Response::new(loopback::full(payload));
    let headers = response.headers_mut();
    headers.insert("x-amz-executed-version", HeaderValue::from_static("$LATEST"));
    if let Some(error) = error {
        headers.insert("x-amz-function-error", HeaderValue::from_static(error));
    }
    response
}

/// Lambda's report on a function that gave no answer.
fn error_body(error: &InvocationError) -> Bytes {
    let kind = match error {
        InvocationError::TimedOut => "Sandbox.Timedout",
        _ => "Runtime.ExitError",
    };
    json!({"errorType": kind, "errorMessage": error.to_string()})
        .to_string()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_goes_by_its_name_and_by_its_arn() {
        let named = |name: &str| function(&format!("/2015-03-31/functions/{name}/invocations"));
        let arn = Role::Operator.arn();
        for name in ["operator", &arn, &arn.replace(':', "%3A")] {
            assert!(matches!(named(name), Ok(Some(Role::Operator))), "{name}");
        }
        assert!(matches!(named("nobody"), Ok(None)));
        for path in ["/", "/2015-03-31/functions", "/2015-03-31/functions/operator"] {
            assert!(matches!(function(path), Err(Refusal::NoSuchApi)), "{path}");
        }
    }

    #[test]
    fn only_a_known_type_is_taken() {
        let of = |text| InvocationType::of(Some(&HeaderValue::from_static(text)));
        assert!(matches!(InvocationType::of(None), Ok(InvocationType::RequestResponse)));
        assert!(matches!(of("RequestResponse"), Ok(InvocationType::RequestResponse)));
        assert!(matches!(of("Event"), Ok(InvocationType::Event)));
        assert!(matches!(of("DryRun"), Err(Refusal::UnknownType)));
    }
}
