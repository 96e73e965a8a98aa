//! Stand-ins for the services that playback uses, and the requests of the tests.

use std::{
    collections::{HashMap, VecDeque},
    ops::Range,
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use futures_util::{future::BoxFuture, stream};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::BodyExt;
use lambda_runtime::{Context, LambdaEvent};
use playback_link::{Expiry, KeyRing, SignedLink};
use recording_playback::{App, Body, CheckError, Config, Recordings, TokenCheck, decide::Facts, handle};
use serde_json::{Value, json};
use service::{
    secrets::{SecretError, SecretSource},
    settings::Settings,
};
use sid::{RecordingSid, WorkerSid};
use twilio::flex_token::{FlexToken, Listener, TokenError};
use vault::{ContentType, Expectation, PlaintextStream, ReadError};

pub(crate) const RECORDING: &str = "RE00000000000000000000000000000001";
pub(crate) const ETAG: &str = "\"9b2cf535f27731c974343645a3985328\"";
pub(crate) const DOMAIN: &str = "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-central-1.on.aws";

/// The key of the sample events' links. It is used nowhere else.
pub(crate) const LINK_KEYS: &str = r#"{"current":"k1","k1":"a-key-for-tests-only-a-key-for-tests-only-a-key"}"#;

pub(crate) const FRAME: usize = 65_536;

/// A stored recording, and its faults.
pub(crate) struct Stored {
    plaintext: Bytes,
    /// The length in the facts. It is the plaintext's length, unless a test needs a giant.
    len: u64,
    etag: &'static str,
    content_type: ContentType,
}

/// The vault. It records calls and fails on demand.
#[derive(Clone, Default)]
pub(crate) struct Shelf(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    recordings: HashMap<String, Arc<Stored>>,
    log: Vec<String>,
    open_faults: VecDeque<ReadError>,
    read_faults: VecDeque<ReadError>,
}

impl Shelf {
    pub(crate) fn with(plaintext: &Bytes) -> Self {
        let shelf = Self::default();
        let len = plaintext.len() as u64;
        shelf.put(Stored {
            plaintext: plaintext.clone(),
            len,
            etag: ETAG,
            content_type: ContentType::Wav,
        });
        shelf
    }

    pub(crate) fn with_mp3(plaintext: &Bytes) -> Self {
        let shelf = Self::default();
        let len = plaintext.len() as u64;
        shelf.put(Stored {
            plaintext: plaintext.clone(),
            len,
            etag: ETAG,
            content_type: ContentType::Mp3,
        });
        shelf
    }

    /// A recording whose facts say that it is `len` bytes long.
    pub(crate) fn with_giant(len: u64) -> Self {
        let shelf = Self::default();
        shelf.put(Stored {
            plaintext: Bytes::new(),
            len,
            etag: ETAG,
            content_type: ContentType::Wav,
        });
        shelf
    }

    fn put(&self, stored: Stored) {
        let recordings = &mut self.0.lock().unwrap().recordings;
        recordings.insert(RECORDING.to_owned(), Arc::new(stored));
    }

    /// Adds the same recording under another SID.
    pub(crate) fn duplicate_as(&self, sid: &str) {
        let recordings = &mut self.0.lock().unwrap().recordings;
        let stored = recordings[RECORDING].clone();
        recordings.insert(sid.to_owned(), stored);
    }

    pub(crate) fn fail_open(&self, fault: ReadError) {
        self.0.lock().unwrap().open_faults.push_back(fault);
    }

    pub(crate) fn fail_read(&self, fault: ReadError) {
        self.0.lock().unwrap().read_faults.push_back(fault);
    }

    /// The calls since the last look.
    pub(crate) fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().log)
    }
}

impl Recordings for Shelf {
    type Recording = Arc<Stored>;

    async fn find(&self, id: &RecordingSid) -> Result<(), ReadError> {
        let mut inner = self.0.lock().unwrap();
        inner.log.push("find".to_owned());
        match inner.open_faults.pop_front() {
            Some(fault) => Err(fault),
            None if inner.recordings.contains_key(id.as_str()) => Ok(()),
            None => Err(ReadError::NotFound),
        }
    }

    async fn open(&self, id: &RecordingSid, expectation: Expectation) -> Result<Arc<Stored>, ReadError> {
        let mut inner = self.0.lock().unwrap();
        inner.log.push(match expectation {
            Expectation::Facts => "open".to_owned(),
            Expectation::Bytes { offset, len } => format!("open for {len} from {offset}"),
            Expectation::Tail { len } => format!("open for last {len}"),
        });
        match inner.open_faults.pop_front() {
            Some(fault) => Err(fault),
            None => inner.recordings.get(id.as_str()).cloned().ok_or(ReadError::NotFound),
        }
    }

    fn facts(recording: &Arc<Stored>) -> Result<Facts, ReadError> {
        Ok(Facts {
            len: recording.len,
            etag: HeaderValue::from_static(recording.etag),
            content_type: recording.content_type,
        })
    }

    async fn read(&self, recording: &Arc<Stored>, range: Range<u64>) -> Result<PlaintextStream, ReadError> {
        let mut inner = self.0.lock().unwrap();
        inner.log.push(format!("read {}..{}", range.start, range.end));
        if let Some(fault) = inner.read_faults.pop_front() {
            return Err(fault);
        }
        let bytes = recording
            .plaintext
            .slice(usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap());
        let frames: Vec<_> = bytes
            .chunks(FRAME)
            .map(|frame| Ok(Bytes::copy_from_slice(frame)))
            .collect();
        Ok(Box::pin(stream::iter(frames)))
    }
}

/// Twilio's answer about a token.
pub(crate) type Verdict = fn() -> Result<Listener, TokenError>;

/// Twilio. It gives the same answer for every token and counts the calls.
#[derive(Clone)]
pub(crate) struct Flex {
    answer: Verdict,
    validations: Arc<Mutex<usize>>,
}

impl Flex {
    pub(crate) fn answering(answer: Verdict) -> Self {
        Self {
            answer,
            validations: Arc::default(),
        }
    }

    pub(crate) fn validations(&self) -> usize {
        *self.validations.lock().unwrap()
    }
}

impl TokenCheck for Flex {
    async fn check(&self, _: &FlexToken) -> Result<Listener, CheckError> {
        *self.validations.lock().unwrap() += 1;
        Ok((self.answer)()?)
    }
}

pub(crate) fn supervisor() -> Result<Listener, TokenError> {
    Ok(Listener {
        identity: Some("jane".to_owned()),
        worker_sid: Some(WorkerSid::parse("WK00000000000000000000000000000001").unwrap()),
        roles: vec!["supervisor".to_owned()],
        expires_ms: i64::MAX,
    })
}

/// Secrets Manager with the link keys, or without.
#[derive(Clone, Copy)]
pub(crate) struct Keys(pub(crate) Option<&'static str>);

impl SecretSource<KeyRing> for Keys {
    fn current(&self) -> BoxFuture<'_, Result<KeyRing, SecretError>> {
        Box::pin(async { KeyRing::parse(self.0.unwrap_or_default()).map_err(|_| SecretError::Missing) })
    }

    fn refreshed(&self) -> BoxFuture<'_, Result<KeyRing, SecretError>> {
        self.current()
    }
}

/// The function with its stand-ins.
pub(crate) struct World<C = Flex> {
    app: App<Shelf, C>,
    pub(crate) shelf: Shelf,
    pub(crate) flex: C,
}

impl World {
    pub(crate) fn new(shelf: Shelf) -> Self {
        Self::with(shelf, Flex::answering(supervisor), Keys(Some(LINK_KEYS)), &[])
    }
}

impl<C: TokenCheck + Clone> World<C> {
    pub(crate) fn with(
        shelf: Shelf,
        flex: C,
        keys: impl SecretSource<KeyRing> + 'static,
        settings: &[(&str, &str)],
    ) -> Self {
        let needed = [
            ("RECORDINGS_BUCKET", "recordings"),
            (
                "KMS_DECRYPT_KEY_ARNS",
                "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            ),
            ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000001"),
            ("LINK_KEYS_SECRET", "link-keys"),
        ];
        let settings = Settings::from_pairs(needed.into_iter().chain(settings.iter().copied()));
        let config = Config::from_settings(settings).unwrap();
        Self {
            app: App::new(config, shelf.clone(), flex.clone(), keys),
            shelf,
            flex,
        }
    }

    /// Sends an event in the form of the Runtime API, and returns the function's answer.
    pub(crate) async fn send_text(&self, event: &str) -> Answer {
        let mut context = Context::default();
        context.request_id = "request-1".to_owned();
        let event = LambdaEvent::new(serde_json::from_str(event).unwrap(), context);
        // Boxed, as in the function, because the compiler limits how deeply futures may nest.
        Answer::collect(Box::pin(handle(&self.app, event)).await).await
    }

    pub(crate) async fn send(&self, event: Value) -> Answer {
        self.send_text(&event.to_string()).await
    }

    /// GET of the recording with a valid link.
    pub(crate) async fn get(&self, headers: &[(&str, &str)]) -> Answer {
        self.follow(&Method::GET, &link(), headers).await
    }

    pub(crate) async fn head(&self, headers: &[(&str, &str)]) -> Answer {
        self.follow(&Method::HEAD, &link(), headers).await
    }

    pub(crate) async fn follow(&self, method: &Method, link: &SignedLink, headers: &[(&str, &str)]) -> Answer {
        self.send(request(method, &link.path, &link.query, headers)).await
    }
}

/// An answer with its body collected.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    async fn collect(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        Self {
            status: head.status,
            headers: head.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Status and `error` code.
    pub(crate) fn error(&self) -> (u16, String) {
        (self.status.as_u16(), self.json()["error"].as_str().unwrap().to_owned())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A link to the recording that is valid for an hour.
pub(crate) fn link() -> SignedLink {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    link_until(Expiry::At(now_s + 3600))
}

pub(crate) fn link_until(expiry: Expiry) -> SignedLink {
    playback_link::sign(
        &KeyRing::parse(LINK_KEYS).unwrap(),
        &RecordingSid::parse(RECORDING).unwrap(),
        expiry,
    )
}

/// A function URL's event.
pub(crate) fn request(method: &Method, path: &str, query: &str, headers: &[(&str, &str)]) -> Value {
    let headers: HashMap<_, _> = [("host", DOMAIN), ("x-forwarded-proto", "https")]
        .into_iter()
        .chain(headers.iter().copied())
        .collect();
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abcdefghijklmnopqrstuvwxyz012345",
            "domainName": DOMAIN,
            "http": { "method": method.as_str(), "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1" },
            "requestId": "request-1",
            "routeKey": "$default",
            "stage": "$default",
            "time": "23/Nov/2026:06:00:00 +0000",
            "timeEpoch": 1_795_413_600_000_u64,
        },
        "isBase64Encoded": false,
    })
}

/// Bytes that differ everywhere, so that a wrong offset shows.
pub(crate) fn plaintext(len: usize) -> Bytes {
    (0..len).map(|at| (at ^ at >> 8 ^ at >> 16) as u8).collect()
}
