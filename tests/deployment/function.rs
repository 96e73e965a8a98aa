//! Runs one invocation of a function: the test is its Runtime API.

use std::{
    future::pending,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::{Method, Response};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::start::{Environment, spawn};

/// A function that answers no event within this time hangs. The slowest takes a few seconds on a busy machine.
const BOUND: Duration = Duration::from_secs(60);

/// How an invocation ended: what the function sent to the Runtime API.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The response, of JSON or of a stream.
    Response(Vec<u8>),
    /// The error's JSON.
    Error(String),
}

/// Starts a function, gives it the event with this time left, and returns what it answered. Then the function is
/// killed.
///
/// # Panics
/// When the function ends or does not answer.
pub(crate) async fn invoke(
    binary: &Path,
    environment: &Environment,
    arn: &str,
    event: &Value,
    time_left: Duration,
) -> Ended {
    let (port, mut answers) = runtime_api(arn.to_owned(), event.to_string(), time_left).await;
    let function = spawn(binary, environment, &format!("127.0.0.1:{port}"));
    tokio::select! {
        answer = answers.recv() => answer.unwrap(),
        ended = function.wait_with_output() => {
            panic!("the function ended: {}", String::from_utf8_lossy(&ended.unwrap().stdout))
        }
        () = tokio::time::sleep(BOUND) => panic!("no answer to the event"),
    }
}

/// A Runtime API with one invocation. Returns its port, and what the function answers.
async fn runtime_api(arn: String, event: String, time_left: Duration) -> (u16, mpsc::UnboundedReceiver<Ended>) {
    let (listener, port) = loopback::listen().await.unwrap();
    let (answered, answers) = mpsc::unbounded_channel();
    let is_given = Arc::new(AtomicBool::new(false));
    loopback::serve(listener, move |request| {
        let (answered, is_given) = (answered.clone(), Arc::clone(&is_given));
        let (arn, event) = (arn.clone(), event.clone());
        async move {
            if request.method() == Method::GET {
                if is_given.swap(true, Ordering::Relaxed) {
                    return pending().await;
                }
                return Ok(Response::builder()
                    .header("lambda-runtime-aws-request-id", "00000000-0000-0000-0000-000000000001")
                    .header("lambda-runtime-deadline-ms", deadline_ms(time_left).to_string())
                    .header("lambda-runtime-invoked-function-arn", arn)
                    .body(loopback::full(event))?);
            }
            let is_error = request.uri().path().ends_with("/error");
            let body = request.into_body().collect().await?.to_bytes().to_vec();
            let _ = answered.send(if is_error {
                Ended::Error(String::from_utf8_lossy(&body).into_owned())
            } else {
                Ended::Response(body)
            });
            Ok(Response::builder().status(202).body(loopback::full(""))?)
        }
    });
    (port, answers)
}

fn deadline_ms(time_left: Duration) -> u128 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    (now + time_left).as_millis()
}
