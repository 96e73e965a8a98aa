//! Shared parts of the tests: the stack, recordings with distinct contents, and waits with a limit.

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

use local_stack::{Callback, Delivery, DeliveryState, Role, Stack, StackOptions, values};
use playback_link::{Expiry, KeyRing};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use sid::RecordingSid;
use tokio::sync::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
use twilio_double::wav;

use crate::{canaries, receipts};

/// The stack that all tests of this process share.
pub(crate) fn stack() -> &'static Stack {
    static STACK: OnceLock<Stack> = OnceLock::new();
    STACK.get_or_init(|| {
        let stack = Stack::start(options()).unwrap_or_else(|error| panic!("{error}"));
        // Callbacks name this call unless a test sets another one. Without the task, their links would search for one
        // for a day, while other tests count calls.
        let attributes = format!(r#"{{"call_sid":"{}"}}"#, values::CALL_SID);
        stack
            .twilio()
            .add_task("WT0000000000000000000000000000ca11", &attributes);
        stack
    })
}

/// The options for the stacks of this process.
pub(crate) fn options() -> StackOptions {
    StackOptions::default()
        .beside_tests()
        // A deletion of the original is scheduled after every link. A test fires the schedule.
        .setting(Role::Linker, "DELETE_ORIGINAL_AFTER", "7200")
        .writing_rights(rights_file())
}

/// The file for the rights that this process's stacks use. `tests/deployment` compares it with the template.
fn rights_file() -> PathBuf {
    static EMPTIED: OnceLock<PathBuf> = OnceLock::new();
    let file = EMPTIED.get_or_init(|| {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("rights-used.txt");
        fs::write(&file, "").unwrap();
        file
    });
    file.clone()
}

/// Held by a test while it takes all processors: with Flex UI, which takes one while it starts and draws, with a thousand
/// recordings, with hundreds of odd events, or with long recordings. Two of them can starve each other. A test that also needs a turn on the shared stack takes
/// the turn first.
pub(crate) static PROCESSORS: Mutex<()> = Mutex::const_new(());

static QUIET: RwLock<()> = RwLock::const_new(());

/// A test's turn on the shared stack. At its end, the logs are searched for secrets, and the receipts are
/// validated.
pub(crate) struct Turn<G> {
    stack: &'static Stack,
    _guard: G,
}

impl<G> Drop for Turn<G> {
    fn drop(&mut self) {
        canaries::check(self.stack);
        receipts::check(self.stack);
    }
}

/// For a test that can share the stack with others.
pub(crate) async fn among_others() -> (&'static Stack, Turn<RwLockReadGuard<'static, ()>>) {
    turn(QUIET.read().await).await
}

/// For a test that counts calls or injects faults. No other test uses the stack meanwhile.
pub(crate) async fn alone() -> (&'static Stack, Turn<RwLockWriteGuard<'static, ()>>) {
    turn(QUIET.write().await).await
}

async fn turn<G>(guard: G) -> (&'static Stack, Turn<G>) {
    // Starting blocks the thread, for minutes if the functions must be built first.
    let stack = tokio::task::spawn_blocking(stack).await.unwrap();
    (stack, Turn { stack, _guard: guard })
}

/// A stack for one test only. At its end, its logs are searched for secrets, and its receipts are validated.
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
        receipts::check(&self.0);
    }
}

/// A recording at Twilio, and the task of its call.
pub(crate) struct Recording {
    pub(crate) sid: String,
    pub(crate) task: String,
    pub(crate) call: String,
    pub(crate) audio: Vec<u8>,
}

impl Recording {
    /// Creates a WAV file of `audio_bytes` bytes in total with unique contents, and a task that already has
    /// `attributes`.
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

    /// Like [`new`](Self::new), with given SIDs.
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

    /// The recording's callback, with the task in its query as the plugin adds it.
    pub(crate) fn callback(&self) -> Callback {
        Callback::completed(&self.sid)
            .parameter("CallSid", &self.call)
            .for_media(&self.audio)
            .query(&format!("taskSid={}", self.task))
    }

    pub(crate) fn object_key(&self) -> String {
        format!("recordings/{}", self.sid)
    }

    /// Posts the callback and waits until the recording is stored and its task is linked.
    pub(crate) async fn bring_in(&self, stack: &Stack) {
        let answer = stack.post_callback(&self.callback()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        self.stored(stack).await;
        self.linked(stack).await;
        self.settled(stack).await;
    }

    /// Waits for the end of the jobs that have begun. A copy still makes requests after the object is stored.
    async fn settled(&self, stack: &Stack) {
        eventually("the end of the jobs", || async {
            let deliveries = stack.deliveries(&self.sid);
            let is_done = |delivery: &Delivery| delivery.state == DeliveryState::Done;
            deliveries.iter().all(is_done).then_some(())
        })
        .await;
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

    /// Waits for the object and returns its bytes.
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

    /// Whether Twilio still has the recording.
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

    /// A link like those of `/media-url`, but signed here, so that no instance opens the recording. It expires
    /// `expires_in_s` seconds from now. A negative number makes an expired link.
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

    /// Requests a link as the Player does.
    pub(crate) async fn media_url(&self, stack: &Stack) -> String {
        let answer = stack.media_url(&self.sid, values::FLEX_TOKEN).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        json(answer).await["media_url"].as_str().unwrap().to_owned()
    }
}

/// A RIFF/WAVE file of `len` bytes (at least the 44 of its header) with pseudo-random samples.
pub(crate) fn wav(seed: u64, len: usize) -> Vec<u8> {
    let mut file = wav::header(2, u32::try_from(len - wav::HEADER_LEN).unwrap());
    file.reserve_exact(len);
    // The state of xorshift64 must not be zero, and then never becomes zero.
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

/// Polls until there is an answer, for at most five minutes. This is long enough for a debug build's copy of 190 MB on
/// a busy machine.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut poll: impl FnMut() -> F) -> T {
    for _ in 0..3_000 {
        if let Some(answer) = poll().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("timed out waiting for {what}");
}

/// The current Unix time.
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

/// Sends a GET request with headers.
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
