//! S3, KMS and Secrets Manager behind TLS. Each step waits until every part of it has begun:
//!
//! 1. No handshake ends before all four connections are there.
//! 2. S3's and KMS's end only after the request for the link keys has arrived, and it is answered only after theirs, except
//!    for one to S3.
//! 3. That one ends a while after the link keys were answered.
//! 4. S3 answers only after both requests of a cold open have arrived.

use std::{
    io::Write,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use esdk_message::{DataKey, EncryptedDataKey, EncryptionContext, FrameLength, MessageId, Sealer};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rcgen::CertifiedKey;
use serde_json::json;
use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Barrier, watch},
    time::sleep,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivateKeyDer},
};

use crate::lambda::{ACCOUNT, KMS_KEY, LINK_KEYS, RECORDING};

pub(crate) const PLAINTEXT: &[u8] = b"a short recording";

/// Connections of a start: two to S3, and one to KMS and to Secrets Manager each.
const CONNECTIONS: usize = 4;

/// A function that does not wait for its last connection requests an event within this time, unless the machine is very busy.
const LAST_HANDSHAKE: Duration = Duration::from_millis(300);

/// What happened on the wire, in order.
#[derive(Clone, Default)]
pub(crate) struct Wire(Arc<Mutex<Vec<String>>>);

impl Wire {
    pub(crate) fn push(&self, event: String) {
        self.0.lock().unwrap().push(event);
    }

    /// Removes and returns the events since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Service {
    S3,
    Kms,
    Secrets,
}

impl Service {
    const fn name(self) -> &'static str {
        match self {
            Self::S3 => "S3",
            Self::Kms => "KMS",
            Self::Secrets => "Secrets Manager",
        }
    }
}

pub(crate) struct Aws {
    settings: Vec<(&'static str, String)>,
    _certificate: NamedTempFile,
}

/// The steps that all connections take together.
struct Steps {
    connected: Barrier,
    keys_requested: watch::Sender<bool>,
    keys_answered: watch::Sender<bool>,
    /// Whether the connection to S3 whose handshake is the last one is there.
    last_is_there: AtomicBool,
    /// How many connections to S3 and KMS are ready.
    ready: watch::Sender<usize>,
    opened: Barrier,
}

impl Aws {
    pub(crate) async fn start(wire: &Wire) -> Self {
        let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let mut certificate = NamedTempFile::new().unwrap();
        certificate.write_all(cert.pem().as_bytes()).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![cert.der().clone()], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let steps = Arc::new(Steps {
            connected: Barrier::new(CONNECTIONS),
            keys_requested: watch::Sender::default(),
            keys_answered: watch::Sender::default(),
            last_is_there: AtomicBool::new(false),
            ready: watch::Sender::default(),
            opened: Barrier::new(2),
        });
        let mut settings = vec![("SSL_CERT_FILE", certificate.path().to_string_lossy().into_owned())];
        for (service, variable) in [
            (Service::S3, "AWS_ENDPOINT_URL_S3"),
            (Service::Kms, "AWS_ENDPOINT_URL_KMS"),
            (Service::Secrets, "AWS_ENDPOINT_URL_SECRETS_MANAGER"),
        ] {
            let (listener, port) = loopback::listen().await.unwrap();
            settings.push((variable, format!("https://127.0.0.1:{port}")));
            let (wire, steps, acceptor) = (wire.clone(), Arc::clone(&steps), acceptor.clone());
            tokio::spawn(async move {
                loop {
                    let (connection, _) = listener.accept().await.unwrap();
                    let (wire, steps, acceptor) = (wire.clone(), Arc::clone(&steps), acceptor.clone());
                    tokio::spawn(serve(service, connection, acceptor, wire, steps));
                }
            });
        }
        Self {
            settings,
            _certificate: certificate,
        }
    }

    pub(crate) fn settings(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(name, value)| (*name, &**value)).collect()
    }
}

async fn serve(service: Service, connection: TcpStream, acceptor: TlsAcceptor, wire: Wire, steps: Arc<Steps>) {
    wire.push(format!("{}: connection", service.name()));
    steps.connected.wait().await;
    if service != Service::Secrets {
        steps
            .keys_requested
            .subscribe()
            .wait_for(|requested| *requested)
            .await
            .unwrap();
    }
    if service == Service::S3 && !steps.last_is_there.swap(true, Ordering::Relaxed) {
        steps
            .keys_answered
            .subscribe()
            .wait_for(|answered| *answered)
            .await
            .unwrap();
        sleep(LAST_HANDSHAKE).await;
    }
    // The peer may go away.
    let Ok(connection) = acceptor.accept(connection).await else {
        return;
    };
    wire.push(format!("{}: ready", service.name()));
    if service != Service::Secrets {
        steps.ready.send_modify(|ready| *ready += 1);
    }
    let answer = service_fn(move |request| answer(service, request, wire.clone(), Arc::clone(&steps)));
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(connection), answer)
        .await;
}

async fn answer(
    service: Service,
    request: Request<Incoming>,
    wire: Wire,
    steps: Arc<Steps>,
) -> Result<Response<Full<Bytes>>, http::Error> {
    let target = request
        .headers()
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok());
    let operation = target
        .and_then(|target| target.rsplit('.').next())
        .unwrap_or("GetObject");
    wire.push(format!("{}: {operation}", service.name()));
    match service {
        Service::Secrets => {
            steps.keys_requested.send_replace(true);
            steps
                .ready
                .subscribe()
                .wait_for(|ready| *ready == CONNECTIONS - 2)
                .await
                .unwrap();
            steps.keys_answered.send_replace(true);
            Ok(Response::new(Full::from(
                json!({"SecretString": LINK_KEYS}).to_string(),
            )))
        }
        Service::S3 => {
            steps.opened.wait().await;
            let object = object();
            let range = request.headers()["range"].to_str().unwrap();
            let range = range.trim_start_matches("bytes=").split_once('-').unwrap();
            let (from, to) = match range {
                ("", suffix) => (object.len().saturating_sub(suffix.parse().unwrap()), object.len()),
                (from, to) => (
                    from.parse().unwrap(),
                    object.len().min(to.parse::<usize>().unwrap() + 1),
                ),
            };
            Response::builder()
                .status(StatusCode::PARTIAL_CONTENT)
                .header("etag", "\"one\"")
                .header("content-range", format!("bytes {from}-{}/{}", to - 1, object.len()))
                .body(Full::from(object[from..to].to_vec()))
        }
        Service::Kms => {
            let plaintext = BASE64_STANDARD.encode([7; 32]);
            Ok(Response::new(Full::from(
                json!({"KeyId": KMS_KEY, "Plaintext": plaintext}).to_string(),
            )))
        }
    }
}

/// The stored recording. Its data key is the one that KMS decrypts.
fn object() -> Vec<u8> {
    let context = EncryptionContext::new([
        ("accountsid", ACCOUNT),
        ("recordingsid", RECORDING),
        ("contenttype", "wav"),
        ("plaintextlength", &*format!("{:020}", PLAINTEXT.len())),
    ]);
    let wrapped = EncryptedDataKey {
        provider_id: "aws-kms".to_owned(),
        provider_info: KMS_KEY.to_owned(),
        ciphertext: vec![7; 184],
    };
    let sealer = Sealer::new(
        &DataKey::from_slice(&[7; 32]).unwrap(),
        MessageId::from_bytes([7; 32]),
        FrameLength::DEFAULT,
        &context.unwrap(),
        &[wrapped],
    );
    sealer.unwrap().seal_message(PLAINTEXT).unwrap()
}

/// A proxy that refuses every request.
pub(crate) async fn proxy(wire: &Wire) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let wire = wire.clone();
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(connection.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            wire.push(format!(
                "proxy: {}",
                head.lines().next().unwrap().replace(" HTTP/1.1", "")
            ));
            let _ = connection
                .write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
                .await;
        }
    });
    address
}
