//! The Runtime API that the functions use: the emulator's, corrected where it differs from Lambda's.
//!
//! - The emulator's deadline is a constant in the year 1970. Lambda's is the end of the function's timeout.
//! - The emulator's ARN of a function is not an ARN. A function passes Lambda's to the schedules that it creates.
//! - The emulator gives every invocation a new trace. Lambda continues the trace of the message that caused it.
//! - The emulator keeps a `+` in a function URL's query. Lambda replaces it by a space.
//! - The emulator's domain name in an event is its own. Lambda's is the host that the client called.
//! - The emulator answers a streamed response at its beginning, so that the function requests its next invocation
//!   during the stream. Lambda gives an instance no invocation before the previous one has ended.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    io,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header::CONTENT_LENGTH, uri::PathAndQuery};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use loopback::{Body, Error, Upstream};
use serde_json::Value;
use tokio::sync::{oneshot, watch};

use crate::{Role, lineage::Traces};

/// The corrected Runtime API, served as long as the current runtime lives.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    port: u16,
    /// The instances that have requested an invocation.
    ready: watch::Sender<BTreeSet<String>>,
    traces: Traces,
}

impl RuntimeApi {
    pub(crate) async fn start(emulator: Upstream) -> io::Result<Self> {
        let (listener, port) = loopback::listen().await?;
        let ready = watch::Sender::default();
        let seen = ready.clone();
        let traces = Traces::default();
        let known = traces.clone();
        loopback::serve(listener, move |request| {
            relay(emulator.clone(), seen.clone(), known.clone(), request)
        });
        Ok(Self { port, ready, traces })
    }

    /// The traces of the invocations.
    pub(crate) fn traces(&self) -> Traces {
        self.traces.clone()
    }

    /// The value of `AWS_LAMBDA_RUNTIME_API` for an instance. It needs the scheme because it has a path. The first
    /// segments of the path are the function's name and its timeout in milliseconds; the rest is the emulator's own
    /// path.
    pub(crate) fn url(&self, instance: &str, role: Role, timeout: Duration) -> String {
        format!(
            "http://127.0.0.1:{}/{role}/{}/.rt/{instance}",
            self.port,
            timeout.as_millis()
        )
    }

    /// Resolves when an instance has requested its first invocation.
    pub(crate) async fn ready(&self, instance: &str) {
        // `self` holds the sender, so it cannot be gone.
        let _ = self.ready.subscribe().wait_for(|ready| ready.contains(instance)).await;
    }
}

async fn relay(
    emulator: Upstream,
    ready: watch::Sender<BTreeSet<String>>,
    traces: Traces,
    request: Request<Incoming>,
) -> Result<Response<Body>, Error> {
    let (mut parts, body) = request.into_parts();
    let (role, timeout, path) = split_prefix(parts.uri.path()).ok_or("not a path of the stack")?;
    let next = path.ends_with("/runtime/invocation/next");
    let instance = path.split('/').nth(2).unwrap_or_default().to_owned();
    if next {
        ready.send_if_modified(|ready| ready.insert(instance.clone()));
    }
    parts.uri = Uri::from(PathAndQuery::try_from(path)?);

    // The sender is dropped with the body: when the whole body is sent, or when it breaks.
    let (sending, sent) = oneshot::channel::<Infallible>();
    let body = loopback::pass_on(body).map_frame(move |frame| {
        let _ = &sending;
        frame
    });
    let mut response = emulator.send(Request::from_parts(parts, body.boxed_unsync())).await?;
    let _ = sent.await;

    if next {
        let headers = response.headers_mut();
        headers.insert("lambda-runtime-deadline-ms", deadline(timeout)?);
        headers.insert("lambda-runtime-invoked-function-arn", role.arn().try_into()?);
        if let Some(trace) = traces.of(&instance) {
            headers.insert("lambda-runtime-trace-id", trace.try_into()?);
        }
        if matches!(role, Role::Playback | Role::Webhook) {
            return corrected(response, role).await;
        }
    }
    Ok(response)
}

/// A request's event with what differs between the emulator and AWS.
async fn corrected(response: Response<Body>, role: Role) -> Result<Response<Body>, Error> {
    let (mut parts, body) = response.into_parts();
    let mut body = body.collect().await?.to_bytes();
    if let Ok(mut event) = serde_json::from_slice::<Value>(&body) {
        let has_changed = name_domain(&mut event) | (role == Role::Playback && replace_pluses(&mut event));
        if has_changed {
            body = Bytes::from(event.to_string());
        }
    }
    parts.headers.insert(CONTENT_LENGTH, body.len().into());
    Ok(Response::from_parts(parts, loopback::full(body)))
}

/// Names the host that the client called. Returns whether the event has one.
fn name_domain(event: &mut Value) -> bool {
    let host = event.pointer("/headers/host").cloned();
    match (host, event.get_mut("requestContext")) {
        (Some(host @ Value::String(_)), Some(Value::Object(context))) => {
            context.insert("domainName".to_owned(), host);
            true
        }
        _ => false,
    }
}

/// Puts a space for every `+` into the raw query, as a function URL does (aws-lambda-web-adapter, issue 491). Returns
/// whether there was one.
fn replace_pluses(event: &mut Value) -> bool {
    match event.get_mut("rawQueryString") {
        Some(Value::String(query)) if query.contains('+') => {
            *query = query.replace('+', " ");
            true
        }
        _ => false,
    }
}

/// Splits off what [`RuntimeApi::url`] puts before the emulator's path.
fn split_prefix(path: &str) -> Option<(Role, Duration, &str)> {
    let (name, rest) = path.strip_prefix('/')?.split_once('/')?;
    let role = Role::ALL.into_iter().find(|role| role.name() == name)?;
    let (timeout, _) = rest.split_once('/')?;
    Some((
        role,
        Duration::from_millis(timeout.parse().ok()?),
        rest.get(timeout.len()..)?,
    ))
}

/// Unix time in milliseconds.
fn deadline(timeout: Duration) -> Result<HeaderValue, Error> {
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH)? + timeout;
    Ok(HeaderValue::try_from(deadline.as_millis().to_string())?)
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use tokio::sync::mpsc;

    use super::*;

    /// A request's event.
    const EVENT: &str = r#"{"rawPath":"/a+b","rawQueryString":"c=d+e&f=%2B+","isBase64Encoded":false}"#;

    /// An emulator that answers like `cargo lambda watch`: at once, with its constant deadline.
    async fn runtime_api() -> (RuntimeApi, mpsc::UnboundedReceiver<String>) {
        let (listener, port) = loopback::listen().await.unwrap();
        let (requested, paths) = mpsc::unbounded_channel();
        loopback::serve(listener, move |request: Request<Incoming>| {
            requested.send(request.uri().path().to_owned()).unwrap();
            // The body is read in the background, after the answer.
            tokio::spawn(request.into_body().collect());
            async {
                Ok(Response::builder()
                    .header("lambda-runtime-deadline-ms", "600000")
                    .body(loopback::full(EVENT))?)
            }
        });
        (RuntimeApi::start(Upstream::new(port)).await.unwrap(), paths)
    }

    #[tokio::test]
    async fn an_invocation_has_the_functions_deadline_and_arn() {
        let (api, mut paths) = runtime_api().await;
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let url = api.url("copier-1", Role::Copier, Duration::from_secs(900));
        let earliest = now() + 900_000;
        let response = reqwest::get(format!("{url}/2018-06-01/runtime/invocation/next"))
            .await
            .unwrap();
        let deadline = response.headers()["lambda-runtime-deadline-ms"]
            .to_str()
            .unwrap()
            .parse::<u128>()
            .unwrap();
        assert!((earliest..=now() + 900_000).contains(&deadline));
        assert_eq!(
            response.headers()["lambda-runtime-invoked-function-arn"],
            "arn:aws:lambda:us-east-1:000000000000:function:copier"
        );
        assert_eq!(
            paths.recv().await.unwrap(),
            "/.rt/copier-1/2018-06-01/runtime/invocation/next"
        );
        let answered = reqwest::get(format!("{url}/2018-06-01/runtime/invocation/next"));
        api.traces()
            .begin("copier-1", Some("Root=1-2-3;Lineage=copier:1".to_owned()));
        assert_eq!(
            answered.await.unwrap().headers()["lambda-runtime-trace-id"],
            "Root=1-2-3;Lineage=copier:1"
        );
        api.ready("copier-1").await;
        assert!(!api.ready.borrow().contains("copier-2"));
    }

    #[tokio::test]
    async fn a_plus_in_a_function_urls_query_arrives_as_a_space() {
        let (api, _paths) = runtime_api().await;
        let event = async |role: Role| {
            let url =
                api.url(&format!("{role}-1"), role, Duration::from_secs(1)) + "/2018-06-01/runtime/invocation/next";
            reqwest::get(url).await.unwrap().text().await.unwrap()
        };
        let expected = r#"{"rawPath":"/a+b","rawQueryString":"c=d e&f=%2B ","isBase64Encoded":false}"#;
        assert_eq!(event(Role::Playback).await, expected);
        assert_eq!(event(Role::Webhook).await, EVENT);
    }

    #[test]
    fn the_domain_is_the_host_that_the_client_called() {
        let mut event = serde_json::json!({
            "headers": {"host": "id.execute-api.us-east-1.amazonaws.com"},
            "requestContext": {"domainName": "localhost", "stage": "$default"},
        });
        assert!(name_domain(&mut event));
        let context = &event["requestContext"];
        assert_eq!(context["domainName"], "id.execute-api.us-east-1.amazonaws.com");
        assert_eq!(context["stage"], "$default");
        assert!(!name_domain(&mut serde_json::json!({"Records": []})));
    }

    #[tokio::test]
    async fn a_response_is_taken_when_its_whole_body_is() {
        let (api, mut paths) = runtime_api().await;
        let url =
            api.url("playback-1", Role::Playback, Duration::from_secs(1)) + "/2018-06-01/runtime/invocation/1/response";
        let (chunks, body) = mpsc::channel::<Result<&str, io::Error>>(1);
        let body = stream::unfold(body, |mut body| async { Some((body.recv().await?, body)) });
        let answered = tokio::spawn(
            reqwest::Client::new()
                .post(url)
                .body(reqwest::Body::wrap_stream(body))
                .send(),
        );
        chunks.send(Ok("first")).await.unwrap();
        // The emulator has received it and has answered.
        paths.recv().await.unwrap();
        chunks.send(Ok("second")).await.unwrap();
        assert!(!answered.is_finished());
        drop(chunks);
        assert_eq!(answered.await.unwrap().unwrap().status(), 200);
    }
}
