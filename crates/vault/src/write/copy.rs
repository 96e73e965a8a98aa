//! One copy: a data key, a message, an upload and its commit.

use audio::Verdict;
use aws_lc_rs::digest::{self, SHA256};
use aws_sdk_kms::Client as Kms;
use esdk_message::{FrameLength, Layout, MessageId, Sealer};

use super::{
    Attributes, Doubts, Incoming, Receipt, StoreError, WriterConfig,
    attributes::HEADER_DIGEST,
    commit::{self, Attempted},
    download::{Beginning, Download, Next},
    part::PartPlan,
    part_uploads::PartUploads,
    seal::SealedParts,
    upload::{MultipartUpload, Target},
};
use crate::{
    ContentType, Metadata, ServiceError, Suspicion,
    context::{self, ContextFacts},
    kms,
    plaintext::{Learnt, Plaintext},
    suspicion::SUSPECT,
};

/// What all copies of one recording have in common.
#[derive(Debug)]
pub(super) struct Copier<'a> {
    pub(super) kms: &'a Kms,
    pub(super) config: &'a WriterConfig,
    pub(super) target: Target,
    pub(super) incoming: &'a Incoming,
    /// Those of them that can be stored.
    pub(super) attributes: &'a Attributes,
}

/// Why a copy ended without a commit that's known.
#[derive(Debug)]
pub(super) enum CopyError {
    /// It can't succeed, or not now.
    Failed(StoreError),
    /// What was made is void; a new copy may succeed.
    StartOver(&'static str),
    /// An upload's metadata is said when it's opened, and now the recording has to be stored with this in it instead.
    Remark(Option<Suspicion>),
    /// The commit was asked for, and nobody knows what became of it.
    Unsettled(ServiceError),
}

impl<E: Into<StoreError>> From<E> for CopyError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Copier<'_> {
    /// Copies what `download` gives from its first byte on. An upload says `remark` from its beginning.
    pub(super) async fn run(
        &self,
        download: &mut Download<'_>,
        upload: &mut MultipartUpload,
        attempted: &mut Attempted,
        remark: Option<Suspicion>,
    ) -> Result<Receipt, CopyError> {
        let Beginning { announced, format } = download.begin().await?;
        let facts = ContextFacts {
            content_type: format.map_or(self.incoming.content_type, ContentType::from),
            plaintext_len: announced,
        };
        let sealer = self.sealer(facts).await?;
        let header_len = sealer.header().len() as u64;
        let header_digest = hex::encode(digest::digest(&SHA256, sealer.header()));
        let metadata = self.metadata(&header_digest, remark);
        let frame_length = sealer.frame_length();
        let plan = PartPlan::new(header_len, frame_length, announced)?;

        let mut plaintext = Plaintext::new();
        let mut sealed = SealedParts::new(sealer, plan);
        let mut uploads = PartUploads::new(upload, &metadata, plan.uploads_in_flight());
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
        let last = sealed.finish()?;
        let learnt = plaintext.finish();
        let suspicion = self.review(&learnt)?;
        let receipt = receipt(&learnt, last.number, suspicion);
        let layout = Layout::of_plaintext(header_len, frame_length, receipt.plaintext_len)?;

        let committed = if last.number == 1 {
            plan.review(&layout, &[(1, last.bytes.len() as u64)])?;
            let metadata = self.metadata(&header_digest, suspicion);
            attempted.push(header_digest, receipt.clone());
            commit::put(&self.target, last.bytes, metadata).await
        } else {
            if suspicion.map(Suspicion::word) != remark.map(Suspicion::word) {
                return Err(CopyError::Remark(suspicion));
            }
            uploads.start(last).await?;
            let parts = uploads.finish().await?;
            let lengths: Vec<_> = parts.iter().map(|part| (part.number, part.len)).collect();
            plan.review(&layout, &lengths)?;
            attempted.push(header_digest, receipt.clone());
            upload.complete(&parts, layout.object_len()).await
        };
        match committed {
            Ok(committed) => Ok(Receipt {
                etag: Some(committed.etag),
                version_id: committed.version_id,
                ..receipt
            }),
            Err(error) if commit::is_conflict(&error) => Err(CopyError::StartOver("the commit met a conflict")),
            Err(error) => Err(CopyError::Unsettled(error)),
        }
    }

    /// A message of its own: new data key, new message id.
    async fn sealer(&self, facts: ContextFacts) -> Result<Sealer, StoreError> {
        let context = context::build(&self.config.account, &self.target.recording, facts)?;
        let (data_key, stored_key) = kms::generate_data_key(self.kms, &self.config.kms_key, &context).await?;
        let message_id = MessageId::random();
        Ok(Sealer::new(
            &data_key,
            message_id,
            FrameLength::DEFAULT,
            &context,
            &[stored_key],
        )?)
    }

    fn metadata(&self, header_digest: &str, suspicion: Option<Suspicion>) -> Metadata {
        let digest = (HEADER_DIGEST.to_owned(), header_digest.to_owned());
        let suspect = suspicion.map(|suspicion| (SUSPECT.to_owned(), suspicion.word().to_owned()));
        let attributes = self.attributes.iter();
        attributes
            .map(|(key, value)| (key.clone(), value.clone()))
            .chain([digest])
            .chain(suspect)
            .collect()
    }

    /// Whether what came may be stored, and under which suspicion.
    fn review(&self, learnt: &Learnt) -> Result<Option<Suspicion>, StoreError> {
        if let Verdict::NotAudio(other) = learnt.verdict {
            return Err(StoreError::NotTheRecording(other));
        }
        match (
            Suspicion::of(&learnt.verdict, &self.incoming.reported),
            self.incoming.doubts,
        ) {
            (Some(suspicion), Doubts::Refuse) => Err(StoreError::Suspect(suspicion)),
            (suspicion, _) => Ok(suspicion),
        }
    }
}

/// The receipt as far as it can be filled in before the commit.
fn receipt(learnt: &Learnt, parts: u32, suspicion: Option<Suspicion>) -> Receipt {
    Receipt {
        plaintext_len: learnt.len,
        sha256: learnt.sha256,
        etag: None,
        version_id: None,
        parts,
        suspicion,
    }
}
