//! Opens a recording that is not cached, with one round trip to S3 and one call to KMS. If its header was found before, both
//! are sent at once.

use std::{fmt, ops::Range, sync::Arc};

use aws_lc_rs::digest::{self, SHA256, SHA256_OUTPUT_LEN};
use aws_sdk_kms::Client;
use bytes::BytesMut;
use esdk_message::{DataKey, FrameKind, HeaderError, Layout, MAX_HEADER_LEN, ObjectOffset, Opener, UnverifiedHeader};
use futures_util::future::{join, join3};
use sid::{AccountSid, RecordingSid};

use super::{
    error::{Damage, Outage, ReadError},
    fetch::{ObjectBody, Objects, Version},
    plan::{self, Expectation, HeaderWidth, LOOK_AHEAD, RangeRequest},
    unwrap::unwrap_data_key,
};
use crate::{
    ContentType, KeyArn, ObjectKeys,
    context::{self, ContextFacts},
};

/// One version of a recording. Everything in it is authenticated. The frame key is wiped on drop.
pub(super) struct OpenedRecording {
    pub(super) recording: RecordingSid,
    pub(super) version: Version,
    pub(super) origin: Origin,
    pub(super) content_type: ContentType,
    pub(super) layout: Layout,
    pub(super) opener: Opener,
}

/// Where the message comes from.
#[derive(Debug)]
pub(super) struct Origin {
    /// SHA-256 of the header as stored, with its tag.
    pub(super) header_sha256: [u8; SHA256_OUTPUT_LEN],
    /// The key that encrypted the data key, as the header names it.
    pub(super) kms_key_arn: String,
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

/// A recording whose header was read from S3, and whose data key is still to be decrypted. Nothing in it is authenticated.
#[derive(Debug)]
pub(super) struct FoundRecording {
    version: Version,
    header: UnverifiedHeader,
    header_sha256: [u8; SHA256_OUTPUT_LEN],
    facts: ContextFacts,
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

    pub(super) fn account(&self) -> &AccountSid {
        &self.account
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
        let found = self.read_found(recording, &mut fetched.head).await?;
        let (data_key, kms_key_arn) = unwrap_data_key(&self.kms, &self.keys, &found.header).await?;
        let has_length = found.facts.plaintext_len.is_some();
        let opened = found.opened_with(recording, &data_key, kms_key_arn)?;
        if !has_length {
            self.verify_final_frame(&key, &mut fetched, &opened).await?;
        }

        let ahead = plan::expected_bytes(expectation, opened.layout.plaintext_len())
            .and_then(|range| plan::object_bytes(&opened.layout, &range))
            .and_then(|stored| fetched.leading_to(stored.start));
        Ok((opened, ahead))
    }

    /// Finds the current version of `recording` and reads its header. `None` if its length is not in the header, so that
    /// the recording must be opened as a whole.
    pub(super) async fn find(&self, recording: &RecordingSid) -> Result<Option<FoundRecording>, ReadError> {
        let key = recording.object_key();
        let head = self.objects.get(&key, &plan::head(), None).await?;
        let mut head = head.ok_or(Damage::Empty)?;
        let found = self.read_found(recording, &mut head).await?;
        // A reply that is not read to its end would cost the first range the connection. It is 4 KiB at most.
        while head.next_chunk().await?.is_some() {}
        Ok(found.facts.plaintext_len.is_some().then_some(found))
    }

    /// Opens a recording that was found, and requests the expected bytes of the same version while KMS decrypts the data key.
    /// `None` if no bytes are expected. Then only another answer of S3 can confirm that the version is current.
    ///
    /// [`ReadError::Changed`] if the recording was replaced since it was found.
    pub(super) async fn open_found(
        &self,
        recording: &RecordingSid,
        found: FoundRecording,
        expectation: Expectation,
    ) -> Result<Option<(OpenedRecording, ObjectBody)>, ReadError> {
        let Some(stored) = found.stored_bytes(expectation) else {
            return Ok(None);
        };
        let (key, bytes) = (recording.object_key(), RangeRequest::Range(stored));
        let (ahead, unwrapped) = join(
            self.objects.get(&key, &bytes, Some(&found.version)),
            unwrap_data_key(&self.kms, &self.keys, &found.header),
        )
        .await;
        // If the object was replaced, KMS's answer is about another one.
        let ahead = ahead?.ok_or(Outage::RangeRefused)?;
        let (data_key, kms_key_arn) = unwrapped?;
        let opened = found.opened_with(recording, &data_key, kms_key_arn)?;
        Ok(Some((opened, ahead)))
    }

    /// Takes the header off the front of `head`.
    async fn read_found(&self, recording: &RecordingSid, head: &mut ObjectBody) -> Result<FoundRecording, ReadError> {
        let version = head.version().clone();
        let (header, header_sha256) = read_header(head).await?;
        // This check comes before the call to KMS, so that an object in another recording's place costs no call. The facts
        // are not used before the header is authenticated.
        let facts = context::check(header.encryption_context(), &self.account, recording).map_err(Damage::from)?;
        Ok(FoundRecording {
            version,
            header,
            header_sha256,
            facts,
        })
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
        OpenedRecording { opener, layout, .. }: &OpenedRecording,
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

impl FoundRecording {
    /// The object's bytes that hold the expected ones, by the header that is not authenticated yet. `None` if there are none.
    fn stored_bytes(&self, expectation: Expectation) -> Option<Range<ObjectOffset>> {
        let (header_len, frame_length) = (self.header.len(), self.header.frame_length());
        let layout = Layout::of_object(header_len, frame_length, self.version.object_len).ok()?;
        let expected = plan::expected_bytes(expectation, layout.plaintext_len())?;
        plan::object_bytes(&layout, &expected)
    }

    /// Authenticates the header, and compares the object's length with it. If the header has no length, the final frame must
    /// still prove it.
    fn opened_with(
        self,
        recording: &RecordingSid,
        data_key: &DataKey,
        kms_key_arn: String,
    ) -> Result<OpenedRecording, Damage> {
        let opener = self.header.authenticate(data_key)?;
        let layout = Layout::of_object(opener.header_len(), opener.frame_length(), self.version.object_len)?;
        if let Some(len) = self.facts.plaintext_len {
            compare_length(&layout, len)?;
        }
        Ok(OpenedRecording {
            recording: recording.clone(),
            version: self.version,
            origin: Origin {
                header_sha256: self.header_sha256,
                kms_key_arn,
            },
            content_type: self.facts.content_type,
            layout,
            opener,
        })
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

/// Takes the header off the front of `body`. Also returns its SHA-256.
async fn read_header(body: &mut ObjectBody) -> Result<(UnverifiedHeader, [u8; SHA256_OUTPUT_LEN]), ReadError> {
    let mut prefix = BytesMut::new();
    loop {
        match UnverifiedHeader::parse(&prefix) {
            Ok(header) => {
                let len = usize::try_from(header.len()).expect("a header is part of a buffer in memory");
                body.give_back(prefix.split_off(len).freeze());
                let mut sha256 = [0; SHA256_OUTPUT_LEN];
                sha256.copy_from_slice(digest::digest(&SHA256, &prefix).as_ref());
                return Ok((header, sha256));
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
