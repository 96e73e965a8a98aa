//! Reading recordings: opened once, then any range of them as a stream of verified plaintext.
//!
//! A **cold** open asks S3 for the object's head and for the bytes that the caller expects to read, in parallel, and then
//! KMS for the data key, pinned to the deployment's keys. The header is authenticated and compared with the recording that
//! was asked for, never the other way round. The length comes from the authenticated encryption context, else from the
//! final frame, asked for while KMS works. A **warm** open asks S3 for the bytes, of the version that is cached
//! (If-Match), and KMS for nothing. Either way the bytes wait in the [`Recording`] until [`Reader::read`] takes them.
//!
//! `plan` says what to ask for, `fetch` asks and checks the answer, `unwrap` is KMS, `open` puts them together, `cache`
//! keeps the result and `frames` verifies what arrives. `verify` goes through a whole recording and keeps nothing.

mod cache;
mod fetch;
mod frames;
mod open;
mod plan;
mod unwrap;
mod verify;

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

pub use self::verify::Verified;
use self::{
    cache::OpenRecordings,
    fetch::{ObjectBody, Objects},
    frames::Frames,
    open::Opened,
    plan::{Ask, HeaderWidth},
};
use crate::{ContentType, KeyArn, ObjectKeys};

/// Where recordings are, whose they are, and which keys may have sealed them.
#[derive(Clone, Debug)]
pub struct ReaderConfig {
    /// The bucket.
    pub bucket: String,
    /// The account that every recording has to be bound to.
    pub account: AccountSid,
    /// Keys that are accepted, by full ARN, and no others: the current one and those it has replaced. Never empty.
    pub kms_keys: Vec<KeyArn>,
}

/// Reads recordings, and keeps the opened ones (ETag, layout, frame key): at most 256, for 5 minutes. Clones share them.
///
/// It needs `s3:GetObject`, `s3:ListBucket` (without it S3 answers 403 where an object is absent, which is
/// [`ReadError::Unavailable`]) and `kms:Decrypt`.
#[derive(Clone)]
pub struct Reader {
    objects: Objects,
    kms: aws_sdk_kms::Client,
    config: Arc<ReaderConfig>,
    header_width: HeaderWidth,
    cache: Arc<OpenRecordings>,
}

/// What the caller expects to read next, so that opening fetches it in the same round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// Nothing but the facts (HEAD, 304, 416). They're never older than 60 s: S3 is asked whether they still hold.
    Facts,
    /// Plaintext from `offset`, at most `len` bytes.
    Bytes {
        /// First byte of plaintext.
        offset: u64,
        /// Bytes of plaintext; more than there are is fine.
        len: u64,
    },
    /// The last bytes.
    Tail {
        /// Bytes of plaintext; more than there are is fine.
        len: u64,
    },
}

/// An opened recording: key unwrapped, header and length authenticated. Clones share what was fetched ahead.
#[derive(Clone, Debug)]
pub struct Recording {
    opened: Arc<Opened>,
    /// S3's reply with the expected bytes, for the first read of them. Nothing of it is verified yet.
    ahead: Arc<Mutex<Option<ObjectBody>>>,
}

/// Verified plaintext, in order, a frame or less an item. An error is the last item.
pub type PlaintextStream = BoxStream<'static, Result<Bytes, ReadError>>;

/// Why a recording can't be read, or not on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There's no such recording, or it was deleted.
    #[error("no such recording")]
    NotFound,
    /// The object has to be restored before it can be read.
    #[error("the object is in an archive class")]
    Archived,
    /// The object isn't the one that was opened any more. Opening again gives the new one.
    #[error("the object was replaced while it was read")]
    Changed,
    /// Damaged or forged: never a byte of it is released.
    #[error("damaged: {0}")]
    Damaged(String),
    /// S3 or KMS throttled, down or refusing for now; worth another try.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// KMS refuses every key that may open it, and not for now: access denied, key deleted. Only an operator can help.
    #[error("no key: {0}")]
    KeyRefused(String),
    /// The caller asked for bytes that the recording doesn't have.
    #[error("bytes {start}..{end} are not within a recording of {len}")]
    OutOfBounds {
        /// First byte asked for.
        start: u64,
        /// End of what was asked for (exclusive).
        end: u64,
        /// The recording's length in bytes.
        len: u64,
    },
}

impl Reader {
    /// A reader with an empty cache.
    #[must_use]
    pub fn new(s3: aws_sdk_s3::Client, kms: aws_sdk_kms::Client, config: ReaderConfig) -> Self {
        Self {
            objects: Objects::new(s3, &config.bucket),
            kms,
            header_width: HeaderWidth::of(&config.kms_keys),
            config: Arc::new(config),
            cache: Arc::new(OpenRecordings::new(&Clock::wall())),
        }
    }

    /// With an empty cache that tells ages by `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: &Clock) -> Self {
        self.cache = Arc::new(OpenRecordings::new(clock));
        self
    }

    /// Opens `recording`, or finds it open, and begins to fetch what is expected to be read of it.
    ///
    /// A recording that is replaced meanwhile is opened again, once, so that the caller gets one version or the other.
    ///
    /// # Errors
    ///
    /// Any [`ReadError`] but `OutOfBounds`.
    pub async fn open(&self, recording: &RecordingSid, expectation: Expectation) -> Result<Recording, ReadError> {
        match self.open_current(recording, expectation).await {
            Err(ReadError::Changed) => self.open_current(recording, expectation).await,
            opened => opened,
        }
    }

    /// Plaintext of `range` (half-open, within the recording). Returns once the first frame has verified.
    ///
    /// A reply of S3 that breaks off is continued from the next byte of the same version. Bytes that [`Self::open`] began
    /// to fetch cost no second GET.
    ///
    /// # Errors
    ///
    /// Any [`ReadError`], here or as the stream's last item: `Changed` when the object was replaced since it was opened,
    /// and then [`Self::open`] gives the new one.
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

    async fn open_current(&self, recording: &RecordingSid, expectation: Expectation) -> Result<Recording, ReadError> {
        let mut place = self.cache.opened(recording).await;
        let known = place.get().cloned();
        let (opened, ahead) = if let Some(opened) = known {
            drop(place);
            let ahead = self.fetch_warm(&opened, expectation).await?;
            (opened, ahead)
        } else {
            let mut current = self.cache.current(recording).await;
            let (opened, ahead) = self.open_cold(recording, expectation).await?;
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

    /// The expected bytes of a recording that was open already. Their GET says as well that its version is still
    /// current; where there are none, S3 is asked just that, unless it said so lately.
    async fn fetch_warm(
        &self,
        opened: &Arc<Opened>,
        expectation: Expectation,
    ) -> Result<Option<ObjectBody>, ReadError> {
        let layout = &opened.layout;
        let stored = plan::expected_bytes(expectation, layout.plaintext_len())
            .and_then(|range| plan::object_bytes(layout, &range));
        let mut current = self.cache.current(&opened.recording).await;
        let ahead = match stored {
            Some(stored) => Some(self.fetch(opened, Ask::Range(stored)).await?),
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

    /// The bytes at `stored`, continued from what was fetched `ahead` where that leads to them.
    async fn body_of(
        &self,
        opened: &Arc<Opened>,
        ahead: Option<ObjectBody>,
        stored: Range<ObjectOffset>,
    ) -> Result<ObjectBody, ReadError> {
        let Some(mut body) = ahead else {
            return self.fetch(opened, Ask::Range(stored)).await;
        };
        body.reach(stored.end);
        body.skip_to(stored.start).await?;
        Ok(body)
    }

    /// Bytes of the version that was opened.
    async fn fetch(&self, opened: &Arc<Opened>, ask: Ask) -> Result<ObjectBody, ReadError> {
        let key = opened.recording.object_key();
        let body = self.objects.get(&key, &ask, Some(&opened.version)).await;
        body.inspect_err(|error| self.forget_after(error, opened))?
            .ok_or_else(|| ReadError::Unavailable("GetObject: 416 within the object".to_owned()))
    }

    /// An outage says nothing about what is cached; every other refusal says that it's out of date.
    fn forget_after(&self, error: &ReadError, opened: &Arc<Opened>) {
        if !matches!(error, ReadError::Unavailable(_)) {
            self.cache.forget(opened);
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Recording {
    /// Bytes of plaintext.
    // An empty recording is one like any other; nobody asks.
    #[allow(clippy::len_without_is_empty)]
    #[must_use]
    pub fn len(&self) -> u64 {
        self.opened.layout.plaintext_len()
    }

    /// What to serve it as.
    #[must_use]
    pub fn content_type(&self) -> ContentType {
        self.opened.content_type
    }

    /// Names this version of the recording: strong and quoted, as HTTP wants it.
    #[must_use]
    pub fn etag(&self) -> &str {
        &self.opened.version.etag
    }

    /// What was fetched ahead, if it leads to the object's byte at `start`.
    fn take_ahead(&self, start: ObjectOffset) -> Option<ObjectBody> {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        ahead.take_if(|body| body.leads_to(start))
    }
}
