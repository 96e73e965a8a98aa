//! Opens a recording that is not cached, with one round trip to S3 and one call to KMS.

use std::{fmt, sync::Arc};

use aws_sdk_kms::Client;
use bytes::BytesMut;
use esdk_message::{FrameKind, HeaderError, Layout, MAX_HEADER_LEN, ObjectOffset, Opener, UnverifiedHeader};
use futures_util::future::join3;
use sid::{AccountSid, RecordingSid};

use super::{
    error::{Damage, ReadError},
    fetch::{ObjectBody, Objects, Version},
    plan::{self, Expectation, HeaderWidth, LOOK_AHEAD, RangeRequest},
    unwrap::unwrap_data_key,
};
use crate::{ContentType, KeyArn, ObjectKeys, context};

/// One version of a recording. Everything in it is authenticated. The frame key is wiped on drop.
pub(super) struct OpenedRecording {
    pub(super) recording: RecordingSid,
    pub(super) version: Version,
    pub(super) content_type: ContentType,
    pub(super) layout: Layout,
    pub(super) opener: Opener,
}

impl fmt::Debug for OpenedRecording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedRecording")
            .field("recording", &self.recording)
            .field("version", &self.version)
            .field("layout", &self.layout)
            .finish_non_exhaustive()
    }
}

/// Opens recordings of one account, under a set of KMS keys.
#[derive(Clone)]
pub(super) struct ColdOpener {
    objects: Objects,
    kms: Client,
    account: AccountSid,
    keys: Arc<[KeyArn]>,
    header_width: HeaderWidth,
}

/// The replies of S3 to a cold open, all for one version.
struct Fetched {
    /// Begins with the header.
    head: ObjectBody,
    /// The expected bytes, if they are not in `head`.
    wanted: Option<ObjectBody>,
    /// The end of the object, if it was requested and arrived. Most recordings do not need it.
    tail: Option<ObjectBody>,
}

impl ColdOpener {
    pub(super) fn new(objects: Objects, kms: Client, account: AccountSid, keys: Vec<KeyArn>) -> Self {
        Self {
            objects,
            kms,
            account,
            header_width: HeaderWidth::of(&keys),
            keys: keys.into(),
        }
    }

    /// Opens the current version of `recording`. Also returns the reply that leads to the expected bytes, if there is one.
    ///
    /// [`ReadError::Changed`] if the recording was replaced between two replies of S3.
    pub(super) async fn open(
        &self,
        recording: &RecordingSid,
        expectation: Expectation,
    ) -> Result<(OpenedRecording, Option<ObjectBody>), ReadError> {
        let key = recording.object_key();
        let mut fetched = self.fetch_cold(&key, expectation).await?;
        let version = fetched.head.version().clone();

        let header = read_header(&mut fetched.head).await?;
        // This check comes before the call to KMS, so that an object in another recording's place costs no call. The facts
        // are not used before the header is authenticated below.
        let facts = context::check(header.encryption_context(), &self.account, recording).map_err(Damage::from)?;
        let data_key = unwrap_data_key(&self.kms, &self.keys, &header).await?;

        let opener = header.authenticate(&data_key).map_err(Damage::from)?;
        let layout = Layout::of_object(opener.header_len(), opener.frame_length(), version.object_len);
        let layout = layout.map_err(Damage::from)?;
        match facts.plaintext_len {
            Some(len) => compare_length(&layout, len)?,
            None => self.verify_final_frame(&key, &mut fetched, &opener, &layout).await?,
        }

        let ahead = plan::expected_bytes(expectation, layout.plaintext_len())
            .and_then(|range| plan::object_bytes(&layout, &range))
            .and_then(|stored| fetched.leading_to(stored.start));
        let opened = OpenedRecording {
            recording: recording.clone(),
            version,
            content_type: facts.content_type,
            layout,
            opener,
        };
        Ok((opened, ahead))
    }

    /// Requests the object's head, the expected bytes and the object's end in one round trip. Only the header shows whether
    /// the end is needed for the length, and a later request would take another round trip.
    async fn fetch_cold(&self, key: &str, expectation: Expectation) -> Result<Fetched, ReadError> {
        let plan = self.header_width.cold_plan(expectation);
        let (head, wanted, tail) = join3(
            self.objects.get(key, &plan.head, None),
            self.get_some(key, plan.wanted),
            self.get_some(key, plan.tail),
        )
        .await;
        let head = head?.ok_or(Damage::Empty)?;
        let wanted = wanted?;
        // If this request failed and the end is needed, it is requested again.
        let tail = tail.unwrap_or_default();
        let replaced = |body: &Option<ObjectBody>| body.as_ref().is_some_and(|body| body.version() != head.version());
        if replaced(&wanted) || replaced(&tail) {
            return Err(ReadError::Changed);
        }
        Ok(Fetched { head, wanted, tail })
    }

    async fn get_some(&self, key: &str, request: Option<RangeRequest>) -> Result<Option<ObjectBody>, ReadError> {
        match request {
            Some(request) => self.objects.get(key, &request, None).await,
            None => Ok(None),
        }
    }

    /// Proves the length of the message. An object that was truncated at a frame boundary also has a layout, but no final
    /// frame at its end.
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
            // The frames are longer than the requested tail, or that request failed.
            None => match self
                .objects
                .get(key, &RangeRequest::Range(stored.clone()), Some(&version))
                .await?
            {
                Some(mut body) => body.peek(stored).await?,
                None => BytesMut::new(),
            },
        };
        let opened = opener.open_frame(frame, FrameKind::Final, &mut sealed);
        opened.map_err(Damage::from)?;
        Ok(())
    }
}

impl Fetched {
    /// The reply that holds everything from `offset` to the object's end.
    fn ending_with(&mut self, offset: ObjectOffset) -> Option<&mut ObjectBody> {
        [Some(&mut self.head), self.wanted.as_mut(), self.tail.as_mut()]
            .into_iter()
            .flatten()
            .find(|body| body.holds(offset) && ends_soon(body))
    }

    /// The reply from which reading can continue to `offset`.
    fn leading_to(self, offset: ObjectOffset) -> Option<ObjectBody> {
        [self.wanted, Some(self.head)]
            .into_iter()
            .flatten()
            .find(|body| body.leads_to(offset))
    }
}

/// Whether `body` holds the object's end, and few enough bytes before it to keep them in memory.
fn ends_soon(body: &ObjectBody) -> bool {
    let end = ObjectOffset(body.version().object_len);
    body.reaches(end) && end.0 - body.position().0 <= LOOK_AHEAD
}

/// The header authenticates the length in the context. An object of another length was truncated or extended.
fn compare_length(layout: &Layout, len: u64) -> Result<(), Damage> {
    if layout.plaintext_len() == len {
        return Ok(());
    }
    Err(Damage::Length {
        object_len: layout.object_len(),
        plaintext_len: len,
    })
}

/// Takes the header off the front of `body`.
async fn read_header(body: &mut ObjectBody) -> Result<UnverifiedHeader, ReadError> {
    let mut prefix = BytesMut::new();
    loop {
        match UnverifiedHeader::parse(&prefix) {
            Ok(header) => {
                let len = usize::try_from(header.len()).expect("a header is part of a buffer in memory");
                body.give_back(prefix.split_off(len).freeze());
                return Ok(header);
            }
            Err(HeaderError::Incomplete { needed }) => {
                // Requests as much as a header can be, so that a long header takes one more GET and not one for each field.
                if !body.reaches(ObjectOffset(needed as u64)) {
                    body.reach(ObjectOffset(MAX_HEADER_LEN as u64));
                }
                while prefix.len() < needed {
                    let chunk = body.next_chunk().await?.ok_or(Damage::HeaderTruncated)?;
                    prefix.extend_from_slice(&chunk);
                }
            }
            Err(error) => return Err(Damage::from(error).into()),
        }
    }
}
