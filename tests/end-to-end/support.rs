//! What every test needs: the one stack, recordings with contents that can be told apart, and patience with a bound.

use std::{
    fs,
    ops::Deref,
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use local_stack::{Callback, Role, Stack, StackOptions, values};
use playback_link::{Expiry, KeyRing};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use sid::RecordingSid;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use twilio_double::wav;

use crate::canaries;

/// The stack that all tests of this process share.
pub(crate) fn stack() -> &'static Stack {
    static STACK: OnceLock<Stack> = OnceLock::new();
    STACK.get_or_init(|| {
        let stack = Stack::start(options()).unwrap_or_else(|error| panic!("{error}"));
        // Of the call that callbacks name where a test does not say which. Without it, their links would search for a task for a
        // day, in the middle of tests that count calls.
        let attributes = format!(r#"{{"call_sid":"{}"}}"#, values::CALL_SID);
        stack
            .twilio()
            .add_task("WT0000000000000000000000000000ca11", &attributes);
        stack
    })
}

/// How stacks of this process are started.
pub(crate) fn options() -> StackOptions {
    StackOptions::default()
        .beside_tests()
        // Every link has its original deleted, when a test fires the schedule.
        .setting(Role::Linker, "DELETE_ORIGINAL_AFTER", "7200")
        .writing_rights(rights_file())
}

/// Where the rights that this process's stacks use are written. `tests/deployment` compares them with the template.
fn rights_file() -> PathBuf {
    static EMPTIED: OnceLock<PathBuf> = OnceLock::new();
    let file = EMPTIED.get_or_init(|| {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("rights-used.txt");
        fs::write(&file, "").unwrap();
        file
    });
    file.clone()
}

static QUIET: RwLock<()> = RwLock::const_new(());

/// A test's turn on the shared stack. When it ends, nothing may stand in the logs that mustn't.
pub(crate) struct Turn<G> {
    stack: &'static Stack,
    _guard: G,
}

impl<G> Drop for Turn<G> {
    fn drop(&mut self) {
        canaries::check(self.stack);
    }
}

/// Held by every test that only needs the stack to be there.
pub(crate) async fn among_others() -> (&'static Stack, Turn<RwLockReadGuard<'static, ()>>) {
    turn(QUIET.read().await).await
}

/// Held by a test that counts calls or breaks things: nobody else is using the stack.
pub(crate) async fn alone() -> (&'static Stack, Turn<RwLockWriteGuard<'static, ()>>) {
    turn(QUIET.write().await).await
}

async fn turn<G>(guard: G) -> (&'static Stack, Turn<G>) {
    // Starting blocks, for minutes where the functions must be built first.
    let stack = tokio::task::spawn_blocking(stack).await.unwrap();
    (stack, Turn { stack, _guard: guard })
}

/// A stack of a test's own. When it ends, nothing may stand in its logs that mustn't.
pub(crate) struct OwnStack(Stack);

impl OwnStack {
    pub(crate) async fn start(options: StackOptions) -> Self {
        let started = tokio::task::spawn_blocking(|| Stack::start(options).unwrap_or_else(|error| panic!("{error}")));
        Self(started.await.unwrap())
    }
}

impl Deref for OwnStack {
    type Target = Stack;

    fn deref(&self) -> &Stack {
        &self.0
    }
}

impl Drop for OwnStack {
    fn drop(&mut self) {
        canaries::check(&self.0);
    }
}

/// A recording at Twilio and the task of its call.
pub(crate) struct Recording {
    pub(crate) sid: String,
    pub(crate) task: String,
    pub(crate) call: String,
    pub(crate) audio: Vec<u8>,
}

impl Recording {
    /// A WAV file of `audio_bytes` bytes in all, its contents like no other recording's, with a task that has `attributes` of
    /// its own already.
    pub(crate) fn new(stack: &Stack, audio_bytes: usize) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0x1000);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self::numbered(
            stack,
            number,
            &format!("RE{number:032x}"),
            &format!("WT{number:032x}"),
            audio_bytes,
        )
    }

    /// As [`new`](Self::new), under SIDs that are given.
    pub(crate) fn named(stack: &Stack, sid: &str, task: &str, audio_bytes: usize) -> Self {
        Self::numbered(stack, 1, sid, task, audio_bytes)
    }

    fn numbered(stack: &Stack, number: u64, sid: &str, task: &str, audio_bytes: usize) -> Self {
        let call = format!("CA{number:032x}");
        let audio = wav(number, audio_bytes);
        fs::write(stack.recordings_dir().join(format!("{sid}.wav")), &audio).unwrap();
        let attributes = format!(
            r#"{{"call_sid":"{call}","from":"{}","name":"{}","conversations":{{"queue":"Support"}},"precise":1.00}}"#,
            values::CUSTOMER_NUMBER,
            values::CUSTOMER_NAME,
        );
        stack.twilio().add_task(task, &attributes);
        Self {
            sid: sid.to_owned(),
            task: task.to_owned(),
            call,
            audio,
        }
    }

    /// The callback of this recording, with the task in its query as the plugin puts it there.
    pub(crate) fn callback(&self) -> Callback {
        Callback::completed(&self.sid)
            .parameter("CallSid", &self.call)
            .telling_of(&self.audio)
            .query(&format!("taskSid={}", self.task))
    }

    pub(crate) fn object_key(&self) -> String {
        format!("recordings/{}", self.sid)
    }

    /// Posts the callback and waits until the recording is stored and its task linked.
    pub(crate) async fn bring_in(&self, stack: &Stack) {
        let answer = stack.post_callback(&self.callback()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        self.stored(stack).await;
        self.linked(stack).await;
    }

    /// Waits for the task's link.
    pub(crate) async fn linked(&self, stack: &Stack) {
        eventually("the task's link", || async {
            stack
                .twilio()
                .task(&self.task)?
                .attributes
                .contains(&self.sid)
                .then_some(())
        })
        .await;
    }

    /// Waits for the object; returns its bytes.
    pub(crate) async fn stored(&self, stack: &Stack) -> Vec<u8> {
        let s3 = stack.s3();
        eventually("the stored object", || async {
            let object = s3
                .get_object()
                .bucket(values::BUCKET)
                .key(self.object_key())
                .send()
                .await
                .ok()?;
            Some(object.body.collect().await.unwrap().to_vec())
        })
        .await
    }

    /// Whether Twilio still has it.
    pub(crate) async fn is_at_twilio(&self, stack: &Stack) -> bool {
        let api = stack.twilio().api_base();
        let url = format!(
            "{api}/2010-04-01/Accounts/{}/Recordings/{}.json",
            values::ACCOUNT_SID,
            self.sid
        );
        let request = reqwest::Client::new().get(url);
        let answer = request.basic_auth(values::API_KEY_SID, Some(values::API_KEY_SECRET));
        match answer.send().await.unwrap().status() {
            StatusCode::OK => true,
            StatusCode::NOT_FOUND => false,
            status => panic!("Twilio answered {status}"),
        }
    }

    /// A link as `/media-url` gives them, made without asking: it opens the recording nowhere. It expires so many seconds
    /// from now; a negative number is one that has expired.
    pub(crate) fn link(&self, stack: &Stack, expires_in_s: i64) -> String {
        let keys = format!(
            r#"{{"current":"{0}","{0}":"{1}"}}"#,
            values::LINK_KEY_ID,
            values::LINK_KEY
        );
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let expiry = Expiry::At(now_s.saturating_add_signed(expires_in_s));
        let recording = RecordingSid::parse(&self.sid).unwrap();
        playback_link::sign(&KeyRing::parse(&keys).unwrap(), &recording, expiry).url(stack.playback_url())
    }

    /// Asks as the Player does for a link that plays.
    pub(crate) async fn media_url(&self, stack: &Stack) -> String {
        let answer = stack.media_url(&self.sid, values::FLEX_TOKEN).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        json(answer).await["media_url"].as_str().unwrap().to_owned()
    }
}

/// A RIFF/WAVE file of `len` bytes (at least its header's 44) with pseudo-random samples.
fn wav(seed: u64, len: usize) -> Vec<u8> {
    let mut file = wav::header(2, u32::try_from(len - wav::HEADER_LEN).unwrap());
    file.reserve_exact(len);
    // xorshift64: never zero once it isn't.
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    while file.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        file.extend_from_slice(&state.to_le_bytes());
    }
    file.truncate(len);
    file
}

/// Asks again and again until there's an answer. Five minutes are long enough for anything that will ever happen, a debug
/// build's copy of 190 MB on a busy machine included.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    for _ in 0..3_000 {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what} never came");
}

/// Unix time.
pub(crate) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

/// Takes every message out of a queue.
pub(crate) async fn drained(stack: &Stack, queue_url: &str) -> Vec<String> {
    let sqs = stack.sqs();
    let mut bodies = Vec::new();
    loop {
        let received = sqs.receive_message().queue_url(queue_url).max_number_of_messages(10);
        let messages = received.send().await.unwrap().messages.unwrap_or_default();
        if messages.is_empty() {
            return bodies;
        }
        for message in messages {
            let deleted = sqs.delete_message().queue_url(queue_url);
            let receipt = message.receipt_handle.unwrap();
            deleted.receipt_handle(receipt).send().await.unwrap();
            bodies.extend(message.body);
        }
    }
}

/// GET with headers.
pub(crate) async fn get(url: &str, headers: &[(&str, &str)]) -> Response {
    request(reqwest::Method::GET, url, headers).await
}

pub(crate) async fn request(method: reqwest::Method, url: &str, headers: &[(&str, &str)]) -> Response {
    let request = reqwest::Client::new().request(method, url);
    headers
        .iter()
        .fold(request, |request, (name, value)| request.header(*name, *value))
        .send()
        .await
        .unwrap()
}

pub(crate) async fn json(answer: Response) -> Value {
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

pub(crate) fn header(answer: &Response, name: &str) -> Option<String> {
    answer
        .headers()
        .get(name)
        .map(|value| value.to_str().unwrap().to_owned())
}
