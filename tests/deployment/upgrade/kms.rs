//! KMS as the emulator has it, which also knows data keys of another account.
//!
//! A stored recording can be opened only with the key that it was encrypted under, and the emulator's keys end with its
//! process. So the wrapped keys of a release are kept with what they unwrap to, and this proxy answers for them.

use std::sync::{Arc, Mutex};

use http::{Request, Response, header::CONTENT_LENGTH};
use http_body_util::BodyExt;
use loopback::{Body, Error, Upstream, full};
use serde_json::{Value, json};

/// A proxy of the emulator's KMS. It records the data keys that are generated, and unwraps those that it was given.
pub(crate) struct Kms {
    pub(crate) endpoint: String,
    generated: Arc<Mutex<Vec<Value>>>,
}

impl Kms {
    /// Starts the proxy. `wrapped` are data keys as [`generated`](Self::generated) returns them.
    pub(crate) async fn start(emulator: &str, wrapped: Vec<Value>) -> Self {
        let upstream = Upstream::at(emulator).unwrap();
        let (listener, port) = loopback::listen().await.unwrap();
        let (wrapped, generated) = (Arc::new(wrapped), Arc::<Mutex<Vec<Value>>>::default());
        let log = Arc::clone(&generated);
        loopback::serve(listener, move |request| {
            let (upstream, wrapped, log) = (upstream.clone(), Arc::clone(&wrapped), Arc::clone(&log));
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await?.to_bytes();
                let asked: Value = serde_json::from_slice(&body)?;
                if let Some(answer) = unwrap(&wrapped, &asked) {
                    return Ok(answer);
                }
                let answer = upstream.send(Request::from_parts(parts, full(body))).await?;
                let (mut parts, body) = answer.into_parts();
                let body = body.collect().await?.to_bytes();
                let answered: Value = serde_json::from_slice(&body)?;
                if answered["CiphertextBlob"].is_string() {
                    log.lock().map_err(|_| "a test failed")?.push(wrap(&asked, &answered));
                }
                parts.headers.insert(CONTENT_LENGTH, body.len().into());
                Ok(Response::from_parts(parts, full(body)))
            }
        });
        Self {
            endpoint: format!("http://127.0.0.1:{port}"),
            generated,
        }
    }

    /// The data keys so far: `KeyId`, `EncryptionContext`, `CiphertextBlob` and `Plaintext` as in KMS's API.
    pub(crate) fn generated(&self) -> Vec<Value> {
        self.generated.lock().unwrap().clone()
    }
}

fn wrap(asked: &Value, answered: &Value) -> Value {
    json!({
        "KeyId": answered["KeyId"],
        "EncryptionContext": asked["EncryptionContext"],
        "CiphertextBlob": answered["CiphertextBlob"],
        "Plaintext": answered["Plaintext"],
    })
}

/// The answer for a data key that was given to the proxy. Like KMS, it unwraps one only with its key and its context.
fn unwrap(wrapped: &[Value], asked: &Value) -> Option<Response<Body>> {
    let known = wrapped
        .iter()
        .find(|one| one["CiphertextBlob"] == asked["CiphertextBlob"])?;
    let fits = known["KeyId"] == asked["KeyId"] && known["EncryptionContext"] == asked["EncryptionContext"];
    let (status, body) = if fits {
        (200, json!({"KeyId": known["KeyId"], "Plaintext": known["Plaintext"]}))
    } else {
        (400, json!({"__type": "InvalidCiphertextException"}))
    };
    answer(status, &body).ok()
}

fn answer(status: u16, body: &Value) -> Result<Response<Body>, Error> {
    Ok(Response::builder()
        .status(status)
        .header("content-type", "application/x-amz-json-1.1")
        .body(full(body.to_string()))?)
}
