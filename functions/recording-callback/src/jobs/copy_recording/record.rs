//! The receipt of a copied recording, and its entries in the index.
//!
//! A process may be killed after the commit. The next delivery of the job then finds the recording stored, reads it whole and
//! writes the receipt. If it finds the recording erased, it removes what the killed one had written.

use service::{
    metrics::{self, Unit},
    telemetry::AUDIT,
};
use sid::RecordingSid;
use time::OffsetDateTime;
use vault::{Outcome, Place, ReadError, RecordError, Reported, ServiceError, Verdict};

use super::{Copier, CopyError, facts};
use crate::{job::CopyRecording, receipts};

impl Copier {
    /// Leaves the recording with its receipt, or without any record if it is erased.
    pub(super) async fn record(&self, job: &CopyRecording, outcome: &Outcome) -> Result<(), CopyError> {
        match outcome {
            Outcome::Stored(commit) => {
                receipts::write(&self.records, &commit.receipt).await?;
                Ok(())
            }
            Outcome::AlreadyStored => self.record_stored(&job.recording_sid).await,
            Outcome::Erased => Ok(self.take_back(job).await?),
            Outcome::Expired => Ok(()),
        }
    }

    /// Writes the receipt of a recording that was stored before, if it is missing.
    async fn record_stored(&self, recording: &RecordingSid) -> Result<(), CopyError> {
        if self.records.exists(recording).await? {
            return Ok(());
        }
        let error = match self.reader.verify(recording).await {
            Ok(verified) => {
                let Verdict::NotAudio(found) = verified.verdict else {
                    receipts::write(&self.records, &verified.receipt).await?;
                    return Ok(());
                };
                tracing::error!(recordingSid = %recording, "no receipt written: the stored recording is {found}");
                return Ok(());
            }
            Err(error) => error,
        };
        match error {
            // Another delivery would read the same. An operator has to look.
            ReadError::Damaged(_) => {
                tracing::error!(recordingSid = %recording, %error, "no receipt written: the stored recording does not verify");
                metrics::emit(&[("VerificationFailures", 1.0, Unit::Count)]);
                Ok(())
            }
            ReadError::Archived => {
                tracing::warn!(recordingSid = %recording, %error, "no receipt written");
                Ok(())
            }
            error => Err(error.into()),
        }
    }

    /// Removes the receipt and the entries of an erased recording that a killed copy may have written after the erasure.
    async fn take_back(&self, job: &CopyRecording) -> Result<(), ServiceError> {
        let recording = &job.recording_sid;
        if self.records.is_older_than_its_mark(recording).await? {
            return Ok(());
        }
        let receipt = match self.records.read(recording).await {
            Ok(receipt) => receipt,
            Err(RecordError::Service(error)) => return Err(error),
            // It is removed in any case.
            Err(_) => None,
        };
        let mut places = Place::possible(&facts(job, &Reported::default()), OffsetDateTime::now_utc());
        places.extend(receipt.iter().flat_map(vault::Receipt::possible_places));
        self.records.take_back(recording, &places).await?;
        if receipt.is_some() {
            tracing::info!(
                target: AUDIT,
                event = "receipt",
                outcome = "erased",
                recordingSid = %recording,
                "receipt of an erased recording removed"
            );
        }
        Ok(())
    }
}
