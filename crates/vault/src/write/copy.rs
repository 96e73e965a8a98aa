//! One copy: a data key, a message, an upload and its commit.

use audio::Verdict;
use aws_lc_rs::digest::{self, SHA256};
use aws_sdk_kms::Client as Kms;
use esdk_message::{FrameLength, Layout, LayoutError, MessageId, Sealer};
use sid::AccountSid;
use time::OffsetDateTime;

use super::{
    attributes::{Attributes, HEADER_DIGEST},
    commit::{self, Attempted},
    download::{Download, Next},
    error::{CopyError, StoreError, is_conflict},
    incoming::{Doubts, Incoming},
    outcome::Commit,
    part::{Part, PartPlan},
    part_uploads::PartUploads,
    seal::SealedParts,
    target::Target,
    upload::MultipartUpload,
};
use crate::{
    ContentType, Facts, KeyArn, Metadata, Receipt, RecordedFrom, Suspicion,
    context::{self, ContextFacts},
    kms,
    plaintext::{Learned, Plaintext},
    suspicion::SUSPECT,
};

/// The values that all attempts to copy one recording share.
#[derive(Debug)]
pub(super) struct Copying<'a> {
    pub(super) kms: &'a Kms,
    pub(super) kms_key: &'a KeyArn,
    pub(super) account: &'a AccountSid,
    pub(super) target: Target,
    pub(super) incoming: &'a Incoming,
    /// The attributes of `incoming` that can be stored.
    pub(super) attributes: &'a Attributes,
}

/// The shape of one message.
#[derive(Debug)]
struct Message {
    header_len: u64,
    /// SHA-256 in hexadecimal.
    header_digest: String,
    content_type: ContentType,
    frame_length: FrameLength,
    plan: PartPlan,
}

impl Copying<'_> {
    /// Copies the bytes of `download` from the first one on. If an upload is opened, its metadata says `remark`.
    pub(super) async fn run(
        &self,
        download: &mut Download<'_>,
        upload: &mut MultipartUpload,
        attempted: &mut Attempted,
        remark: Option<Suspicion>,
    ) -> Result<Commit, CopyError> {
        let beginning = download.begin().await?;
        let content_type = beginning.format.map_or(self.incoming.content_type, ContentType::from);
        let sealer = self.sealer(content_type, beginning.announced).await?;
        let message = Message::of(&sealer, content_type, beginning.announced)?;
        let metadata = self.metadata(&message, remark);
        let mut uploads = PartUploads::new(upload, &metadata, message.plan.uploads_in_flight());
        let sealed = SealedParts::new(sealer, message.plan);
        let (last, learned) = transfer(download, sealed, &mut uploads).await?;

        let suspicion = self.review(&learned)?;
        let commit = Commit {
            receipt: self.receipt(&message, &learned, suspicion),
            parts: last.number,
            suspicion,
        };
        let layout = message.layout(learned.len)?;
        let committed = if last.number == 1 {
            message.plan.review(&layout, &[(1, last.bytes.len() as u64)])?;
            let metadata = self.metadata(&message, suspicion);
            attempted.push(commit.clone());
            commit::put(&self.target, last.bytes, metadata).await
        } else {
            if suspicion.map(Suspicion::kind) != remark.map(Suspicion::kind) {
                return Err(CopyError::Remark(suspicion));
            }
            uploads.start(last).await?;
            let parts = uploads.finish().await?;
            let lengths: Vec<_> = parts.iter().map(|part| (part.number, part.len)).collect();
            message.plan.review(&layout, &lengths)?;
            attempted.push(commit.clone());
            upload.complete(&parts, layout.object_len()).await
        };
        match committed {
            Ok(committed) => Ok(Commit {
                receipt: Receipt {
                    etag: Some(committed.etag),
                    version_id: committed.version_id,
                    ..commit.receipt
                },
                ..commit
            }),
            Err(error) if is_conflict(&error) => Err(CopyError::StartOver("the commit met a conflict")),
            Err(error) => Err(CopyError::Unsettled(error)),
        }
    }

    /// A message of its own, with a new data key and a new message id.
    async fn sealer(&self, content_type: ContentType, announced: Option<u64>) -> Result<Sealer, StoreError> {
        let facts = ContextFacts {
            content_type,
            plaintext_len: announced,
        };
        let context = context::build(self.account, &self.target.recording, facts)?;
        let (data_key, stored_key) = kms::generate_data_key(self.kms, self.kms_key, &context).await?;
        let message_id = MessageId::random();
        Ok(Sealer::new(
            &data_key,
            message_id,
            FrameLength::DEFAULT,
            &context,
            &[stored_key],
        )?)
    }

    fn metadata(&self, message: &Message, suspicion: Option<Suspicion>) -> Metadata {
        let digest = (HEADER_DIGEST.to_owned(), message.header_digest.clone());
        let suspect = suspicion.map(|suspicion| (SUSPECT.to_owned(), suspicion.kind().as_str().to_owned()));
        let attributes = self.attributes.iter();
        attributes
            .map(|(key, value)| (key.clone(), value.clone()))
            .chain([digest])
            .chain(suspect)
            .collect()
    }

    /// The receipt without what S3 answers to the commit.
    fn receipt(&self, message: &Message, learned: &Learned, suspicion: Option<Suspicion>) -> Receipt {
        let now = OffsetDateTime::now_utc();
        Receipt {
            recording_sid: self.target.recording.clone(),
            account_sid: self.account.clone(),
            facts: Facts::from_attributes(self.attributes),
            media_type: message.content_type,
            length: learned.len,
            sha256: hex::encode(learned.sha256),
            object_key: self.target.key.clone(),
            version_id: None,
            etag: None,
            kms_key_arn: self.kms_key.as_str().to_owned(),
            header_sha256: message.header_digest.clone(),
            copied_at: now.replace_nanosecond(0).unwrap_or(now),
            recorded_from: RecordedFrom::Copy,
            software_version: Receipt::SOFTWARE_VERSION.to_owned(),
            suspect: suspicion.map(Suspicion::kind),
        }
    }

    /// Whether the bytes may be stored, and under which suspicion.
    fn review(&self, learned: &Learned) -> Result<Option<Suspicion>, StoreError> {
        if let Verdict::NotAudio(other) = learned.verdict {
            return Err(StoreError::NotTheRecording(other));
        }
        match (
            Suspicion::of(&learned.verdict, &self.incoming.reported),
            self.incoming.doubts,
        ) {
            (Some(suspicion), Doubts::Refuse) => Err(StoreError::Suspect(suspicion)),
            (suspicion, _) => Ok(suspicion),
        }
    }
}

impl Message {
    fn of(sealer: &Sealer, content_type: ContentType, announced: Option<u64>) -> Result<Self, StoreError> {
        let header_len = sealer.header().len() as u64;
        let frame_length = sealer.frame_length();
        Ok(Self {
            header_len,
            header_digest: hex::encode(digest::digest(&SHA256, sealer.header())),
            content_type,
            frame_length,
            plan: PartPlan::new(header_len, frame_length, announced)?,
        })
    }

    fn layout(&self, plaintext_len: u64) -> Result<Layout, LayoutError> {
        Layout::of_plaintext(self.header_len, self.frame_length, plaintext_len)
    }
}

/// Downloads and seals the recording, and uploads every part but the last. Returns the last part.
async fn transfer(
    download: &mut Download<'_>,
    mut sealed: SealedParts,
    uploads: &mut PartUploads<'_>,
) -> Result<(Part, Learned), CopyError> {
    let mut plaintext = Plaintext::new();
    loop {
        let mut chunk = match uploads.meanwhile(download.next()).await?? {
            Next::Chunk(chunk) => chunk,
            Next::End => break,
            Next::Restarted => return Err(CopyError::StartOver("the source began again")),
        };
        plaintext.update(&chunk);
        while !chunk.is_empty() {
            if let Some(part) = sealed.fill(&mut chunk)? {
                uploads.start(part).await?;
            }
        }
    }
    Ok((sealed.finish()?, plaintext.finish()))
}
