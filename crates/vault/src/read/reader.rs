//! The reader: opens recordings, keeps them open, and streams ranges of them.

use std::{
    fmt,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use ::cache::Clock;
use bytes::Bytes;
use esdk_message::{ObjectOffset, PlaintextOffset};
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use sid::{AccountSid, RecordingSid};

use super::{
    cache::{Found, OpenRecordings},
    error::{Outage, ReadError},
    fetch::{ObjectBody, Objects},
    frames::Frames,
    open::{ColdOpener, OpenedRecording},
    plan::{self, Expectation, RangeRequest},
};
use crate::{ContentType, KeyArn, ObjectKeys};

/// The bucket with the recordings, their account, and the keys that may have encrypted them.
#[derive(Clone, Debug)]
pub struct ReaderConfig {
    /// The name of the bucket.
    pub bucket: String,
    /// The account that every recording must be bound to.
    pub account: AccountSid,
    /// The full ARNs of the accepted keys: the current key and those that it has replaced. Never empty.
    pub kms_keys: Vec<KeyArn>,
}

/// Reads recordings. It keeps up to 256 of them open (ETag, layout, frame key) for 5 minutes. Clones share them.
///
/// The reader needs `s3:GetObject`, `s3:ListBucket` and `kms:Decrypt`. Without `s3:ListBucket`, S3 answers 403 for a missing
/// object, which is [`ReadError::Unavailable`].
#[derive(Clone)]
pub struct Reader {
    objects: Objects,
    opener: ColdOpener,
    cache: Arc<OpenRecordings>,
}

/// An opened recording. Its data key is decrypted, and its header and length are authenticated. Clones share the bytes that
/// were fetched ahead.
#[derive(Clone, Debug)]
pub struct Recording {
    opened: Arc<OpenedRecording>,
    /// S3's reply with the expected bytes, for their first read. Nothing in it is verified yet.
    ahead: Arc<Mutex<Option<ObjectBody>>>,
}

/// Verified plaintext, in order. An item is of one frame, or of the frames that have arrived together, up to 448 KiB. An error
/// is the last item.
pub type PlaintextStream = BoxStream<'static, Result<Bytes, ReadError>>;

impl Reader {
    /// A reader with an empty cache.
    #[must_use]
    pub fn new(s3: aws_sdk_s3::Client, kms: aws_sdk_kms::Client, config: ReaderConfig) -> Self {
        let objects = Objects::new(s3, &config.bucket);
        Self {
            opener: ColdOpener::new(objects.clone(), kms, config.account, config.kms_keys),
            objects,
            cache: Arc::new(OpenRecordings::new(&Clock::wall())),
        }
    }

    /// This reader with an empty cache, which measures ages by `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: &Clock) -> Self {
        self.cache = Arc::new(OpenRecordings::new(clock));
        self
    }

    /// Opens `recording`, or finds it open, and starts to fetch the expected bytes.
    ///
    /// If the recording is replaced meanwhile, it is opened once more, so that the caller gets one version or the other.
    ///
    /// # Errors
    ///
    /// Any [`ReadError`] except `OutOfBounds`.
    pub async fn open(&self, recording: &RecordingSid, expectation: Expectation) -> Result<Recording, ReadError> {
        match self.open_current(recording, expectation).await {
            Err(ReadError::Changed) => self.open_current(recording, expectation).await,
            opened => opened,
        }
    }

    /// Finds `recording`, and keeps its header for a minute. [`Self::open`] then needs only its data key and the expected
    /// bytes, which it requests at once. A recording that is found may still be damaged, or KMS may refuse its key.
    ///
    /// # Errors
    ///
    /// Any [`ReadError`] except `OutOfBounds` and `KeyRefused`.
    pub async fn find(&self, recording: &RecordingSid) -> Result<(), ReadError> {
        match self.find_current(recording).await {
            Err(ReadError::Changed) => self.find_current(recording).await,
            found => found,
        }
    }

    /// Streams the plaintext of `range`, which is half-open and within the recording. Returns after the first frame has
    /// verified.
    ///
    /// If a reply of S3 breaks off, the stream continues from the next byte of the same version. Bytes that [`Self::open`]
    /// started to fetch need no second GET.
    ///
    /// # Errors
    ///
    /// Any [`ReadError`], here or as the last item of the stream. `Changed` means that the object was replaced since it was
    /// opened. [`Self::open`] then opens the new one.
    pub async fn read(&self, recording: &Recording, range: Range<u64>) -> Result<PlaintextStream, ReadError> {
        let opened = &recording.opened;
        if range.is_empty() && range.start <= recording.len() {
            return Ok(Box::pin(stream::empty()));
        }
        let wanted = PlaintextOffset(range.start)..PlaintextOffset(range.end);
        let frames = opened
            .layout
            .frames_of(wanted.clone())
            .map_err(|_| ReadError::OutOfBounds {
                start: range.start,
                end: range.end,
                len: recording.len(),
            })?;
        let stored = opened.layout.object_range(frames.clone());
        let ahead = recording.take_ahead(stored.start);
        let body = self.body_of(opened, ahead, stored).await?;
        let mut frames = Frames::new(opened.clone(), body, frames, wanted);
        let first = frames.next().await?;
        Ok(Box::pin(stream::iter(first.map(Ok)).chain(frames.into_stream())))
    }

    /// The account that every recording is bound to.
    pub(super) fn account(&self) -> &AccountSid {
        self.opener.account()
    }

    /// Opens the current version of `recording` without the cache.
    pub(super) async fn open_uncached(
        &self,
        recording: &RecordingSid,
        expectation: Expectation,
    ) -> Result<(OpenedRecording, Option<ObjectBody>), ReadError> {
        self.opener.open(recording, expectation).await
    }

    async fn open_current(&self, recording: &RecordingSid, expectation: Expectation) -> Result<Recording, ReadError> {
        let mut place = self.cache.opened(recording).await;
        let known = place.get().cloned();
        let (opened, ahead) = if let Some(opened) = known {
            drop(place);
            let ahead = self.fetch_warm(&opened, expectation).await?;
            (opened, ahead)
        } else {
            let found = self.cache.found(recording).await.take();
            let mut current = self.cache.current(recording).await;
            let (opened, ahead) = self.open_cold(recording, found, expectation).await?;
            let opened = Arc::new(opened);
            current.put(opened.version.clone());
            place.put(opened.clone());
            (opened, ahead)
        };
        Ok(Recording {
            opened,
            ahead: Arc::new(Mutex::new(ahead)),
        })
    }

    async fn open_cold(
        &self,
        recording: &RecordingSid,
        found: Option<Found>,
        expectation: Expectation,
    ) -> Result<(OpenedRecording, Option<ObjectBody>), ReadError> {
        if let Some(Found::Header(found)) = found
            && let Some((opened, ahead)) = self.opener.open_found(recording, *found, expectation).await?
        {
            return Ok((opened, Some(ahead)));
        }
        self.opener.open(recording, expectation).await
    }

    async fn find_current(&self, recording: &RecordingSid) -> Result<(), ReadError> {
        let place = self.cache.opened(recording).await;
        if let Some(opened) = place.get().cloned() {
            drop(place);
            return self.fetch_warm(&opened, Expectation::Facts).await.map(drop);
        }
        let mut found = self.cache.found(recording).await;
        if found.get().is_none() {
            let header = self.opener.find(recording).await?.map(Box::new);
            found.put(header.map_or(Found::Exists, Found::Header));
        }
        Ok(())
    }

    /// Fetches the expected bytes of a recording that is already open. Their GET also confirms that its version is
    /// current. If no bytes are expected, only this confirmation is requested, unless S3 gave one recently.
    async fn fetch_warm(
        &self,
        opened: &Arc<OpenedRecording>,
        expectation: Expectation,
    ) -> Result<Option<ObjectBody>, ReadError> {
        let layout = &opened.layout;
        let stored = plan::expected_bytes(expectation, layout.plaintext_len())
            .and_then(|range| plan::object_bytes(layout, &range));
        let mut current = self.cache.current(&opened.recording).await;
        let ahead = match stored {
            Some(stored) => Some(self.fetch(opened, RangeRequest::Range(stored)).await?),
            None if current.get() == Some(&opened.version) => return Ok(None),
            None => {
                let key = opened.recording.object_key();
                let confirmed = self.objects.confirm(&key, &opened.version).await;
                confirmed.inspect_err(|error| self.forget_after(error, opened))?;
                None
            }
        };
        current.put(opened.version.clone());
        Ok(ahead)
    }

    /// The bytes at `stored`. They continue `ahead` if it leads to them.
    pub(super) async fn body_of(
        &self,
        opened: &Arc<OpenedRecording>,
        ahead: Option<ObjectBody>,
        stored: Range<ObjectOffset>,
    ) -> Result<ObjectBody, ReadError> {
        let Some(mut body) = ahead else {
            return self.fetch(opened, RangeRequest::Range(stored)).await;
        };
        body.reach(stored.end);
        body.skip_to(stored.start).await?;
        Ok(body)
    }

    /// Requests bytes of the version that was opened.
    async fn fetch(&self, opened: &Arc<OpenedRecording>, request: RangeRequest) -> Result<ObjectBody, ReadError> {
        let key = opened.recording.object_key();
        let body = self.objects.get(&key, &request, Some(&opened.version)).await;
        body.inspect_err(|error| self.forget_after(error, opened))?
            .ok_or_else(|| Outage::RangeRefused.into())
    }

    /// Every error except an outage means that the cached recording is out of date.
    fn forget_after(&self, error: &ReadError, opened: &Arc<OpenedRecording>) {
        if !matches!(error, ReadError::Unavailable(_)) {
            self.cache.forget(opened);
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("objects", &self.objects)
            .finish_non_exhaustive()
    }
}

impl Recording {
    /// The length of the plaintext in bytes.
    // An empty recording needs no special treatment by callers.
    #[allow(clippy::len_without_is_empty)]
    #[must_use]
    pub fn len(&self) -> u64 {
        self.opened.layout.plaintext_len()
    }

    /// The content type to serve.
    #[must_use]
    pub fn content_type(&self) -> ContentType {
        self.opened.content_type
    }

    /// The entity tag of this version of the recording: strong and quoted, as HTTP requires.
    #[must_use]
    pub fn etag(&self) -> &str {
        &self.opened.version.etag
    }

    /// The bytes that were fetched ahead, if they lead to the object's byte at `start`.
    fn take_ahead(&self, start: ObjectOffset) -> Option<ObjectBody> {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        ahead.take_if(|body| body.leads_to(start))
    }
}
