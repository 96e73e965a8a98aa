//! One recording, its faults, and the final checks.

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
    receipts::{self, expected_keys, keys_of, receipt_of},
    support::{Recording, drained, eventually, get, options},
};

/// The matrix has its own stack, because no other test counts calls on it. Every fault names its recording.
fn stack() -> &'static Stack {
    static STACK: OnceLock<Stack> = OnceLock::new();
    STACK.get_or_init(|| Stack::start(options()).unwrap_or_else(|error| panic!("{error}")))
}

/// The kind of job that a message requests.
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

/// A recording under test.
pub(super) struct Trial<'a> {
    pub(super) stack: &'a Stack,
    pub(super) recording: Recording,
    /// Whether its callback names the task, so that the index does too.
    pub(super) names_task: bool,
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        canaries::check(self.stack);
        receipts::check(self.stack);
    }
}

/// The length of a recording that a single request stores.
const SMALL: usize = 200_000;

/// The length of a recording in two parts. A part is 8 MiB plus the overhead of its frames.
pub(super) const LARGE: usize = 9_000_000;

impl Trial<'static> {
    pub(super) async fn small() -> Self {
        Self::of(SMALL).await
    }

    pub(super) async fn large() -> Self {
        Self::of(LARGE).await
    }

    async fn of(audio_bytes: usize) -> Self {
        // Starting the stack blocks the thread.
        let stack = tokio::task::spawn_blocking(stack).await.unwrap();
        Trial::on(stack, audio_bytes)
    }
}

impl<'a> Trial<'a> {
    pub(super) fn on(stack: &'a Stack, audio_bytes: usize) -> Self {
        Self {
            stack,
            recording: Recording::new(stack, audio_bytes),
            names_task: true,
        }
    }

    /// The recording's file at Twilio.
    pub(super) fn file(&self) -> PathBuf {
        let folder = self.stack.recordings_dir();
        folder.join(format!("{}.wav", self.recording.sid))
    }

    /// Makes the next `times` responses with the recording's media fail.
    pub(super) fn break_source(&self, action: FaultAction, times: u32) {
        let fault = twilio_double::Fault::once(Operation::Media, action).times(times);
        self.stack.twilio().fault(fault.about(&self.recording.sid));
    }

    /// Makes the next `times` requests for the recording's task fail.
    pub(super) fn break_task(&self, operation: Operation, action: FaultAction, times: u32) {
        let fault = twilio_double::Fault::once(operation, action).times(times);
        self.stack.twilio().fault(fault.about(&self.recording.task));
    }

    /// Makes the next `times` calls of the copier about the recording fail.
    pub(super) fn break_copier(&self, service: &str, operation: &str, fault: Fault, times: u64) {
        let rule = Rule::new(service, operation, fault).role(Role::Copier);
        self.stack.wire().inject(rule.key(&self.recording.sid).times(times));
    }

    /// Posts the callback, which must be accepted.
    pub(super) async fn call_back(&self) {
        let answer = self.stack.post_callback(&self.recording.callback()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }

    /// The messages of a kind that functions have received.
    pub(super) fn deliveries(&self, kind: Kind) -> Vec<Delivery> {
        let mut deliveries = self.stack.deliveries(&self.recording.sid);
        deliveries.retain(|delivery| delivery.body.contains(kind.name()));
        deliveries
    }

    /// Waits until the only message of a kind has failed `nth` times.
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

    /// Waits for `times` failures of a message, and makes it visible again at once after each.
    pub(super) async fn comes_back(&self, kind: Kind, times: u32) {
        for nth in 1..=times {
            let delivery = self.failed(kind, nth).await;
            self.stack.bring_back(&delivery).await;
        }
    }

    /// Waits until a message is in the dead-letter queue. A link is moved there at once, a copy after its queue's
    /// maximum number of receives.
    pub(super) async fn dies(&self, kind: Kind) {
        match kind {
            Kind::Link => self.done(kind, 1, 1).await,
            Kind::Copy => self.comes_back(kind, 5).await,
        }
        eventually("the dead letter", || async { self.is_dead(kind).await.then_some(()) }).await;
    }

    /// Waits until `messages` messages of a kind are done, each after `times` deliveries.
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

    /// Checks that one message of each kind is done after the given number of deliveries, and that everything is right.
    pub(super) async fn ends_well(&self, link_times: u32, copy_times: u32) {
        self.done(Kind::Link, 1, link_times).await;
        self.done(Kind::Copy, 1, copy_times).await;
        self.is_right().await;
    }

    /// Checks that the recording is stored and linked once, that nothing is left over, and that every fault has
    /// occurred.
    pub(super) async fn is_right(&self) {
        self.every_fault_struck();
        self.is_stored_once().await;
        self.is_recorded_once().await;
        self.is_linked_once();
        for kind in [Kind::Link, Kind::Copy] {
            assert!(!self.is_dead(kind).await, "{} is in the dead-letter queue", kind.name());
        }
    }

    pub(super) fn every_fault_struck(&self) {
        let Recording { sid, task, call, .. } = &self.recording;
        let left = [sid, task, call].map(|sid| self.stack.twilio().faults_left(sid));
        assert_eq!(
            (self.stack.wire().armed(sid), left),
            (0, [0, 0, 0]),
            "faults that have not occurred"
        );
    }

    /// Checks that there is one version and no open upload, and that every byte plays.
    pub(super) async fn is_stored_once(&self) {
        assert_eq!(self.versions_and_uploads().await, (1, 0));
        let whole = get(&self.recording.media_url(self.stack).await, &[]).await;
        assert_eq!(whole.status(), StatusCode::OK);
        assert!(
            whole.bytes().await.unwrap() == self.recording.audio,
            "the played recording is identical"
        );
    }

    /// Checks that there is one version of the receipt and of each entry, and that the receipt is that of the object.
    async fn is_recorded_once(&self) {
        let keys = keys_of(self.stack, &self.recording.sid).await;
        let mut expected = expected_keys(&self.recording).to_vec();
        expected.retain(|key| self.names_task || !key.starts_with("index/task/"));
        assert_eq!(keys, expected);
        let receipt = receipt_of(self.stack, &self.recording.sid).await.unwrap();
        let object = self.stack.s3().head_object().bucket(values::BUCKET);
        let object = object.key(self.recording.object_key()).send().await.unwrap();
        assert_eq!(receipt["versionId"].as_str(), object.version_id());
    }

    /// The number of versions and delete markers of the object, and the number of open uploads.
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

    /// Checks that the task has one entry for the recording beside its earlier contents.
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

    /// The task's current attributes.
    pub(super) fn attributes(&self) -> String {
        self.stack.twilio().task(&self.recording.task).unwrap().attributes
    }

    /// Whether a message about the recording is in the dead-letter queue.
    pub(super) async fn is_dead(&self, kind: Kind) -> bool {
        /// The messages that were taken out of the dead-letter queues so far.
        static TAKEN: Mutex<Vec<String>> = Mutex::new(Vec::new());
        /// While one caller takes a message out, the message is in neither place for the others.
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
