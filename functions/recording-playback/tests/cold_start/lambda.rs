//! The binary, and Lambda's Runtime API around it.

use std::{convert::Infallible, process::Stdio, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use playback_link::{Expiry, KeyRing};
use serde_json::json;
use sid::RecordingSid;
use tokio::{
    process::{Child, Command},
    sync::{Mutex, mpsc, watch},
};

use crate::aws::Wire;

pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub(crate) const RECORDING: &str = "RE00000000000000000000000000000001";
pub(crate) const KMS_KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
pub(crate) const LINK_KEYS: &str = r#"{"current":"k1","k1":"0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"}"#;

pub(crate) struct Function {
    events: mpsc::Sender<String>,
    answers: Mutex<mpsc::Receiver<Bytes>>,
    waiting: watch::Sender<bool>,
    _process: Child,
}

struct Api {
    wire: Wire,
    events: Mutex<mpsc::Receiver<String>>,
    answers: mpsc::Sender<Bytes>,
    waiting: watch::Sender<bool>,
}

impl Function {
    pub(crate) async fn start(wire: &Wire, settings: &[(&str, &str)]) -> Self {
        let (events, received) = mpsc::channel(1);
        let (answers, answered) = mpsc::channel(1);
        let waiting = watch::Sender::default();
        let api = Arc::new(Api {
            wire: wire.clone(),
            events: Mutex::new(received),
            answers,
            waiting: waiting.clone(),
        });
        let (listener, port) = loopback::listen().await.unwrap();
        tokio::spawn(async move {
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                let api = Arc::clone(&api);
                let answer = service_fn(move |request| answer(Arc::clone(&api), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), answer));
            }
        });
        let process = Command::new(env!("CARGO_BIN_EXE_recording-playback"))
            .env_clear()
            .envs([
                ("AWS_LAMBDA_RUNTIME_API", &*format!("127.0.0.1:{port}")),
                ("AWS_LAMBDA_FUNCTION_NAME", "playback"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
                ("AWS_REGION", "us-east-1"),
                ("AWS_ACCESS_KEY_ID", "test"),
                ("AWS_SECRET_ACCESS_KEY", "test"),
                ("TWILIO_ACCOUNT_SID", ACCOUNT),
                ("RECORDINGS_BUCKET", "recordings"),
                ("KMS_DECRYPT_KEY_ARNS", KMS_KEY),
                ("LINK_KEYS_SECRET", "link-keys"),
            ])
            .envs(settings.iter().copied())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            events,
            answers: Mutex::new(answered),
            waiting,
            _process: process,
        }
    }

    /// Returns when the function has requested its first event.
    pub(crate) async fn is_waiting(&self) {
        self.waiting.subscribe().wait_for(|waiting| *waiting).await.unwrap();
    }

    /// Sends the function a request with a link. Returns the whole answer, the prelude and the body.
    pub(crate) async fn listen(&self) -> Bytes {
        let keys = KeyRing::parse(LINK_KEYS).unwrap();
        let recording = RecordingSid::parse(RECORDING).unwrap();
        let link = playback_link::sign(&keys, &recording, Expiry::At(4_102_444_800));
        let event = json!({
            "version": "2.0",
            "rawPath": link.path,
            "rawQueryString": link.query,
            "headers": {"host": "playback.invalid", "range": "bytes=0-"},
            "requestContext": {
                "domainName": "playback.invalid",
                "requestId": "1",
                "http": {"method": "GET", "path": link.path},
            },
            "isBase64Encoded": false,
        });
        self.events.send(event.to_string()).await.unwrap();
        self.answers.lock().await.recv().await.unwrap()
    }
}

async fn answer(api: Arc<Api>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path().ends_with("/invocation/next") {
        api.wire.push("Lambda: next".to_owned());
        api.waiting.send_replace(true);
        let event = api.events.lock().await.recv().await.unwrap();
        return Ok(Response::builder()
            .header("lambda-runtime-aws-request-id", "1")
            .header("lambda-runtime-deadline-ms", "4102444800000")
            .header(
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:us-east-1:111122223333:function:playback",
            )
            .body(Full::from(event))
            .unwrap());
    }
    let body = request.into_body().collect().await.unwrap().to_bytes();
    api.wire.push("Lambda: response".to_owned());
    api.answers.send(body).await.unwrap();
    Ok(Response::builder().status(202).body(Full::default()).unwrap())
}
