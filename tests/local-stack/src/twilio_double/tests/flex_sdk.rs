//! The question about a Flex token as Twilio's own `@twilio/flex-sdk` asks it, beside ours: both on the wire, to the double.

use std::sync::{Arc, Mutex};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{HeaderMap, header},
    middleware::{Next, from_fn},
};
use serde_json::Value;
use tokio::process::Command;
use twilio::{
    client::{Client, Endpoints},
    flex_token::{FlexToken, TokenError, ValidateAs},
    sid::AccountSid,
};
use url::Url;

use super::{Bench, player_authorization};
use crate::twilio_double::{
    front,
    server::{Port, Server},
};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/twilio_double/tests/flex_sdk.cjs");

/// A request as the double got it.
#[derive(Clone)]
struct Asked {
    line: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Asked {
    fn header(&self, name: header::HeaderName) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// The double's endpoints, and what comes in.
struct Listening {
    server: Server,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Listening {
    async fn on(bench: &Bench) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let capture = move |request: Request, next: Next| {
            let log = Arc::clone(&log);
            async move {
                let (parts, body) = request.into_parts();
                let body = to_bytes(body, usize::MAX).await.unwrap();
                log.lock().unwrap().push(Asked {
                    line: format!("{} {}", parts.method, parts.uri),
                    headers: parts.headers.clone(),
                    body: body.clone(),
                });
                next.run(Request::from_parts(parts, Body::from(body))).await
            }
        };
        let routes = front::routes(Arc::clone(&bench.double.twilio)).layer(from_fn(capture));
        let server = Port::take().await.unwrap().serve(routes);
        Self { server, asked }
    }

    fn only(&self) -> Asked {
        let mut asked = self.asked.lock().unwrap();
        assert_eq!(asked.len(), 1);
        asked.remove(0)
    }
}

/// What flex-sdk makes of a token.
async fn by_flex_sdk(base: &str, account: &str, token: &str) -> Value {
    let modules = tokio::task::spawn_blocking(toolbox::flex_modules)
        .await
        .unwrap()
        .unwrap();
    let mut node = Command::new("node");
    node.arg(SCRIPT).arg(modules).args([base, account, token]);
    let output = node.output().await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"))
}

/// What this project's client makes of it.
async fn by_us(base: &str, account: &str, token: &str) -> Result<twilio::flex_token::Listener, TokenError> {
    let endpoints = Endpoints {
        flex: base.parse::<Url>().unwrap(),
        ..Endpoints::default()
    };
    let client = Client::new(AccountSid::parse(account).unwrap(), endpoints).unwrap();
    let token = FlexToken::from_authorization(&player_authorization(token)).unwrap();
    client.validate_flex_token(&token.unwrap(), ValidateAs::Flex).await
}

#[tokio::test]
async fn we_ask_what_flex_sdk_asks() {
    let bench = Bench::new().await;
    let (account, token) = (&bench.options.account_sid, &bench.options.flex_token);
    let listening = Listening::on(&bench).await;
    let base = listening.server.base();

    let listener = by_us(&base, account, token).await.unwrap();
    let ours = listening.only();
    let told = by_flex_sdk(&base, account, token).await;
    let theirs = listening.only();

    assert_eq!(ours.line, format!("POST /v1/Accounts/{account}/Tokens/Info"));
    assert_eq!(ours.line, theirs.line);
    assert_eq!(ours.header(header::CONTENT_TYPE), theirs.header(header::CONTENT_TYPE));
    assert_eq!(ours.body, theirs.body);
    // flex-sdk 3.0.0 has a `)` too many after the Base64 text.
    let authorization = ours.header(header::AUTHORIZATION);
    assert_eq!(format!("{authorization})"), theirs.header(header::AUTHORIZATION));

    // Both read the same answer.
    let data = &told["data"];
    assert_eq!(data["valid"], true, "{told}");
    assert_eq!(data["accountSid"], **account);
    assert_eq!(data["roles"].as_array().unwrap(), &listener.roles);
    assert_eq!(data["identity"].as_str(), listener.identity.as_deref());
    let worker = listener.worker_sid.as_ref().map(twilio::sid::WorkerSid::as_str);
    assert_eq!(data["workerSid"].as_str(), worker);
    assert!(data["dateExpired"].is_string());

    let stranger = crate::flex_token!("a-strangers");
    let error = by_us(&base, account, stranger).await.unwrap_err();
    assert!(matches!(error, TokenError::Invalid), "{error}");
    let told = by_flex_sdk(&base, account, stranger).await;
    // One of the codes by which Flex UI knows that a session has ended.
    assert!(told["error"].as_str().unwrap().contains("20003"), "{told}");
}
