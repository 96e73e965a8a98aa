//! One recording, what goes wrong with it, and what must be true of it in the end.

use std::{
    path::PathBuf,
    sync::{Mutex, OnceLock, PoisonError},
};

use local_stack::{Delivery, DeliveryState, Fault, Role, Rule, Stack, values};
use reqwest::StatusCode;
use serde_json::{Value, json};
use twilio_double::{FaultAction, Operation};

use crate::{
    canaries,
    support::{Recording, drained, eventually, get, options},
};

/// The stack of the matrix: no other test counts calls on it, and every fault names its recording.
fn stack() -> &'static Stack {
    static STACK: OnceLock<Stack> = OnceLock::new();
    STACK.get_or_init(|| Stack::start(options()).unwrap_or_else(|error| panic!("{error}")))
}

/// What a message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Link,
    Copy,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Link => "LinkTask",
            Self::Copy => "CopyRecording",
        }
    }

    fn dead_letters_url(self, stack: &Stack) -> &str {
        match self {
            Self::Link => &stack.resources().links.dead_letters_url,
            Self::Copy => &stack.resources().copies.dead_letters_url,
        }
    }
}

/// One recording under test.
pub(super) struct Trial<'a> {
    pub(super) stack: &'a Stack,
    pub(super) recording: Recording,
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        canaries::check(self.stack);
    }
}

/// Stored by a single request.
const SMALL: usize = 200_000;

/// Stored in two parts; a part is 8 MiB and its frames' seals.
pub(super) const LARGE: usize = 9_000_000;

impl Trial<'static> {
    pub(super) async fn small() -> Self {
        Self::of(SMALL).await
    }

    pub(super) async fn large() -> Self {
        Self::of(LARGE).await
    }

    async fn of(audio_bytes: usize) -> Self {
        // Starting blocks.
        let stack = tokio::task::spawn_blocking(stack).await.unwrap();
        Trial::on(stack, audio_bytes)
    }
}

impl<'a> Trial<'a> {
    pub(super) fn on(stack: &'a Stack, audio_bytes: usize) -> Self {
        Self {
            stack,
            recording: Recording::new(stack, audio_bytes),
        }
    }

    /// The recording at Twilio.
    pub(super) fn file(&self) -> PathBuf {
        let folder = self.stack.recordings_dir();
        folder.join(format!("{}.wav", self.recording.sid))
    }

    /// Breaks so many answers with the recording's media.
    pub(super) fn break_source(&self, action: FaultAction, times: u32) {
        let fault = twilio_double::Fault::once(Operation::Media, action).times(times);
        self.stack.twilio().fault(fault.about(&self.recording.sid));
    }

    /// Breaks so many requests for the recording's task.
    pub(super) fn break_task(&self, operation: Operation, action: FaultAction, times: u32) {
        let fault = twilio_double::Fault::once(operation, action).times(times);
        self.stack.twilio().fault(fault.about(&self.recording.task));
    }

    /// Breaks so many of the copier's calls about the recording.
    pub(super) fn break_copier(&self, service: &str, operation: &str, fault: Fault, times: u64) {
        let rule = Rule::new(service, operation, fault).role(Role::Copier);
        self.stack.wire().inject(rule.key(&self.recording.sid).times(times));
    }

    /// Posts the callback, which must be taken.
    pub(super) async fn call_back(&self) {
        let answer = self.stack.post_callback(&self.recording.callback()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }

    /// The messages of a kind that functions have been given.
    pub(super) fn deliveries(&self, kind: Kind) -> Vec<Delivery> {
        let mut deliveries = self.stack.deliveries(&self.recording.sid);
        deliveries.retain(|delivery| delivery.body.contains(kind.name()));
        deliveries
    }

    /// Waits until the one message of a kind has failed for the nth time.
    pub(super) async fn failed(&self, kind: Kind, nth: u32) -> Delivery {
        let what = format!("failure {nth} of {}", kind.name());
        let failed = eventually(&what, || async {
            let delivery = self.deliveries(kind).pop()?;
            assert!(
                delivery.times <= nth && delivery.state != DeliveryState::Done,
                "{delivery:?}"
            );
            (delivery.times == nth && delivery.state == DeliveryState::Kept).then_some(delivery)
        });
        failed.await
    }

    /// Has a message fail so often, and come back each time without the wait.
    pub(super) async fn comes_back(&self, kind: Kind, times: u32) {
        for nth in 1..=times {
            let delivery = self.failed(kind, nth).await;
            self.stack.bring_back(&delivery).await;
        }
    }

    /// Waits until a message is in the dead letters: a link's at once, a copy's after as many failures as its queue counts.
    pub(super) async fn dies(&self, kind: Kind) {
        match kind {
            Kind::Link => self.done(kind, 1, 1).await,
            Kind::Copy => self.comes_back(kind, 5).await,
        }
        eventually("the dead letter", || async { self.is_dead(kind).await.then_some(()) }).await;
    }

    /// Waits until so many messages of a kind are done, each after so many deliveries.
    pub(super) async fn done(&self, kind: Kind, messages: usize, times: u32) {
        eventually(&format!("{messages} done {}", kind.name()), || async {
            let deliveries = self.deliveries(kind);
            let done = deliveries
                .iter()
                .filter(|delivery| delivery.state == DeliveryState::Done);
            (done.count() == messages).then_some(())
        })
        .await;
        for delivery in self.deliveries(kind) {
            assert_eq!(
                (delivery.state, delivery.times),
                (DeliveryState::Done, times),
                "{delivery:?}"
            );
        }
    }

    /// One message of each kind is done, after so many deliveries, and everything is as it should be.
    pub(super) async fn ends_well(&self, link_times: u32, copy_times: u32) {
        self.done(Kind::Link, 1, link_times).await;
        self.done(Kind::Copy, 1, copy_times).await;
        self.is_right().await;
    }

    /// The recording is stored once and linked once, nothing is left over, and every fault has struck.
    pub(super) async fn is_right(&self) {
        self.every_fault_struck();
        self.is_stored_once().await;
        self.is_linked_once();
        for kind in [Kind::Link, Kind::Copy] {
            assert!(!self.is_dead(kind).await, "{} is in the dead letters", kind.name());
        }
    }

    pub(super) fn every_fault_struck(&self) {
        let Recording { sid, task, call, .. } = &self.recording;
        let left = [sid, task, call].map(|sid| self.stack.twilio().faults_left(sid));
        assert_eq!(
            (self.stack.wire().armed(sid), left),
            (0, [0, 0, 0]),
            "faults that haven't struck"
        );
    }

    /// One version, no upload, and every byte of it plays.
    pub(super) async fn is_stored_once(&self) {
        assert_eq!(self.versions_and_uploads().await, (1, 0));
        let whole = get(&self.recording.media_url(self.stack).await, &[]).await;
        assert_eq!(whole.status(), StatusCode::OK);
        assert!(
            whole.bytes().await.unwrap() == self.recording.audio,
            "every byte of the recording"
        );
    }

    /// How many versions and delete markers there are of the object, and how many open uploads.
    pub(super) async fn versions_and_uploads(&self) -> (usize, usize) {
        let (s3, key) = (self.stack.s3(), self.recording.object_key());
        let versions = s3.list_object_versions().bucket(values::BUCKET).prefix(&key);
        let versions = versions.send().await.unwrap();
        let uploads = s3.list_multipart_uploads().bucket(values::BUCKET).prefix(&key);
        let uploads = uploads.send().await.unwrap();
        (
            versions.versions().len() + versions.delete_markers().len(),
            uploads.uploads().len(),
        )
    }

    /// One entry for the recording, beside what was in the task before.
    pub(super) fn is_linked_once(&self) {
        let text = self.attributes();
        assert!(text.contains(r#""precise":1.00"#), "{text}");
        let attributes: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(attributes["name"], values::CUSTOMER_NAME);
        assert_eq!(attributes["conversations"]["queue"], "Support");
        let media = attributes["conversations"]["media"].as_array().unwrap();
        assert_eq!(media.len(), 1, "{text}");
        let provider = format!(
            "{}/media-url?recordingSid={}",
            self.stack.playback_url(),
            self.recording.sid
        );
        assert_eq!(media[0]["url_provider"], json!(provider));
    }

    /// The task's attributes as they are now.
    pub(super) fn attributes(&self) -> String {
        self.stack.twilio().task(&self.recording.task).unwrap().attributes
    }

    /// Whether a message about the recording is in the dead letters.
    pub(super) async fn is_dead(&self, kind: Kind) -> bool {
        /// What was taken out of the dead-letter queues so far.
        static TAKEN: Mutex<Vec<String>> = Mutex::new(Vec::new());
        /// A message that somebody else is taking out would be in neither place.
        static TAKING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let _taking = TAKING.lock().await;
        let letters = drained(self.stack, kind.dead_letters_url(self.stack)).await;
        TAKEN.lock().unwrap_or_else(PoisonError::into_inner).extend(letters);
        let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        taken
            .iter()
            .any(|body| body.contains(&self.recording.sid) && body.contains(kind.name()))
    }
}
