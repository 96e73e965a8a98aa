//! Opening a recording that isn't cached: one round trip to S3, one call to KMS.

use std::fmt;

use bytes::BytesMut;
use esdk_message::{FrameKind, HeaderError, Layout, MAX_HEADER_LEN, ObjectOffset, Opener, UnverifiedHeader};
use futures_util::future::join3;
use sid::RecordingSid;

use super::{
    Expectation, ReadError, Reader,
    fetch::{ObjectBody, Version},
    plan::{self, Ask, LOOK_AHEAD},
    unwrap::unwrap_data_key,
};
use crate::{ContentType, ObjectKeys, context};

/// What is known of one version of a recording, all of it authenticated. The frame key is wiped on drop.
pub(super) struct Opened {
    pub(super) recording: RecordingSid,
    pub(super) version: Version,
    pub(super) content_type: ContentType,
    pub(super) layout: Layout,
    pub(super) opener: Opener,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("recording", &self.recording)
            .field("version", &self.version)
            .field("layout", &self.layout)
            .finish_non_exhaustive()
    }
}

/// S3's answers to a cold open, all of one version.
struct Fetched {
    /// Begins with the header.
    head: ObjectBody,
    /// The expected bytes, where they're not in `head`.
    wanted: Option<ObjectBody>,
    /// The object's end, if it was asked for and came. Most recordings can do without.
    tail: Option<ObjectBody>,
}

impl Reader {
    /// Opens the current version of `recording`, and keeps what has arrived of the expected bytes.
    ///
    /// `Err(Changed)` when it was replaced between two of S3's answers.
    pub(super) async fn open_cold(
        &self,
        recording: &RecordingSid,
        expectation: Expectation,
    ) -> Result<(Opened, Option<ObjectBody>), ReadError> {
        let key = recording.object_key();
        let mut fetched = self.fetch_cold(&key, expectation).await?;
        let version = fetched.head.version().clone();

        let header = read_header(&mut fetched.head).await?;
        // Before KMS is asked, so that an object that was put in another's place costs no call; its header is
        // authenticated below, and only then are these facts believed.
        let facts = context::check(header.encryption_context(), &self.config.account, recording).map_err(damaged)?;
        let data_key = unwrap_data_key(&self.kms, &self.config.kms_keys, &header).await?;

        let opener = header.authenticate(&data_key).map_err(damaged)?;
        let layout =
            Layout::of_object(opener.header_len(), opener.frame_length(), version.object_len).map_err(damaged)?;
        match facts.plaintext_len {
            Some(len) => compare_length(&layout, len)?,
            None => self.verify_final_frame(&key, &mut fetched, &opener, &layout).await?,
        }

        let ahead = plan::expected_bytes(expectation, layout.plaintext_len())
            .and_then(|range| plan::object_bytes(&layout, &range))
            .and_then(|stored| fetched.leading_to(stored.start));
        let opened = Opened {
            recording: recording.clone(),
            version,
            content_type: facts.content_type,
            layout,
            opener,
        };
        Ok((opened, ahead))
    }

    /// The object's head, the expected bytes and its end, in one round trip: only the header tells whether the length has
    /// to be learnt from the end, and to ask for that afterwards would be a round trip more.
    async fn fetch_cold(&self, key: &str, expectation: Expectation) -> Result<Fetched, ReadError> {
        let plan = self.header_width.cold_plan(expectation);
        let (head, wanted, tail) = join3(
            self.objects.get(key, &plan.head, None),
            self.get_some(key, plan.wanted),
            self.get_some(key, plan.tail),
        )
        .await;
        let head = head?.ok_or_else(|| ReadError::Damaged("an empty object".to_owned()))?;
        let wanted = wanted?;
        // Where it's needed after all, it's asked for again.
        let tail = tail.unwrap_or_default();
        let replaced = |body: &Option<ObjectBody>| body.as_ref().is_some_and(|body| body.version() != head.version());
        if replaced(&wanted) || replaced(&tail) {
            return Err(ReadError::Changed);
        }
        Ok(Fetched { head, wanted, tail })
    }

    async fn get_some(&self, key: &str, ask: Option<Ask>) -> Result<Option<ObjectBody>, ReadError> {
        match ask {
            Some(ask) => self.objects.get(key, &ask, None).await,
            None => Ok(None),
        }
    }

    /// Proves that the message is as long as its object suggests: an object cut at a frame boundary has a layout too, but
    /// no final frame in its place.
    async fn verify_final_frame(
        &self,
        key: &str,
        fetched: &mut Fetched,
        opener: &Opener,
        layout: &Layout,
    ) -> Result<(), ReadError> {
        let frame = layout.final_frame();
        let stored = layout.object_range(frame..frame.next());
        let version = fetched.head.version().clone();
        let mut sealed = match fetched.ending_with(stored.start) {
            Some(body) => body.peek(stored).await?,
            // Its frames are longer than those that the tail was asked for with, or that request failed.
            None => match self
                .objects
                .get(key, &Ask::Range(stored.clone()), Some(&version))
                .await?
            {
                Some(mut body) => body.peek(stored).await?,
                None => BytesMut::new(),
            },
        };
        let opened = opener.open_frame(frame, FrameKind::Final, &mut sealed);
        opened.map(drop).map_err(damaged)
    }
}

impl Fetched {
    /// The body that holds everything from `offset` to the object's end.
    fn ending_with(&mut self, offset: ObjectOffset) -> Option<&mut ObjectBody> {
        [Some(&mut self.head), self.wanted.as_mut(), self.tail.as_mut()]
            .into_iter()
            .flatten()
            .find(|body| body.holds(offset) && ends_soon(body))
    }

    /// The body to read on from `offset` with.
    fn leading_to(self, offset: ObjectOffset) -> Option<ObjectBody> {
        [self.wanted, Some(self.head)]
            .into_iter()
            .flatten()
            .find(|body| body.leads_to(offset))
    }
}

/// Whether the object's end is among what `body` holds, and near enough to be looked at.
fn ends_soon(body: &ObjectBody) -> bool {
    let end = ObjectOffset(body.version().object_len);
    body.reaches(end) && end.0 - body.position().0 <= LOOK_AHEAD
}

/// The context's length is authenticated with the header; an object of another length was cut or added to.
fn compare_length(layout: &Layout, len: u64) -> Result<(), ReadError> {
    if layout.plaintext_len() == len {
        return Ok(());
    }
    let object_len = layout.object_len();
    Err(ReadError::Damaged(format!(
        "an object of {object_len} bytes is no recording of {len}"
    )))
}

/// Takes the header off the front of `body`.
async fn read_header(body: &mut ObjectBody) -> Result<UnverifiedHeader, ReadError> {
    let mut prefix = BytesMut::new();
    loop {
        match UnverifiedHeader::parse(&prefix) {
            Ok(header) => {
                let len = usize::try_from(header.len()).map_err(damaged)?;
                body.give_back(prefix.split_off(len).freeze());
                return Ok(header);
            }
            Err(HeaderError::Incomplete { needed }) => {
                // All that it can be, so that a long header is one more GET and not one a field.
                if !body.reaches(ObjectOffset(needed as u64)) {
                    body.reach(ObjectOffset(MAX_HEADER_LEN as u64));
                }
                while prefix.len() < needed {
                    let chunk = body.next_chunk().await?;
                    let chunk =
                        chunk.ok_or_else(|| ReadError::Damaged("an object that ends within its header".to_owned()))?;
                    prefix.extend_from_slice(&chunk);
                }
            }
            Err(error) => return Err(damaged(error)),
        }
    }
}

fn damaged(error: impl fmt::Display) -> ReadError {
    ReadError::Damaged(error.to_string())
}
